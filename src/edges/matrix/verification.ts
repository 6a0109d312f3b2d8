// Lets people verify this device by comparing emoji (SAS), in a room or through to-device messages. Our emoji are
// in the log, where only the operator can compare them.
import { randomUUID } from 'node:crypto';
import { isCryptoError, type OlmMachine, type Request, RoomId, UserId } from '@matrix-org/matrix-sdk-crypto-nodejs';
import pLimit from 'p-limit';
import type { Content, Sealed } from '../../ports/homeserver.ts';
import type { Log } from '../../runtime/log.ts';
import { isRecord, type Json, record } from './json.ts';
import type { Ask, Courier } from './outgoing-requests.ts';

export type Verifications = {
	/** Processes decrypted to-device events. */
	receive: (toDevice: readonly Json[]) => void;
	/** Processes those decrypted events of a room that are about verification. */
	receiveInRoom: (room: string, events: readonly Json[]) => void;
};

type VerificationSetup = {
	machine: OlmMachine;
	courier: Pick<Courier, 'carry' | 'queries'>;
	ask: Ask;
	user: string;
	log: Log;
	/** Sends an event to a room, encrypted if the room is; returns the event id. */
	say: (room: string, transaction: string, event: Sealed) => Promise<string>;
	/** A sentence saying why this person may not verify the device; `room` is undefined outside rooms. */
	refusal: (person: string, room: string | undefined) => Promise<string | undefined>;
};

type Flow = { id: string; person: string; room: string | undefined; begun: number; logged: boolean };

/** At most this many verifications are in progress, and at most one per person. */
const maxFlows = 5;
/** According to the specification, a verification times out after ten minutes (ms). */
const maxDuration = 600_000;
const ownAccount =
	'I do not verify sessions of my own account: anyone who has my token could have opened one. Compare what !verify shows.';

export function openVerifications(given: VerificationSetup): Verifications {
	const { machine, courier, user, log } = given;
	const flows = new Map<string, Flow>();
	const turns = pLimit(1);

	/** One at a time, without holding up the sync. */
	function inTurn(work: () => Promise<void>): void {
		turns(work).catch((error: unknown) => {
			if (!isCryptoError(error)) log.debug({ err: error }, 'a verification failed');
		});
	}

	async function begin(id: string, person: string, room: string | undefined): Promise<void> {
		const now = performance.now();
		for (const [key, flow] of flows) if (now - flow.begun > maxDuration) flows.delete(key);
		if (flows.has(id)) return;
		const why = await refusalOf(given, [...flows.values()], person, room);
		const flow = { id, person, room, begun: now, logged: false };
		if (why !== undefined) return cancel(given, flow, why);
		flows.set(id, flow);
		log.info({ person, room, flow: id }, 'someone wants to verify this device');
		// Their device keys must be known before they can be checked.
		await machine.updateTrackedUsers([new UserId(person)]);
		await courier.queries();
	}

	async function step(flow: Flow): Promise<void> {
		const { state, requests, emojis, decimals } = await machine.stepVerification(new UserId(flow.person), flow.id);
		if (emojis && !flow.logged) {
			flow.logged = true;
			const shown = emojis.map(({ symbol, name }) => `${symbol} ${name}`).join(', ');
			log.info(
				{ person: flow.person, emojis: shown, numbers: decimals?.join(' ') },
				'verification: does the other side show the same emoji? If not, they are not talking to me: cancel there',
			);
		}
		for (const request of requests) await carry(given, request);
		if (state === 'under way') return;
		flows.delete(flow.id);
		log.info({ person: flow.person, state }, 'the verification ended');
	}

	/** Sends what the machine has queued, and takes the next step of each flow. */
	async function advance(): Promise<void> {
		if (flows.size === 0) return;
		for (const request of await machine.outgoingRequests()) if ('roomId' in request) await carry(given, request);
		for (const flow of flows.values()) await step(flow);
	}

	return {
		receive(toDevice) {
			const about = toDevice.filter(({ type }) => isVerification(type));
			if (about.length === 0) return;
			for (const { type, sender, content } of about) {
				const { transaction_id: id } = record(content);
				if (type !== request || typeof id !== 'string' || typeof sender !== 'string') continue;
				inTurn(() => begin(id.slice(0, 255), sender, undefined));
			}
			inTurn(advance);
		},
		receiveInRoom(room, events) {
			const about = events.filter(event => isVerification(event.type) || isRequest(event));
			if (about.length === 0) return;
			for (const event of about) {
				const { sender, event_id: id, content } = event;
				if (typeof sender !== 'string' || typeof id !== 'string') continue;
				const begins = isRequest(event);
				if (begins && record(content).to !== user) continue;
				inTurn(async () => {
					await machine.receiveVerificationEvent(JSON.stringify({ ...event, room_id: room }), new RoomId(room));
					if (begins) await begin(id, sender, room);
				});
			}
			inTurn(advance);
		},
	};
}

/** A sentence saying why a verification cannot begin; `flows` are those in progress. */
async function refusalOf(
	{ user, refusal }: VerificationSetup,
	flows: readonly Flow[],
	person: string,
	room: string | undefined,
): Promise<string | undefined> {
	if (person === user) return ownAccount;
	const why = await refusal(person, room);
	if (why !== undefined) return why;
	const isBusy = flows.length >= maxFlows || flows.some(flow => flow.person === person);
	return isBusy ? 'Another verification is in progress; finish or cancel it first.' : undefined;
}

async function cancel(
	{ machine, ask, say, log }: VerificationSetup,
	{ id, person, room }: Flow,
	why: string,
): Promise<void> {
	log.info({ person, room, why }, 'refused a verification');
	// Only cancels it in the machine; the message sent below gives the reason.
	await machine.cancelVerification(new UserId(person), id);
	const about = { code: 'm.user', reason: why };
	if (room === undefined) {
		const messages = { [person]: { '*': { transaction_id: id, ...about } } };
		await ask('PUT', `/_matrix/client/v3/sendToDevice/m.key.verification.cancel/${randomUUID()}`, { messages });
		return;
	}
	const reference = { rel_type: 'm.reference', event_id: id };
	await say(room, randomUUID(), {
		type: 'm.key.verification.cancel',
		content: { ...about, 'm.relates_to': reference },
	});
	const reply: Content = { 'm.in_reply_to': { event_id: id } };
	const content = { msgtype: 'm.notice', body: why, 'm.mentions': {}, 'm.relates_to': reply };
	await say(room, randomUUID(), { type: 'm.room.message', content });
}

async function carry({ machine, courier, say }: VerificationSetup, request: Request): Promise<void> {
	if (!('roomId' in request)) return courier.carry(request);
	const { roomId, eventType, txnId, body, id, type } = request;
	const event = await say(roomId, txnId, { type: eventType, content: JSON.parse(body) });
	await machine.markRequestAsSent(id, type, JSON.stringify({ event_id: event }));
}

const request = 'm.key.verification.request';

function isVerification(type: unknown): boolean {
	return typeof type === 'string' && type.startsWith('m.key.verification.');
}

function isRequest({ type, content }: Json): boolean {
	return type === 'm.room.message' && isRecord(content) && content.msgtype === request;
}
