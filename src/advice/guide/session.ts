// A guide session: how far a room has got in a guide, and how a word or a pasted error changes that.

import type { Offer } from '../../answer.ts';
import type { Profile } from '../../deployment/facts.ts';
import type { Guide, Tried } from '../../knowledge/schema/synapse.ts';
import { profileFrom } from '../watch/subscription.ts';
import type { FoundFailure, Guided, GuidedStage, GuideRefusal } from './guide.ts';
import { failuresIn, guideFor } from './guide.ts';

/**
 * A stage of the guide. At its gate, the room has been told what cannot be undone, but has not been shown the stage
 * yet.
 */
export type StagePlace = { stage: string; gate: boolean };

/** `left`: it had been shown, so it may have been started, when someone went back. */
export type Passed = { stage: string; as: 'done' | 'skipped' | 'left'; by: string; at: string };

/** Times are ISO 8601. */
export type GuideSession = Offer & {
	/** Permanent, even if the room is upgraded. */
	id: string;
	room: string;
	/** `offered`: its plan was shown, but nobody has started. */
	is: 'offered' | 'open' | 'stopped' | 'ended';
	place?: StagePlace;
	/** In the order they were passed, each stage once. Going back keeps it, because that undoes nothing. */
	passed: Passed[];
	begun?: { by: string; at: string };
	/** When the current stage was shown. */
	since: string;
	/** People who were told that they may not change things here, so that each is told only once. */
	refused: string[];
};

const typed = {
	done: 'done',
	'✅': 'done',
	back: 'back',
	skip: 'skip',
	stop: 'stop',
	where: 'where',
	start: 'start',
} as const;
export type SessionWord = (typeof typed)[keyof typeof typed];

/** Something said in the thread of a session: one of its words, or anything else. */
export type HeardWord = { by: string; at: string; now: string } & (
	| {
			word: SessionWord;
			/** Said with a reaction, or by typing its emoji. */
			sign: boolean;
			/** Why they may not change things here; `old`: the message is older than a day. */
			mayNot?: { why: string; old: boolean };
	  }
	| { text: string }
);

/** Other things people say to a session: these get an answer and change nothing. */
export type Aside = 'help' | 'onward' | 'pause' | 'question';

const asides: readonly [RegExp, Aside][] = [
	[/^(help|commands|what can i say)\??$/, 'help'],
	[/^(next|ok|okay|yes|y|go on|continue|ready)[.!]*$/, 'onward'],
	[/^(pause|wait|later|hold on|break)[.!]*$/, 'pause'],
	[/\?$/, 'question'],
];

function asideOf(text: string): Aside | undefined {
	const small = text.trim().toLowerCase();
	if (small.length > 200 || small.includes('\n')) return undefined;
	return asides.find(([pattern]) => pattern.test(small))?.[1];
}

/** What to say; messages/guide-session.ts puts it into words. */
export type Tell =
	| { is: 'stage'; after: 'begun' | 'done' | 'back' | 'resumed' | 'moved' }
	| { is: 'stage'; after: 'skipped'; skipped: GuidedStage }
	| { is: 'stopped' | 'ended' | 'gate' | 'first' | 'unknown' }
	/** `moved`: in another room than the one where it was stopped. */
	| { is: 'where'; moved?: true }
	/** Not one of the session's words. */
	| { is: 'asked'; what: Aside }
	/** Said before the current stage was shown. */
	| { is: 'early' }
	/** The room's stage is no longer in the guide. */
	| { is: 'changed'; was: string }
	/** The guide no longer exists, or now refuses this deployment. */
	| { is: 'gone'; why: GuideRefusal[] }
	/** The session was stopped, or has ended. */
	| { is: 'over' }
	| { is: 'refused'; why: string }
	| { is: 'found'; found: FoundFailure[] };

/** `gives` is the place that the answer shows: a reaction to the answer refers to it. */
export type SessionStep = { session: GuideSession; tell: Tell; gives?: StagePlace };

/** At most this many people are remembered as refused; further ones get no answer. */
const maxRefused = 50;

/** The session word that a message consists of; case and trailing punctuation are ignored. */
export function wordOf(body: string): { word: SessionWord; sign: boolean } | undefined {
	if (body.length > 40) return undefined;
	const text = body
		.trim()
		.toLowerCase()
		.replace(/^! ?/, '')
		.replace(/(?:[\s.,;:!?…]|\uFE0E|\uFE0F)+$/, '');
	return Object.hasOwn(typed, text) ? { word: typed[text as keyof typeof typed], sign: text === '✅' } : undefined;
}

/** What was asked, with all values known at the time. */
export function offerOf(
	guided: Guided,
	{ stated, profile, asked }: { stated: ReadonlyMap<string, string>; profile: Profile; asked: string },
): Offer {
	const known = guided.parameters.flatMap(({ name, value }) => (value === null ? [] : [[name, value] as const]));
	return {
		guide: guided.guide,
		stated: Object.fromEntries([...known, ...stated, ['way', guided.way]]),
		facts: [...new Set([...profile.values()].map(known => known.stated))].sort(),
		asked,
	};
}

