// The value that answers !upgrade: what lies between two releases, placed, for one deployment.

import type { Applies } from '../../deployment/condition.ts';
import { concern, holds } from '../../deployment/condition.ts';
import type { Profile } from '../../deployment/facts.ts';
import { profileJson } from '../../deployment/facts.ts';
import type { Version } from '../../deployment/version.ts';
import { compare, finalOf, isAbove, isCandidate, isWithin } from '../../deployment/version.ts';
import type { Knowledge, Note, Release, Source, Stop, Unread } from '../../knowledge/schema/synapse.ts';
import { stable } from '../../knowledge/stable.ts';
import { memo } from '../../runtime/memo.ts';
import type { Advisories } from './advisories.ts';
import { advisoriesOn } from './advisories.ts';
import type { Deadline } from './deadlines.ts';
import { deadlines } from './deadlines.ts';
import { faultsOf, faultsOn, type PlannedFault, type Soundness, soundnessOf } from './faults.ts';
import { isBuilt, type System, systemsOf } from './packages.ts';
import { located } from './paths.ts';
import type { Rollback } from './rollback.ts';
import { rollback, waysBack } from './rollback.ts';
import type { RouteGroup } from './routes.ts';
import { startLimit } from './start-limit.ts';
import type { Leg, Task } from './switch-commands.ts';
import { noPackage, stuckCommands, switchCommands, waitCommands } from './switch-commands.ts';
import type { Trial } from './trials.ts';
import { triedOf } from './trials.ts';
import { warningIn } from './unread.ts';

export type Step = {
	id: string;
	release: Version;
	when: 'before' | 'switch' | 'after';
	must: boolean;
	refuses: boolean;
	concerned: true | 'unknown';
	title: string;
	text: string;
	applies?: Applies;
	/** What else those who are concerned find at home. */
	onlyIf?: string;
	/** Facts that would decide whether the deployment is concerned. */
	ask?: string[];
	options: readonly string[];
	endpoints: readonly string[];
	metrics: readonly string[];
	story?: string;
	/** Notes of the range that this step stands for: earlier ones of its story, or what a wait answers. */
	tells: string[];
	oneWay?: string;
	/** What users notice of it, in one line. */
	people?: string;
	sources: Source[];
	/** What came of running releases to see it. */
	tried?: Trial[];
	/** The leg of a way with halts, counted from 0. */
	leg: number;
	/** Made by the planner, not from a note: the switch itself, the wait at a halt. */
	generated?: true;
	/** What the text of a generated step is made of, in messages/switch.ts; until then the text is empty. */
	task?: Task;
	/** It speaks only of options that the release at the start does not have: hardly anybody is concerned. */
	young?: true;
	/** What going on without this step can do, as a clause: “can ruin the database”. */
	otherwise?: string;
};

/** `because`: the stated facts that exclude it, or `configuration`, and then the options that it would have been about. */
export type Hidden = {
	id: string;
	title: string;
	because: string[];
	options?: readonly string[];
	sources: Source[];
};
export type Halt = Pick<Stop, 'required' | 'ruins' | 'sticks' | 'onlyIf' | 'waitFor'> & {
	/** Absent for a halt that only keeps a way back. */
	why?: string;
	tried?: Trial[];
	from: Version;
	to: Version;
	best: Version;
	applies?: Applies;
};
export type Floor = { of: FloorName; at: Version; min: string; met: true | false | 'unknown' };
type FloorName = 'python' | 'postgresql' | 'sqlite' | 'rust';

export type Plan = {
	format: 1;
	from: Version;
	to: Version;
	profile: Record<string, string | boolean>;
	horizon: { release: Version; read: string };
	steps: Step[];
	hidden: Hidden[];
	stops: Halt[];
	floors: Floor[];
	rollback: Rollback;
	advisories: Advisories;
	/** Of the releases on which one stands, the target's first. */
	faults: PlannedFault[];
	/** How old and how sound the target is; absent where its date is unknown. */
	soundness?: Soundness;
	deadlines: Deadline[];
	/** Those that speak of a refusal first. */
	unread: UnreadPassage[];
	/** Options that the target has and the start has not; absent where nobody looked into the code. */
	newOptions?: string[];
	/** What workers may serve from the target on, and what no longer: for those who say that they have workers. */
	routes?: RouteGroup[];
	gaps: string[];
};

