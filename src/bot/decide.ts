// Decides how to respond to one message.
import type { GuideSession, StagePlace } from '../advice/guide/session.ts';
import type { Answer } from '../answer.ts';
import { tooManyWaiting } from '../messages/notices.ts';
import type { Content, Homeserver, Incoming } from '../ports/homeserver.ts';
import type { Saying } from '../ports/saying.ts';
import type { KeptSession, PlacedSession, Resumed, Store } from '../ports/store.ts';
import { matrixMessages } from '../render/matrix.ts';
import { type AttachmentReader, textOf, wholeOf } from './attached.ts';
import type { Call, Message, Respondent } from './calls.ts';
import { callsIn } from './calls.ts';
import { asWord, begun, heard, offeredAs, refusedIn, resumed, type SessionTurn, ticked } from './guide-session.ts';
import { mayNotChange, refusal, respond, unrenderable } from './respond.ts';
import { refusalToChange } from './rights.ts';
import { saidId } from './said-id.ts';
import type { Always } from './sayings.ts';
import { sayingsOf, Unrenderable } from './sayings.ts';

/** At most this many answers may be waiting for one sender. */
const maxWaiting = 100;

/** A confirmation question expires after this long (ms). */
const confirmableFor = 24 * 3600_000;

export type Deciding = {
	store: Pick<
		Store,
		| 'unread'
		| 'nextMessage'
		| 'note'
		| 'settle'
		| 'load'
		| 'room'
		| 'sessionIn'
		| 'sessionOfSaying'
		| 'sessions'
		| 'confirmation'
	>;
	homeserver: Pick<Homeserver, 'names' | 'again'> & AttachmentReader['homeserver'];
	respondent: Pick<Respondent, 'commands' | 'ports' | 'log' | 'answered'>;
	rights: { changes: number | 'state_default'; bare: boolean };
	/** Called when messages have been queued. */
	decided: () => void;
	/** Whether the homeserver currently responds to syncs. */
	hears?: () => boolean;
	/** Called when the store fails: everything must stop. */
	fatal: (error: unknown) => void;
	/** Milliseconds until a command that polls servers gets a notice; 5,000 by default. */
	timeout?: number;
};

/** Anyone who can write to the room without its keys, such as the homeserver, could have sent it. */
const cameInTheClear =
	'This room is encrypted, but your message was not. I cannot be sure who sent it, so I will not change anything. Send it again from a client that encrypts.';

type CommandDecision = {
	sayings: Saying[];
	at: Date;
	session?: KeptSession;
	/** Ids of other messages that the same answer covers. */
	together?: readonly string[];
};

/** `reading`, if given, fetches what belongs to the message but is not in it. Rejects with what the store throws. */
export async function decide(
	message: Incoming,
	deciding: Deciding,
	reading?: AttachmentReader,
): Promise<CommandDecision> {
	try {
		return await decideOn(message, deciding, reading);
	} catch (error) {
		if (!(error instanceof Unrenderable)) throw error;
		// If rethrown, it would end the process, and the next start would begin with the same message.
		const { log, ports } = deciding.respondent;
		return { sayings: sayingsOf([unrenderable(error, message.room, log)], message, undefined), at: ports.now() };
	}
}

async function decideOn(
	message: Incoming,
	deciding: Deciding,
	reading: AttachmentReader | undefined,
): Promise<CommandDecision> {
	const { store, homeserver, rights } = deciding;
	// Use one edition of the knowledge for the whole message; another may be loaded in the meantime.
	const respondent = { ...deciding.respondent, ports: { ...deciding.respondent.ports } };
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
	const sign = commandOf.get(message.body);
	const always = alwaysIn(room?.settings);
	if (message.repliesTo !== undefined && (sign !== undefined || message.body === beginSign)) {
		const about = await store.sessionOfSaying(message.room, message.repliesTo);
		if (about) return { at: now(), ...(await decideSign(message, about, to, deciding, always)) };
	}
	if (message.body === '✅' && message.repliesTo !== undefined) {
		const asked = await store.confirmation(message.room, message.repliesTo);
		if (asked) return { sayings: await confirmed(asked, message, to, always), at: now() };
	}
	if (sign !== undefined && message.repliesTo !== undefined) {
		// Ignore reactions to other messages, and to conditions that are over.
		const meant = await respondent.ports.store.saidIn(message.room, message.repliesTo);
		if (meant.length === 0) return { sayings: [], at: now() };
		const answers = await respond({ ...message, body: sign }, { ...to, bare: true });
		const about = { ...message, event: message.repliesTo };
		return { sayings: sayingsOf(answers, about, always, message.event), at: now() };
	}
	const calls = callsIn(message, to);
	const word = asWord(calls, to);
	const session =
		message.thread !== undefined && (calls.length === 0 || word !== undefined)
			? await store.sessionIn(message.room, message.thread)
			: undefined;
	if (session) return decideInSession(message, session, word, { to, deciding, always, reading });
	if (calls.length === 0 && !message.file) return { sayings: [], at: now() };
	const full = () => fullFor(message, store);
	const flood = calls.length > 0 ? await full() : undefined;
	if (flood) return { sayings: flood, at: now() };
	const whole = reading ? await wholeOf(message, to, reading) : { message, together: [] };
	if (!whole || (calls.length === 0 && callsIn(whole.message, to).length === 0)) return { sayings: [], at: now() };
	const late = calls.length > 0 ? undefined : await full();
	if (late) return { sayings: late, at: now() };
	const answers = await respond({ ...whole.message, ...(await sessionOf(message, calls, deciding)) }, to);
	const { together } = whole;
	return {
		at: now(),
		...(await withSession(answers, message, to, deciding, always)),
		...(together.length && { together }),
	};
}

