// The value that answers !upgrade: everything between two releases for one deployment, in order.

import { type Concern, concern } from '../../deployment/condition.ts';
import { type Profile, profileJson } from '../../deployment/facts.ts';
import { finalOf, isAbove, type Version } from '../../deployment/version.ts';
import type { Knowledge, Note, Source } from '../../knowledge/schema/synapse.ts';
import { stable } from '../../knowledge/stable.ts';
import { type Advisories, advisoriesOn } from './advisories.ts';
import { type Deadline, deadlines } from './deadlines.ts';
import { faultsInPlace, faultsOn, type PlannedFault, type Soundness, soundnessOf } from './faults.ts';
import { type Floor, floors } from './floors.ts';
import { type Halt, halts, legOf, legsOf } from './halts.ts';
import { looked, stepOf, told, waited } from './note-steps.ts';
import { outsideFirst, systemOpen } from './outside.ts';
import { dependsOnSystem } from './packages.ts';
import { limitFirst, switchesAndWaits, systemFirst, tryAfter, waitAtStart } from './planned-steps.ts';
import { type Rollback, rollback } from './rollback.ts';
import type { RouteGroup } from './routes.ts';
import type { Step } from './step.ts';
import { inPlace } from './step-order.ts';
import { triedOf } from './trials.ts';
import { type UnreadPassage, unreadOf } from './unread.ts';
import type { Way } from './way.ts';

/** `because`: the stated facts that exclude it, or `configuration`. `options`: those that it would have been about. */
export type Hidden = {
	id: string;
	title: string;
	because: string[];
	options?: readonly string[];
	sources: Source[];
};

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
	/** Faults of the releases where the upgrade stops, the target's first. */
	faults: PlannedFault[];
	/** The target's age and soundness; absent without a known date. */
	soundness?: Soundness;
	deadlines: Deadline[];
	/** Those that mention a refusal first. */
	unread: UnreadPassage[];
	/** Options that the target has and the start does not; absent if the code was not examined. */
	newOptions?: string[];
	/** What workers may serve with the target but not with the start, and vice versa; only if workers were stated. */
	routes?: RouteGroup[];
	gaps: string[];
};

/** Everything between two releases for one deployment. `from` must be older than `to`, and both must be known. */
export function plan({ from, to, profile, today, ...look }: Way, known: Knowledge): Plan {
	// A release's notes already apply to its candidates.
	const last = finalOf(to);
	const within = (version: Version) => isAbove(finalOf(version), from) && !isAbove(finalOf(version), last);
	const stops = halts(from, to, profile, known);
	const legs = legsOf(from, to, stops);
	const hidden: Hidden[] = [];
	const visible: Step[] = [];
	const notes = known.notes.filter(({ release }) => within(release));
	const waits = new Set(known.stops.flatMap(({ tells }) => tells));
	for (const note of notes) {
		const concerned = noteConcern(note, profile);
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
	const starting = waitAtStart({ from, to, profile }, known);
	const hasWaited = starting.some(({ concerned }) => concerned === true);
	const placed = waited(
		told(visible).map(step => (step.refuses ? { ...step, ...triedOf(step.id, known.verified) } : step)),
		[
			...systemFirst({ from, to, profile }, known),
			...limitFirst({ from, to, profile }, known),
			...starting,
			...switchesAndWaits(legs, stops, profile, { today, known, waited: hasWaited }),
			tryAfter({ to, profile }, known.installs, legs.length),
		],
		{ notes, settled: new Set(known.stops.flatMap(({ settles }) => settles)) },
	);
	const ends = { from, to, profile };
	const gathered = outsideFirst(systemOpen(placed, ends, known.lifecycles), ends, notes);
	const advisories = advisoriesOn(from, to, profile, known);
	const halting = stops.filter(({ required }) => required);
	const soundness = soundnessOf(to, today, known.releases);
	return {
		format: 1,
		from,
		to,
		profile: profileJson(profile),
		horizon: horizon(known),
		steps: inPlace(gathered, profile, known),
		hidden,
		stops,
		floors: floors(from, to, profile, known.releases),
		rollback: rollback(to, from, known),
		advisories,
		faults: faultsInPlace(
			faultsOn({ from, to, halts: halting, profile, decided: look.decided }, known),
			profile,
			known,
		),
		...(soundness && { soundness }),
		deadlines: deadlines({ at: last, today, all: false }, profile, known),
		unread: unreadOf(known.unread.filter(({ release }) => within(release))),
		gaps: [],
	};
}

const floorStories: readonly unknown[] = ['python-floor', 'sqlite-floor'];

/**
 * Whether a note concerns this deployment. A minimum version of Python or SQLite does not concern packages that
 * depend on the system's own, unless that is known to be too old: what may be needed is another system, not a new
 * environment.
 */
function noteConcern({ story, applies }: Note, profile: Profile): Concern {
	const concerned = concern(applies, profile);
	const install = profile.get('install');
	if (concerned.is === true || !install || !floorStories.includes(story)) return concerned;
	return dependsOnSystem(install.value) ? { is: false, because: [install.stated] } : concerned;
}

function byConfiguration({ id, title, options, sources }: Note): Hidden {
	return { id, title, because: ['configuration'], options, sources };
}

/** The newest release that the knowledge covers, and the day it was read. */
export function horizon(known: Pick<Knowledge, 'releases' | 'read'>): Plan['horizon'] {
	const newest = stable(known.releases).at(-1);
	return { release: newest?.version ?? '0.0.0', read: known.read };
}
