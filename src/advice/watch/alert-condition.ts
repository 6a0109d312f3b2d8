// What an alert is about, as a value: its rule, stage and severity, and the names and numbers needed to word it.

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

/** The stages of each rule, from far to near. A later one is nearer and says more. */
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

/** Stages that are new facts, so even rooms that acknowledged the alert are told. */
export const ends: readonly string[] = ['passed', 'in-force'];

export type AlertCondition = {
	rule: Rule;
	subject: string;
	/** Other names under which the room may have been told. */
	aliases?: readonly string[];
	/** A name that several conditions share. The room may have been told of one of them, or of all, under it. */
	shared?: string;
	stage: string;
	severity: Severity;
	/** Repeated until someone acts or stops it. */
	reminds: boolean;
	/** Only reported to rooms that were told about this release; nobody else needs to know. */
	onlyIfTold?: Version;
	/**
	 * Nothing shows any more that it applies: an alert that is open stays open without a message, and no new one
	 * is raised.
	 */
	unsure?: true;
	/** Old news: rooms that were never told find it in the status card, and get no message. */
	stale?: true;
	about: AlertSubject;
	/** Computed only when needed: a plan is long. */
	details: () => Details;
	/** Facts that would decide whether it affects the server. */
	ask?: string[];
	/** Whether the newest release fixes it, in which case the alert already recommends that upgrade. */
	closed?: true;
};

/** Identifies the condition, with the names and numbers that a title needs. Stored for the message when it is over. */
export type AlertSubject =
	/** `by`: the distribution that installs it now, and `as` its own version: a chart, or a day of the playbook. */
	| { rule: 'release'; newest: Version; by?: 'mdad' | 'ess'; as?: string }
	| { rule: 'withdrawn'; version: Version }
	/** `rating`: upstream's severity. `name`: upstream's title. */
	| { rule: 'advisory' | 'unclear'; id: string; rating: Advisory['severity']; name: string }
	/** A severe fault of the running release. */
	| { rule: 'fault'; version: Version; name: string }
	/** `stage`: how near it is. `overdue`: it should have landed by now. */
	| { rule: 'deadline'; name: string; stage: string; overdue?: true }
	/** The end of a product's support, or of upstream's packages for a system. `due`: any release may bring it. */
	| { rule: 'lifecycle'; name: string; of: 'support' | 'packages'; state: 'soon' | 'due' | 'over' }
	| { rule: 'floor'; of: keyof typeof floorFacts; min: string }
	/** `since`: ISO 8601, UTC. */
	| { rule: 'unseen'; is: 'other' | 'unreadable' | 'hidden' | 'silent'; since: string }
	| { rule: 'mixture'; lowest: Version; highest: Version }
	/**
	 * A breaking change of the distribution's own. `when`: a day, or the chart. `told`: uncurated, so `name` is
	 * upstream's.
	 */
	| { rule: 'distribution'; of: 'mdad' | 'ess'; when: string; name: string; told?: true }
	| { rule: 'first'; running: Named }
	/** `judged`: both releases are known. */
	| { rule: 'change'; from: Named; to: Named; judged: boolean };

export const floorFacts = { python: 'python', postgresql: 'postgres', sqlite: 'sqlite' } as const;

/** What else to say. */
export type Details =
	/**
	 * `first`: the first release of the line, if that is news too. `announces`: deadlines too far off for alerts of
	 * their own.
	 */
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
	/** `text`: symptoms and remedies; `take`: the release to upgrade to. */
	| { is: 'fault'; text: string; take?: Version }
	/** `written`: upstream's wording of the versions; empty if there is none. */
	| { is: 'unclear'; running: Version; written: string; link?: string }
	| { is: 'deadline' | 'lifecycle'; deadline: Deadline }
	/** `from`: the first release that needs it. */
	| { is: 'floor'; from: Version }
	| { is: 'unseen'; observed?: Observed }
	| { is: 'mixture'; lowest: Version }
	| { is: 'distribution'; of: 'mdad' | 'ess'; change: DistributionBreak }
	/**
	 * For a change that involves an unknown release. `judged`: the running release is known. `newest`: the newest known
	 * release.
	 */
	| { is: 'unjudged'; judged: boolean; newest: Version }
	/** The upgrade from the older to the newer release, and what is left to do after it. */
	| { is: 'changed'; way: Plan; after: readonly Step[] }
	| { is: 'solved'; running?: Named };

export type Facing = KnownDeployment & {
	server: string;
	running: Running | undefined;
	history: readonly LookRun[];
	/** Whether a person stated the version, because it cannot be seen. */
	told: boolean;
	/** The results of checking its configuration. */
	checks?: readonly CheckRecord[];
	/** By note id or fault key: whether the server's responses or a check of its configuration show that it applies. */
	decided?: ReadonlyMap<string, boolean>;
	/** Ids of refusals that the configuration shows do not prevent the start. */
	starts?: ReadonlySet<string>;
	knowledge: Knowledge;
	/** Knowledge about distributions; absent if no server needs it. */
	carriers?: Carriers | undefined;
	now: Date;
	/** The current day in the room's time zone. */
	today: string;
};

export type At = Omit<Facing, 'running'> & {
	running: Version;
	named: Named;
};

/** The running release, if we know it. Nothing is claimed about an unknown release, not even that it is newer. */
export function judged({ running, knowledge }: Pick<Facing, 'running' | 'knowledge'>): Running | undefined {
	return running && isKnown(running.version, knowledge.releases) ? running : undefined;
}

export function newestOf(knowledge: Knowledge): Version {
	return stable(knowledge.releases).at(-1)?.version ?? '0.0.0';
}
