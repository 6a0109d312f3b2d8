// The steps that the planner adds to the notes: each switch, the waits, and what must come first.

import { concern } from '../../deployment/condition.ts';
import type { Profile } from '../../deployment/facts.ts';
import { finalOf, isWithin, type Version } from '../../deployment/version.ts';
import type { Knowledge } from '../../knowledge/schema/synapse.ts';
import type { Halt } from './halts.ts';
import { migrating } from './migrating.ts';
import { isBuilt, type System, systemsOf } from './packages.ts';
import { rollback } from './rollback.ts';
import { startLimit } from './start-limit.ts';
import type { Step } from './step.ts';
import { consequence } from './step-task.ts';
import {
	type BuiltPackages,
	type Leg,
	noPackage,
	stuckCommands,
	switchCommands,
	waitCommands,
} from './switch-commands.ts';
import type { Way } from './way.ts';

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
	title: '',
	text: '',
	tells: [],
} satisfies Partial<Step>;

type Calendar = {
	today: string;
	known: Pick<
		Knowledge,
		'releases' | 'stops' | 'lifecycles' | 'installs' | 'migrations' | 'queued' | 'rollbackFloors' | 'notes' | 'verified'
	>;
	/** Whether everyone on this path waits for background updates before the first switch. */
	waited: boolean;
};

function packagesOf({ lifecycles, releases }: Pick<Knowledge, 'lifecycles' | 'releases'>): BuiltPackages {
	const dayOf = (release: Version) => releases.find(({ version }) => version === release)?.date;
	return { systems: systemsOf(lifecycles), dayOf };
}

/** Whether the running package may be on a system for which upstream has none of the leg's target. */
function mayLackPackage({ from, to }: Leg, profile: Profile, systems: readonly System[]): boolean {
	if (profile.get('install')?.value !== 'debian' || profile.has('os')) return false;
	return systems.some(system => isBuilt(system, from) && !isBuilt(system, to));
}

/** The first step, if upstream has no package of the target for the stated system. */
export function systemFirst(
	{ from, to, profile }: Omit<Way, 'today'>,
	known: Pick<Knowledge, 'lifecycles' | 'releases'>,
): Step[] {
	const packages = packagesOf(known);
	const { systems } = packages;
	const os = profile.get('os')?.value;
	const system = systems.find(other => other.os === os);
	if (profile.get('install')?.value !== 'debian' || !system || isBuilt(system, to)) return [];
	return [
		{
			...planned,
			id: `${to}/no-package`,
			release: to,
			when: 'before',
			task: { kind: 'no-package', lacking: noPackage(system, { from, to }, packages) },
			leg: 0,
		},
	];
}

/** The first step, if systemd could kill the start in the middle of a migration. */
export function limitFirst(way: Omit<Way, 'today'>, known: Knowledge): Step[] {
	const limit = startLimit(way, known);
	if (!limit) return [];
	return [
		{
			...planned,
			id: `${way.to}/start-limit`,
			release: way.to,
			when: 'before',
			task: { kind: 'start-limit', limit },
			leg: 0,
		},
	];
}

/** The switches, and the wait at each intermediate stop. */
export function switchesAndWaits(
	legs: readonly Leg[],
	stops: readonly Halt[],
	profile: Profile,
	{ today, known, waited }: Calendar,
): Step[] {
	const packages = packagesOf(known);
	const { systems } = packages;
	const [start, end] = [legs[0]?.from, legs.at(-1)?.to];
	// The step that raises the limit covers the migrations of all legs.
	const limited = start !== undefined && end !== undefined && startLimit({ from: start, to: end, profile }, known);
	return legs.flatMap((leg, i): Step[] => {
		const released = known.releases.find(({ version }) => version === leg.to)?.date ?? today;
		const halt = stops.find(stop => stop.required && stop.best === leg.to);
		const { migrations, queued } = migrating({ ...leg, profile }, known);
		const opens = rollback(leg.to, leg.from, known).canReturn ?? 'unknown';
		const archives = { installs: known.installs, ...packages };
		const commands = switchCommands({ ...leg, released, today }, profile, archives, {
			opens,
			waited: waited || i > 0,
			further: i > 0,
		});
		const step: Step = {
			...planned,
			id: `${leg.to}/switch`,
			release: leg.to,
			task: {
				kind: 'switch',
				to: leg.to,
				...(commands && { commands }),
				migrating: { ...(!limited && { migrations }), ...(!halt && { queued }) },
			},
			...(mayLackPackage(leg, profile, systems) && { ask: ['os'] }),
			leg: i,
		};
		if (!halt) return [step];
		const wait: Step = {
			...step,
			id: `${leg.to}/wait`,
			task: {
				kind: 'wait',
				at: leg.to,
				waitFor: halt.waitFor ?? '',
				why: halt.why ?? '',
				skipped: consequence(halt),
				lines: waitCommands(profile, known.installs),
				...(queued.length && { queued }),
			},
			tells: known.stops.flatMap(({ best, tells }) => (best === leg.to ? tells : [])),
			...(halt.applies && { applies: halt.applies }),
			concerned: concern(halt.applies, profile).is === true ? true : 'unknown',
			...(halt.tried && { tried: halt.tried }),
		};
		return [step, wait];
	});
}

/** What to try once the target is running, before users find out. */
export function tryAfter(
	{ to, profile }: Pick<Way, 'to' | 'profile'>,
	installs: Knowledge['installs'],
	legs: number,
): Step {
	return {
		...planned,
		id: `${to}/try`,
		must: false,
		release: to,
		when: 'after',
		task: {
			kind: 'try',
			media: profile.get('media')?.value !== false,
			bridges: profile.get('appservices')?.value === true,
			federation: profile.get('federation')?.value !== false,
			updates: waitCommands(profile, installs),
		},
		leg: legs - 1,
	};
}

/** For some starts, such as those within a stop's range, no stop is needed: waiting before the upgrade is enough. */
export function waitAtStart(
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
					task: {
						kind: 'wait',
						at: from,
						...{ waitFor, why, lines, skipped: consequence(stop), isStart: true },
						...(look && { stuck: look }),
					},
					tells,
					...(applies && { applies }),
					...(concerned.is === 'unknown' ? { concerned: concerned.is, ask: concerned.ask } : { concerned: true }),
					leg: 0,
				},
			];
		});
}
