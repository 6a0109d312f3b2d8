// Handles what is said in a guide session: returns its new state and the answer. Used in rooms and in the terminal.
import type { Guided } from '../advice/guide/guide.ts';
import type { GuideSession, SessionStep, StagePlace, Tell } from '../advice/guide/session.ts';
import { begin, guidedFor, moved, refuse, step, wordOf } from '../advice/guide/session.ts';
import { profileFrom } from '../advice/watch/subscription.ts';
import { diagnose } from '../advice/why/diagnose.ts';
import type { Answer, Offer } from '../answer.ts';
import type { Ports } from '../command.ts';
import { sessionWords } from '../messages/guide-session.ts';
import { whyWords } from '../messages/why.ts';
import { code } from '../text/markdown.ts';
import type { Call, Message, Respondent } from './calls.ts';
import { plainly } from './calls.ts';
import { mayNotChange } from './respond.ts';

/** At most this many guides in progress in a room. */
const maxOpen = 5;

/** The session's new state, the answer, and the stage that the answer shows. */
export type SessionTurn = { session: GuideSession; answer: Answer; gives?: StagePlace; tells?: Tell['is'] };

/** A session that is offered but not started. */
export function offeredAs(id: string, room: string, offer: Offer): GuideSession {
	return { ...offer, id, room, is: 'offered', passed: [], since: '', refused: [] };
}

type Steward = { mayChange: Respondent['mayChange']; ports: Pick<Ports, 'knowledge' | 'now' | 'code'> };
type SaidMessage = Pick<Message, 'sender' | 'at' | 'body'>;

/** Starts an offered session or resumes a stopped one; returns a sentence saying why if that is not possible. */
export function begun(
	session: GuideSession,
	{ sender }: SaidMessage,
	open: readonly GuideSession[],
	{ ports }: Steward,
): SessionTurn | string {
	if (open.length >= maxOpen)
		return `${open.length} guides are in progress in this room, which is the most I can follow at once. Say ${code('stop')} in the thread of one you no longer need.`;
	const guided = guidedOf(session, ports);
	return worded(begin(session, guided, { by: sender, now: ports.now().toISOString() }), guided);
}

/** Handles a message in a session's thread; undefined if it is not for the bot. */
export function heard(
	session: GuideSession,
	said: SaidMessage,
	open: readonly GuideSession[],
	steward: Steward,
): SessionTurn | undefined {
	const body = plainly(said.body);
	const word = wordOf(body);
	const who = { by: said.sender, at: said.at.toISOString(), now: steward.ports.now().toISOString() };
	if (!word) return explained(stepped(session, { ...who, text: body }, steward), said.body, steward);
	const full = word.word === 'start' && session.is === 'stopped' && begun(session, said, open, steward);
	if (typeof full === 'string') return worded({ session, tell: { is: 'refused', why: full } }, undefined);
	const no = mayNotChange(said, steward);
	const mayNot = no?.old ? { ...no, why: `${no.why} Please repeat it if you still want it.` } : no;
	return stepped(session, { ...who, ...word, ...(mayNot && { mayNot }) }, steward);
}

/** If the guide does not know an error, look it up among all known ones. */
function explained(turn: SessionTurn | undefined, text: string, { ports }: Steward): SessionTurn | undefined {
	if (turn?.tells !== 'unknown') return turn;
	const { session } = turn;
	const profile = profileFrom(session.facts);
	const { guide, place } = session;
	const asked = { text, versions: [], profile, session: { guide, ...(place && { stage: place.stage }) } };
	const diagnosis = diagnose(asked, ports.knowledge, ports.code);
	if (diagnosis.matches[0]?.by !== 'text') return turn;
	return {
		...turn,
		answer: whyWords(diagnosis, { profile, versions: [], taken: [], installs: ports.knowledge.installs }),
	};
}

/** The word of a session in a call that is not a known command, such as `glia: done`; undefined if there is none. */
export function asWord(calls: readonly Call[], { commands }: Pick<Respondent, 'commands'>): string | undefined {
	const [call, more] = calls;
	if (!call || more || call.words.length || commands.some(({ name }) => name === call.name)) return undefined;
	return wordOf(call.name) ? call.name : undefined;
}

/** Tells someone, once, that they may not start a session. */
export function refusedIn(
	session: GuideSession,
	{ sender }: SaidMessage,
	no: { why: string; old: boolean },
): SessionTurn | undefined {
	const next = refuse(session, sender, no);
	return next && worded(next, undefined);
}

/** Handles a ✅ on a message about a stage. It counts if that is the current stage. */
export function ticked(
	session: GuideSession,
	about: StagePlace,
	said: SaidMessage,
	steward: Steward,
): SessionTurn | undefined {
	const { place } = session;
	if (session.is !== 'open' || place?.stage !== about.stage || place.gate !== about.gate) return undefined;
	return heard(session, { ...said, body: '✅' }, [], steward);
}

/** What is said about a session in the room that replaces its own; undefined if it cannot be continued there. */
export function resumed(session: GuideSession, ports: Pick<Ports, 'knowledge'>): SessionTurn | undefined {
	const guided = guidedOf(session, ports);
	const next = moved(session, guided);
	return next && worded(next, guided);
}

function guidedOf(session: GuideSession, { knowledge }: Pick<Ports, 'knowledge'>): Guided | undefined {
	return guidedFor(session, knowledge.guides, knowledge.tried);
}

function stepped(session: GuideSession, what: Parameters<typeof step>[1], { ports }: Steward): SessionTurn | undefined {
	const guided = guidedOf(session, ports);
	const next = step(session, what, guided);
	return next && worded(next, guided);
}

function worded(next: SessionStep, guided: Guided | undefined): SessionTurn {
	const { session, gives, tell } = next;
	return { session, answer: sessionWords(next, guided), tells: tell.is, ...(gives && { gives }) };
}
