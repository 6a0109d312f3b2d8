// What will stop working for a watched server: upstream's announcements, and ends of support.

import { concern } from '../../deployment/condition.ts';
import { type Profile, profileKey } from '../../deployment/facts.ts';
import { compare, finalOf, isAbove, isCandidate, lineOf, type Version } from '../../deployment/version.ts';
import { memoByText } from '../../runtime/memo.ts';
import { daysBetween } from '../../text/local-time.ts';
import { type Deadline, deadlines, earliest } from '../upgrade/deadlines.ts';
import {
	type AlertCondition,
	type AlertSubject,
	type At,
	ends,
	type Facing,
	judged,
	ladders,
	newestOf,
} from './alert-condition.ts';
import { nameOf } from './build.ts';
import type { Rule } from './severity.ts';

/** Shared, because on any day thousands of rooms watch servers with the same release and facts. */
const keptStories = memoByText<At['knowledge'], ReadonlyMap<string, Deadline>>(500);

/** One deadline per story: the latest announcement. */
function storiesOf(at: At, newest: Version): ReadonlyMap<string, Deadline> {
	const { running, knowledge, profile, decided, today } = at;
	const make = () => openStories(at, newest);
	return decided?.size ? make() : keptStories(knowledge, `${running} ${today} ${profileKey(profile)}`, make);
}

function openStories({ running, knowledge, profile, decided, today }: At, newest: Version): Map<string, Deadline> {
	const stories = new Map<string, Deadline>();
	const story = new Map(knowledge.notes.map(note => [note.id, note.story ?? note.id]));
	for (const deadline of deadlines({ at: newest, today, all: true, decided }, profile, knowledge)) {
		if (deadline.announced === null || deadline.withdrawn !== undefined) continue;
		const landed = landedBy(deadline, newest);
		if (landed !== undefined && !isAbove(landed, running)) continue;
		const id = story.get(deadline.id) ?? deadline.id;
		const other = stories.get(id);
		if (!other?.announced || compare(deadline.announced, other.announced) >= 0) stories.set(id, deadline);
	}
	return stories;
}

export function promises(at: At): AlertCondition[] {
	const { knowledge, profile } = at;
	const newest = newestOf(knowledge);
	return [...storiesOf(at, newest)].flatMap(([subject, deadline]): AlertCondition[] => {
		const stage = stageOf(deadline, newest, at);
		if (stage === undefined) return [];
		const { concerned } = deadline;
		const nearness = ladders.deadline.indexOf(stage);
		const near = nearness >= ladders.deadline.indexOf('d30');
		// A plan lists what has landed together with its condition, so do not raise an alert if it may not apply.
		const unsure = concerned === 'unknown' && (!near || ends.includes(stage));
		const ask = concerned === 'unknown';
		const late = deadline.slipped && deadline.landed === null;
		const stale = late && overdueDays(deadline, at) > fresh;
		return [
			{
				rule: 'deadline',
				subject,
				stage: ask ? 'ask' : stage,
				severity: near && !ask && !stale ? 'warning' : 'info',
				// If overdue but still working, there is no date for reminders; a candidate without it is the next news.
				reminds: !ask && stage === 'in-force',
				...(stale && { stale: true as const }),
				...(unsure && { unsure: true as const }),
				about: { rule: 'deadline', name: deadline.subject, stage, ...(late && { overdue: true as const }) },
				details: () => ({ is: 'deadline', deadline }),
				...(ask && { ask: askOf(deadline, profile) }),
			},
		];
	});
}

/** Days for which something overdue is still news. */
export const fresh = 90;

/** Days since the announced date, or since the announced version was reached. */
function overdueDays({ at }: Deadline, { knowledge, today }: At): number {
	if (at.date !== undefined) return daysBetween(earliest(at.date), today);
	const named = at.version;
	const reached =
		named && knowledge.releases.find(({ version }) => !isCandidate(version) && compare(version, named) >= 0);
	return reached ? daysBetween(reached.date, today) : 0;
}

/** The release in which it landed, if that release is out. */
function landedBy({ landed }: Deadline, newest: Version): Version | undefined {
	return landed !== null && compare(landed, newest) <= 0 ? landed : undefined;
}

function askOf(deadline: Deadline, profile: Profile): string[] {
	const concerned = concern(deadline.applies, profile);
	return concerned.is === 'unknown' ? concerned.ask : [];
}

/** How many lines of releases away it is: 0 or less if it is due, and infinitely many for another major version. */
function linesBetween(newest: Version, version: Version): number {
	if (!isAbove(version, newest)) return 0;
	const [major, minor] = numbersOf(newest);
	const [nextMajor, nextMinor] = numbersOf(version);
	return nextMajor === major ? nextMinor - minor : Number.POSITIVE_INFINITY;
}

