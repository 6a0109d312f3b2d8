// Which migrations touch large tables, before Synapse opens its port: read from the code, table by table.
import { z } from 'zod';
import { isVersion, type Version } from '../../deployment/version.ts';

/** Tables that grow large, each with what it grows with. */
export const largeTablesShape = z.strictObject({
	tables: z.record(z.string().regex(/^[a-z_0-9]+$/), z.string().min(1)),
	/** The others that migrations go through or alter: read, and found small. */
	small: z.array(z.string().regex(/^[a-z_0-9]+$/)).default([]),
});

const stateShape = z.object({
	tables: z.record(z.string(), z.array(z.string())),
	background: z.literal(true).optional(),
});
/** The part of synapse/code/deltas.json that matters here: key, and since which release it is what. */
export const deltasShape = z.object({
	entries: z.array(z.object({ key: z.string(), changes: z.array(z.tuple([z.string(), stateShape.nullable()])) })),
});

/**
 * How long a migration or a background update took on a generated database: the shortest and the longest of several runs,
 * in which few and most of the rows were affected. Two cores, with other work beside.
 */
export const migrationTimeShape = z
	.strictObject({
		/** The case of `npm run verify -- migrations`. */
		case: z.string(),
		delta: z.string().optional(),
		update: z.string().optional(),
		/** The release that did it. */
		release: z.string().refine(isVersion),
		database: z.enum(['sqlite', 'postgres']),
		table: z.string(),
		rows: z.number().int().positive(),
		seconds: z.tuple([z.number().nonnegative(), z.number().nonnegative()]),
		runs: z.number().int().positive(),
		date: z.iso.date(),
	})
	.refine(({ delta, update }) => (delta === undefined) !== (update === undefined), {
		error: 'a delta or an update, not both',
	});
export type MigrationTime = z.infer<typeof migrationTimeShape>;
export const migrationTimesShape = z.strictObject({ times: z.array(migrationTimeShape) });

/** A migration of one release that touches large tables before the port opens. */
export type Migration = {
	/** The first release that has it. */
	release: Version;
	/** `main 71/01rebuild_event_edges.sql.sqlite` */
	delta: string;
	/** Absent: on both. */
	database?: 'sqlite' | 'postgres';
	/**
	 * `reads`: it goes through the rows of a table (update, delete, insert, index, or a copy); `alters`: it only changes
	 * columns or constraints, which is quick, but needs the table for itself.
	 */
	work: 'reads' | 'alters';
	/** The large tables, each with what it grows with. */
	tables: Record<string, string>;
	/** It queues work for after the start, too. */
	background?: true;
	/** Seconds per million rows, shortest and longest, where it was measured. */
	took?: Partial<Record<'sqlite' | 'postgres', readonly [number, number]>>;
};

const reading: readonly string[] = ['update', 'delete', 'insert', 'index'];

function databaseOf(key: string): Pick<Migration, 'database'> {
	if (key.endsWith('.sqlite')) return { database: 'sqlite' };
	return key.endsWith('.postgres') ? { database: 'postgres' } : {};
}

/**
 * What is done to a table that was there before; undefined if nothing that matters. An update beside queued work is a
 * rule for new rows, not a pass over the old ones (60/01recreate_stream_ordering). A table that is dropped and indexed
 * in one delta is a copy in its place, as SQLite needs it.
 */
function workOn(actions: readonly string[], background: boolean): Migration['work'] | undefined {
	if (actions.includes('create')) return undefined;
	if (reading.some(action => actions.includes(action) && !(background && action === 'update'))) return 'reads';
	return actions.includes('alter') ? 'alters' : undefined;
}

/** The tables that migrations since 1.0.1 go through or alter, each with the first that does. */
export function migratedTables({ entries }: z.infer<typeof deltasShape>): Map<string, string> {
	const found = new Map<string, string>();
	for (const { key, changes } of entries) {
		const [release, state] = changes[0] ?? ['', null];
		if (!state || release === '1.0.0') continue;
		for (const [table, actions] of Object.entries(state.tables))
			if (workOn(actions, state.background === true) && !found.has(table)) found.set(table, key);
	}
	return found;
}

function tookOf(delta: string, times: readonly MigrationTime[]): Pick<Migration, 'took'> {
	const own = times.filter(time => time.delta === delta);
	if (!own.length) return {};
	const perMillion = ({ seconds: [shortest, longest], rows }: MigrationTime) =>
		[(shortest / rows) * 1e6, (longest / rows) * 1e6] as const;
	return { took: Object.fromEntries(own.map(time => [time.database, perMillion(time)])) };
}

/** The migrations of 1.0.1 and newer that touch large tables, in the order of their keys. What 1.0.0 had is done. */
export function migrationsOf(
	{ entries }: z.infer<typeof deltasShape>,
	{ tables: large }: Pick<z.infer<typeof largeTablesShape>, 'tables'>,
	times: readonly MigrationTime[],
): Migration[] {
	return entries.flatMap(({ key, changes }) => {
		const [release, state] = changes[0] ?? ['', null];
		if (!state || !isVersion(release) || release === '1.0.0') return [];
		const background = state.background === true;
		const touched = Object.entries(state.tables).flatMap(([table, actions]) => {
			const grows = large[table];
			const work = workOn(actions, background);
			return grows === undefined || work === undefined ? [] : [{ table, grows, work }];
		});
		if (!touched.length) return [];
		return [
			{
				release,
				delta: key,
				...databaseOf(key),
				work: touched.some(({ work }) => work === 'reads') ? ('reads' as const) : ('alters' as const),
				tables: Object.fromEntries(touched.map(({ table, grows }) => [table, grows])),
				...(background && { background: true as const }),
				...tookOf(key, times),
			},
		];
	});
}
