// What came in is decided here: each message once, room by room in its order, together with the mark that it was.
import { createHash } from 'node:crypto';
import { callsIn, type Respondent, respond } from './bot.ts';
import type { Answer } from './command.ts';
import { tooManyWaiting } from './greeting.ts';
import type { Content, Homeserver, Incoming, Saying, Store } from './ports.ts';
import { joined } from './render/joined.ts';
import { matrixMessages } from './render/matrix.ts';
import { refusalToChange } from './rights.ts';

/** So many answers of one sender may wait. */
const mostWaiting = 100;
/** So many rooms are worked on at a time: a command that takes long holds up only its own room. */
const mostRooms = 8;

export type Inbox = {
	/** Something may have come in. */
	wake: () => void;
	/** Takes no further message; resolves when those in hand are decided. */
	stop: () => Promise<void>;
};

type Deciding = {
	store: Pick<Store, 'unread' | 'nextMessage' | 'settle' | 'load' | 'room'>;
	homeserver: Pick<Homeserver, 'names'>;
	respondent: Pick<Respondent, 'commands' | 'ports' | 'log'>;
	rights: { changes: number | 'state_default'; bare: boolean };
	/** Called when sayings have been written. */
	decided: () => void;
	/** The store refuses: nothing may go on. */
	fatal: (error: unknown) => void;
};

export function openInbox(deciding: Deciding): Inbox {
	const { store } = deciding;
	const busy = new Map<string, Promise<void>>();
	let stopped = false;
	let looking = false;
	let again = false;

	/** Nothing goes on after a fault: the next try would only meet it again, at once. */
	function fatal(error: unknown): void {
		stopped = true;
		deciding.fatal(error);
	}

	async function look(): Promise<void> {
		do {
			again = false;
			const rooms = (await store.unread()).filter(room => !busy.has(room));
			for (const room of rooms.slice(0, mostRooms - busy.size)) {
				busy.set(
					room,
					drain(room)
						.catch(fatal)
						.finally(() => {
							busy.delete(room);
							wake();
						}),
				);
			}
		} while (again && !stopped);
	}

	async function drain(room: string): Promise<void> {
		while (!stopped) {
			const message = await store.nextMessage(room);
			if (!message) return;
			const { sayings, at } = await decide(message, deciding);
			await store.settle(message.event, sayings, at);
			if (sayings.length) deciding.decided();
		}
	}

	function wake(): void {
		if (stopped) return;
		again = true;
		if (looking) return;
		looking = true;
		look()
			.catch(fatal)
			.finally(() => {
				looking = false;
			});
	}

	return {
		wake,
		async stop() {
			stopped = true;
			await Promise.all(busy.values());
		},
	};
}

async function decide(message: Incoming, deciding: Deciding): Promise<{ sayings: Saying[]; at: Date }> {
	const { store, homeserver, respondent, rights } = deciding;
	const { now } = respondent.ports;
	const room = await store.room(message.room);
	const to: Respondent = {
		...respondent,
		names: homeserver.names(),
		bare: typeof room?.settings.bare === 'boolean' ? room.settings.bare : rights.bare,
		mayChange: () => refusalToChange(message.sender, rights.changes, room?.state ?? {}),
	};
	if (callsIn(message, to).length === 0) return { sayings: [], at: now() };
	const { waiting, told } = await store.load(message.sender);
	if (told) return { sayings: [], at: now() };
	if (waiting >= mostWaiting) {
		const sayings = sayingsOf([tooManyWaiting(mostWaiting)], message, undefined);
		return { sayings: sayings.map(saying => ({ ...saying, limit: true })), at: now() };
	}
	const answers = await respond(message, to);
	const always = room?.settings.messages === 'notice' ? 'notice' : undefined;
	return { sayings: sayingsOf(answers, message, always), at: now() };
}

/** The answers to one message as what goes to the room: one answer, its files, and what is done after them. */
export function sayingsOf(answers: readonly Answer[], message: Incoming, always: 'notice' | undefined): Saying[] {
	const [only] = answers;
	if (!only) return [];
	const answer = answers.length === 1 ? only : joined(answers);
	const { contents, files } = matrixMessages(answer, { always });
	const of = { room: message.room, answers: message.event, sender: message.sender };
	const sayings: Saying[] = contents.map((content, part) => {
		const said = saidId('answer', message.event, part);
		const whole = { ...content, ...relation(message), 'io.glia.said': said };
		return { ...of, said, kind: 'event', event: { type: 'm.room.message', content: whole } };
	});
	for (const [part, file] of files.entries()) {
		const said = saidId('file', message.event, part);
		sayings.push({ ...of, said, kind: 'file', file, content: { ...relation(message), 'io.glia.said': said } });
	}
	if (answers.some(({ afterwards }) => afterwards?.leave)) {
		sayings.push({ ...of, said: saidId('leave', message.event, 0), kind: 'leave' });
	}
	return sayings;
}

/** A reply to the message, in its thread if it stands in one. */
function relation({ event, thread }: Incoming): Content {
	const reply = { 'm.in_reply_to': { event_id: event } };
	if (thread === undefined) return { 'm.relates_to': reply };
	return { 'm.relates_to': { rel_type: 'm.thread', event_id: thread, is_falling_back: false, ...reply } };
}

/** Our own id of something said: the same for the same thing, whenever and however often it is decided. */
export function saidId(what: string, about: string, part: number): string {
	return createHash('sha256')
		.update(JSON.stringify([what, about, part]))
		.digest('base64url')
		.slice(0, 32);
}

/** Something said unasked: once for ever, by its name in this room. */
export function announcement(what: string, room: string, answer: Answer): Saying {
	const { contents } = matrixMessages(answer);
	const said = saidId(what, room, 0);
	const content = { ...contents[0], 'io.glia.said': said };
	return { said, room, kind: 'event', event: { type: 'm.room.message', content } };
}
