// What is true of a watched server now and worth knowing: one function for each rule. alerts.ts decides who still has to
// hear of it, and messages/alerts.ts says it.

import { concern, holds } from '../../deployment/condition.ts';
import type { Profile } from '../../deployment/facts.ts';
import type { Version } from '../../deployment/version.ts';
import { compare, finalOf, isAbove, isCandidate, lineOf } from '../../deployment/version.ts';
import type { Advisory, Knowledge } from '../../knowledge/schema/synapse.ts';
import { stable } from '../../knowledge/stable.ts';
import { daysBetween } from '../../text/local-time.ts';
import { fixedIn, isAffected } from '../upgrade/advisories.ts';
import type { Deadline } from '../upgrade/deadlines.ts';
import { deadlines, earliest } from '../upgrade/deadlines.ts';
import { faultsOf } from '../upgrade/faults.ts';
import { type Plan, plan, type Step } from '../upgrade/plan.ts';
import { isKnown, type Named, nameOf } from './build.ts';
import type { Running, Spell } from './history.ts';
import type { Observed } from './observation.ts';
import type { Rule, Severity } from './severity.ts';
import { severities } from './severity.ts';

/** The ladder of each rule, from far to near. What stands later is nearer, and says more. */
export const ladders: Record<Rule, readonly string[]> = {
	release: ['out'],
	withdrawn: ['gone'],
	advisory: ['ask', 'open'],
	fault: ['ask', 'open'],
	unclear: ['published'],
	deadline: ['announced', 'd90', 'two-away', 'ask', 'd30', 'next', 'd14', 'd7', 'd1', 'passed', 'rc', 'in-force'],
	lifecycle: ['d90', 'd30', 'd14', 'd7', 'd1', 'passed'],
	floor: ['newest'],
	unseen: ['long'],
	mixture: ['seen'],
};

/** The end of a ladder: a new fact, which even those hear who stopped the reminders. */
export const ends: readonly string[] = ['passed', 'in-force'];

export type Matter = {
	rule: Rule;
	subject: string;
	stage: string;
	severity: Severity;
	/** Said again until somebody acts or stops it. */
	reminds: boolean;
	/** Only for those who were told of this release: nobody else has to know. */
	onlyIfTold?: Version;
	/** Old news: who has not heard of it finds it in the status card, and is not told. */
	stale?: true;
	about: About;
	/** Worked out only when it is said: a plan is long. */
	details: () => Details;
	/** Facts that would decide whether it concerns the server. */
	ask?: string[];
	/** Whether the newest release closes it: who hears of that upgrades anyway. */
	closed?: true;
};

/** What it is, in the names and numbers that a title needs. It is kept for the day when it is over. */
export type About =
	| { rule: 'release'; newest: Version }
	| { rule: 'withdrawn'; version: Version }
	/** `rating`: how severe upstream calls it. `name`: its title there. */
	| { rule: 'advisory' | 'unclear'; id: string; rating: Advisory['severity']; name: string }
	/** A severe fault of the running release. */
	| { rule: 'fault'; version: Version; name: string }
	/** `stage`: how near it is. `overdue`: it should have landed by now. */
	| { rule: 'deadline'; name: string; stage: string; overdue?: true }
	/** The end of a product's support, or of upstream's packages for a system. `due`: it may come with any release. */
	| { rule: 'lifecycle'; name: string; of: 'support' | 'packages'; state: 'soon' | 'due' | 'over' }
	| { rule: 'floor'; of: keyof typeof floorFacts; min: string }
	/** `since`: ISO 8601, UTC. */
	| { rule: 'unseen'; is: 'other' | 'unreadable' | 'hidden' | 'silent'; since: string }
	| { rule: 'mixture'; lowest: Version; highest: Version }
	| { rule: 'first'; running: Named }
	/** `judged`: both releases are known. */
	| { rule: 'change'; from: Named; to: Named; judged: boolean };

