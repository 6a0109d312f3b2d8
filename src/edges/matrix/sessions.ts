// The account's other sessions. Those left by an earlier start are logged out, so that nobody keeps encrypting for
// them. One that answers is a second Glia on the same account, which is reported to the operator.
import { randomUUID } from 'node:crypto';
import type { DeviceStanding } from '../../command.ts';
import type { Log } from '../../runtime/log.ts';
import { failureOf } from './failure.ts';
import { isRecord, type Json, record } from './json.ts';
import type { Ask } from './outgoing-requests.ts';
import { startsOf } from './restore-guard.ts';

export type Sessions = {
	standing: () => Pick<DeviceStanding, 'devices' | 'second' | 'lingering'>;
	/** Processes the to-device events of a sync as received. The first call starts the checks. */
	receive: (toDevice: readonly unknown[]) => void;
	/** Call when the account's devices have changed. */
	changed: () => void;
	stop: () => void;
};

type SessionsSetup = {
	ask: Ask;
	user: string;
	device: string;
	password: string | undefined;
	log: Log;
	/** How long (ms) another session has to answer, and how long until the next check: usually, and after a change. */
	times?: { answer: number; next: number; soon: number };
};

/** The event types that ask whether another session is alive, and answer that. */
const question = 'io.glia.alive';
const here = 'io.glia.here';
const usualTimes = { answer: 10_000, next: 3600_000, soon: 2000 };
const maxDevices = 50;
/** At most this many questions are answered between two checks of our own. */
const maxAnswers = 20;

const secondGlia =
	'another Glia is logged in to this account and also answers: stop one of the two, or give it its own account';

export function openSessions(given: SessionsSetup): Sessions {
	const { user, device, log, times = usualTimes } = given;
	let standing: ReturnType<Sessions['standing']> = {};
	let timer: NodeJS.Timeout | undefined;
	let begun = false;
	let stopped = false;
	let looking = false;
	let again = false;
	let answers = 0;
	const rollCall = openRollCall(given, () => stopped);

	function wake(ms: number): void {
		clearTimeout(timer);
		if (!stopped) timer = setTimeout(() => void look(), ms);
		timer?.unref();
	}

	async function look(): Promise<void> {
		if (looking) {
			again = true;
			return;
		}
		looking = true;
		answers = 0;
		try {
			const found = await examine(given, rollCall, () => stopped);
			if (stopped) return;
			const { second } = found;
			if (second !== undefined && second !== standing.second) log.error({ session: second }, secondGlia);
			standing = found;
		} catch (error) {
			if (!stopped) log.debug({ err: error }, 'could not check the other sessions of this account');
		}
		looking = false;
		wake(again ? times.soon : times.next);
		again = false;
	}

	function answer(content: Json): void {
		const { from_device: from, question: text } = content;
		if (typeof from !== 'string' || typeof text !== 'string' || from === device || ++answers > maxAnswers) return;
		const whom = from.slice(0, 255);
		tell(given, here, [whom], { from_device: device, question: text.slice(0, 100) }).catch((error: unknown) => {
			if (!stopped) log.debug({ err: error }, 'another session asked whether this one is running');
		});
		// Another session of this account is alive, so check it too.
		wake(times.soon);
	}

	return {
		standing: () => standing,
		receive(toDevice) {
			if (!begun) {
				begun = true;
				wake(times.soon);
			}
			for (const event of toDevice) {
				// The homeserver vouches for the sender: only the account itself counts.
				if (!isRecord(event) || event.sender !== user) continue;
				const content = record(event.content);
				if (event.type === question) answer(content);
				else if (event.type === here) rollCall.receive(content);
			}
		},
		changed: () => begun && wake(times.soon),
		stop() {
			stopped = true;
			clearTimeout(timer);
		},
	};
}

