// What an alert is about, as a value: its rule, how near it is, how severe, and the names and numbers that its words need.

import type { Version } from '../../deployment/version.ts';
import type { Advisory, Knowledge } from '../../knowledge/schema/synapse.ts';
import { stable } from '../../knowledge/stable.ts';
import type { CheckRecord } from '../check/record.ts';
import type { Deadline } from '../upgrade/deadlines.ts';
import type { Plan } from '../upgrade/plan.ts';
import type { Step } from '../upgrade/step.ts';
import { isKnown, type Named } from './build.ts';
import type { CarriedRelease, Carriers, DistributionBreak, UnknownCarrier } from './carrier.ts';
import type { LookRun, Running } from './history.ts';
import type { Observed } from './observation.ts';
import type { KnownDeployment } from './seen-facts.ts';
import type { Rule, Severity } from './severity.ts';

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
	distribution: ['changed'],
};

/** The end of a ladder: a new fact, which even those hear who stopped the reminders. */
export const ends: readonly string[] = ['passed', 'in-force'];

export type AlertCondition = {
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
	about: AlertSubject;
	/** Worked out only when it is said: a plan is long. */
	details: () => Details;
	/** Facts that would decide whether it concerns the server. */
	ask?: string[];
	/** Whether the newest release closes it: who hears of that upgrades anyway. */
	closed?: true;
};

/** What it is, in the names and numbers that a title needs. It is kept for the day when it is over. */
export type AlertSubject =
	/** `by`: the distribution that has it now, and `as` what it calls itself: the chart, or a day of the playbook. */
	| { rule: 'release'; newest: Version; by?: 'mdad' | 'ess'; as?: string }
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
	/** A break of the distribution's own. `when`: a day, or the chart. `told`: nobody has curated it; `name` is upstream's. */
	| { rule: 'distribution'; of: 'mdad' | 'ess'; when: string; name: string; told?: true }
	| { rule: 'first'; running: Named }
	/** `judged`: both releases are known. */
	| { rule: 'change'; from: Named; to: Named; judged: boolean };

export const floorFacts = { python: 'python', postgresql: 'postgres', sqlite: 'sqlite' } as const;

/** What else there is to tell. */
export type Details =
	/** `first`: the first release of the line, where it is news as well. `announces`: what is too far for an alert of its own. */
	| {
			is: 'release';
			way: Plan;
			carrier?: CarriedRelease | UnknownCarrier;
			first?: { line: string; version: Version };
			announces: readonly Deadline[];
	  }
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
	| { is: 'distribution'; of: 'mdad' | 'ess'; change: DistributionBreak }
	/** Of a release that is not known; `judged`: what runs now is. `newest`: the newest that is. */
	| { is: 'unjudged'; judged: boolean; newest: Version }
	/** The way from the older release to the newer one, and what is left to do after it. */
	| { is: 'changed'; way: Plan; after: readonly Step[] }
	| { is: 'solved'; running?: Named };

export type Facing = KnownDeployment & {
	server: string;
	running: Running | undefined;
	history: readonly LookRun[];
	/** Whether a person told the version, because nobody can see it. */
	told: boolean;
	/** What checks of its configuration left. */
	checks?: readonly CheckRecord[];
	/** By id, whether what the server tells, or a check of its configuration, decides that a note or fault concerns it. */
	decided?: ReadonlyMap<string, boolean>;
	/** Ids of notes that refuse, where the configuration shows that this one starts all the same. */
	starts?: ReadonlySet<string>;
	knowledge: Knowledge;
	/** What is known of distributions; absent where no server needs it. */
	carriers?: Carriers | undefined;
	now: Date;
	/** The day in the room's time zone. */
	today: string;
};

export type At = Omit<Facing, 'running'> & {
	running: Version;
	named: Named;
};

/** What runs, if it can be judged. Of a release that is not known nothing is claimed, not even that it is newer. */
export function judged({ running, knowledge }: Pick<Facing, 'running' | 'knowledge'>): Running | undefined {
	return running && isKnown(running.version, knowledge.releases) ? running : undefined;
}

export function newestOf(knowledge: Knowledge): Version {
	return stable(knowledge.releases).at(-1)?.version ?? '0.0.0';
}
