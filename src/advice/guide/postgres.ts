// The context of a major PostgreSQL upgrade: which versions Synapse accepts, which upgrade goes first, and whose
// support ends.

import { compareNumbers } from '../../deployment/facts.ts';
import type { Version } from '../../deployment/version.ts';
import type { Knowledge, Lifecycle } from '../../knowledge/schema/synapse.ts';
import { stable } from '../../knowledge/stable.ts';

export type Surroundings = {
	/** The major versions in the lifecycles, oldest first. */
	known: string[];
	/** Synapse releases by minimum version: `from` is the first with it. */
	floors: { from: Version; min: string }[];
	/** The first release that refuses the old or the new major version; null if none is known. */
	refused: { from: Version | null; to: Version | null };
	/** Which upgrade goes first: PostgreSQL, either, or unknown. */
	first: 'postgres' | 'either' | 'unknown';
	/** The running release, stated or assumed. */
	release: { version: Version; stated: boolean };
	ends: { major: string; ends: string; over: boolean }[];
};

/** `from` undefined: SQLite. */
export type PostgresQuestion = { from: string | undefined; to: string; release: Version | undefined; today: string };

/** The context of an upgrade between two major versions. `today` is `2026-11-21`. */
export function surroundings({ from, to, release, today }: PostgresQuestion, known: Knowledge): Surroundings {
	const lifecycle = known.lifecycles.postgresql;
	const floors = floorsOf(known.releases);
	const newest = stable(known.releases).at(-1);
	const refusing = (major: string | undefined) =>
		(major && floors.find(({ min }) => compareNumbers(min, major) > 0)?.from) || null;
	return {
		known: majorsOf(lifecycle),
		floors,
		refused: { from: refusing(from), to: refusing(to) },
		first: refusing(from) === null ? 'either' : 'postgres',
		release: { version: release ?? newest?.version ?? '0.0.0', stated: release !== undefined },
		ends: [from ?? [], to].flat().flatMap(major => {
			const ends = lifecycle?.releases.find(({ version }) => version === major)?.ends;
			return ends === undefined ? [] : [{ major, ends, over: ends <= today }];
		}),
	};
}

/** The known major versions, oldest first. */
export function majorsOf(lifecycle: Lifecycle | undefined): string[] {
	return (lifecycle?.releases ?? []).map(({ version }) => version).sort(compareNumbers);
}

/** The newest major version released by this day. */
export function newestMajor(lifecycle: Lifecycle | undefined, today: string): string | undefined {
	return majorsOf({ link: '', releases: (lifecycle?.releases ?? []).filter(({ released }) => released <= today) }).at(
		-1,
	);
}

function floorsOf(releases: Knowledge['releases']): Surroundings['floors'] {
	const floors: Surroundings['floors'] = [];
	for (const { version, postgresql } of stable(releases)) {
		if (postgresql === undefined) continue;
		const before = floors.at(-1);
		// Patch releases of an older line come later and keep its minimum.
		if (!before || compareNumbers(postgresql, before.min) > 0) floors.push({ from: version, min: postgresql });
	}
	return floors;
}