/** The guide session of the thread that a text was sent in: failures that its guide knows come first. */
async function sessionOf(
	{ room, thread }: Incoming,
	calls: readonly Call[],
	{ store, respondent }: Deciding,
): Promise<Pick<Message, 'session'>> {
	const takesText = calls.some(call =>
		respondent.commands.some(({ name, takesText }) => takesText && name === call.name),
	);
	const placed = thread !== undefined && takesText ? await store.sessionIn(room, thread) : undefined;
	if (placed?.session.is !== 'open') return {};
	const { guide, place } = placed.session;
	return { session: { guide, ...(place && { stage: place.stage }) } };
}

/** Tells a sender once that too many of their answers are waiting; undefined if there is room. */
async function fullFor(message: Incoming, store: Deciding['store']): Promise<Saying[] | undefined> {
	const { waiting, told } = await store.load(message.sender);
	if (told) return [];
	if (waiting < maxWaiting) return undefined;
	const sayings = sayingsOf([tooManyWaiting(maxWaiting)], message, undefined);
	return sayings.map(saying => ({ ...saying, limit: true }));
}

type InSession = { to: Respondent; deciding: Deciding; always: Always; reading: AttachmentReader | undefined };

/**
 * Handles a message in a guide's thread. A text or file that is not a word of the session is treated as an error
 * that the admin ran into.
 */
async function decideInSession(
	message: Incoming,
	session: PlacedSession,
	word: string | undefined,
	{ to, deciding, always, reading }: InSession,
): Promise<CommandDecision> {
	const { store } = deciding;
	const { now } = to.ports;
	const body = message.file && reading ? await textOf(message.file, reading) : (word ?? message.body);
	const turn =
		body === undefined
			? undefined
			: heard(session.session, { ...message, body }, await store.sessions(message.room), to);
	if (!turn) return { sayings: [], at: now() };
	const full = await fullFor(message, store);
	if (full) return { sayings: full, at: now() };
	return { at: now(), ...keptTurn(turn, session.thread, sayingsOf([turn.answer], message, always)) };
}

/**
 * Runs the command of a question that someone confirmed, as if they had sent it when it was asked, with their current
 * rights. Once it has run, further confirmations change nothing: the answer has the same id each time.
 */
async function confirmed(
	{ command, at }: { command: string; at: Date },
	message: Incoming,
	to: Respondent,
	always: Always,
): Promise<Saying[]> {
	if (to.ports.now().getTime() - at.getTime() > confirmableFor) return [];
	const answers = await respond({ ...message, body: command, at }, { ...to, bare: true });
	const question = { ...message, event: message.repliesTo ?? message.event };
	const isRefused = answers.some(({ kind }) => kind === 'refusal' || kind === 'fault');
	return isRefused
		? sayingsOf(answers, question, always, message.event)
		: sayingsOf(answers, question, always, question.event, 'confirmed');
}

