// Sorts a plan's steps for its first screen: what certainly comes first, what is certain, what a look decides.

import type { Floor } from '../advice/upgrade/floors.ts';
import type { Plan } from '../advice/upgrade/plan.ts';
import type { Step } from '../advice/upgrade/step.ts';
import { surely } from '../advice/upgrade/step.ts';
import type { LikelySystem } from '../advice/upgrade/step-task.ts';
import type { NoPackage } from '../advice/upgrade/switch-commands.ts';
import { compareNumbers, postgresOf } from '../deployment/facts.ts';
import type { Version } from '../deployment/version.ts';
import { code } from '../text/markdown.ts';
import { floorNames, whoseStep } from './sections.ts';
import { consequenceWords, stepWorded } from './switch.ts';
import { allOf, appliesClause } from './whose.ts';

/** The steps by where they are shown. Each is in one of these lists, or in none if another line already covers it. */
export type Sorted = {
	/** What certainly must be done before anything else. */
	first: First[];
	/** Whether a wait of unknown length, or another system, certainly comes first. */
	isLong: boolean;
	/** What may have to be done before anything else. */
	maybeFirst: string[];
	/** Certain steps, by when to do them. */
	sure: Record<Step['when'], Step[]>;
	/** For everyone to check beforehand, since no configuration shows who is affected. */
	checks: Step[];
	/** What shows that the target works. */
	trying: Step[];
	/** What stops the start for some. */
	settings: Step[];
	/** What some must do. */
	uses: Step[];
	/** Good to know. */
	informing: Step[];
	/** Commands that count the background updates before the first switch; empty if a wait does that. */
	updates: readonly string[];
	/** Commands that back up the database before the first switch. */
	backup: readonly string[];
	/** Whether the first release can be downloaded while the old one is still running. */
	fetches: boolean;
	/** Whether a command can show the free disk space. */
	measures: boolean;
	/** Set if people must first find out which system they run, because not all have packages of the target. */
	system?: { likely?: LikelySystem };
};
/** `command`: shows whether it is done; `instead`: the release to choose instead. */
type First = {
	title: string;
	why: string;
	/** One of our commands that explains how; it stays even if there is no room for `why`. */
	how?: string;
	step?: Step;
	command?: readonly string[];
	instead?: Version;
};

const floorFacts = { postgres: 'postgresql', python: 'python', sqlite: 'sqlite' } as const;

/**
 * The minimum version that a note is about, if it is about nothing else. Each is shown once, by the last note of
 * a range.
 */
function floorOf({ applies }: Step): Floor['of'] | undefined {
	const terms = applies ? ('all' in applies ? applies.all : applies.any) : [];
	const fact = /^(postgres|python|sqlite)</.exec(terms.find(term => /</.test(term)) ?? '')?.[1];
	return fact && terms.every(term => /^(postgres|python|sqlite)<|^database=/.test(term))
		? floorFacts[fact as keyof typeof floorFacts]
		: undefined;
}

/** The system whose packages a note is about; the plan's own step about packages covers it better. */
function systemOf({ applies }: Step): string | undefined {
	return applies && 'all' in applies
		? applies.all.find(term => term.startsWith('os='))?.slice('os='.length)
		: undefined;
}