/** What else there is to tell. */
export type Details =
	/** `first`: the first release of the line, where it is news as well. `announces`: what is too far for an alert of its own. */
	| { is: 'release'; way: Plan; first?: { line: string; version: Version }; announces: readonly Deadline[] }
	/** `runs`: whether the server runs it. */
	| { is: 'withdrawn'; runs: boolean; newest: Version }
	| { is: 'advisory'; running: Named; fixedIn?: Version; link?: string }
	/** `text`: what one sees and what helps; `take`: the release to go to. */
	| { is: 'fault'; text: string; take?: Version }
	/** `written`: what upstream wrote of the versions; empty for nothing. */
	| { is: 'unclear'; running: Version; written: string; link?: string }
	| { is: 'deadline' | 'lifecycle'; deadline: Deadline }
	/** `from`: the first release that needs it. */
	| { is: 'floor'; from: Version }
	| { is: 'unseen'; observed?: Observed }
	| { is: 'mixture'; lowest: Version }
	/** Of a release that is not known; `judged`: what runs now is. `newest`: the newest that is. */
	| { is: 'unjudged'; judged: boolean; newest: Version }
	/** The way from the older release to the newer one, and what is left to do after it. */
	| { is: 'changed'; way: Plan; after: readonly Step[] }
	| { is: 'solved'; running?: Named };

export type Facing = {
	server: string;
	running: Running | undefined;
	spells: readonly Spell[];
	/** Whether a person told the version, because nobody can see it. */
	told: boolean;
	profile: Profile;
	knowledge: Knowledge;
	now: Date;
	/** The day in the room's time zone. */
	today: string;
};

/** All that is true now, the worst first; before it a mixture, which explains the rest. */
export function matters(facing: Facing): Matter[] {
	const found = [...unseen(facing), ...mixture(facing), ...lifecycles(facing)];
	const running = judged(facing);
	if (running) {
		const at = { ...facing, running: running.version, named: nameOf(running, facing.knowledge) };
		found.push(
			...withdrawn(at),
			...advisories(at),
			...faults(at),
			...unclear(at),
			...promises(at),
			...floors(at),
			...release(at),
		);
	}
	const weight = ({ rule, severity }: Matter) =>
		rule === 'mixture' ? severities.length : severities.indexOf(severity);
	return found.sort(
		(a, b) => weight(b) - weight(a) || a.rule.localeCompare(b.rule) || a.subject.localeCompare(b.subject),
	);
}

/** What runs, if it can be judged. Of a release that is not known nothing is claimed, not even that it is newer. */
export function judged({ running, knowledge }: Pick<Facing, 'running' | 'knowledge'>): Running | undefined {
	return running && isKnown(running.version, knowledge.releases) ? running : undefined;
}

type At = Omit<Facing, 'running'> & {
	running: Version;
	named: Named;
};

export function newestOf(knowledge: Knowledge): Version {
	return stable(knowledge.releases).at(-1)?.version ?? '0.0.0';
}

/** A new line of releases is news, as is a patch of the line that runs; the patches of other lines are not. */
function release(at: At): Matter[] {
	const { running, knowledge } = at;
	const newest = newestOf(knowledge);
	if (!isAbove(newest, running)) return [];
	const line = lineOf(newest);
	const own = line === lineOf(running);
	// Who was told of the one that was taken back has to hear of the one that replaces it.
	const wasTakenBack = knowledge.releases.some(({ version, deleted }) => deleted && lineOf(version) === line);
	const first = stable(knowledge.releases).find(({ version }) => lineOf(version) === line);
	const news = own ? newest : (first?.version ?? newest);
	return [
		{
			rule: 'release',
			subject: own || wasTakenBack ? newest : line,
			stage: 'out',
			severity: 'info',
			reminds: false,
			about: { rule: 'release', newest },
			details: () => {
				const way = plan({ from: running, to: newest, profile: at.profile, today: at.today }, knowledge);
				const fresh = way.deadlines.filter(
					({ announced, concerned }) => announced !== null && lineOf(announced) === line && concerned === true,
				);
				return {
					is: 'release',
					way,
					...(!own && news !== newest && { first: { line, version: news } }),
					// What is near enough for an alert of its own is not told twice.
					announces: fresh.filter(deadline => stageOf(deadline, newest, at) === undefined),
				};
			},
		},
	];
}

/** A release that upstream deleted: those who run it hear of it, and those whom I told that it is out. */
function withdrawn({ running, knowledge }: At): Matter[] {
	const newest = newestOf(knowledge);
	return knowledge.releases
		.filter(({ version, deleted }) => deleted && compare(version, running) >= 0)
		.map(({ version }): Matter => {
			const runs = version === running;
			return {
				rule: 'withdrawn',
				subject: version,
				stage: 'gone',
				severity: runs ? 'warning' : 'info',
				reminds: false,
				...(!runs && { onlyIfTold: version }),
				about: { rule: 'withdrawn', version },
				details: () => ({ is: 'withdrawn', runs, newest }),
			};
		});
}

