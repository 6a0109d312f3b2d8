// Delivers decided messages to each room in order, exactly once, through homeserver, network and power failures.

import type { Failure, Homeserver, Outcome, Sealed } from '../ports/homeserver.ts';
import type { Waiting } from '../ports/saying.ts';
import type { Store } from '../ports/store.ts';
import { msUntil } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { backoff } from '../runtime/retry.ts';
import { openWorker, type Worker } from '../runtime/worker.ts';

/** Rooms served at the same time; one while the homeserver rate-limits us. */
const maxRooms = 8;
/** Homeservers forget transaction ids after a day; an hour less, to allow for clock skew (ms). */
const transactionsLive = 23 * 3600_000;
/** Refusals we do not recognise become permanent after this many tries. */
const maxRefusals = 8;
/**
 * Refusals by a worker that may not know yet that we are in the room. They become permanent after `maxNotYet`
 * tries.
 */
const notYet = ['M_FORBIDDEN', 'M_NOT_FOUND'];
const maxNotYet = 4;
/** A proxy that lets syncs through but not this message is asked this many times, which takes about half an hour. */
const maxRejections = 35;
/** Permanent refusals. */
const never = ['M_TOO_LARGE', 'M_BAD_JSON', 'M_NOT_JSON', 'M_INVALID_PARAM', 'M_GUEST_ACCESS_FORBIDDEN'];

/** Refusals that may mean that we are not in the room. */
const absent = ['M_FORBIDDEN', 'M_NOT_FOUND'];

export type Outbox = {
	/** Call when there may be something to send. */
	wake: () => void;
	/** Call when the homeserver responds again: sends what was waiting for that. */
	back: () => Promise<void>;
	/** Keeps sending until nothing is due or the time (ms) is over, then sends nothing more. */
	stop: (within: number) => Promise<void>;
};

type Delivering = {
	store: Pick<
		Store,
		'due' | 'nextDue' | 'seal' | 'eventOf' | 'sent' | 'postpone' | 'giveUp' | 'hurry' | 'leftRoom' | 'movingFrom'
	>;
	homeserver: Pick<Homeserver, 'user' | 'seal' | 'send' | 'find' | 'replied' | 'upload' | 'leave' | 'membership'>;
	/**
	 * Whether the last sync has been processed. Until then a room may have become encrypted without our knowing, so
	 * nothing is sent. Wake the outbox when this becomes true.
	 */
	ready: () => boolean;
	/** When this login began. Transaction ids from before belong to another device. */
	loginSince: () => Date;
	now: () => Date;
	random: () => number;
	log: Log;
	fatal: (error: unknown) => void;
	/** Called when the access token is no longer valid. */
	locked: (why: string) => void;
	/** Called when nothing is due any more. */
	idle?: () => void;
	/** Called for each message that was delivered or given up. */
	delivered?: (outcome: 'sent' | 'given up') => void;
};

export function openOutbox(delivering: Delivering): Outbox {
	const { store, now, ready } = delivering;
	const busy = new Map<string, Promise<void>>();
	let ended = false;
	const limit = openLimit(now);
	const verdicts = openVerdicts();
	let max = maxRooms;
	const worker = openWorker(look, fatal);

	/** Stop everything after a fault: a retry would hit it again at once. */
	function fatal(error: unknown): void {
		end();
		delivering.fatal(error);
	}

	function end(): void {
		ended = true;
		void worker.stop();
	}

	/** Starts what is due; returns the time (ms) until more is due. */
	async function look(): Promise<number | undefined> {
		if (!ready()) return undefined;
		const paused = limit.leftMs();
		if (paused > 0) return paused;
		if (busy.size >= max) return undefined;
		const rows = await store.due(now(), [...busy.keys()], max - busy.size);
		if (ended) return undefined;
		for (const waiting of rows) {
			const done = carry(waiting)
				.catch(fatal)
				.finally(() => {
					busy.delete(waiting.room);
					worker.wake();
				});
			busy.set(waiting.room, done);
		}
		// A delivery in progress wakes the worker when it ends.
		if (busy.size > 0) return undefined;
		delivering.idle?.();
		return msUntil(await store.nextDue(), now());
	}

	async function isDue(): Promise<boolean> {
		return ready() && limit.leftMs() <= 0 && (await store.due(now(), [], 1)).length > 0;
	}

	async function carry(waiting: Waiting): Promise<void> {
		const outcome = await deliver(waiting, delivering);
		if ('value' in outcome) {
			max = Math.min(maxRooms, max + 1);
			verdicts.forget(waiting.room);
			return keepSent(waiting, outcome.value, delivering);
		}
		const verdict = verdicts.on(waiting, outcome.failure);
		if (verdict === 'stopped') return end();
		if (verdict === 'locked') {
			end();
			delivering.locked('why' in outcome.failure ? outcome.failure.why : '');
			return;
		}
		const waitMs = await keepFailed(waiting, outcome.failure, verdict, delivering);
		if (waitMs === undefined) return;
		limit.pause(waitMs);
		max = 1;
	}

	return {
		wake: worker.wake,
		async back() {
			await store.hurry(now());
			worker.wake();
		},
		async stop(within) {
			await delivered(Date.now() + within, { worker, busy, isDue });
			end();
		},
	};
}

