// The steps that the planner adds to the notes: each switch, the waits, and what has to come first.

import { concern } from '../../deployment/condition.ts';
import type { Profile } from '../../deployment/facts.ts';
import { finalOf, isWithin } from '../../deployment/version.ts';
import type { Knowledge, Stop } from '../../knowledge/schema/synapse.ts';
import type { Halt } from './halts.ts';
import { isBuilt, type System, systemsOf } from './packages.ts';
import { startLimit } from './start-limit.ts';
import type { Step } from './step.ts';
import { type Leg, noPackage, stuckCommands, switchCommands, waitCommands } from './switch-commands.ts';
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
export function systemFirst({ from, to, profile }: Omit<Way, 'today'>, systems: readonly System[]): Step[] {
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
export function limitFirst(way: Omit<Way, 'today'>, known: Knowledge): Step[] {
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
export function switchesAndWaits(
	legs: readonly Leg[],
	stops: readonly Halt[],
	profile: Profile,
	{ today, known }: Calendar,
): Step[] {
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