const advisorySeverity: Record<Advisory['severity'], Severity> = {
	critical: 'severe',
	high: 'severe',
	moderate: 'warning',
	low: 'info',
};

function advisories({ running, named, knowledge, profile }: At): Matter[] {
	const newest = newestOf(knowledge);
	return knowledge.advisories.flatMap((advisory): Matter[] => {
		if (!isAffected(advisory, running)) return [];
		const concerned = concern(advisory.applies, profile);
		if (concerned.is === false) return [];
		const severity = advisorySeverity[advisory.severity];
		const asks = concerned.is === 'unknown' && severity !== 'severe';
		const fix = fixedIn(advisory, running, knowledge.releases);
		return [
			{
				rule: 'advisory',
				subject: advisory.id,
				stage: asks ? 'ask' : 'open',
				severity: asks ? 'info' : severity,
				reminds: !asks && severity !== 'info',
				about: { rule: 'advisory', id: advisory.id, rating: advisory.severity, name: advisory.title },
				details: () => ({
					is: 'advisory',
					running: named,
					...(fix && { fixedIn: fix }),
					...(advisory.links[0] !== undefined && { link: advisory.links[0] }),
				}),
				...(concerned.is === 'unknown' && { ask: concerned.ask }),
				...(isAbove(newest, running) && !isAffected(advisory, newest) && { closed: true as const }),
			},
		];
	});
}

/** What is broken in the running release. Noticeable faults are no alert: they stand in `!notes`. */
function faults({ running, knowledge, profile }: At): Matter[] {
	const severe = faultsOf(running, { at: 'start', profile }, knowledge).filter(({ severity }) => severity === 'severe');
	return severe.map((fault): Matter => {
		const asks = fault.concerned === 'unknown';
		return {
			rule: 'fault',
			subject: fault.id,
			stage: asks ? 'ask' : 'open',
			severity: asks ? 'info' : fault.danger === 'data' ? 'severe' : 'warning',
			reminds: !asks,
			about: { rule: 'fault', version: running, name: fault.title },
			details: () => ({ is: 'fault', text: fault.text, ...(fault.take !== null && { take: fault.take }) }),
			...(fault.ask && { ask: fault.ask }),
		};
	});
}

/** Severe advisories of which nobody can make out whom they concern: told once, in upstream's words. */
function unclear({ running, knowledge }: At): Matter[] {
	return (knowledge.unclear ?? [])
		.filter(({ severity, rated }) => rated && (severity === 'critical' || severity === 'high'))
		.filter(({ id }) => !knowledge.advisories.some(advisory => advisory.id === id && isAffected(advisory, running)))
		.map(
			({ id, severity, title, links, written }): Matter => ({
				rule: 'unclear',
				subject: id,
				stage: 'published',
				severity: 'warning',
				reminds: false,
				about: { rule: 'unclear', id, rating: severity, name: title },
				details: () => ({
					is: 'unclear',
					running,
					written,
					...(links[0] !== undefined && { link: links[0] }),
				}),
			}),
		);
}

/** One promise a story: the one that was announced last. */
function promises(at: At): Matter[] {
	const { running, knowledge, profile, today } = at;
	const newest = newestOf(knowledge);
	const stories = new Map<string, Deadline>();
	const story = new Map(knowledge.notes.map(note => [note.id, note.story ?? note.id]));
	for (const deadline of deadlines({ at: newest, today, all: true }, profile, knowledge)) {
		if (deadline.announced === null || deadline.withdrawn !== undefined) continue;
		const landed = landedBy(deadline, newest);
		if (landed !== undefined && !isAbove(landed, running)) continue;
		const id = story.get(deadline.id) ?? deadline.id;
		const other = stories.get(id);
		if (!other?.announced || compare(deadline.announced, other.announced) >= 0) stories.set(id, deadline);
	}
	return [...stories].flatMap(([subject, deadline]): Matter[] => {
		const stage = stageOf(deadline, newest, at);
		if (stage === undefined) return [];
		const { concerned } = deadline;
		const nearness = ladders.deadline.indexOf(stage);
		if (concerned === 'unknown' && nearness < ladders.deadline.indexOf('d30')) return [];
		// What has come, and may concern nobody, stands in every plan with its condition.
		if (concerned === 'unknown' && ends.includes(stage)) return [];
		const ask = concerned === 'unknown';
		const near = nearness >= ladders.deadline.indexOf('d30');
		const late = deadline.slipped && deadline.landed === null;
		const stale = late && overdueDays(deadline, at) > fresh;
		return [
			{
				rule: 'deadline',
				subject,
				stage: ask ? 'ask' : stage,
				severity: near && !ask && !stale ? 'warning' : 'info',
				// What is overdue and still works has no day to be reminded of: a candidate without it is the next news.
				reminds: !ask && stage === 'in-force',
				...(stale && { stale: true as const }),
				about: { rule: 'deadline', name: deadline.subject, stage, ...(late && { overdue: true as const }) },
				details: () => ({ is: 'deadline', deadline }),
				...(ask && { ask: askOf(deadline, profile) }),
			},
		];
	});
}