/** The pause the homeserver asked for. It ends if the clock is turned back, since its start is then unknown. */
function openLimit(now: () => Date): { pause: (ms: number) => void; leftMs: () => number } {
	let from = 0;
	let until = 0;
	const leftMs = () => (now().getTime() < from ? 0 : until - now().getTime());
	return {
		pause(ms) {
			const left = leftMs();
			from = now().getTime();
			until = from + Math.max(ms, left);
		},
		leftMs,
	};
}

type Verdicts = {
	on: (waiting: Pick<Waiting, 'id' | 'room'>, failure: Failure) => ReturnType<typeof after>;
	/** Call when the message that a room was waiting for has been delivered. */
	forget: (room: string) => void;
};

/**
 * Only refusals by the homeserver or by a proxy in front of it count towards giving up a message; rate limits and
 * outages do not. Each room has its own counts, since a room's messages are sent one after another. A bounded cache
 * would drop counts while many rooms refuse, and their messages would be retried forever.
 */
export function openVerdicts(): Verdicts {
	const counts = new Map<string, { id: number; refused: number; rejected: number }>();
	return {
		on({ id, room }, failure) {
			const last = counts.get(room);
			const count = last?.id === id ? last : { id, refused: 0, rejected: 0 };
			if (failure.kind === 'refused') counts.set(room, { ...count, refused: count.refused + 1 });
			if (isRejected(failure)) counts.set(room, { ...count, rejected: count.rejected + 1 });
			return after(failure, isRejected(failure) ? count.rejected : count.refused);
		},
		forget: room => counts.delete(room),
	};
}

function isRejected(failure: Failure): boolean {
	return failure.kind === 'away' && failure.rejected === true;
}

type Delivery = { worker: Worker; busy: ReadonlyMap<string, Promise<void>>; isDue: () => Promise<boolean> };

/** Resolves when nothing is due any more, or at the time `over` (ms since 1970). */
async function delivered(over: number, { worker, busy, isDue }: Delivery): Promise<void> {
	while (Date.now() < over) {
		await worker.settled();
		if (busy.size === 0) {
			if (!(await isDue())) return;
			worker.wake();
		}
		await Promise.race([
			...busy.values(),
			new Promise(resolve => setTimeout(resolve, Math.min(100, over - Date.now()))),
		]);
	}
}

async function keepSent({ id }: Waiting, event: string | undefined | 'left', delivering: Delivering): Promise<void> {
	if (event === 'left') return;
	await delivering.store.sent(id, event, delivering.now());
	delivering.delivered?.('sent');
}

/** Stores a failed delivery; returns the delay (ms) that the homeserver asks for, if any. */
async function keepFailed(
	waiting: Waiting,
	failure: Failure,
	verdict: 'never' | 'later' | { ms: number },
	delivering: Delivering,
): Promise<number | undefined> {
	const { store, now, random, log } = delivering;
	const { id, room, tries } = waiting;
	const postpone = (ms: number) => store.postpone(id, new Date(now().getTime() + ms));
	if (verdict === 'never' && (await store.movingFrom(room))) {
		// The room has been replaced: its queue moves once we are in the new one.
		await postpone(60_000);
	} else if (failure.kind === 'keyless') {
		log.error({ room, why: failure.why }, 'giving up a message that cannot be sent to an encrypted room');
		await store.giveUp(id, JSON.stringify(failure), now());
		delivering.delivered?.('given up');
	} else if (verdict === 'never') {
		await refused(waiting, failure, delivering);
	} else if (verdict === 'later') {
		const wait = backoff(tries, random());
		log.warn({ room, tries, waitMs: Math.round(wait), why: failure }, 'a delivery failed and will be retried');
		await postpone(wait);
	} else {
		log.debug({ room, waitMs: verdict.ms }, 'the homeserver asks us to wait');
		await postpone(verdict.ms);
		return verdict.ms;
	}
	return undefined;
}

/** A permanent refusal: we are no longer in the room, or it does not accept this message. */
async function refused({ id, room, tries }: Waiting, failure: Failure, delivering: Delivering): Promise<void> {
	const { store, homeserver, now, random, log } = delivering;
	if (failure.kind === 'refused' && absent.includes(failure.code)) {
		// A sync does not show our own leave.
		const membership = await homeserver.membership(room, homeserver.user);
		if ('failure' in membership) return store.postpone(id, new Date(now().getTime() + backoff(tries, random())));
		if (membership.value !== 'join') {
			log.warn({ room }, 'no longer in a room: keeping its data for a while');
			return store.leftRoom(room, now());
		}
	}
	log.warn({ room, tries, why: failure }, 'giving up an answer that cannot be delivered');
	await store.giveUp(id, JSON.stringify(failure), now());
	delivering.delivered?.('given up');
}

