// Moves a store from one place to another, table by table, atomically.
import { type Kysely, sql } from 'kysely';
import { Refusal } from '../../answer.ts';
import type { Tables } from './schema.ts';

/** Rows per statement: databases limit the number of bound values. */
const batchRows = 200;

/** One end of a move. Nothing else may use it in the meantime. */
export type StoreEnd = {
	/** Names the store in messages. */
	place: string;
	db: Kysely<Tables>;
	engine: 'sqlite' | 'postgres';
	/** The PostgreSQL schema of the tables. */
	schema?: string;
};

export type Moved = ReadonlyMap<string, number>;

/**
 * Copies all rows; resolves to the number of rows by table. `progress` is called after each batch. Throws a Refusal if
 * `to` is not empty.
 */
export async function moveRows(
	from: StoreEnd,
	to: StoreEnd,
	progress: (table: string, rows: number) => void,
): Promise<Moved> {
	const names = await tablesOf(from);
	const moved = new Map<string, number>();
	const source = from.db as unknown as Kysely<Record<string, Record<string, unknown>>>;
	await source.transaction().execute(async read => {
		const target = to.db as unknown as Kysely<Record<string, Record<string, unknown>>>;
		await target.transaction().execute(async write => {
			for (const name of names) {
				const there = await write.selectFrom(name).selectAll().limit(1).executeTakeFirst();
				if (there) throw new Refusal(`The store in ${to.place} is not empty; name an empty one.`);
			}
			for (const name of names) {
				let rows = 0;
				for await (const batch of batches(read, from.engine, name)) {
					await write.insertInto(name).values(batch).execute();
					rows += batch.length;
					progress(name, rows);
				}
				if (to.engine === 'postgres') await countOn(write, name);
				moved.set(name, rows);
			}
		});
	});
	return moved;
}

/** The store's tables, except those for migrations, replicas and keys. */
async function tablesOf({ db, schema }: StoreEnd): Promise<string[]> {
	const all = (await db.introspection.getTables()).filter(table => table.schema === schema);
	const others = /^(kysely_|sqlite_|key_)|^(lease|turn|replicas|claims)$/;
	return all
		.map(({ name }) => name)
		.filter(name => !others.test(name))
		.sort();
}

type Rows = Record<string, unknown>[];
type Anything = Kysely<Record<string, Record<string, unknown>>>;

/** All rows of a table in batches, in an order that is stable while it is read. */
async function* batches(db: Anything, engine: StoreEnd['engine'], table: string): AsyncGenerator<Rows> {
	if (engine === 'postgres') {
		await sql`DECLARE moving CURSOR FOR SELECT * FROM ${sql.table(table)}`.execute(db);
		for (;;) {
			const { rows } = await sql<Rows[number]>`FETCH ${sql.lit(batchRows)} FROM moving`.execute(db);
			if (rows.length === 0) break;
			yield rows;
		}
		await sql`CLOSE moving`.execute(db);
		return;
	}
	for (let last = 0; ; ) {
		const { rows } = await sql<
			Rows[number] & { moving_row: number }
		>`SELECT rowid AS moving_row, * FROM ${sql.table(table)}
			WHERE rowid > ${last} ORDER BY rowid LIMIT ${sql.lit(batchRows)}`.execute(db);
		if (rows.length === 0) return;
		last = Number(rows.at(-1)?.moving_row);
		yield rows.map(({ moving_row: _, ...row }) => row);
	}
}

/** Sets the id sequences so that new ids follow those that were moved. */
async function countOn(db: Anything, table: string): Promise<void> {
	const { rows } = await sql<{ sequence: string | null }>`SELECT s.sequence FROM information_schema.columns AS c,
		LATERAL (SELECT pg_get_serial_sequence(quote_ident(c.table_schema) || '.' || quote_ident(c.table_name), c.column_name)
			AS sequence) AS s
		WHERE c.table_schema = current_schema() AND c.table_name = ${table} AND c.is_identity = 'YES'`.execute(db);
	for (const { sequence } of rows)
		if (sequence !== null)
			await sql`SELECT setval(${sequence}::regclass, coalesce((SELECT max(id) FROM ${sql.table(table)}), 0) + 1, false)`.execute(
				db,
			);
}
