// What came in is decided here: each message once, room by room in its order, together with the mark that it was.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place, Walk } from './advice/walk.ts';
import { callsIn, mayNotChange, type Respondent, refusal, respond } from './bot.ts';
import type { Answer } from './command.ts';
import { tooManyWaiting } from './greeting.ts';
import type { Content, Homeserver, Incoming, InHand, KeptWalk, PlacedWalk, Resumed, Saying, Store } from './ports.ts';
import { joined } from './render/joined.ts';
import { matrixMessages } from './render/matrix.ts';
import { refusalToChange } from './rights.ts';
import { saidId } from './said.ts';
import { asWord, begun, heard, offeredAs, refusedIn, resumed, ticked, type Walked } from './walking.ts';

/** So many answers of one sender may wait. */
const mostWaiting = 100;
/** Rooms worked on at a time: a command that takes long holds up only its own room. */
const mostRooms = 8;
/** A command that looks at servers is answered with a notice after this time (ms), and finished when the look ends. */
const lookPatience = 5000;

/** A question that nobody answered for so long (ms) is forgotten. */
const confirmableFor = 24 * 3600_000;

export type Inbox = {
	/** Something may have come in. */
	wake: () => void;
	/** Takes no further message; resolves when those in hand are decided. Looks are left: the next start begins them again. */
	stop: () => Promise<void>;
	/** Resolves when no look is under way. */
	looked: () => Promise<void>;
};

type Deciding = {
	store: Pick<
		Store,
		'unread' | 'nextMessage' | 'note' | 'settle' | 'load' | 'room' | 'walkIn' | 'walkSaid' | 'walks' | 'confirmation'
	>;
	homeserver: Pick<Homeserver, 'names'>;
	respondent: Pick<Respondent, 'commands' | 'ports' | 'log'>;
	rights: { changes: number | 'state_default'; bare: boolean };
	/** Called when sayings have been written. */
	decided: () => void;
	/** The store refuses: nothing may go on. */
	fatal: (error: unknown) => void;
	/** Milliseconds until a command that looks at servers is answered with a notice; 5,000 unless told. */
	patience?: number;
};

export function openInbox(deciding: Deciding): Inbox {
	const { store } = deciding;
	const busy = new Map<string, Promise<void>>();
	/** Looks under way, by the event that asks. While `held`, the same sender's next messages in the room wait. */
	const looks = new Map<string, { room: string; sender: string; held: boolean; done: Promise<void> }>();
	let stopped = false;
	let looking = false;
	let again = false;
	/** When they were last looked for, there were rooms beyond those begun: busy ones, and too many. */
	let more = false;

	/** Nothing goes on after a fault: the next try would only meet it again, at once. */
	function fatal(error: unknown): void {
		stopped = true;
		deciding.fatal(error);
	}

	async function look(): Promise<void> {
		do {
			again = false;
			const unread = await store.unread(inHand());
			const rooms = unread.filter(room => !busy.has(room)).slice(0, mostRooms - busy.size);
			more = rooms.length < unread.length;
			for (const room of rooms) {
				busy.set(
					room,
					drain(room)
						.catch(fatal)
						.finally(() => {
							busy.delete(room);
							if (more) wake();
						}),
				);
			}
		} while (again && !stopped);
	}

	async function drain(room: string): Promise<void> {
		while (!stopped) {
			const message = await store.nextMessage(room, inHand());
			if (!message) return;
			if (looksAtServers(message, deciding)) {
				beginLook(message);
				continue;
			}
			const { sayings, at, walk } = await decide(message, deciding);
			await store.settle(message.event, sayings, at, walk);
			if (sayings.length) deciding.decided();
		}
	}

	function inHand(): InHand | undefined {
		if (looks.size === 0) return undefined;
		return { events: [...looks.keys()], senders: [...looks.values()].filter(({ held }) => held) };
	}

	/** A look has no room's turn: nobody else waits for it, and its sender only for a while. */
	function beginLook(message: Incoming): void {
		const { event, room, sender } = message;
		const one = { room, sender, held: true, done: Promise.resolve() };
		looks.set(event, one);
		one.done = finishLook(message, () => {
			one.held = false;
			wake();
		})
			.catch(error => {
				if (!stopped) fatal(error);
			})
			.finally(() => {
				looks.delete(event);
				wake();
			});
	}

	/**
	 * Decides a message that takes a look. It stays undecided until the look ends: killed before, the next start begins it
	 * again, and says neither the notice nor the answer twice, for both have their ids from the event.
	 */
	async function finishLook(message: Incoming, release: () => void): Promise<void> {
		const { event } = message;
		const decision = decide(message, deciding);
		const late = new AbortController();
		const patience = sleep(deciding.patience ?? lookPatience, 'late' as const, { signal: late.signal, ref: false });
		patience.catch(() => undefined);
		if ((await Promise.race([decision, patience])) === 'late' && !stopped) {
			const room = await store.room(message.room);
			const notice = sayingsOf([lookingStill], message, alwaysIn(room?.settings), event, 'looking');
			await store.note(event, notice, deciding.respondent.ports.now());
			deciding.decided();
			release();
		}
		const { sayings, at, walk } = await decision.finally(() => late.abort());
		if (stopped) return;
		await store.settle(event, sayings, at, walk);
		if (sayings.length) deciding.decided();
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
		async looked() {
			await Promise.all([...looks.values()].map(({ done }) => done));
		},
	};
}

