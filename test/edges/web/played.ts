// The web and its sources on a simulated upstream, with a clock that the test advances.
import { expect } from 'vitest';
import type { Web } from '../../../src/ports/web.ts';
import { silence } from '../../../src/runtime/log.ts';
import { known, openUpstream, type Upstream } from './upstream.ts';
import { openKept, openWorld, other, ours, type World } from './world.ts';

export const start = Date.UTC(2026, 2, 10);
const hour = 3600_000;

export type Played = {
	world: World;
	upstream: Upstream;
	web: Web;
	kept: ReturnType<typeof openKept>;
	/** Advances the clock by this many hours. */
	pass: (hours: number) => void;
	/** What was logged, oldest first. */
	logged: Record<string, unknown>[];
	/** Starts another process with what is stored. */
	restarted: () => Promise<Web>;
};

export async function played(
	play: (given: Played) => Promise<void>,
	prepare?: (upstream: Upstream) => void,
	edition = known,
): Promise<void> {
	const world = await openWorld();
	try {
		const upstream = await openUpstream(world);
		prepare?.(upstream);
		const kept = openKept();
		let now = start;
		const logged: Record<string, unknown>[] = [];
		const log = { ...silence, warn: (fields: Record<string, unknown>) => void logged.push(fields) };
		const open = () => world.web({ sources: upstream.settings }, () => new Date(now), { kept, known: edition, log });
		await play({
			world,
			upstream,
			kept,
			logged,
			web: await open(),
			restarted: open,
			pass(hours) {
				now += hours * hour;
			},
		});
	} finally {
		await world.close();
	}
	expect(world.trespasses).toBe(0);
	expect(world.dialled.filter(place => !place.startsWith(`${ours}:`) && !place.startsWith(`${other}:`))).toEqual([]);
}

export const stateOf = (web: Web, name: string) => web.sources().find(source => source.name === name);