function numbersOf(version: Version): [major: number, minor: number] {
	const [major = 0, minor = 0] = lineOf(version).split('.').map(Number);
	return [major, minor];
}

export function stageOf(
	{ at, landed }: Deadline,
	newest: Version,
	{ knowledge, running, today }: At,
): string | undefined {
	if (landed !== null && compare(landed, newest) <= 0) return isAbove(landed, running) ? 'in-force' : undefined;
	const stages: string[] = [];
	if (at.vague !== undefined) stages.push('announced');
	if (at.date !== undefined) {
		const stage = dateStage(daysBetween(today, earliest(at.date)));
		if (stage) stages.push(stage);
	}
	const version = landed ?? at.version;
	if (version !== undefined) {
		const candidate = knowledge.releases.some(
			release => isCandidate(release.version) && finalOf(release.version) === finalOf(version),
		);
		const away = linesBetween(newest, version);
		if (candidate && isAbove(version, newest)) stages.push('rc');
		// Due and not landed: any release may bring it, including the next.
		else if (away <= 1) stages.push('next');
		else if (away === 2) stages.push('two-away');
	}
	const order = ladders.deadline;
	return stages.sort((a, b) => order.indexOf(b) - order.indexOf(a))[0];
}

function dateStage(days: number): string | undefined {
	if (days <= 0) return 'passed';
	const step = [1, 7, 14, 30, 90].find(max => days <= max);
	return step === undefined ? undefined : `d${step}`;
}

/** Whether it is still going to happen, although it is too far off for an alert: upstream postponed it. */
export function isStillAhead({ rule, subject }: { rule: Rule; subject: string }, facing: Facing): boolean {
	const running = judged(facing);
	if (rule === 'deadline' && running) {
		const at = { ...facing, running: running.version, named: nameOf(running, facing.knowledge) };
		return storiesOf(at, newestOf(facing.knowledge)).has(subject);
	}
	return rule === 'lifecycle' && supportEnds(facing).some(({ id }) => id === `lifecycle/${subject}`);
}

function supportEnds({ profile, today, knowledge }: Facing): Deadline[] {
	return deadlines({ at: '0.0.0', today, all: false, unlikely: true }, profile, knowledge).filter(
		({ announced, at }) => announced === null && at.date !== undefined,
	);
}

/** Ends of support. Those of what the profile may have raise no alerts; the status card shows them. */
export function lifecycles(facing: Facing): AlertCondition[] {
	return supportEnds(facing).flatMap((deadline): AlertCondition[] => {
		const stage = dateStage(daysBetween(facing.today, earliest(deadline.at.date ?? '')));
		if (stage === undefined) return [];
		return [
			{
				rule: 'lifecycle',
				subject: deadline.id.replace(/^lifecycle\//, ''),
				stage,
				severity: stage === 'd90' ? 'info' : 'warning',
				reminds: stage === 'passed',
				...(deadline.concerned === 'unknown' && { unsure: true as const }),
				about: endOf(deadline, stage),
				details: () => ({ is: 'lifecycle', deadline }),
			},
		];
	});
}

function endOf({ subject, landed, id }: Deadline, stage: string): AlertSubject {
	const isOver = stage === 'passed';
	if (!/^lifecycle\/(debian|ubuntu)-/.test(id))
		return { rule: 'lifecycle', name: subject, of: 'support', state: isOver ? 'over' : 'soon' };
	const state = landed !== null ? 'over' : isOver ? 'due' : 'soon';
	return { rule: 'lifecycle', name: subject, of: 'packages', state };
}

/** The next things that will stop working for a server, for its status card. */
export function nextDeadlines(facing: Facing, max: number): Deadline[] {
	const { profile, decided, today, knowledge } = facing;
	const running = judged(facing);
	if (!running) return [];
	const near = deadlines({ at: newestOf(knowledge), today, all: true, decided }, profile, knowledge)
		.filter(({ withdrawn, landed }) => withdrawn === undefined && (landed === null || isAbove(landed, running.version)))
		.filter(({ concerned, announced }) => concerned === true || announced !== null)
		.filter(({ at, landed }) => !at.vague && landed === null)
		.filter(({ at, slipped }) => !slipped && (at.date === undefined || earliest(at.date) > today));
	// Those that certainly apply are chosen first; the chosen ones are then listed by date.
	const chosen = new Set(
		near.toSorted((a, b) => Number(b.concerned === true) - Number(a.concerned === true)).slice(0, max),
	);
	return near.filter(deadline => chosen.has(deadline));
}

/** What was announced to stop working for a server by now, but still works. */
export function overdue({ profile, decided, today, knowledge }: Facing): Deadline[] {
	return deadlines({ at: newestOf(knowledge), today, all: false, decided }, profile, knowledge).filter(
		({ concerned, announced, slipped }) => concerned === true && announced !== null && slipped,
	);
}
