// What an upgrade does to large tables, and for how long: before the port opens, and in the background.
import type { Profile } from '../../deployment/facts.ts';
import { compare, finalOf, isAbove, type Version } from '../../deployment/version.ts';
import type { Migration, QueuedUpdates, Took } from '../../knowledge/schema/migrations.ts';
import type { Knowledge } from '../../knowledge/schema/synapse.ts';

export type Migrating = {
	/** Migrations that touch large tables before the port opens, in release order. */
	migrations: Migration[];
	/** Background updates with a measured duration, in release order. */
	queued: QueuedUpdates[];
};

/** Only what concerns the stated database, with its times. */
export function migrating(
	{ from, to, profile }: { from: Version; to: Version; profile: Profile },
	{ migrations, queued }: Pick<Knowledge, 'migrations' | 'queued'>,
): Migrating {
	const database = profile.get('database')?.value;
	const within = ({ release }: { release: Version }) =>
		isAbove(finalOf(release), from) && !isAbove(finalOf(release), finalOf(to));
	const inOrder = (a: { release: Version }, b: { release: Version }) => compare(a.release, b.release);
	return {
		migrations: migrations
			.filter(within)
			.filter(migration => !migration.database || database === undefined || migration.database === database)
			.map(({ took, tookFor, ...migration }): Migration => {
				const own = took && timesOn(took, database);
				return own ? { ...migration, took: own, ...(tookFor !== undefined && { tookFor }) } : migration;
			})
			.sort(inOrder),
		queued: queued
			.filter(within)
			.flatMap(({ took, ...updates }) => {
				const own = timesOn(took, database);
				return own ? [{ ...updates, took: own }] : [];
			})
			.sort(inOrder),
	};
}

/** Only this database's times, if it is known. */
function timesOn(took: Took, database: unknown): Took | undefined {
	if (database !== 'sqlite' && database !== 'postgres') return took;
	const own = took[database];
	return own && { [database]: own };
}
