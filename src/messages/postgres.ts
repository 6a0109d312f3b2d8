// What a major PostgreSQL upgrade means for Synapse: which upgrade goes first, and whose support ends.

import type { PostgresQuestion, Surroundings } from '../advice/guide/postgres.ts';
import { compare } from '../deployment/version.ts';

/** Lines for the top of the guide; each begins with a mark. */
export function orderLines(around: Surroundings, { from, to }: Pick<PostgresQuestion, 'from' | 'to'>): string[] {
	const { refused, release, ends } = around;
	const runs = release.stated ? `Your ${release.version}` : `The newest release I know of, ${release.version},`;
	const stopped = refused.from !== null && compare(release.version, refused.from) >= 0;
	const min = around.floors.findLast(floor => compare(floor.from, release.version) <= 0)?.min;
	const lines = [
		...(refused.to !== null && compare(release.version, refused.to) >= 0
			? [
					`🔴 ${runs} does not start on PostgreSQL ${to} either: from ${refused.to} on, Synapse requires ${min} or newer. Upgrade to at least ${min}.`,
				]
			: []),
		...(stopped && refused.from !== null
			? [
					release.stated
						? `🔴 ${runs} does not start on PostgreSQL ${from} (from ${refused.from} on, Synapse requires a newer one): one of the two versions must be wrong.`
						: `🔴 Upgrade PostgreSQL first, then Synapse: only Synapse releases before ${refused.from} run on PostgreSQL ${from}; newer ones refuse to start.`,
				]
			: refused.from !== null
				? [`🔴 Upgrade PostgreSQL first: from ${refused.from} on, Synapse does not start on PostgreSQL ${from}.`]
				: from === undefined
					? []
					: [
							`✅ ${runs} starts on both ${from} and ${to}, so it does not matter whether you change Synapse or PostgreSQL first. Do not do both on the same day, or you will not be able to tell which one caused a problem.`,
						]),
		...ends.map(({ major, ends: day, over }) =>
			over
				? `🔴 PostgreSQL ${major} has had no fixes since ${day}.`
				: `${major === to ? '✅' : '⚠️'} PostgreSQL ${major} gets fixes until ${day}.`,
		),
	];
	return lines;
}
