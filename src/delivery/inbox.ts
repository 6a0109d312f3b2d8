// Decides incoming messages, each once and in room order, and stores each decision together with the mark that the
// message has been decided.
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { Answer } from '../answer.ts';
import { callsIn } from '../bot/calls.ts';
import type { Deciding } from '../bot/decide.ts';
import { alwaysIn, decide } from '../bot/decide.ts';
import { refusal } from '../bot/respond.ts';
import { sayingsOf } from '../bot/sayings.ts';
import { unreadAgain } from '../messages/attached.ts';
import type { Incoming, Outcome } from '../ports/homeserver.ts';
import type { InHand } from '../ports/store.ts';
import { backoff } from '../runtime/retry.ts';
import { openWorker } from '../runtime/worker.ts';

/** Rooms handled at the same time. A slow command holds up only its own room. */
const maxRooms = 8;
/** A command that polls servers gets a notice after this time (ms), and its answer once the poll has ended. */
const observationTimeout = 5000;
/**
 * Messages with files that are read at the same time: each may take up 10 MB. Of one person only one at a time, so that
 * files that cannot be fetched delay nobody else's.
 */
const maxRead = 4;

/** How many times we ask a homeserver that responds to everything else: enough for about half an hour. */
const maxTries = 35;

export type Inbox = {
	/** Call when there may be new messages. */
	wake: () => void;
	/**
	 * Accepts no more messages; resolves when those in progress are decided. Polls are abandoned, and the next
	 * start repeats them.
	 */
	stop: () => Promise<void>;
	/** Resolves when no poll is in progress. */
	looked: () => Promise<void>;
};

export function openInbox(deciding: Deciding): Inbox {
	const { store } = deciding;
	const busy = new Map<string, Promise<void>>();
	let stopped = false;
	/** Whether the last search found rooms that could not be started: busy, or beyond the limit. */
	let more = false;

	const worker = openWorker(look, fatal);
	const ending = new AbortController();
	const looks = openLooks({ deciding, wake: worker.wake, fatal, ending: ending.signal });

	/** Stop everything after a fault: a retry would hit it again at once. */
	function fatal(error: unknown): void {
		end();
		deciding.fatal(error);
	}

	function end(): void {
		stopped = true;
		ending.abort();
		void worker.stop();
	}

	async function look(): Promise<undefined> {
		const unread = await store.unread(looks.inHand());
		const rooms = unread.filter(room => !busy.has(room)).slice(0, maxRooms - busy.size);
		more = rooms.length < unread.length;
		for (const room of rooms) {
			const done = drain(room)
				.catch(fatal)
				.finally(() => {
					busy.delete(room);
					if (more) worker.wake();
				});
			busy.set(room, done);
		}
	}

	async function drain(room: string): Promise<void> {
		while (!stopped) {
			const message = await store.nextMessage(room, looks.inHand());
			if (!message) return;
			if (message.unread || looksAtServers(message, deciding)) {
				const turn = looks.begin(message);
				// A message that only has to be read again gets its answer, or at least the notice that it is taking a
				// while, in room order.
				if (message.unread) await turn;
				continue;
			}
			const { sayings, at, session } = await decide(message, deciding);
			await store.settle(message.event, sayings, at, session);
			if (sayings.length) deciding.decided();
		}
	}

	return {
		wake: worker.wake,
		async stop() {
			end();
			await Promise.all(busy.values());
		},
		looked: looks.over,
	};
}

type Looks = {
	/** Resolves when the message is decided, or when its sender has been told that it is taking a while. */
	begin: (message: Incoming) => Promise<void>;
	/** The messages in progress, and the senders whose next messages wait for them. */
	inHand: () => InHand | undefined;
	/** Resolves when nothing is in progress. */
	over: () => Promise<void>;
};

type LooksSetup = { deciding: Deciding; wake: () => void; fatal: (error: unknown) => void; ending: AbortSignal };