/** `text`: upstream's own, where it was read live; `changed`: curated once, and changed since. */
export type UnreadPassage = Pick<
	Unread,
	'release' | 'section' | 'heading' | 'part' | 'bullet' | 'url' | 'text' | 'changed'
> & {
	/** The sentence in it that speaks of a refusal to start or to work. */
	warning?: string;
};

export type Way = {
	from: Version;
	to: Version;
	profile: Profile;
	/** `2026-11-21` */
	today: string;
	/** By id of a note: whether the configuration says that it concerns this deployment. Absent: it says nothing. */
	decided?: ReadonlyMap<string, boolean> | undefined;
	/** Ids of notes that refuse, where the configuration shows that this one starts all the same. */
	starts?: ReadonlySet<string> | undefined;
	/** Ids of notes about options that `from` does not have. */
	young?: ReadonlySet<string> | undefined;
};

/** What lies between two releases for one deployment. `from` must be older than `to`, and both known. */
export function plan({ from, to, profile, today, ...look }: Way, known: Knowledge): Plan {
	// The notes of a release already hold for its candidates.
	const last = finalOf(to);
	const within = (version: Version) => isAbove(finalOf(version), from) && !isAbove(finalOf(version), last);
	const stops = halts(from, to, profile, known);
	const legs = legsOf(from, to, stops);
	const hidden: Hidden[] = [];
	const visible: Step[] = [];
	const notes = known.notes.filter(({ release }) => within(release));
	const waits = new Set(known.stops.flatMap(({ tells }) => tells));
	for (const note of notes) {
		const concerned = concern(note.applies, profile);
		const decided = look.decided?.get(note.id);
		if (concerned.is === false)
			hidden.push({ id: note.id, title: note.title, because: concerned.because, sources: note.sources });
		else if (decided === false) hidden.push(byConfiguration(note));
		else {
			const asking: Pick<Step, 'concerned' | 'ask'> =
				decided || concerned.is === true ? { concerned: true } : { concerned: 'unknown', ask: concerned.ask };
			const step = looked(stepOf(note, asking, from, legs), note, look, legs);
			visible.push(waits.has(note.id) ? { ...step, leg: legOf(note.release, legs) } : step);
		}
	}
	const advisories = advisoriesOn(from, to, profile, known);
	const halting = stops.filter(({ required }) => required);
	const soundness = soundnessOf(to, today, known.releases);
	return {
		format: 1,
		from,
		to,
		profile: profileJson(profile),
		horizon: horizon(known),
		steps: inPlace(
			waited(
				told(visible).map(step => (step.refuses ? { ...step, ...triedOf(step.id, known.verified) } : step)),
				[
					...systemFirst({ from, to, profile }, systemsOf(known.lifecycles)),
					...limitFirst({ from, to, profile }, known),
					...waitAtStart({ from, to, profile }, known),
					...generated(legs, stops, profile, { today, known }),
				],
				notes,
			),
			profile,
			known,
		),
		hidden,
		stops,
		floors: floors(from, to, profile, known.releases),
		rollback: rollback(to, from, known),
		advisories,
		faults: faultsOn({ from, to, halts: halting, profile }, known),
		...(soundness && { soundness }),
		deadlines: deadlines({ at: last, today, all: false }, profile, known),
		unread: unreadOf(known.unread.filter(({ release }) => within(release))),
		gaps: [],
	};
}

function byConfiguration({ id, title, options, sources }: Note): Hidden {
	return { id, title, because: ['configuration'], options, sources };
}

/** A step as the configuration, where there is one, and the ends of the way leave it. */
function looked(
	step: Step,
	{ id, until }: Note,
	{ decided, starts, young }: Pick<Way, 'decided' | 'starts' | 'young'>,
	legs: readonly Leg[],
): Step {
	const { onlyIf, ...rest } = step;
	const isOver =
		until !== undefined && !legs.some(({ to }) => !isAbove(step.release, finalOf(to)) && isAbove(until, to));
	return {
		...(decided?.get(id) ? rest : step),
		...(step.refuses && (isOver || starts?.has(id)) && { refuses: false }),
		...(young?.has(id) && { young: true as const }),
	};
}

