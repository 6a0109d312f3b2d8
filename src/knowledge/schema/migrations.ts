// Migrations that touch large tables before Synapse opens its port, read from the code table by table.
import { z } from 'zod';
import { isVersion, type Version } from '../../deployment/version.ts';

/** The shape of large-tables.yaml. */
export const largeTablesShape = z.strictObject({
	tables: z
		.record(z.string().regex(/^[a-z_0-9]+$/), z.string().min(1))
		.describe('Tables that grow large, each with what it grows with.'),
	small: z
		.array(z.string().regex(/^[a-z_0-9]+$/))
		.default([])
		.describe('Other tables that migrations scan or alter: read, and found small.'),
});

const stateShape = z.object({
	tables: z.record(z.string(), z.array(z.string())),
	background: z.literal(true).optional(),
});
/** The relevant part of synapse/code/deltas.json: each key, and its state from each release on. */
export const deltasShape = z.object({
	entries: z.array(z.object({ key: z.string(), changes: z.array(z.tuple([z.string(), stateShape.nullable()])) })),
});

const range = z.tuple([z.number().nonnegative(), z.number().nonnegative()]);

/**
 * How long a migration, or the background updates it queues, took on a generated database: the shortest and
 * longest of several runs, with few and with most of the rows affected.
 */
export const migrationTimeShape = z.strictObject({
	/** The case of `npm run verify -- migrations`. */
	case: z.string(),
	/** The migration; with `updates` the one that queues them. */
	delta: z.string(),
	/**
	 * The background updates: `seconds` are then from the open port until all of the release's background updates
	 * are done, with Synapse's default pauses. Without them `seconds` are the migration's own, before the port
	 * opens.
	 */
	updates: z.array(z.string()).min(1).optional(),
	/** The release it ran in. */
	release: z.string().refine(isVersion),
	database: z.enum(['sqlite', 'postgres']),
	/** The database server and its version. */
	server: z.string(),
	table: z.string(),
	rows: z.number().int().positive(),
	seconds: range,
	/** Seconds from the start of the process to the open port, including everything else the release does. */
	opens: range,
	runs: z.number().int().positive(),
	/** The machine's one-minute load average at the end of runs, lowest and highest. */
	load: range,
	date: z.iso.date(),
});
export type MigrationTime = z.infer<typeof migrationTimeShape>;
export const migrationTimesShape = z.strictObject({
	machine: z.string().min(1),
	times: z.array(migrationTimeShape),
});

/** Seconds per million rows, shortest and longest, by database. */
export type Took = Partial<Record<'sqlite' | 'postgres', readonly [number, number]>>;

/** Background updates of one release whose duration was measured. */
export type QueuedUpdates = {
	/** The first release that queues them. */
	release: Version;
	delta: string;
	names: string[];
	/** The large table that they scan, and what makes it grow. */
	table: string;
	grows: string;
	took: Took;
};

/** A migration that touches large tables before the port opens. */
export type Migration = {
	/** The first release that has it. */
	release: Version;
	/** `main 71/01rebuild_event_edges.sql.sqlite` */
	delta: string;
	/** Absent: both. */
	database?: 'sqlite' | 'postgres';
	/**
	 * `reads`: it scans or rewrites rows (update, delete, insert, index, or a copy); `alters`: it only changes
	 * columns or constraints, which is quick but locks the table.
	 */
	work: 'reads' | 'alters';
	/** The large tables, each with what makes it grow. */
	tables: Record<string, string>;
	/** It also queues work for after the start. */
	background?: true;
	took?: Took;
	/** The table that had a million rows in the measurement. */
	tookFor?: string;
};

const reading: readonly string[] = ['update', 'delete', 'insert', 'index'];

function databaseOf(key: string): Pick<Migration, 'database'> {
	if (key.endsWith('.sqlite')) return { database: 'sqlite' };
	return key.endsWith('.postgres') ? { database: 'postgres' } : {};
}

type Touched = z.infer<typeof stateShape>['tables'];

/**
 * What a migration does to an existing table; undefined if nothing relevant. If it also queues background work, an
 * `update` is a rule for new rows, not a pass over the old ones (60/01recreate_stream_ordering).
 */
function workOn(table: string, tables: Touched, background: boolean): Migration['work'] | undefined {
	const actions = tables[table] ?? [];
	if (actions.includes('create')) return undefined;
	if (reading.some(action => actions.includes(action) && !(background && action === 'update'))) return 'reads';
	if (actions.includes('drop') && isCopied(table, tables)) return 'reads';
	return actions.includes('alter') ? 'alters' : undefined;
}

/** SQLite makes most changes through a copy that is filled and then renamed: `receipts_graph_new`, `access_tokens2`. */
function isCopied(table: string, tables: Touched): boolean {
	const copying = ['create', 'insert', 'alter'];
	return Object.entries(tables).some(
		([other, actions]) => other !== table && other.includes(table) && copying.every(one => actions.includes(one)),
	);
}

/** The tables that migrations since 1.0.1 scan or alter, each with the first that does. */
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

/** Undefined if it was not measured. */
function tookOf(times: readonly MigrationTime[]): Took | undefined {
	if (!times.length) return undefined;
	const perMillion = ({ seconds: [shortest, longest], rows }: MigrationTime) =>
		[(shortest / rows) * 1e6, (longest / rows) * 1e6] as const;
	return Object.fromEntries(times.map(time => [time.database, perMillion(time)]));
}

/** The measured background updates, in the order of the migrations that queue them. */
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

/** The release that first creates each table. Other migrations of the same release find it empty. */
function madeIn(entries: z.infer<typeof deltasShape>['entries']): Map<string, string> {
	const made = new Map<string, string>();
	for (const { changes } of entries) {
		const [release, state] = changes[0] ?? ['', null];
		for (const [table, actions] of Object.entries(state?.tables ?? {}))
			if (actions.includes('create') && !made.has(table)) made.set(table, release);
	}
	return made;
}

/**
 * The migrations since 1.0.1 that touch large tables, in key order. Those of 1.0.0 and before have already run
 * everywhere.
 */
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