/** Accepts a plan that has not been put into words yet, because it needs the tasks of its steps. */
export function sortedSteps(plan: Plan): Sorted {
	const told = plan.steps.filter(step => !isToldElsewhere(step, plan));
	const commands = plan.steps.flatMap(({ task }) => (task?.kind === 'switch' && task.commands ? [task.commands] : []));
	const [lacking] = plan.steps.flatMap(({ task }) => (task?.kind === 'no-package' ? [task.lacking] : []));
	const [system] = plan.steps.flatMap(({ task, concerned }) =>
		task?.kind === 'which-system' && concerned === true ? [task] : [],
	);
	const notes = told.filter(({ generated }) => !generated);
	const refusing = notes.filter(({ refuses }) => refuses);
	// A refusal that cannot be handled beforehand is handled, and mentioned, during the upgrade.
	const isFirst = (step: Step) => step.refuses && step.when !== 'switch';
	const sure = notes.filter(step => step.must && surely(step) && !isFirst(step));
	const isQuery = ({ check, query, when }: Step) => check && query && when === 'before';
	const checks = [
		...notes.filter(step => (isQuery(step) || asksForPython(step)) && !step.refuses),
		...told.filter(({ task }) => task?.kind === 'outside').map(stepWorded),
	];
	const waits = told.filter(({ generated, check, when }) => generated && !check && when === 'before');
	return {
		first: [
			...brokenFirst(plan),
			...waits.filter(({ concerned }) => concerned === true).map(waitFirst),
			...haltsFirst(plan),
			...plan.floors
				.filter(({ met, of }) => met === false && !(lacking && (of === 'python' || of === 'sqlite')))
				.map(floor => floorFirst(floor, plan, lacking)),
			...refusing
				.filter(step => surely(step) && isFirst(step))
				.map(step => ({ title: step.title, why: firstSentence(step.text), step })),
		],
		isLong: waits.some(({ task, concerned }) => concerned === true && task?.kind !== 'start-limit'),
		maybeFirst: [
			...waits.filter(({ concerned }) => concerned !== true).map(maybeWait),
			...plan.stops.filter(stop => isMaybe(stop, plan)).map(maybeHalt),
		],
		sure: {
			before: sure
				.filter(({ when }) => when === 'before')
				.sort((a, b) => Number(isOfInstall(b)) - Number(isOfInstall(a))),
			switch: sure.filter(({ when }) => when === 'switch'),
			after: sure.filter(({ when }) => when === 'after'),
		},
		checks,
		trying: told.filter(({ task }) => task?.kind === 'try').map(stepWorded),
		settings: refusing.filter(step => !surely(step)),
		uses: notes.filter(step => (step.must || step.check) && !step.refuses && !surely(step) && !checks.includes(step)),
		informing: notes.filter(({ must, refuses, check }) => !must && !refuses && !check),
		updates: commands[0]?.updates ?? [],
		backup: commands[0]?.backup ?? [],
		fetches: commands[0]?.stated === true && commands[0].ways.some(({ fetch }) => fetch.length > 0),
		measures: commands[0] !== undefined,
		...(system && { system: { ...(system.likely && { likely: system.likely }) } }),
	};
}

/** Whether a step is about a way of installing. Without it, the release may not even be available to install. */
function isOfInstall({ applies }: Step): boolean {
	return applies !== undefined && 'all' in applies && applies.all.some(term => term.startsWith('install='));
}

/** Whether a single command shows who is affected: `python -V`. */
function asksForPython({ ask, must, when, concerned }: Step): boolean {
	return must && when === 'before' && concerned === 'unknown' && ask?.every(fact => fact === 'python') === true;
}

/** Whether the line about a minimum version, or the step about missing packages, already covers a note. */
function isToldElsewhere(step: Step, { floors, steps }: Plan): boolean {
	if (step.generated) return false;
	// The switch's own line says that all workers stop.
	if (step.story === 'rolling-restart') return true;
	// The step about systemd's timeout covers it, unless a look at the database decides whether it is so at all.
	if (step.longStart && surely(step) && steps.some(({ task }) => task?.kind === 'start-limit')) return true;
	const floor = floorOf(step);
	if (floor !== undefined && floors.some(({ of }) => of === floor)) return true;
	return systemOf(step) !== undefined && steps.some(({ id }) => id.endsWith('/no-package'));
}

function waitFirst(step: Step): First {
	const { title, otherwise } = stepWorded(step);
	if (step.task?.kind === 'no-package') return { title, why: '', step, ...noPackageHow(step.task.lacking) };
	if (step.task?.kind === 'start-limit')
		return { title, why: `Without it, a long migration ${otherwise ?? 'fails'}.`, step };
	const why = `It can take days. Continuing too early ${otherwise ?? 'fails'}.`;
	return { title, why, step, ...(step.task?.kind === 'wait' && { command: step.task.lines }) };
}

function maybeWait(step: Step): string {
	const { title, otherwise, ...rest } = stepWorded(step);
	return `🟡 **${title}**, if ${whoseStep({ title, ...rest })}: continuing too early ${otherwise ?? 'fails'}.`;
}