/** The newest release that the knowledge reaches, and the day it was read. */
export function horizon(known: Pick<Knowledge, 'releases' | 'read'>): Plan['horizon'] {
	const newest = stable(known.releases).at(-1);
	return { release: newest?.version ?? '0.0.0', read: known.read };
}

/** Passages that nobody has read yet, those that speak of a refusal first. */
function unreadOf(passages: readonly Unread[]): UnreadPassage[] {
	const found = passages.map(passageOf);
	const isWarning = ({ warning }: UnreadPassage) => warning !== undefined;
	return [...found.filter(isWarning), ...found.filter(passage => !isWarning(passage))];
}

function passageOf({ release, section, heading, under, part, bullet, url, text, changed }: Unread): UnreadPassage {
	const warning = warningIn([heading, under, bullet, text].filter(Boolean).join('\n'));
	return {
		release,
		...(section && { section }),
		...(heading && { heading }),
		...(part && { part }),
		...(bullet && { bullet }),
		url,
		...(text && { text }),
		...(changed && { changed }),
		...(warning !== undefined && { warning }),
	};
}

/** Where to halt: what a long way demands, then what keeps the last release within reach. */
function halts(from: Version, to: Version, profile: Profile, known: Knowledge): Halt[] {
	const required = known.stops
		.filter(({ ways }) => ways.some(way => isWithin(from, way.from) && isWithin(finalOf(to), way.to)))
		.filter(stop => concern(stop.applies, profile).is !== false)
		.map(({ id, first: from, last: to, best, required, ruins, sticks, onlyIf, waitFor, why, applies }): Halt => {
			const tried = triedOf(id, known.verified);
			const conditions = { ...(onlyIf && { onlyIf }), ...(applies && { applies }) };
			// What only some databases demand divides nobody's way; the words say whose it is.
			const everybody = required && onlyIf === undefined;
			return { from, to, best, required: everybody, ruins, sticks, waitFor, why, ...conditions, ...tried };
		});
	const recommended = waysBack(from, to, known)
		.filter(best => !required.some(stop => stop.best === best))
		.map(
			(best): Halt => ({
				from: best,
				to: best,
				best,
				required: false,
				ruins: false,
				sticks: false,
				waitFor: 'a few days of use',
			}),
		);
	return [...required, ...recommended].sort((a, b) => compare(a.best, b.best));
}

/** Only halts that everybody has to make divide the way: a recommended one is a choice. */
function legsOf(from: Version, to: Version, stops: readonly Halt[]): Leg[] {
	const ends = [...new Set(stops.filter(({ required }) => required).map(({ best }) => best)), to];
	return ends.map((end, i) => ({ from: ends[i - 1] ?? from, to: end }));
}

function legOf(version: Version, legs: readonly Leg[]): number {
	const index = legs.findIndex(({ to }) => !isAbove(version, finalOf(to)));
	return index < 0 ? legs.length - 1 : index;
}

function stepOf(note: Note, concerned: Pick<Step, 'concerned' | 'ask'>, from: Version, legs: readonly Leg[]): Step {
	const { possible } = note;
	const tooEarly = note.when === 'before' && possible !== undefined && isAbove(possible, from);
	// Hundreds of them an answer: what is optional is set, since spreading it copies everything again.
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
		leg: legOf(tooEarly && possible ? possible : note.release, legs),
	};
	if (concerned.ask) step.ask = concerned.ask;
	if (note.applies) step.applies = note.applies;
	if (note.onlyIf) step.onlyIf = note.onlyIf;
	if (note.story) step.story = note.story;
	if (note.oneWay) step.oneWay = note.oneWay;
	if (note.people) step.people = note.people;
	return step;
}

/** A story is told once, by its end; but a refusal to start on an earlier leg is met there, and stays. */
function told(steps: readonly Step[]): Step[] {
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
		const sources = distinct([step, ...before].flatMap(other => other.sources));
		return { ...step, ...onlyIfAny([step, ...before]), tells: before.map(({ id }) => id), sources };
	});
}