/** The current version of the guide for what was asked earlier; undefined if the guide no longer exists. */
export function guidedFor(offer: Offer, guides: readonly Guide[], tried: readonly Tried[]): Guided | undefined {
	const guide = guides.find(({ id }) => id === offer.guide);
	const stated = new Map(Object.entries(offer.stated));
	return guide && guideFor(guide, { stated, profile: profileFrom(offer.facts) }, tried);
}

/** All stages of the session, in order. */
export function stagesOf({ stages, cleanUp }: Pick<Guided, 'stages' | 'cleanUp'>): GuidedStage[] {
	return [...stages, ...cleanUp];
}

/** The index of the last stage started, whether finished or only shown; -1 if none. */
export function reachedIn(session: GuideSession, { stages }: Guided): number {
	return stages.findLastIndex(({ id }) => hasPassed(session, id, 'done') || isStarted(session, id));
}

/** Whether a stage has been shown, so that it may have been started, but is not finished. */
function isStarted(session: GuideSession, stage: string): boolean {
	return hasPassed(session, stage, 'left') || (isShown(session, stage) && !hasPassed(session, stage, 'done'));
}

function isShown({ place }: GuideSession, stage: string): boolean {
	return place?.stage === stage && !place.gate;
}

export function hasPassed({ passed }: GuideSession, stage: string, as: Passed['as']): boolean {
	return passed.some(other => other.stage === stage && other.as === as);
}

/** Whether the server is down: true if the last finished stage that changes this took it down. */
export function isDown(session: GuideSession, guided: Guided): true | false | 'unknown' {
	const all = stagesOf(guided);
	// In the order they were finished, because a stage may be done again after one that brings the server back up.
	const last = session.passed
		.filter(({ as }) => as === 'done')
		.flatMap(({ stage }) => all.find(({ id }) => id === stage)?.down ?? [])
		.at(-1);
	if (last === 'begins') return true;
	// A finished stage that someone went back to may have been started again.
	const isOpen = (id: string) => isStarted(session, id) || isShown(session, id);
	return all.some(({ id, down }) => down === 'begins' && isOpen(id)) ? 'unknown' : false;
}

/** Starts at the first stage, or resumes where it was stopped. */
export function begin(
	session: GuideSession,
	guided: Guided | undefined,
	{ by, now }: { by: string; now: string },
): SessionStep {
	const [first] = guided ? stagesOf(guided) : [];
	if (!guided || !first) return gone(session, guided);
	if (session.is === 'stopped') return resume({ ...session, is: 'open', since: now }, guided);
	return give({ ...session, is: 'open', begun: { by, at: now } }, first, { is: 'stage', after: 'begun' }, now);
}

/**
 * Shows the current stage again, in another room; for a stopped session, only where it was stopped. Undefined if that
 * can no longer be continued.
 */
export function moved(session: GuideSession, guided: Guided | undefined): SessionStep | undefined {
	const isGone = !guided || guided.refused.length > 0;
	if (session.is === 'stopped') return isGone ? undefined : { session, tell: { is: 'where', moved: true } };
	if (isGone) return gone(session, guided);
	const { session: here, tell, gives } = resume(session, guided);
	return {
		session: here,
		tell: tell.is === 'stage' ? { is: 'stage', after: 'moved' } : tell,
		...(gives && { gives }),
	};
}

/** How a message in the thread changes a session; undefined if it is not for the bot. */
export function step(session: GuideSession, heard: HeardWord, guided: Guided | undefined): SessionStep | undefined {
	if ('text' in heard) return guided && looked(session, heard.text, guided);
	const { word, by, now, mayNot } = heard;
	if (word === 'start' && session.is === 'open') return undefined;
	if (word !== 'where' && mayNot) return refuse(session, by, mayNot);
	if (!guided || guided.refused.length) return session.is === 'open' ? gone(session, guided) : undefined;
	if (word === 'where') return where(session, guided);
	if (word === 'start') return session.is === 'stopped' ? begin(session, guided, { by, now }) : over(session);
	if (session.is === 'ended' && word === 'back') return again(session, stagesOf(guided).at(-1), { by, now });
	if (session.is !== 'open' || !session.place) return over(session);
	if (word === 'stop') return { session: { ...session, is: 'stopped' }, tell: { is: 'stopped' } };
	const all = stagesOf(guided);
	const here = all.findIndex(({ id }) => id === session.place?.stage);
	const stage = all[here];
	if (!stage) return resume({ ...session, since: now }, guided);
	if (word === 'back')
		return here === 0 ? { session, tell: { is: 'first' } } : again(session, all[here - 1], { by, now });
	return onward({ session, stage, next: all[here + 1] }, heard);
}

type SessionStage = { session: GuideSession; stage: GuidedStage; next: GuidedStage | undefined };

