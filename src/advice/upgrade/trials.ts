// The results of tests that ran real releases, as answers show them.

import type { Version } from '../../deployment/version.ts';
import type { Verified } from '../../knowledge/schema/synapse.ts';
import { memo } from '../../runtime/memo.ts';

export type Trial = Pick<Verified, 'says' | 'releases' | 'database' | 'faked' | 'outcome' | 'date' | 'error'>;

function trial({ says, releases, database, faked, outcome, date, error }: Verified): Trial {
	return { says, releases, database, ...(faked && { faked }), outcome, date, ...(error && { error }) };
}

/** The results of testing a note or a stop; undefined if it was never tested. */
export function triedOf(id: string, verified: readonly Verified[]): { tried: Trial[] } | undefined {
	const tried = byClaimant(verified).get(id);
	return tried ? { tried } : undefined;
}

const byClaimant = memo((verified: readonly Verified[]) => {
	const claims = Map.groupBy(verified, ({ of }) => of);
	return new Map([...claims].map(([of, some]) => [of, some.map(trial)]));
});

/**
 * Trials on both sides of a floor: the floor release starts, the one below does not. If this release was not the last
 * to open the database in any of them, uses the trial with the same floor that makes the strongest case.
 */
export function triedRollback(
	release: Version,
	{ floor, below }: { floor: Version; below: Version | undefined },
	verified: readonly Verified[],
): { tried: Trial[] } | undefined {
	const trials = verified.filter(({ kind }) => kind === 'rollback');
	const side = (last: Version | undefined, outcome: Trial['outcome']) => {
		const fitting = trials.filter(({ releases, outcome: what }) => releases.at(-1) === last && what === outcome);
		const exact = fitting.find(({ releases }) => releases.at(-2) === release);
		return exact ?? (outcome === 'starts' ? fitting.at(-1) : fitting[0]);
	};
	const tried = [floor === release ? undefined : side(floor, 'starts'), side(below, 'refuses')].flatMap(found =>
		found ? [trial(found)] : [],
	);
	return tried.length ? { tried } : undefined;
}