/** Checks the account's other sessions, and logs out those that an earlier start left. */
async function examine(
	given: SessionsSetup,
	rollCall: RollCall,
	stopped: () => boolean,
): Promise<ReturnType<Sessions['standing']>> {
	const { ask, user, device } = given;
	const all = await devicesOf(ask);
	const ours: string[] = [];
	for (const id of all.slice(0, maxDevices)) {
		if (id !== device && (await startsOf(ask, user, id)) > 0) ours.push(id);
	}
	const answered = ours.length > 0 ? await rollCall.ask(ours) : [];
	if (stopped()) return {};
	const dead = ours.filter(id => !answered.includes(id));
	const gone = dead.length > 0 ? await logOut(given, dead, stopped) : [];
	const [second] = answered;
	const lingering = dead.filter(id => !gone.includes(id));
	return {
		devices: all.length - gone.length,
		...(second !== undefined && { second }),
		...(lingering.length > 0 && { lingering }),
	};
}

type RollCall = {
	/** Which of these sessions are alive. A dead one never reads the question. */
	ask: (ids: readonly string[]) => Promise<string[]>;
	/** Processes an answer. */
	receive: (content: Json) => void;
};

function openRollCall(given: SessionsSetup, stopped: () => boolean): RollCall {
	const { device, times = usualTimes } = given;
	const alive = new Set<string>();
	let asked: string | undefined;
	return {
		async ask(ids) {
			asked = randomUUID();
			alive.clear();
			await tell(given, question, ids, { from_device: device, question: asked });
			const over = performance.now() + times.answer;
			while (!stopped() && performance.now() < over && alive.size < ids.length)
				await new Promise(resolve => setTimeout(resolve, Math.min(100, times.answer)).unref());
			asked = undefined;
			return ids.filter(id => alive.has(id));
		},
		receive(content) {
			if (asked !== undefined && content.question === asked) alive.add(String(content.from_device));
		},
	};
}

async function devicesOf(ask: Ask): Promise<string[]> {
	const list = record(await ask('GET', '/_matrix/client/v3/devices')).devices;
	if (!Array.isArray(list)) throw new Error('the device list is invalid');
	return list.flatMap(one => (isRecord(one) && typeof one.device_id === 'string' ? [one.device_id] : []));
}

/** Logs sessions out; returns those that are gone. */
async function logOut(
	{ ask, user, password, log }: SessionsSetup,
	ids: readonly string[],
	stopped: () => boolean,
): Promise<readonly string[]> {
	try {
		await deleteDevices({ ask, user, password }, ids);
		log.info({ sessions: ids }, 'logged out my earlier sessions');
		return ids;
	} catch (error) {
		if (stopped()) return [];
		const failure = failureOf(error);
		const why = 'why' in failure ? failure.why : failure.kind;
		log.warn(
			{ sessions: ids, why },
			'my earlier sessions are still logged in, and others encrypt for them: log them out manually',
		);
		return [];
	}
}

async function deleteDevices(
	{ ask, user, password }: Pick<SessionsSetup, 'ask' | 'user' | 'password'>,
	ids: readonly string[],
): Promise<void> {
	const path = '/_matrix/client/v3/delete_devices';
	try {
		await ask('POST', path, { devices: ids });
	} catch (error) {
		const { statusCode, body } = Object(error);
		if (statusCode !== 401 || !isRecord(body) || !Array.isArray(body.flows) || password === undefined) throw error;
		const identifier = { type: 'm.id.user', user };
		const auth = { type: 'm.login.password', identifier, password, session: body.session };
		await ask('POST', path, { devices: ids, auth });
	}
}

/** Sends an event to some of the account's devices. */
function tell(
	{ ask, user }: Pick<SessionsSetup, 'ask' | 'user'>,
	type: string,
	ids: readonly string[],
	content: Json,
): Promise<unknown> {
	const messages = { [user]: Object.fromEntries(ids.map(id => [id, content])) };
	return ask('PUT', `/_matrix/client/v3/sendToDevice/${type}/${randomUUID()}`, { messages });
}