/**
 * What a failure means for the message being sent, which has been refused in this way `refusals` times before.
 * `stopped`: make no further request, which would leave no time for anything else.
 */
export function after(failure: Failure, refusals: number): 'stopped' | 'locked' | 'never' | 'later' | { ms: number } {
	if (failure.kind === 'stopped') return 'stopped';
	if (failure.kind === 'token') return 'locked';
	if (failure.kind === 'limited') return { ms: failure.waitMs };
	if (isRejected(failure)) return refusals >= maxRejections ? 'never' : 'later';
	if (failure.kind === 'away' || failure.kind === 'unsealed') return 'later';
	if (failure.kind === 'keyless') return 'never';
	const max = never.includes(failure.code) ? 0 : notYet.includes(failure.code) ? maxNotYet : maxRefusals;
	return refusals >= max ? 'never' : 'later';
}

/** One attempt. Returns the event id, or `left` if we are no longer in the room. */
async function deliver(waiting: Waiting, delivering: Delivering): Promise<Outcome<string | undefined | 'left'>> {
	const { store, homeserver, now } = delivering;
	const { room, said, sealed, answers, asked, created } = waiting;
	const login = delivering.loginSince();
	const before = created < login;
	// Asked before this login but decided after it: if the store is a restored copy, an earlier session may have answered.
	const twice = !before && asked !== undefined && asked < login && answers !== undefined;
	if (waiting.kind === 'leave') {
		const replied = twice ? await homeserver.replied(room, asked) : undefined;
		if (replied && 'failure' in replied) return replied;
		// We have rejoined since.
		if (twice && replied?.value.has(answers)) return { value: undefined };
		const left = await homeserver.leave(room);
		if ('failure' in left && left.failure.kind !== 'refused') return left;
		await store.leftRoom(room, now(), { greetAgain: true });
		return { value: 'left' };
	}
	const age = now().getTime() - created.getTime();
	if (age > transactionsLive || before || twice) {
		const wanted = twice ? { said, since: asked, answers } : { said, since: created };
		const found = await homeserver.find(room, { ...wanted, ...(sealed && { sealed }) });
		if ('failure' in found || found.value !== undefined) return found;
	}
	// Never resend what another device encrypted.
	const kept = before ? undefined : sealed;
	const first = kept && (await homeserver.send(room, said, kept));
	if (first && !isUnsealed(first)) return first;
	// Once more if the room has become encrypted in the meantime or since an earlier attempt; uploads are repeated too.
	const second = await sealAndSend(waiting, delivering);
	return isUnsealed(second) ? sealAndSend(waiting, delivering) : second;
}

async function sealAndSend(waiting: Waiting, delivering: Delivering): Promise<Outcome<string>> {
	const sealed = await seal(waiting, delivering);
	return 'failure' in sealed ? sealed : delivering.homeserver.send(waiting.room, waiting.said, sealed);
}

function isUnsealed(outcome: Outcome<unknown>): boolean {
	return 'failure' in outcome && outcome.failure.kind === 'unsealed';
}

/** The event that every attempt sends, stored before the first: encrypting again would produce a different one. */
async function seal(waiting: Waiting, { store, homeserver }: Delivering): Promise<Sealed | { failure: Failure }> {
	if (waiting.kind === 'leave') throw new TypeError('leaving a room is not an event');
	let event: Sealed;
	if (waiting.kind === 'file') {
		const uploaded = await homeserver.upload(waiting.room, waiting.file);
		if ('failure' in uploaded) return uploaded;
		const content = { ...uploaded.value, ...waiting.content };
		event = await inThread(waiting, { type: 'm.room.message', content }, store);
	} else {
		event = await inThread(waiting, waiting.event, store);
	}
	const sealed = await homeserver.seal(waiting.room, event);
	if ('failure' in sealed) return sealed;
	if (sealed.value.type === 'm.room.encrypted' && 'url' in event.content)
		return { failure: { kind: 'unsealed', why: 'the file was uploaded before the room became encrypted' } };
	if (sealed.value !== event || waiting.kind === 'file' || waiting.continues !== undefined)
		await store.seal(waiting.id, sealed.value);
	return sealed.value;
}

/** Puts a continuation in its thread. Clients without threads show it as a reply. */
async function inThread({ room, continues }: Waiting, event: Sealed, store: Pick<Store, 'eventOf'>): Promise<Sealed> {
	const root = continues === undefined ? undefined : await store.eventOf(room, continues);
	if (root === undefined) return event;
	const relation = {
		rel_type: 'm.thread',
		event_id: root,
		is_falling_back: true,
		'm.in_reply_to': { event_id: root },
	};
	return { ...event, content: { ...event.content, 'm.relates_to': relation } };
}