/** The end of a story concerns whom it concerns itself, and whom the notes that it stands for do. */
function onlyIfAny([end, ...before]: readonly Step[]): Pick<Step, 'onlyIf'> {
	if (end?.onlyIf === undefined) return {};
	const clauses = [...new Set([end, ...before].flatMap(({ onlyIf }) => onlyIf ?? []))];
	const wide = clauses.filter(clause => !clauses.some(other => other.startsWith(`${clause}, or `)));
	return { onlyIf: wide.join(', or ') };
}

/** A wait stands for the notes beyond it that ask for the same, if it is at least as sure, and they can be followed there. */
function waited(steps: readonly Step[], waits: readonly Step[], notes: readonly Note[]): Step[] {
	const canFollow = ({ id }: Step, at: Version) => {
		const possible = notes.find(note => note.id === id)?.possible;
		return possible === undefined || !isAbove(possible, at);
	};
	const answers = (wait: Step, step: Step) =>
		wait.tells.includes(step.id) &&
		isAbove(step.release, wait.release) &&
		(wait.concerned === true || step.concerned === 'unknown') &&
		canFollow(step, wait.release);
	const answered = waits.map(wait => {
		const same = steps.filter(step => answers(wait, step));
		return { ...wait, tells: same.map(({ id }) => id), sources: distinct(same.flatMap(({ sources }) => sources)) };
	});
	return [...steps.filter(step => !waits.some(wait => answers(wait, step))), ...answered];
}

const nameOf = memo(({ document, section, heading, under, bullet, url }: Source) =>
	[document, section, heading, under, bullet, url].join('\n'),
);

function distinct(sources: readonly Source[]): Source[] {
	return [...new Map(sources.map(source => [nameOf(source), source])).values()];
}

const planned = {
	when: 'switch' as const,
	must: true,
	refuses: false,
	concerned: true as const,
	options: [],
	endpoints: [],
	metrics: [],
	sources: [],
	generated: true as const,
	text: '',
	tells: [],
} satisfies Partial<Step>;

type Calendar = { today: string; known: Pick<Knowledge, 'releases' | 'stops' | 'lifecycles' | 'installs'> };

/** Whether the package that runs may be on a system that has none of the release at the end of the leg. */
function mayLackPackage({ from, to }: Leg, profile: Profile, systems: readonly System[]): boolean {
	if (profile.get('install')?.value !== 'debian' || profile.has('os')) return false;
	return systems.some(system => isBuilt(system, from) && !isBuilt(system, to));
}

/** The step before everything else where upstream has no package of the target for the stated system. */
function systemFirst({ from, to, profile }: Omit<Way, 'today'>, systems: readonly System[]): Step[] {
	const os = profile.get('os')?.value;
	const system = systems.find(other => other.os === os);
	if (profile.get('install')?.value !== 'debian' || !system || isBuilt(system, to)) return [];
	return [
		{
			...planned,
			id: `${to}/no-package`,
			release: to,
			when: 'before',
			title: `No package of ${to} for ${system.name}`,
			task: { kind: 'no-package', lacking: noPackage(system, { from, to }, systems) },
			otherwise: 'finds no package',
			leg: 0,
		},
	];
}

/** The step before everything else where systemd could kill the start in the middle of a migration. */
function limitFirst(way: Omit<Way, 'today'>, known: Knowledge): Step[] {
	const limit = startLimit(way, known);
	if (!limit) return [];
	return [
		{
			...planned,
			id: `${way.to}/start-limit`,
			release: way.to,
			when: 'before',
			title: 'Raise systemd’s limit for the start',
			task: { kind: 'start-limit', limit },
			...(limit.unit === 'perhaps' && { onlyIf: 'systemd runs Synapse and waits for it (`Type=notify`)' }),
			otherwise: 'can end in a start that systemd kills again and again',
			leg: 0,
		},
	];
}