/** Whoever can write into the room without its keys, a homeserver for instance, could have said it. */
const cameInTheClear =
	'This room is encrypted, and that came unencrypted: I cannot be sure who said it, so I change nothing. Say it again with a client that encrypts.';

const lookingStill: Answer = {
	value: { format: 1, progress: 'looking' },
	lead: 'Looking … The server takes its time; I answer as soon as I know more.',
	sections: [],
	kind: 'progress',
};

/** Whether the message has a command that looks at servers, if it is one at all. */
function looksAtServers(message: Incoming, { homeserver, respondent: { commands } }: Deciding): boolean {
	const calls = callsIn(message, { commands, names: homeserver.names(), bare: true });
	return calls.some(({ name }) => commands.some(command => command.looks && command.name === name));
}

type Decision = { sayings: Saying[]; at: Date; walk?: KeptWalk };

async function decide(message: Incoming, deciding: Deciding): Promise<Decision> {
	const { store, homeserver, respondent, rights } = deciding;
	const { now } = respondent.ports;
	const room = await store.room(message.room);
	const to: Respondent = {
		...respondent,
		names: homeserver.names(),
		bare: typeof room?.settings.bare === 'boolean' ? room.settings.bare : rights.bare,
		mayChange: () =>
			room?.state.encryption && !message.sealed
				? cameInTheClear
				: refusalToChange(message.sender, rights.changes, room?.state ?? {}),
	};
	const sign = commandOf[message.body];
	const always = alwaysIn(room?.settings);
	if (message.repliesTo !== undefined && (sign !== undefined || message.body === beginSign)) {
		const about = await store.walkSaid(message.room, message.repliesTo);
		if (about) return { at: now(), ...(await decideSign(message, about, to, deciding, always)) };
	}
	if (message.body === '✅' && message.repliesTo !== undefined) {
		const asked = await store.confirmation(message.room, message.repliesTo);
		if (asked) return { sayings: await confirmed(asked, message, to, always), at: now() };
	}
	if (sign !== undefined && message.repliesTo !== undefined) {
		// Reactions to what we did not say, or to what is over, are none of our business.
		const meant = await respondent.ports.store.saidIn(message.room, message.repliesTo);
		if (meant.length === 0) return { sayings: [], at: now() };
		const answers = await respond({ ...message, body: sign }, { ...to, bare: true });
		const about = { ...message, event: message.repliesTo };
		return { sayings: sayingsOf(answers, about, always, message.event), at: now() };
	}
	const calls = callsIn(message, to);
	const word = asWord(calls, to);
	const walk =
		message.thread !== undefined && (calls.length === 0 || word !== undefined)
			? await store.walkIn(message.room, message.thread)
			: undefined;
	const walked =
		walk && heard(walk.walk, { ...message, body: word ?? message.body }, await store.walks(message.room), to);
	if (walk ? !walked : calls.length === 0) return { sayings: [], at: now() };
	const { waiting, told } = await store.load(message.sender);
	if (told) return { sayings: [], at: now() };
	if (waiting >= mostWaiting) {
		const sayings = sayingsOf([tooManyWaiting(mostWaiting)], message, undefined);
		return { sayings: sayings.map(saying => ({ ...saying, limit: true })), at: now() };
	}
	if (walk && walked)
		return { at: now(), ...walkedOn(walked, walk.thread, sayingsOf([walked.answer], message, always)) };
	const answers = await respond(message, to);
	return { at: now(), ...(await walkable(answers, message, to, deciding, always)) };
}

