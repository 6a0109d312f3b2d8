// What Synapse's worker documentation gained and lost between two releases: which requests can go to which workers.
import { stateAt, type Table } from '../../configuration/timeline.ts';
import type { Version } from '../../deployment/version.ts';
import { compare } from '../../deployment/version.ts';

/** `methods`: `GET`, or `any`; `was`: the pattern or methods that it replaces. */
export type WorkerRoute = { path: string; methods: string; was?: string };
/** `workers`: the app (`generic_worker`), or the writer of a stream (`stream typing`). */
export type RouteGroup = { workers: string; gained: WorkerRoute[]; lost: WorkerRoute[]; changed: WorkerRoute[] };

/** The groups whose routes differ, in table order. Empty if `from` is older than the oldest release that was read. */
export function routesBetween(from: Version, to: Version, { read, entries }: Table<string>): RouteGroup[] {
	const oldest = read[0];
	if (oldest === undefined || compare(from, oldest) < 0) return [];
	const groups = new Map<string, RouteGroup>();
	for (const { key, changes } of entries) {
		const [before, after] = [stateAt(changes, from), stateAt(changes, to)];
		if (before === after) continue;
		const at = key.indexOf('^');
		const workers = key.slice(0, at).trim();
		const path = key.slice(at);
		const group = groups.get(workers) ?? { workers, gained: [], lost: [], changed: [] };
		groups.set(workers, group);
		if (after === null) group.lost.push({ path, methods: before ?? 'any' });
		else if (before === null) group.gained.push({ path, methods: after });
		else group.changed.push({ path, methods: after, was: before });
	}
	return [...groups.values()].map(paired);
}

/** A pattern that only accepts other API versions, or has another ending, counts as changed, not as lost and gained. */
function paired({ workers, gained, lost, changed }: RouteGroup): RouteGroup {
	const pairs = gained.flatMap(route => {
		const former = lost.find(({ path }) => isSameRoute(path, route.path));
		return former ? [{ ...route, was: former.path }] : [];
	});
	return {
		workers,
		gained: gained.filter(({ path }) => !pairs.some(pair => pair.path === path)),
		lost: lost.filter(({ path }) => !pairs.some(pair => pair.was === path)),
		changed: [...changed, ...pairs],
	};
}

function isSameRoute(a: string, b: string): boolean {
	return bare(a) === bare(b);
}

function bare(path: string): string {
	return path
		.replace(/\((?:api\/v1|r0|v1|v3|unstable)(?:\|(?:api\/v1|r0|v1|v3|unstable))*(?:\/\.\*)?\)/, 'V')
		.replace(/(?:\(\/\|\$\)|\/?\$|\/)$/, '');
}