/** Days for which what is overdue is still news. */
const fresh = 90;

/** Days since the date that upstream named, or since the release. */
function overdueDays({ at }: Deadline, { knowledge, today }: At): number {
	if (at.date !== undefined) return daysBetween(earliest(at.date), today);
	const named = at.version;
	const reached =
		named && knowledge.releases.find(({ version }) => !isCandidate(version) && compare(version, named) >= 0);
	return reached ? daysBetween(reached.date, today) : 0;
}

/** The release in which it landed, if that one is out. */
function landedBy({ landed }: Deadline, newest: Version): Version | undefined {
	return landed !== null && compare(landed, newest) <= 0 ? landed : undefined;
}

function askOf(deadline: Deadline, profile: Profile): string[] {
	const concerned = concern(deadline.applies, profile);
	return concerned.is === 'unknown' ? concerned.ask : [];
}

function minorOf(version: Version): number {
	return Number(lineOf(version).split('.')[1]);
}

function stageOf({ at, landed }: Deadline, newest: Version, { knowledge, running, today }: At): string | undefined {
	if (landed !== null && compare(landed, newest) <= 0) return isAbove(landed, running) ? 'in-force' : undefined;
	const stages: string[] = [];
	if (at.vague !== undefined) stages.push('announced');
	if (at.date !== undefined) {
		const stage = dateStage(daysBetween(today, earliest(at.date)));
		if (stage) stages.push(stage);
	}
	const version = landed ?? at.version;
	if (version !== undefined && lineOf(version).split('.')[0] === lineOf(newest).split('.')[0]) {
		const away = minorOf(version) - minorOf(newest);
		const candidate = knowledge.releases.some(
			release => isCandidate(release.version) && finalOf(release.version) === finalOf(version),
		);
		if (candidate && compare(version, newest) > 0) stages.push('rc');
		else if (away > 0 && away <= 2) stages.push(away === 1 ? 'next' : 'two-away');
		// Due and not landed: it may stop in any release, the next one included.
		else if (away <= 0) stages.push('next');
	}
	const order = ladders.deadline;
	return stages.sort((a, b) => order.indexOf(b) - order.indexOf(a))[0];
}

function dateStage(days: number): string | undefined {
	if (days <= 0) return 'passed';
	const step = [1, 7, 14, 30, 90].find(most => days <= most);
	return step === undefined ? undefined : `d${step}`;
}