/** The answers as messages, with the session that one of them offers or starts. */
async function withSession(
	answers: Answer[],
	message: Incoming,
	to: Respondent,
	{ store }: Deciding,
	always: Always,
): Promise<Omit<CommandDecision, 'at'>> {
	const offers = answers.flatMap(({ session }) => session ?? []);
	const [offer, more] = offers;
	const refused = (why: string) =>
		sayingsOf(
			answers.map(answer => (answer.session?.begin ? refusal(why) : answer)),
			message,
			always,
		);
	if (offer && more && offers.some(({ begin }) => begin))
		return { sayings: refused('One guide at a time: start each in its own message.') };
	const sayings = sayingsOf(answers, message, always);
	const [first] = sayings;
	if (!offer || more || !first) return { sayings };
	const says = sayings.filter(({ kind }) => kind === 'event').map(({ said }) => ({ said }));
	const thread = message.thread === undefined ? { root: first.said } : { event: message.thread };
	const session = offeredAs(saidId('session', message.event, 0), message.room, offer.offer);
	if (!offer.begin) return { sayings, session: { session, thread, says } };
	const there = message.thread === undefined ? undefined : await store.sessionIn(message.room, message.thread);
	if (there?.session.is === 'open')
		return { sayings: refused('Another guide is in progress in this thread. Say `stop` first, or start outside it.') };
	const next = begun(session, message, await store.sessions(message.room), to);
	if (typeof next === 'string') return { sayings: refused(next) };
	const stage = inThread(sayingsOf([next.answer], message, always, message.event, 'stage'), thread);
	const on = keptTurn(next, thread, stage);
	return { sayings: [...sayings, ...stage], session: { ...on.session, says: [...says, ...on.session.says] } };
}

/** Handles a reaction to a message about a session. */
async function decideSign(
	message: Incoming,
	{ session, thread, event, place }: PlacedSession & { place?: StagePlace },
	to: Respondent,
	{ store }: Deciding,
	always: Always,
): Promise<Omit<CommandDecision, 'at'>> {
	const reply = {
		...message,
		event: message.repliesTo ?? message.event,
		...(event !== undefined && { thread: event }),
	};
	const say = (answer: Answer) => sayingsOf([answer], reply, always, message.event);
	if (message.body === '✅' && place) {
		const next = ticked(session, place, message, to);
		return next ? keptTurn(next, thread, say(next.answer)) : { sayings: [] };
	}
	if (message.body !== beginSign || place || session.is === 'open' || session.is === 'ended') return { sayings: [] };
	const no = mayNotChange(message, to);
	if (no) {
		const next = refusedIn(session, message, no);
		return next ? keptTurn(next, thread, say(next.answer)) : { sayings: [] };
	}
	const there = event === undefined ? undefined : await store.sessionIn(message.room, event);
	if (there?.session.is === 'open')
		return { sayings: say(refusal('Another guide is already in progress in this thread.')) };
	const next = begun(session, message, await store.sessions(message.room), to);
	return typeof next === 'string' ? { sayings: say(refusal(next)) } : keptTurn(next, thread, say(next.answer));
}

function keptTurn(
	{ session, gives }: SessionTurn,
	thread: KeptSession['thread'],
	sayings: Saying[],
): { sayings: Saying[]; session: KeptSession } {
	const events = gives ? sayings.filter(({ kind }) => kind === 'event') : [];
	const says = events.map(({ said }) => ({ said, ...(gives && { place: gives }) }));
	return { sayings, session: { session, thread, says } };
}

/**
 * Continues a session in the room that replaces its own: shows the current stage, or where it was stopped, in a new
 * thread. Undefined if it cannot be continued.
 */
export function resumedIn(
	room: string,
	session: GuideSession,
	ports: Parameters<typeof resumed>[1],
): Resumed | undefined {
	const next = resumed({ ...session, room }, ports);
	if (!next) return undefined;
	const { contents } = matrixMessages(next.answer);
	const sayings = contents.map((content, part): Saying => {
		const said = saidId('resumed', JSON.stringify([session.id, room]), part);
		const event = { type: 'm.room.message', content: { ...content, 'io.glia.said': said } };
		return { said, room, kind: 'event', event };
	});
	const kept = keptTurn(next, { root: sayings[0]?.said ?? '' }, sayings);
	// Without a stage, a reaction to the message starts the session, as on its plan.
	if (!next.gives) kept.session.says = sayings.map(({ said }) => ({ said }));
	return kept;
}

/** The root of the thread may not have been sent yet, so there is no event id to refer to. The outbox fills it in. */
function inThread(sayings: Saying[], thread: KeptSession['thread']): Saying[] {
	if (!('root' in thread)) return sayings;
	return sayings.map(saying => {
		const content = saying.kind === 'event' ? saying.event.content : saying.kind === 'file' ? saying.content : {};
		delete content['m.relates_to'];
		return { ...saying, continues: thread.root };
	});
}

/** The reaction that starts an offered session. */
const beginSign = '▶';

/** The commands that reactions stand for, with `!`, because the room may not accept commands without our name. */
const commandOf: ReadonlyMap<string, string> = new Map([
	['✅', '!ack'],
	['💤', '!snooze 7d'],
]);

/** All reactions with a meaning. */
export const signs: readonly string[] = [...commandOf.keys(), beginSign];

export function alwaysIn(settings: Content | undefined): Always {
	return settings?.messages === 'notice' || settings?.messages === 'text' ? settings.messages : undefined;
}