/** A question of ours that somebody confirms: as if they had said the command now, with the rights that they have now. */
async function confirmed(
	{ command, at }: { command: string; at: Date },
	message: Incoming,
	to: Respondent,
	always: Always,
): Promise<Saying[]> {
	if (to.ports.now().getTime() - at.getTime() > confirmableFor) return [];
	const answers = await respond({ ...message, body: command }, { ...to, bare: true });
	return sayingsOf(answers, { ...message, event: message.repliesTo ?? message.event }, always, message.event);
}

/** Answers with what follows from them where one of them offers a walk, or begins it. */
async function walkable(
	answers: Answer[],
	message: Incoming,
	to: Respondent,
	{ store }: Deciding,
	always: Always,
): Promise<Omit<Decision, 'at'>> {
	const offers = answers.flatMap(({ walk }) => walk ?? []);
	const [offer, more] = offers;
	const refused = (why: string) =>
		sayingsOf(
			answers.map(answer => (answer.walk?.begin ? refusal(why) : answer)),
			message,
			always,
		);
	if (offer && more && offers.some(({ begin }) => begin))
		return { sayings: refused('One guide at a time: begin each in a message of its own.') };
	const sayings = sayingsOf(answers, message, always);
	const [first] = sayings;
	if (!offer || more || !first) return { sayings };
	const says = sayings.filter(({ kind }) => kind === 'event').map(({ said }) => ({ said }));
	const thread = message.thread === undefined ? { root: first.said } : { event: message.thread };
	const walk = offeredAs(saidId('walk', message.event, 0), message.room, offer.offer);
	if (!offer.begin) return { sayings, walk: { walk, thread, says } };
	const there = message.thread === undefined ? undefined : await store.walkIn(message.room, message.thread);
	if (there?.walk.is === 'open')
		return { sayings: refused('Another guide is under way in this thread. Say `stop` first, or begin outside of it.') };
	const next = begun(walk, message, await store.walks(message.room), to);
	if (typeof next === 'string') return { sayings: refused(next) };
	const stage = inThread(sayingsOf([next.answer], message, always, message.event, 'stage'), thread);
	const on = walkedOn(next, thread, stage);
	return { sayings: [...sayings, ...stage], walk: { ...on.walk, says: [...says, ...on.walk.says] } };
}

/** A reaction to something that we said about a walk. */
async function decideSign(
	message: Incoming,
	{ walk, thread, event, place }: PlacedWalk & { place?: Place },
	to: Respondent,
	{ store }: Deciding,
	always: Always,
): Promise<Omit<Decision, 'at'>> {
	const reply = {
		...message,
		event: message.repliesTo ?? message.event,
		...(event !== undefined && { thread: event }),
	};
	const say = (answer: Answer) => sayingsOf([answer], reply, always, message.event);
	if (message.body === '✅' && place) {
		const next = ticked(walk, place, message, to);
		return next ? walkedOn(next, thread, say(next.answer)) : { sayings: [] };
	}
	if (message.body !== beginSign || place || walk.is === 'open' || walk.is === 'ended') return { sayings: [] };
	const no = mayNotChange(message, to);
	if (no) {
		const next = refusedIn(walk, message, no);
		return next ? walkedOn(next, thread, say(next.answer)) : { sayings: [] };
	}
	const there = event === undefined ? undefined : await store.walkIn(message.room, event);
	if (there?.walk.is === 'open') return { sayings: say(refusal('Another guide is under way in this thread already.')) };
	const next = begun(walk, message, await store.walks(message.room), to);
	return typeof next === 'string' ? { sayings: say(refusal(next)) } : walkedOn(next, thread, say(next.answer));
}

function walkedOn(
	{ walk, gives }: Walked,
	thread: KeptWalk['thread'],
	sayings: Saying[],
): { sayings: Saying[]; walk: KeptWalk } {
	const events = gives ? sayings.filter(({ kind }) => kind === 'event') : [];
	const says = events.map(({ said }) => ({ said, ...(gives && { place: gives }) }));
	return { sayings, walk: { walk, thread, says } };
}