/** Ends of support of what the profile has for sure; what it may have stands in the status card. */
function lifecycles({ profile, today, knowledge }: Facing): Matter[] {
	return deadlines({ at: '0.0.0', today, all: false }, profile, knowledge).flatMap((deadline): Matter[] => {
		if (deadline.announced !== null || deadline.concerned !== true || deadline.at.date === undefined) return [];
		const stage = dateStage(daysBetween(today, earliest(deadline.at.date)));
		if (stage === undefined) return [];
		return [
			{
				rule: 'lifecycle',
				subject: deadline.id.replace(/^lifecycle\//, ''),
				stage,
				severity: stage === 'd90' ? 'info' : 'warning',
				reminds: stage === 'passed',
				about: endOf(deadline, stage),
				details: () => ({ is: 'lifecycle', deadline }),
			},
		];
	});
}

function endOf({ subject, landed, id }: Deadline, stage: string): About {
	const isOver = stage === 'passed';
	if (!/^lifecycle\/(debian|ubuntu)-/.test(id))
		return { rule: 'lifecycle', name: subject, of: 'support', state: isOver ? 'over' : 'soon' };
	const state = landed !== null ? 'over' : isOver ? 'due' : 'soon';
	return { rule: 'lifecycle', name: subject, of: 'packages', state };
}

const floorFacts = { python: 'python', postgresql: 'postgres', sqlite: 'sqlite' } as const;

/** What the newest release needs and the deployment is known not to have. */
function floors({ running, knowledge, profile }: At): Matter[] {
	const releases = stable(knowledge.releases);
	const newest = releases.at(-1);
	if (!newest || !isAbove(newest.version, running) || profile.size === 0) return [];
	return (['python', 'postgresql', 'sqlite'] as const).flatMap((of): Matter[] => {
		const min = newest[of];
		if (min === undefined || holds(`${floorFacts[of]}>=${min}`, profile).is !== false) return [];
		// Who uses the other database, or has it from an image, is under no floor.
		if (profile.get(floorFacts[of]) === undefined) return [];
		const at = releases[releases.findLastIndex(release => release[of] !== min) + 1]?.version ?? newest.version;
		return [
			{
				rule: 'floor',
				subject: `${of}-${min}`,
				stage: 'newest',
				severity: 'warning',
				reminds: true,
				about: { rule: 'floor', of, min },
				details: () => ({ is: 'floor', from: at }),
			},
		];
	});
}

function mixture({ running }: Facing): Matter[] {
	if (!running?.mixture) return [];
	const { lowest, highest } = running.mixture;
	return [
		{
			rule: 'mixture',
			subject: 'versions',
			stage: 'seen',
			severity: 'warning',
			reminds: false,
			about: { rule: 'mixture', lowest, highest },
			details: () => ({ is: 'mixture', lowest }),
		},
	];
}

/** A server counts as unseen after a day and three looks: one failed look may be our own fault. */
const patience = { hours: 24, looks: 3 };

function unseen({ spells, told, now }: Facing): Matter[] {
	const last = spells.at(-1);
	// Who told the version said with it that nobody can look.
	if (!last || last.is === 'synapse' || (told && last.is !== 'other')) return [];
	const hours = (now.getTime() - Date.parse(last.since)) / 3_600_000;
	if (last.is !== 'other' && (hours < patience.hours || last.looks < patience.looks)) return [];
	const { is, since, observed } = last;
	return [
		{
			rule: 'unseen',
			subject: is,
			stage: 'long',
			severity: 'warning',
			reminds: false,
			about: { rule: 'unseen', is, since },
			details: () => ({ is: 'unseen', ...(observed && { observed }) }),
		},
	];
}

/** The next things that will stop working for a server, for its status card. */
export function nextDeadlines(facing: Facing, most: number): Deadline[] {
	const { profile, today, knowledge } = facing;
	const running = judged(facing);
	if (!running) return [];
	return deadlines({ at: newestOf(knowledge), today, all: true }, profile, knowledge)
		.filter(({ withdrawn, landed }) => withdrawn === undefined && (landed === null || isAbove(landed, running.version)))
		.filter(({ concerned, announced }) => concerned === true || announced !== null)
		.filter(({ at, landed }) => !at.vague && landed === null)
		.filter(({ at, slipped }) => !slipped && (at.date === undefined || earliest(at.date) > today))
		.sort((a, b) => Number(b.concerned === true) - Number(a.concerned === true))
		.slice(0, most);
}

/** What was promised to stop working for a server by now, and still works. */
export function overdue({ profile, today, knowledge }: Facing): Deadline[] {
	return deadlines({ at: newestOf(knowledge), today, all: false }, profile, knowledge).filter(
		({ concerned, announced, slipped }) => concerned === true && announced !== null && slipped,
	);
}

/** How far a release is behind: lines of releases, and days since it came out. */
export function behind(running: Version, knowledge: Knowledge, today: string): { releases: number; days: number } {
	const newest = newestOf(knowledge);
	const newer = stable(knowledge.releases).filter(({ version }) => isAbove(version, running));
	const lines = new Set(newer.map(({ version }) => lineOf(version)).filter(line => line !== lineOf(running)));
	const [next] = newer;
	return {
		releases: isAbove(newest, running) ? lines.size : 0,
		days: next ? Math.max(0, daysBetween(next.date, today)) : 0,
	};
}