function onward(
	{ session, stage, next }: SessionStage,
	{ word, by, at, now, sign }: Extract<HeardWord, { word: SessionWord }>,
): SessionStep {
	// A reaction refers to a stage by its event, but a word said before the stage was shown cannot mean it.
	if (!sign && at < session.since) return { session, tell: { is: 'early' } };
	if (word === 'done' && session.place?.gate) {
		if (sign) return { session, tell: { is: 'gate' } };
		const gives = { stage: stage.id, gate: false };
		return { session: { ...session, place: gives, since: now }, tell: { is: 'stage', after: 'done' }, gives };
	}
	const isSkipped = word === 'skip';
	// What was finished before someone went back to it stays finished.
	const isKept = isSkipped && hasPassed(session, stage.id, 'done');
	const passed = isKept
		? session.passed
		: withPassed(session, { stage: stage.id, as: isSkipped ? 'skipped' : 'done', by, at });
	const tell: Tell =
		isSkipped && !isKept ? { is: 'stage', after: 'skipped', skipped: stage } : { is: 'stage', after: 'done' };
	if (next) return give({ ...session, passed }, next, tell, now);
	const { place: _, ...rest } = session;
	return { session: { ...rest, passed, is: 'ended', since: now }, tell: { is: 'ended' } };
}

function give(session: GuideSession, stage: GuidedStage, tell: Tell, since: string): SessionStep {
	const gives = { stage: stage.id, gate: stage.noReturn !== undefined };
	return { session: { ...session, place: gives, since }, tell, gives };
}

function withPassed({ passed }: GuideSession, now: Passed): Passed[] {
	return [...passed.filter(({ stage }) => stage !== now.stage), now];
}

/** Shows an earlier stage again. The current one may have been started. */
function again(
	session: GuideSession,
	stage: GuidedStage | undefined,
	{ by, now }: { by: string; now: string },
): SessionStep | undefined {
	if (!stage) return undefined;
	const { place } = session;
	const isLeft = place && isStarted(session, place.stage);
	const passed = isLeft ? withPassed(session, { stage: place.stage, as: 'left', by, at: now }) : session.passed;
	return give({ ...session, is: 'open', passed }, stage, { is: 'stage', after: 'back' }, now);
}

/** Resumes at the current stage, or if that no longer exists, after the last passed stage that still does. */
function resume(session: GuideSession, guided: Guided): SessionStep {
	const all = stagesOf(guided);
	const { place } = session;
	if (place && all.some(({ id }) => id === place.stage))
		return { session, tell: { is: 'stage', after: 'resumed' }, gives: place };
	const last = all.findLastIndex(({ id }) => hasPassed(session, id, 'done') || hasPassed(session, id, 'skipped'));
	const stage = all[Math.min(last + 1, all.length - 1)];
	if (!stage) return gone(session, guided);
	return give(session, stage, { is: 'changed', was: place?.stage ?? '' }, session.since);
}

function where(session: GuideSession, guided: Guided): SessionStep {
	const { place } = session;
	if (session.is !== 'open' || !place) return { session, tell: { is: 'where' } };
	if (!stagesOf(guided).some(({ id }) => id === place.stage)) return resume(session, guided);
	return { session, tell: { is: 'where' }, gives: place };
}

function gone(session: GuideSession, guided: Guided | undefined): SessionStep {
	return { session: { ...session, is: 'stopped' }, tell: { is: 'gone', why: guided?.refused ?? [] } };
}

function over(session: GuideSession): SessionStep | undefined {
	return session.is === 'offered' ? undefined : { session, tell: { is: 'over' } };
}

/** Said once per person, so that others who talk in the thread are not bothered. */
export function refuse(
	session: GuideSession,
	by: string,
	{ why, old }: { why: string; old: boolean },
): SessionStep | undefined {
	if (old) return { session, tell: { is: 'refused', why } };
	if (session.refused.includes(by) || session.refused.length >= maxRefused) return undefined;
	return { session: { ...session, refused: [...session.refused, by] }, tell: { is: 'refused', why } };
}

/** Finds a known error in a message. Other text only gets a reply if it is clearly program output, or an aside. */
function looked(session: GuideSession, text: string, guided: Guided): SessionStep | undefined {
	const found = failuresIn(guided, session.place?.stage, text);
	if (found.length) return { session, tell: { is: 'found', found } };
	if (session.is !== 'open') return undefined;
	if (isOutput(text)) return { session, tell: { is: 'unknown' } };
	const what = asideOf(text);
	return what && { session, tell: { is: 'asked', what } };
}

/** A code block, or a line that starts the way programs' errors do. */
export function isOutput(text: string): boolean {
	if (/^[ \t]*(```|~~~)/m.test(text)) return true;
	return /^[ \t]*(Traceback \(most recent call last\):|([\w./-]+: ){0,3}(error|fatal|panic|fehler):\s+\S)/im.test(text);
}