/** What the planner adds to the notes: each switch, and the wait at each halt. */
function generated(legs: readonly Leg[], stops: readonly Halt[], profile: Profile, { today, known }: Calendar): Step[] {
	const systems = systemsOf(known.lifecycles);
	return legs.flatMap((leg, i): Step[] => {
		const released = known.releases.find(({ version }) => version === leg.to)?.date ?? today;
		const commands = switchCommands({ ...leg, released, today }, profile, { installs: known.installs, systems });
		const step: Step = {
			...planned,
			id: `${leg.to}/switch`,
			release: leg.to,
			title: `Switch to ${leg.to}`,
			...(commands && { task: { kind: 'switch', commands } }),
			...(mayLackPackage(leg, profile, systems) && { ask: ['os'] }),
			leg: i,
		};
		const halt = stops.find(stop => stop.required && stop.best === leg.to);
		if (!halt) return [step];
		const wait: Step = {
			...step,
			id: `${leg.to}/wait`,
			title: `Wait at ${leg.to} for ${halt.waitFor}`,
			task: { kind: 'wait', at: leg.to, why: halt.why ?? '', lines: waitCommands(profile, known.installs) },
			tells: known.stops.flatMap(({ best, tells }) => (best === leg.to ? tells : [])),
			...(halt.applies && { applies: halt.applies }),
			concerned: concern(halt.applies, profile).is === true ? true : 'unknown',
			otherwise: consequence(halt),
			...(halt.tried && { tried: halt.tried }),
		};
		return [step, wait];
	});
}

/** What leaving out a required halt, or its wait, can do. */
export function consequence({ ruins, sticks }: Pick<Stop, 'ruins' | 'sticks'>): string {
	if (sticks) return 'leaves background updates that never finish';
	return ruins ? 'can ruin the database: then neither release opens it' : 'does not start';
}

/** Who starts within a halt's range, or short of where it is too late, only has to wait before leaving. */
function waitAtStart(
	{ from, to, profile }: Omit<Way, 'today'>,
	{ stops, installs }: Pick<Knowledge, 'stops' | 'installs'>,
): Step[] {
	return stops
		.filter(
			stop =>
				stop.waitAtStart && isWithin(from, stop.waitAtStart) && stop.ways.some(way => isWithin(finalOf(to), way.to)),
		)
		.flatMap((stop): Step[] => {
			const { id, waitFor, tells, why, applies, stuckAtStart: stuck } = stop;
			const concerned = concern(applies, profile);
			if (concerned.is === false) return [];
			const lasting = stuck && isWithin(from, stuck.releases);
			const look = lasting && { lines: stuckCommands(stuck.query, profile, installs), text: stuck.text };
			const lines = waitCommands(profile, installs);
			return [
				{
					...planned,
					id: `${from}/${id}`,
					release: from,
					when: 'before',
					title: `Wait on ${from} for ${waitFor}`,
					task: { kind: 'wait', at: from, why, lines, ...(look && { stuck: look }) },
					otherwise: consequence(stop),
					tells,
					...(applies && { applies }),
					...(concerned.is === 'unknown' ? { concerned: concerned.is, ask: concerned.ask } : { concerned: true }),
					leg: 0,
				},
			];
		});
}

/** Whether a step concerns this deployment without a doubt, and without a look at home. */
export function surely({ concerned, onlyIf }: Pick<Step, 'concerned' | 'onlyIf'>): boolean {
	return concerned === true && onlyIf === undefined;
}

const whenOrder = ['before', 'switch', 'after'];

/** How much a step matters: what stops the start, what somebody has to do, what is good to know. */
function weight(step: Step): number {
	const { refuses, must } = step;
	const sure = surely(step) ? 0 : 1;
	if (step.young && sure) return 6;
	return refuses ? sure : must ? 2 + sure : 4 + sure;
}

/** Where a step stands before its release counts; a switch ends its leg, and a wait before the first one begins at once. */
function rank(step: Step): number {
	const leg = step.when === 'switch' ? step.leg : 0;
	const generated = step.generated ? (step.when === 'before' ? 0 : 2) : 1;
	return ((whenOrder.indexOf(step.when) * 100 + leg) * 10 + generated) * 10 + (step.generated ? 0 : weight(step));
}

function inOrder(steps: readonly Step[]): Step[] {
	const ranked = steps.map(step => ({ step, rank: rank(step) }));
	ranked.sort((a, b) => a.rank - b.rank || compare(a.step.release, b.step.release));
	return ranked.map(({ step }) => step);
}