type HaltCondition = Pick<Plan['stops'][number], 'required' | 'onlyIf' | 'applies'>;

/** Whether a stop applies only to some of those who may have this deployment. */
export function isMaybe({ required, onlyIf, applies }: HaltCondition, { profile }: Pick<Plan, 'profile'>): boolean {
	return onlyIf !== undefined || (required && applies !== undefined && profile.database === undefined);
}

function haltsFirst(plan: Plan): First[] {
	return plan.stops
		.filter(stop => stop.required && !isMaybe(stop, plan))
		.map(stop => ({
			title: `Stop at ${stop.best} and wait for ${stop.waitFor}`,
			why: `It can take days. A direct jump ${consequenceWords(stop)}.`,
		}));
}

function maybeHalt(stop: Plan['stops'][number]): string {
	const { best, waitFor, onlyIf, applies } = stop;
	const whose = allOf([applies && appliesClause(applies), onlyIf]);
	return `🟡 If ${whose}, **stop at ${best}** and wait for ${waitFor}. A direct jump ${consequenceWords(stop)}.`;
}

function floorFirst({ of, at, min }: Floor, plan: Plan, lacking: NoPackage | undefined): First {
	const { profile } = plan;
	const have = profile[of === 'postgresql' ? 'postgres' : of];
	const install = ['docker', 'debian', 'mdad'].find(way => way === profile.install);
	const archive = of === 'postgresql' ? archived(min, profile, lacking) : undefined;
	const wanted = archive?.version ?? `${min} or newer`;
	const step = plan.steps.findLast(other => other.refuses && surely(other) && floorOf(other) === of);
	return {
		...(step && { step }),
		title: `${floorNames[of]} ${typeof have === 'string' ? `${have} → ` : ''}${wanted}${archive?.from ?? ''}`,
		why: `Do it before ${at}, which does not start without it.`,
		...(of === 'postgresql' && {
			how: code(`!postgres ${[have, archive?.version, install].filter(Boolean).join(' ')}`),
		}),
	};
}

const onHost: readonly unknown[] = ['debian', 'distro', 'pip', 'source'];

/** Where to get a newer PostgreSQL, if it comes from packages: each Debian and Ubuntu release has one version. */
function archived(
	min: string,
	{ install, os }: Plan['profile'],
	lacking: NoPackage | undefined,
): { version?: string; from: string } | undefined {
	if (!onHost.includes(install)) return undefined;
	const newer = lacking?.next;
	const system = newer?.os ?? (typeof os === 'string' ? os : undefined);
	if (system === undefined && install !== 'debian' && install !== 'distro') return undefined;
	const version = system === undefined ? undefined : postgresOf(system);
	if (version !== undefined && compareNumbers(version, min) >= 0)
		return { version, from: newer ? `, once ${newer.name} is running` : '' };
	if (system?.startsWith('rhel')) return { from: ' (a `dnf module`)' };
	if (system !== undefined && !/^(?:debian|ubuntu)-/.test(system)) return undefined;
	return { from: ' (from PGDG)' };
}

function noPackageHow({ from, system: { os }, goTo }: NoPackage): Pick<First, 'how'> {
	return goTo === undefined ? {} : { how: code(`!upgrade ${from} ${goTo} debian os=${os}`) };
}

/** A text's first sentence, if it is short enough for one line. */
function firstSentence(text: string): string {
	const [found = ''] = /^.+?[.!?](?=\s+[A-Z`]|\s*$)/s.exec(text.split('\n\n', 1)[0] ?? '') ?? [];
	return found.length <= 200 ? found.replace(/\s+/g, ' ') : '';
}

/** A release where the upgrade stops that is broken for this deployment. */
function brokenFirst(plan: Plan): First[] {
	const severe = plan.faults.filter(
		({ severity, at, concerned }) => severity === 'severe' && at !== 'start' && concerned === true,
	);
	return severe.map(({ release, title, take, at }) => ({
		title: `${release} is broken: ${title.replace(/\.$/, '')}`,
		why: take === null ? 'No release fixes it yet.' : `Use ${take} instead.`,
		...(take !== null && at === 'target' && { instead: take }),
	}));
}
