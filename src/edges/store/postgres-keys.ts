// The keys of encrypted rooms in PostgreSQL, beside the store. Values are JSON: no version of Node reads them otherwise.
import { isDeepStrictEqual } from 'node:util';
import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { KeyChange, KeyDatabase, KeyRecord, KeyRecords, KeyStore } from '../../ports/keys.ts';

type KeyTables = {
	/** Whose keys: `sealed` if a passphrase encrypts them; when they were begun (ms), and starts counted since. */
	key_owners: { device: string; user: string; sealed: boolean; began: number; starts: number };
	/** wasm's databases, with their stores as JSON. */
	key_databases: { device: string; name: string; version: number; stores: string };
	/** wasm's records; keys and values as JSON. */
	key_records: { device: string; database: string; store: string; key: string; value: string };
};

/** Makes the tables. Throws what the database says. */
export async function keyTables(db: Kysely<never>): Promise<void> {
	await sql`CREATE TABLE IF NOT EXISTS key_owners (device text COLLATE "C" PRIMARY KEY, "user" text NOT NULL,
		sealed boolean NOT NULL, began bigint NOT NULL, starts bigint NOT NULL)`.execute(db);
	await sql`CREATE TABLE IF NOT EXISTS key_databases (device text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL,
		version bigint NOT NULL, stores text NOT NULL, PRIMARY KEY (device, name))`.execute(db);
	await sql`CREATE TABLE IF NOT EXISTS key_records (device text COLLATE "C" NOT NULL, database text COLLATE "C" NOT NULL,
		store text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, value text NOT NULL,
		PRIMARY KEY (device, database, store, key))`.execute(db);
}

/** Keys in this database. `place` says to people which it is. */
export function keysOver(store: Kysely<never>, place: string): KeyStore {
	const db = store as unknown as Kysely<KeyTables>;
	const owner = (device: string) =>
		db.selectFrom('key_owners').selectAll().where('device', '=', device).executeTakeFirst();
	return {
		records: device => recordsOf(db, device, place),
		async has(device) {
			if (device !== undefined) return (await owner(device)) !== undefined;
			return (await db.selectFrom('key_owners').select('device').limit(1).executeTakeFirst()) !== undefined;
		},
		async earlier(device) {
			const query = db.selectFrom('key_owners').select('device').where('device', '<>', device);
			return (await query.orderBy('began', 'desc').execute()).map(row => row.device);
		},
		starts: async device => (await owner(device))?.starts ?? 0,
		async keepStarts(device, starts) {
			await db.updateTable('key_owners').set({ starts }).where('device', '=', device).execute();
		},
	};
}

function recordsOf(db: Kysely<KeyTables>, device: string, database: string): KeyRecords {
	return {
		place: `the keys of device ${device} in ${database}`,
		async owner() {
			const row = await db.selectFrom('key_owners').selectAll().where('device', '=', device).executeTakeFirst();
			return row && { user: row.user, device, sealed: row.sealed };
		},
		async databases() {
			const rows = await db
				.selectFrom('key_databases')
				.selectAll()
				.where('device', '=', device)
				.orderBy('name')
				.execute();
			return rows.map(({ name, version, stores }) => ({ name, version, stores: JSON.parse(stores) }));
		},
		async entries() {
			const rows = await db.selectFrom('key_records').selectAll().where('device', '=', device).execute();
			const byStore = Map.groupBy(rows, row => JSON.stringify([row.database, row.store]));
			return (name, store) => (byStore.get(JSON.stringify([name, store])) ?? []).map(entryOf);
		},
		write: touched =>
			db.transaction().execute(async tx => {
				for (const one of touched) await write(tx, device, one);
			}),
		replace: ({ user, sealed }, databases, entries) =>
			db.transaction().execute(async tx => {
				for (const table of ['key_records', 'key_databases'] as const)
					await tx.deleteFrom(table).where('device', '=', device).execute();
				await tx
					.insertInto('key_owners')
					.values({ device, user, sealed, began: Date.now(), starts: 0 })
					.onConflict(conflict => conflict.column('device').doUpdateSet({ user, sealed }))
					.execute();
				for (const one of databases) await insert(tx, device, one, entries);
			}),
		close: async () => undefined,
	};
}

async function write(tx: Transaction<KeyTables>, device: string, touched: KeyChange): Promise<void> {
	const { database, store, record } = touched;
	const key = JSON.stringify(touched.key);
	if (record === undefined) {
		await tx
			.deleteFrom('key_records')
			.where('device', '=', device)
			.where('database', '=', database)
			.where('store', '=', store)
			.where('key', '=', key)
			.execute();
		return;
	}
	const value = jsonOf(record.value);
	await tx
		.insertInto('key_records')
		.values({ device, database, store, key, value })
		.onConflict(conflict => conflict.columns(['device', 'database', 'store', 'key']).doUpdateSet({ value }))
		.execute();
}

async function insert(
	tx: Transaction<KeyTables>,
	device: string,
	{ name, version, stores }: KeyDatabase,
	entries: (database: string, store: string) => Iterable<KeyRecord>,
): Promise<void> {
	await tx
		.insertInto('key_databases')
		.values({ device, name, version, stores: JSON.stringify(stores) })
		.execute();
	for (const store of stores)
		for (const record of entries(name, store.name))
			await write(tx, device, { database: name, store: store.name, key: record.key, record });
}

function entryOf({ key, value }: Selectable<KeyTables['key_records']>): KeyRecord {
	return { key: JSON.parse(key), value: JSON.parse(value) };
}

/** Keys must come back as they were: what JSON would change is refused before it is lost. */
function jsonOf(value: unknown): string {
	const text = JSON.stringify(value);
	if (text === undefined || !isDeepStrictEqual(JSON.parse(text), value))
		throw new Error('a value of the keys is of a kind that JSON does not hold');
	return text;
}