/** The condition under which a floor concerns a deployment at all. */
const floorFacts: Record<FloorName, { fact: 'python' | 'postgres' | 'sqlite' | undefined; applies: Applies }> = {
	python: { fact: 'python', applies: { all: ['python>=0'] } },
	postgresql: { fact: 'postgres', applies: { all: ['database=postgres'] } },
	sqlite: { fact: 'sqlite', applies: { all: ['database=sqlite', 'sqlite>=0'] } },
	rust: { fact: undefined, applies: { any: ['install=source', 'install=pip'] } },
};

/** Floors that rise on the way, or that the deployment is under at its end: `at` is where the last one came. */
function floors(from: Version, to: Version, profile: Profile, releases: readonly Release[]): Floor[] {
	const all = stable(releases);
	const start = all.findLast(({ version }) => !isAbove(version, finalOf(from)));
	const way = all.filter(({ version }) => isAbove(version, from) && !isAbove(version, finalOf(to)));
	const end = way.at(-1) ?? start;
	return (Object.keys(floorFacts) as FloorName[]).flatMap(of => {
		const min = end?.[of];
		if (min === undefined) return [];
		const { fact, applies } = floorFacts[of];
		if (concern(applies, profile).is === false) return [];
		const met = fact ? holds(`${fact}>=${min}`, profile).is : 'unknown';
		const rises = start?.[of] !== min;
		if (!rises && met !== false) return [];
		const since = way.findLastIndex((release, i) => release[of] === min && (way[i - 1] ?? start)?.[of] !== min);
		return [{ of, at: way[since]?.version ?? start?.version ?? to, min, met }];
	});
}

/** In their order, with the paths of the stated way to install. */
function inPlace(steps: readonly Step[], profile: Profile, { installs }: Pick<Knowledge, 'installs'>): Step[] {
	const recipe = installs[String(profile.get('install')?.value)];
	const ordered = inOrder(steps);
	return recipe ? ordered.map(step => ({ ...step, text: located(step.text, recipe) })) : ordered;
}

export type ReleaseNotes = {
	format: 1;
	release: Version;
	/** All releases meant, when a line was asked for. */
	releases: Version[];
	facts: Partial<Omit<Release, 'version'>>;
	/** What came before the release; of one that is not out yet, all that there is. */
	candidates: Pick<Release, 'version' | 'date'>[];
	notes: Step[];
	hidden: Hidden[];
	faults: PlannedFault[];
	unread: Plan['unread'];
	horizon: Plan['horizon'];
};

/** The faults of several releases of one line, each once, as of the newest that has it. */
function faultsOfAll(versions: readonly Version[], profile: Profile, known: Knowledge): PlannedFault[] {
	const all = versions.flatMap(version => faultsOf(version, { at: 'target', profile }, known));
	return all.filter((fault, i) => all.findLastIndex(({ id }) => id === fault.id) === i);
}

/** All that these releases (one, or the patch releases of one line) ask, for one deployment. */
export function releaseNotes(versions: readonly Version[], profile: Profile, known: Knowledge): ReleaseNotes {
	const last = versions.at(-1) ?? '';
	const release = known.releases.find(({ version }) => version === last);
	const { version: _, ...facts } = release ?? { version: last };
	const hidden: Hidden[] = [];
	const notes: Step[] = [];
	for (const note of known.notes.filter(({ release: of }) => versions.includes(of))) {
		const concerned = concern(note.applies, profile);
		if (concerned.is === false)
			hidden.push({ id: note.id, title: note.title, because: concerned.because, sources: note.sources });
		else {
			const asking =
				concerned.is === true ? { concerned: true as const } : { concerned: 'unknown' as const, ask: concerned.ask };
			const step = stepOf({ ...note, possible: undefined }, asking, '0.0.0', [{ from: '0.0.0', to: last }]);
			notes.push({ ...step, ...triedOf(note.id, known.verified) });
		}
	}
	return {
		format: 1,
		release: last,
		releases: [...versions],
		facts,
		candidates: known.releases.filter(({ version }) => isCandidate(version) && finalOf(version) === last),
		notes: inPlace(notes, profile, known),
		hidden,
		faults: faultsOfAll(versions, profile, known),
		unread: unreadOf(known.unread.filter(({ release: of }) => versions.includes(finalOf(of)))),
		horizon: horizon(known),
	};
}
