// The minimum versions of Python, PostgreSQL, SQLite and Rust for the target.

import { type Applies, concern, holds } from '../../deployment/condition.ts';
import type { Profile } from '../../deployment/facts.ts';
import { finalOf, isAbove, type Version } from '../../deployment/version.ts';
import type { Release } from '../../knowledge/schema/synapse.ts';
import { stable } from '../../knowledge/stable.ts';

export type Floor = { of: FloorName; at: Version; min: string; met: true | false | 'unknown' };

type FloorName = 'python' | 'postgresql' | 'sqlite' | 'rust';

/** The condition under which a minimum version applies to a deployment at all. */
const floorFacts: Record<FloorName, { fact: 'python' | 'postgres' | 'sqlite' | undefined; applies: Applies }> = {
	python: { fact: 'python', applies: { all: ['python>=0'] } },
	postgresql: { fact: 'postgres', applies: { all: ['database=postgres'] } },
	sqlite: { fact: 'sqlite', applies: { all: ['database=sqlite', 'sqlite>=0'] } },
	rust: { fact: undefined, applies: { any: ['install=source', 'install=pip'] } },
};

/**
 * Minimum versions that rise along the way, or that the deployment does not meet at the target: `at` is the
 * release with the last rise.
 */
export function floors(from: Version, to: Version, profile: Profile, releases: readonly Release[]): Floor[] {
	const all = stable(releases);
	const before = all.filter(({ version }) => !isAbove(version, finalOf(from)));
	const after = all.filter(({ version }) => isAbove(version, from) && !isAbove(version, finalOf(to)));
	return (Object.keys(floorFacts) as FloorName[]).flatMap(of => {
		// A release whose files could not be read yet needs at least what the one before it needs.
		const isRead = (release: Release) => release[of] !== undefined;
		const [start, way] = [before.findLast(isRead), after.filter(isRead)];
		const min = (way.at(-1) ?? start)?.[of];
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