/** A walk in the room that replaces its own: the stage at hand, with which a new thread begins. */
export function resumedIn(room: string, walk: Walk, ports: Parameters<typeof resumed>[1]): Resumed {
	const next = resumed({ ...walk, room }, ports);
	const { contents } = matrixMessages(next.answer);
	const sayings = contents.map((content, part): Saying => {
		const said = saidId('resumed', JSON.stringify([walk.id, room]), part);
		const event = { type: 'm.room.message', content: { ...content, 'io.glia.said': said } };
		return { said, room, kind: 'event', event };
	});
	return walkedOn(next, { root: sayings[0]?.said ?? '' }, sayings);
}

/** What continues a thread that begins with a saying has no event to relate to yet: the outbox will know it. */
function inThread(sayings: Saying[], thread: KeptWalk['thread']): Saying[] {
	if (!('root' in thread)) return sayings;
	return sayings.map(saying => {
		const content = saying.kind === 'event' ? saying.event.content : saying.kind === 'file' ? saying.content : {};
		delete content['m.relates_to'];
		return { ...saying, continues: thread.root };
	});
}

/** The reaction that begins what was offered. */
const beginSign = '▶';

/** The reactions that stand for commands. A room may have switched off commands without our name. */
const commandOf: Record<string, string> = { '✅': '!ack', '💤': '!snooze 7d' };

/** All reactions that mean something to us. */
export const signs: readonly string[] = [...Object.keys(commandOf), beginSign];

function alwaysIn(settings: Content | undefined): Always {
	return settings?.messages === 'notice' || settings?.messages === 'text' ? settings.messages : undefined;
}

type Always = 'notice' | 'text' | undefined;

/** The answers to one message as what goes to the room: one answer, its files, and what is done after them. */
export function sayingsOf(
	answers: readonly Answer[],
	message: Incoming,
	always: Always,
	/** The event that asked, if that is not the one to reply to: a reaction. */
	asked = message.event,
	/** Of two answers to one event the second has a name of its own. */
	what = 'answer',
): Saying[] {
	const [only] = answers;
	if (!only) return [];
	const answer = answers.length === 1 ? only : joined(answers);
	const { contents, files } = matrixMessages(answer, { always });
	const confirms = answers.find(({ confirms }) => confirms !== undefined)?.confirms;
	const of = {
		...{ room: message.room, answers: asked, sender: message.sender },
		...(confirms !== undefined && { confirms }),
	};
	const sayings: Saying[] = contents.map((content, part) => {
		const said = saidId(what, asked, part);
		const whole = { ...content, ...relation(message), 'io.glia.said': said };
		return { ...of, said, kind: 'event', event: { type: 'm.room.message', content: whole } };
	});
	for (const [part, file] of files.entries()) {
		const said = saidId(what === 'answer' ? 'file' : `${what} file`, asked, part);
		sayings.push({ ...of, said, kind: 'file', file, content: { ...relation(message), 'io.glia.said': said } });
	}
	if (answers.some(({ afterwards }) => afterwards?.leave)) {
		sayings.push({ ...of, said: saidId('leave', asked, 0), kind: 'leave' });
	}
	return sayings;
}

/** A reply to the message, in its thread if it stands in one. */
function relation({ event, thread }: Incoming): Content {
	const reply = { 'm.in_reply_to': { event_id: event } };
	if (thread === undefined) return { 'm.relates_to': reply };
	return { 'm.relates_to': { rel_type: 'm.thread', event_id: thread, is_falling_back: false, ...reply } };
}

/**
 * Something said unasked, once in a stay. The homeserver remembers transaction ids for as long as the device lives: an id
 * made of the room alone would bring back the event of an earlier stay, and the room would hear nothing.
 */
export function announcement(
	what: string,
	{ room, stay }: { room: string; stay: string },
	answer: Answer,
	about: readonly string[] = [],
): Saying {
	const { contents } = matrixMessages(answer);
	const said = saidId(what, room, stay, ...about);
	const content = { ...contents[0], 'io.glia.said': said };
	return { said, room, kind: 'event', event: { type: 'm.room.message', content } };
}