/** The slow work: polls that commands ask for, and texts and files that must be read first. */
function openLooks({ deciding, wake, fatal, ending }: LooksSetup): Looks {
	const { store } = deciding;
	const reader = openReader(deciding, ending);
	const stopped = () => ending.aborted;
	/** By event id. While `held`, the sender's next messages in the room wait. */
	const looks = new Map<string, { room: string; sender: string; held: boolean; done: Promise<void> }>();

	function inHand(): InHand | undefined {
		if (looks.size === 0) return undefined;
		return { events: [...looks.keys()], senders: [...looks.values()].filter(({ held }) => held) };
	}

	/** A poll does not hold up its room: others never wait for it, and its sender only for a while. */
	async function begin(message: Incoming): Promise<void> {
		const { event, room, sender } = message;
		const one = { room, sender, held: true, done: Promise.resolve() };
		const turn = Promise.withResolvers<void>();
		looks.set(event, one);
		one.done = finish(message, () => {
			one.held = false;
			turn.resolve();
			wake();
		})
			.catch(error => {
				if (!stopped()) fatal(error);
			})
			.finally(() => {
				looks.delete(event);
				turn.resolve();
				wake();
			});
		return turn.promise;
	}

	/**
	 * Decides a message that needs a poll. It stays undecided until the poll ends, so that a start after a crash
	 * repeats it. Neither the notice nor the answer is said twice, because both take their ids from the event.
	 */
	async function finish(message: Incoming, release: () => void): Promise<void> {
		const { event } = message;
		// Until a message has been read again we do not know where its answer belongs.
		const read = message.unread ? await reader.again(message) : message;
		if (stopped()) return;
		const decision = message.unread ? reader.decided(read, message) : decide(message, deciding);
		const late = new AbortController();
		const timeout = sleep(deciding.timeout ?? observationTimeout, 'late' as const, { signal: late.signal, ref: false });
		timeout.catch(() => undefined);
		if (typeof read === 'object' && (await Promise.race([decision, timeout])) === 'late' && !stopped()) {
			const room = await store.room(message.room);
			const still = message.unread ? readingStill : lookingStill;
			const notice = sayingsOf([still], read, alwaysIn(room?.settings), event, 'looking');
			await store.note(event, notice, deciding.respondent.ports.now());
			deciding.decided();
			release();
		}
		const { sayings, at, session, together } = await decision.finally(() => late.abort());
		if (stopped()) return;
		await store.settle(event, sayings, at, session, together);
		if (sayings.length) deciding.decided();
	}

	return {
		begin,
		inHand,
		async over() {
			await Promise.all([...looks.values()].map(({ done }) => done));
		},
	};
}

type Reader = {
	/** The message with its text. `gone`: redacted, or not a command; `unseen`: no longer readable. */
	again: (message: Incoming) => Promise<Incoming | 'gone' | 'unseen'>;
	decided: (read: Incoming | 'gone' | 'unseen', message: Incoming) => ReturnType<typeof decide>;
};

/** Reads texts that were not stored, and what belongs to them. */
function openReader(deciding: Deciding, ending: AbortSignal): Reader {
	const { homeserver, respondent } = deciding;
	const turn = pLimit(maxRead);
	const turns = new Map<string, { own: ReturnType<typeof pLimit>; waiting: number }>();

	/** Takes the person's turn first and then one of all, always in this order. */
	async function inTurn<T>(sender: string, work: () => Promise<T>): Promise<T> {
		const one = turns.get(sender) ?? { own: pLimit(1), waiting: 0 };
		turns.set(sender, one);
		one.waiting++;
		try {
			return await one.own(() => turn(work));
		} finally {
			if (--one.waiting === 0) turns.delete(sender);
		}
	}

	async function withRetries<T>(ask: () => Promise<Outcome<T>>, tries = Number.POSITIVE_INFINITY): Promise<Outcome<T>> {
		for (let failed = 0; ; failed++) {
			const outcome = await ask();
			if ('value' in outcome || outcome.failure.kind === 'refused' || failed + 1 >= tries) return outcome;
			const { failure } = outcome;
			// If the homeserver does not respond at all, that says nothing about this request.
			if (deciding.hears?.() === false) failed = -1;
			if (failed >= maxTries) return outcome;
			// The next start redoes what is left undone when the process ends or the token is revoked.
			const wait = failure.kind === 'limited' ? failure.waitMs : backoff(Math.max(failed, 0), Math.random());
			await sleep(wait, undefined, { signal: ending, ref: false });
		}
	}

	const reading = { homeserver, withRetries };
	return {
		async again(message) {
			const { room, event, raw } = message;
			const found = await withRetries(() => homeserver.again(room, event, raw));
			if ('failure' in found) return 'unseen';
			return found.value ? { ...found.value, mentioned: found.value.mentioned || message.mentioned } : 'gone';
		},
		async decided(read, message) {
			const at = respondent.ports.now();
			if (read === 'gone') return { sayings: [], at };
			if (read === 'unseen') return { sayings: sayingsOf([refusal(unreadAgain)], message, undefined), at };
			return inTurn(message.sender, () => decide(read, deciding, reading));
		},
	};
}

const readingStill: Answer = {
	value: { format: 1, progress: 'reading' },
	lead: 'Reading … The file is taking a while; I will answer when I have it.',
	sections: [],
	kind: 'progress',
};

const lookingStill: Answer = {
	value: { format: 1, progress: 'looking' },
	lead: 'Checking … The server is slow to answer; I will reply when I know more.',
	sections: [],
	kind: 'progress',
};

function looksAtServers(message: Incoming, { homeserver, respondent: { commands } }: Deciding): boolean {
	const calls = callsIn(message, { commands, names: homeserver.names(), bare: true });
	return calls.some(({ name }) => commands.some(command => command.looks && command.name === name));
}
