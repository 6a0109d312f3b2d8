// Turns notes into steps of a plan: tells each story only once, and drops what a wait already covers.

import { finalOf, isAbove, type Version } from '../../deployment/version.ts';
import type { Note, Source } from '../../knowledge/schema/synapse.ts';
import { memo } from '../../runtime/memo.ts';
import { legOf } from './halts.ts';
import type { Step } from './step.ts';
import type { Leg } from './switch-commands.ts';
import type { Way } from './way.ts';

export function stepOf(
	note: Note,
	concerned: Pick<Step, 'concerned' | 'ask'>,
	from: Version,
	legs: readonly Leg[],
): Step {
	const { possible } = note;
	const tooEarly = note.when === 'before' && possible !== undefined && isAbove(possible, from);
	const leg = legOf(tooEarly && possible ? possible : note.release, legs);
	const left = legs[leg]?.from ?? from;
	const isCertain = note.certainBelow !== undefined && isAbove(note.certainBelow, left);
	const onlyIf = isCertain ? undefined : note.onlyIf;
	// A plan has hundreds of these, so optional fields are set one by one: spreading would copy everything each time.
	const step: Step = {
		id: note.id,
		release: note.release,
		when: tooEarly ? 'switch' : note.when,
		must: note.must,
		refuses: note.refuses,
		concerned: concerned.concerned,
		title: note.title,
		text: note.text,
		options: note.options,
		endpoints: note.endpoints,
		metrics: note.metrics,
		tells: [],
		sources: note.sources,
		leg,
	};
	if (concerned.ask) step.ask = concerned.ask;
	if (note.applies) step.applies = note.applies;
	if (onlyIf) step.onlyIf = onlyIf;
	if (onlyIf && note.found) step.look = true;
	if (onlyIf && note.foundIn === 'database') step.query = true;
	if (note.story) step.story = note.story;
	if (note.oneWay) step.oneWay = note.oneWay;
	if (note.longStart) step.longStart = note.longStart;
	if (note.people) step.people = note.people;
	return step;
}

/** The step adjusted to the configuration, if there is one, and to where the upgrade starts and stops. */
export function looked(
	step: Step,
	{ id, until }: Note,
	{ decided, starts, young }: Pick<Way, 'decided' | 'starts' | 'young'>,
	legs: readonly Leg[],
): Step {
	const isOver = () =>
		until !== undefined && !legs.some(({ to }) => !isAbove(step.release, finalOf(to)) && isAbove(until, finalOf(to)));
	const accepts = step.refuses && (starts?.has(id) || isOver());
	const isYoung = young?.has(id) === true;
	const isDecided = decided?.get(id) === true;
	// The usual case, and a plan has hundreds of steps.
	if (!accepts && !isYoung && !isDecided) return step;
	const { onlyIf: _, look: __, ...rest } = step;
	return {
		...(isDecided ? rest : step),
		...(accepts && { refuses: false }),
		...(isYoung && { young: true as const }),
	};
}

/** Tells a story once, by its last note. A refusal on an earlier leg stays: the upgrade would run into it there. */
export function told(steps: readonly Step[]): Step[] {
	const ends = new Map<string, Step>();
	for (const step of steps) if (step.story) ends.set(step.story, step);
	const toldBy = Map.groupBy(steps, step => {
		const end = step.story ? ends.get(step.story) : undefined;
		return end && end !== step && !(step.refuses && step.leg < end.leg) ? end : undefined;
	});
	const kept = toldBy.get(undefined) ?? [];
	return kept.map(step => {
		const before = toldBy.get(step);
		if (!before) return step;
		const sources = distinctSources([step, ...before].flatMap(other => other.sources));
		return { ...step, ...onlyIfAny([step, ...before]), tells: before.map(({ id }) => id), sources };
	});
}

/** The last note of a story affects everyone whom it, or a note that it stands for, affects. */
function onlyIfAny([end, ...before]: readonly Step[]): Pick<Step, 'onlyIf'> {
	if (end?.onlyIf === undefined) return {};
	const clauses = [...new Set([end, ...before].flatMap(({ onlyIf }) => onlyIf ?? []))];
	const wide = clauses.filter(clause => !clauses.some(other => other.startsWith(`${clause}, or `)));
	return { onlyIf: wide.join(', or ') };
}

/**
 * A wait replaces later notes that require the same, if it is at least as certain, and if they can be followed there.
 */
export function waited(
	steps: readonly Step[],
	waits: readonly Step[],
	{ notes, settled }: { notes: readonly Note[]; settled: ReadonlySet<string> },
): Step[] {
	const canFollow = ({ id }: Step, at: Version) => {
		const possible = notes.find(note => note.id === id)?.possible;
		return settled.has(id) || possible === undefined || !isAbove(possible, at);
	};
	const answers = (wait: Step, step: Step) =>
		wait.tells.includes(step.id) &&
		isAbove(step.release, wait.release) &&
		(wait.concerned === true || step.concerned === 'unknown') &&
		canFollow(step, wait.release);
	const answered = waits.map(wait => {
		const same = steps.filter(step => answers(wait, step));
		return {
			...wait,
			tells: same.flatMap(({ id, tells }) => [id, ...tells]),
			sources: distinctSources(same.flatMap(({ sources }) => sources)),
		};
	});
	return [...steps.filter(step => !waits.some(wait => answers(wait, step))), ...answered];
}

const nameOf = memo(({ document, section, heading, under, bullet, url }: Source) =>
	[document, section, heading, under, bullet, url].join('\n'),
);

export function distinctSources(sources: readonly Source[]): Source[] {
	return [...new Map(sources.map(source => [nameOf(source), source])).values()];
}
