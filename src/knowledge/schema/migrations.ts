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

const range = z.tuple([z.number().nonnegative(), z.number().nonnegative()]);

/**
 * How long a migration, or the background updates that it queues, took on a generated database: the shortest and the longest
 * of several runs, in which few and most of the rows were affected.
 */
export const migrationTimeShape = z.strictObject({
	/** The case of `npm run verify -- migrations`. */
	case: z.string(),
	/** The migration; with `updates` the one that queues them. */
	delta: z.string(),
	/**
	 * The background updates: `seconds` then go from the open port until none of the release's background updates is left,
	 * with the pauses that Synapse makes by default. Without them `seconds` are the migration's own, before the port opens.
	 */
	updates: z.array(z.string()).min(1).optional(),
	/** The release that did it. */
	release: z.string().refine(isVersion),
	database: z.enum(['sqlite', 'postgres']),
	/** What the database is, with its version. */
	server: z.string(),
	table: z.string(),
	rows: z.number().int().positive(),
	seconds: range,
	/** From the start of the process to the open port (seconds), everything else that the release does then included. */
	opens: range,
	runs: z.number().int().positive(),
	/** The load average of the machine over a minute, least and most, as runs ended. */
	load: range,
	date: z.iso.date(),
});
export type MigrationTime = z.infer<typeof migrationTimeShape>;
export const migrationTimesShape = z.strictObject({
	/** What they were measured on, in words. */
	machine: z.string().min(1),
	times: z.array(migrationTimeShape),
});

/** Seconds for a million rows, shortest and longest, by database. */
export type Took = Partial<Record<'sqlite' | 'postgres', readonly [number, number]>>;

/** Background updates of one release whose time was measured. */
export type QueuedUpdates = {
	/** The first release that queues them. */
	release: Version;
	/** The migration that does. */
	delta: string;
	names: string[];
	/** The large table that they go through, and what it grows with. */
	table: string;
	grows: string;
	took: Took;
};

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
	/** Where it was measured. */
	took?: Took;
	/** The table that then had a million rows. */
	tookFor?: string;
};

const reading: readonly string[] = ['update', 'delete', 'insert', 'index'];

function databaseOf(key: string): Pick<Migration, 'database'> {
	if (key.endsWith('.sqlite')) return { database: 'sqlite' };
	return key.endsWith('.postgres') ? { database: 'postgres' } : {};
}

type Touched = z.infer<typeof stateShape>['tables'];

/**
 * What a migration does to a table that was there before; undefined if nothing that matters. An update beside queued work is
 * a rule for new rows, not a pass over the old ones (60/01recreate_stream_ordering).
 */
function workOn(table: string, tables: Touched, background: boolean): Migration['work'] | undefined {
	const actions = tables[table] ?? [];
	if (actions.includes('create')) return undefined;
	if (reading.some(action => actions.includes(action) && !(background && action === 'update'))) return 'reads';
	if (actions.includes('drop') && isCopied(table, tables)) return 'reads';
	return actions.includes('alter') ? 'alters' : undefined;
}

/** SQLite changes most things of a table by a copy, filled and then renamed: `receipts_graph_new`, `access_tokens2`. */
function isCopied(table: string, tables: Touched): boolean {
	const copying = ['create', 'insert', 'alter'];
	return Object.entries(tables).some(
		([other, actions]) => other !== table && other.includes(table) && copying.every(one => actions.includes(one)),
	);
}

/** The tables that migrations since 1.0.1 go through or alter, each with the first that does. */
export function migratedTables({ entries }: z.infer<typeof deltasShape>): Map<string, string> {
	const found = new Map<string, string>();
	for (const { key, changes } of entries) {
		const [release, state] = changes[0] ?? ['', null];
		if (!state || release === '1.0.0') continue;
		for (const table of Object.keys(state.tables))
			if (workOn(table, state.tables, state.background === true) && !found.has(table)) found.set(table, key);
	}
	return found;
}

/** None where nobody measured. */
function tookOf(times: readonly MigrationTime[]): Took | undefined {
	if (!times.length) return undefined;
	const perMillion = ({ seconds: [shortest, longest], rows }: MigrationTime) =>
		[(shortest / rows) * 1e6, (longest / rows) * 1e6] as const;
	return Object.fromEntries(times.map(time => [time.database, perMillion(time)]));
}

/** The background updates that were measured, in the order of the migrations that queue them. */
export function queuedUpdatesOf(
	{ entries }: z.infer<typeof deltasShape>,
	{ tables: large }: Pick<z.infer<typeof largeTablesShape>, 'tables'>,
	times: readonly MigrationTime[],
): QueuedUpdates[] {
	return entries.flatMap(({ key, changes }) => {
		const own = times.filter(({ delta, updates }) => delta === key && updates !== undefined);
		const took = tookOf(own);
		const release = changes[0]?.[0] ?? '';
		const [first] = own;
		if (!took || !first || !isVersion(release)) return [];
		const names = [...new Set(own.flatMap(({ updates = [] }) => updates))];
		return [{ release, delta: key, names, table: first.table, grows: large[first.table] ?? '', took }];
	});
}

/** Tables by the release that first makes them: what another migration of that release does to one, it does to an empty one. */
function madeIn(entries: z.infer<typeof deltasShape>['entries']): Map<string, string> {
	const made = new Map<string, string>();
	for (const { changes } of entries) {
		const [release, state] = changes[0] ?? ['', null];
		for (const [table, actions] of Object.entries(state?.tables ?? {}))
			if (actions.includes('create') && !made.has(table)) made.set(table, release);
	}
	return made;
}

/** The migrations of 1.0.1 and newer that touch large tables, in the order of their keys. What 1.0.0 had is done. */
export function migrationsOf(
	{ entries }: z.infer<typeof deltasShape>,
	{ tables: large }: Pick<z.infer<typeof largeTablesShape>, 'tables'>,
	times: readonly MigrationTime[],
): Migration[] {
	const made = madeIn(entries);
	return entries.flatMap(({ key, changes }) => {
		const [release, state] = changes[0] ?? ['', null];
		if (!state || !isVersion(release) || release === '1.0.0') return [];
		const background = state.background === true;
		const touched = Object.keys(state.tables).flatMap(table => {
			const grows = large[table];
			const work = workOn(table, state.tables, background);
			if (grows === undefined || work === undefined || made.get(table) === release) return [];
			return [{ table, grows, work }];
		});
		if (!touched.length) return [];
		const own = times.filter(({ delta, updates }) => delta === key && updates === undefined);
		const took = tookOf(own);
		const [first] = own;
		return [
			{
				release,
				delta: key,
				...databaseOf(key),
				work: touched.some(({ work }) => work === 'reads') ? ('reads' as const) : ('alters' as const),
				tables: Object.fromEntries(touched.map(({ table, grows }) => [table, grows])),
				...(background && { background: true as const }),
				...(took && first && { took, tookFor: first.table }),
			},
		];
	});
}
