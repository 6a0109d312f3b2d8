// What is said where a guide is walked through → what becomes of the walk, and the answer. Rooms and the terminal share it.
import type { Guided } from '../advice/guide/guide.ts';
import type { SessionStep, StagePlace, Tell, Walk } from '../advice/guide/session.ts';
import { begin, guidedFor, moved, refuse, step, wordOf } from '../advice/guide/session.ts';
import { profileFrom } from '../advice/watch/subscription.ts';
import { diagnose } from '../advice/why/diagnose.ts';
import type { Answer, Offer } from '../answer.ts';
import type { Ports } from '../command.ts';
import { walkWords } from '../messages/guide-session.ts';
import { whyWords } from '../messages/why.ts';
import { code } from '../text/markdown.ts';
import type { Call, Message, Respondent } from './calls.ts';
import { plainly } from './calls.ts';
import { mayNotChange } from './respond.ts';

/** So many guides may be under way in a room at a time. */
const maxOpen = 5;

/** A walk as it is now, what is said about it, and the place that this gives. */
export type Walked = { walk: Walk; answer: Answer; gives?: StagePlace; tells?: Tell['is'] };

/** What was offered, before anybody began. */
export function offeredAs(id: string, room: string, offer: Offer): Walk {
	return { ...offer, id, room, is: 'offered', passed: [], since: '', refused: [] };
}

type Steward = { mayChange: Respondent['mayChange']; ports: Pick<Ports, 'knowledge' | 'now' | 'code'> };
type SaidMessage = Pick<Message, 'sender' | 'at' | 'body'>;

/** Begins a walk that was offered, or goes on with one that was stopped; a sentence where it cannot be. */
export function begun(walk: Walk, { sender }: SaidMessage, open: readonly Walk[], { ports }: Steward): Walked | string {
	if (open.length >= maxOpen)
		return `${open.length} guides are under way in this room, and more would be too many. Say ${code('stop')} in the thread of one that is not needed.`;
	const guided = guidedOf(walk, ports);
	return worded(begin(walk, guided, { by: sender, now: ports.now().toISOString() }), guided);
}

/** What was said in the thread of a walk; undefined where it is nothing to the bot. */
export function heard(walk: Walk, said: SaidMessage, open: readonly Walk[], steward: Steward): Walked | undefined {
	const body = plainly(said.body);
	const word = wordOf(body);
	const who = { by: said.sender, at: said.at.toISOString(), now: steward.ports.now().toISOString() };
	if (!word) return explained(stepped(walk, { ...who, text: body }, steward), said.body, steward);
	const full = word.word === 'start' && walk.is === 'stopped' && begun(walk, said, open, steward);
	if (typeof full === 'string') return worded({ walk, tell: { is: 'refused', why: full } }, undefined);
	const no = mayNotChange(said, steward);
	const mayNot = no?.old ? { ...no, why: `${no.why} Please say it again if it still holds.` } : no;
	return stepped(walk, { ...who, ...word, ...(mayNot && { mayNot }) }, steward);
}

/** An error that the guide does not know is looked for among everything that is known. */
function explained(walked: Walked | undefined, text: string, { ports }: Steward): Walked | undefined {
	if (walked?.tells !== 'unknown') return walked;
	const { walk } = walked;
	const profile = profileFrom(walk.facts);
	const { guide, place } = walk;
	const asked = { text, versions: [], profile, walk: { guide, ...(place && { stage: place.stage }) } };
	const diagnosis = diagnose(asked, ports.knowledge, ports.code);
	if (diagnosis.matches[0]?.by !== 'text') return walked;
	return { ...walked, answer: whyWords(diagnosis, { profile, versions: [], taken: [] }) };
}

/** Whether these calls may be a word of a walk, said with the bot's name before it, and no command. */
export function asWord(calls: readonly Call[], { commands }: Pick<Respondent, 'commands'>): string | undefined {
	const [call, more] = calls;
	if (!call || more || call.words.length || commands.some(({ name }) => name === call.name)) return undefined;
	return wordOf(call.name) ? call.name : undefined;
}

/** Somebody who may not begin, told so once. */
export function refusedIn(walk: Walk, { sender }: SaidMessage, no: { why: string; old: boolean }): Walked | undefined {
	const next = refuse(walk, sender, no);
	return next && worded(next, undefined);
}

/** A reaction ✅ to a message about a place: it counts where that is the place at hand. */
export function ticked(walk: Walk, about: StagePlace, said: SaidMessage, steward: Steward): Walked | undefined {
	const { place } = walk;
	if (walk.is !== 'open' || place?.stage !== about.stage || place.gate !== about.gate) return undefined;
	return heard(walk, { ...said, body: '✅' }, [], steward);
}

/** What is said about a walk in the room that replaces the one where it began. */
export function resumed(walk: Walk, ports: Pick<Ports, 'knowledge'>): Walked {
	const guided = guidedOf(walk, ports);
	return worded(moved(walk, guided), guided);
}

function guidedOf(walk: Walk, { knowledge }: Pick<Ports, 'knowledge'>): Guided | undefined {
	return guidedFor(walk, knowledge.guides, knowledge.tried);
}

function stepped(walk: Walk, what: Parameters<typeof step>[1], { ports }: Steward): Walked | undefined {
	const guided = guidedOf(walk, ports);
	const next = step(walk, what, guided);
	return next && worded(next, guided);
}

function worded(next: SessionStep, guided: Guided | undefined): Walked {
	const { walk, gives, tell } = next;
	return { walk, answer: walkWords(next, guided), tells: tell.is, ...(gives && { gives }) };
}
