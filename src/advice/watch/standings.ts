// The standing of each watched server in two numbers, for dashboards.
import type { Version } from '../../deployment/version.ts';
import type { Knowledge } from '../../knowledge/schema/synapse.ts';
import { isAffected } from '../upgrade/advisories.ts';
import { runningOf } from './history.ts';
import { behind } from './release-conditions.ts';
import type { WatchedServer } from './subscription.ts';

export type ServerStanding = { server: string; releasesBehind: number; openAdvisories: number };

/**
 * Only for servers whose release is known from polls; what rooms say about a server is private to them.
 * Advisories count for any deployment. `today`: `2026-11-29`.
 */
export function standings(servers: readonly WatchedServer[], knowledge: Knowledge, today: string): ServerStanding[] {
	const byVersion = new Map<Version, Omit<ServerStanding, 'server'>>();
	const known = new Set(knowledge.releases.map(({ version }) => version));
	return servers.flatMap(({ server, history }) => {
		const version = runningOf(history, undefined, new Date(today))?.version;
		if (version === undefined || !known.has(version)) return [];
		let standing = byVersion.get(version);
		if (!standing) {
			standing = {
				releasesBehind: behind(version, knowledge, today).releases,
				openAdvisories: knowledge.advisories.filter(advisory => isAffected(advisory, version)).length,
			};
			byVersion.set(version, standing);
		}
		return [{ server, ...standing }];
	});
}
