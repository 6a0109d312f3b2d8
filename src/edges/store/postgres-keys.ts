// The keys of encrypted rooms in PostgreSQL, next to the store. Values are JSON, which every version of Node reads the
// same way. Each row has a checksum: a damaged byte causes an error, never a silently different key.
import { isDeepStrictEqual } from 'node:util';
import { crc32 } from 'node:zlib';
import { type Kysely, type RawBuilder, type Selectable, sql, type Transaction } from 'kysely';
import { isByNeed, lookupsOf } from '../../../crypto/by-need.ts';
import type { KeyChange, KeyDatabase, KeyQuery, KeyRecord, KeyRecords, KeyStore } from '../../ports/keys.ts';
import { codeOf, isAway } from './postgres.ts';

type KeyTables = {
	/**
	 * The devices: `sealed` if a passphrase encrypts their keys, when these were created (ms), and the starts
	 * counted since.
	 */
	key_owners: { device: string; user: string; sealed: boolean; began: number; starts: number };
	/** The encryption library's databases, with their stores as JSON. */
	key_databases: { device: string; name: string; version: number; stores: string; checksum: number };
	/** The encryption library's records; keys and values as JSON. */
	key_records: { device: string; database: string; store: string; key: string; value: string; checksum: number };
	/**
	 * The database in which a device's keys were last used (`identityOf` below), and the transaction that wrote this; `xid` is
	 * null once they are no longer in use.
	 */
	key_uses: { device: string; place: string; xid: string | null };
	/** Index entries of stores that are queried rather than loaded; keys and values as JSON. */
	key_lookups: { device: string; database: string; store: string; key: string; name: string; value: string };
};

/** Creates the tables. Throws the database's errors. */
export async function keyTables(db: Kysely<never>): Promise<void> {
	await sql`CREATE TABLE IF NOT EXISTS key_owners (device text COLLATE "C" PRIMARY KEY, "user" text NOT NULL,
		sealed boolean NOT NULL, began bigint NOT NULL, starts bigint NOT NULL)`.execute(db);
	await sql`CREATE TABLE IF NOT EXISTS key_databases (device text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL,
		version bigint NOT NULL, stores text NOT NULL, checksum bigint NOT NULL, PRIMARY KEY (device, name))`.execute(db);
	await sql`CREATE TABLE IF NOT EXISTS key_records (device text COLLATE "C" NOT NULL, database text COLLATE "C" NOT NULL,
		store text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, value text NOT NULL, checksum bigint NOT NULL,
		PRIMARY KEY (device, database, store, key))`.execute(db);
	await sql`CREATE TABLE IF NOT EXISTS key_lookups (device text COLLATE "C" NOT NULL, database text COLLATE "C" NOT NULL,
		store text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL,
		value text COLLATE "C" NOT NULL, PRIMARY KEY (device, database, store, key, name))`.execute(db);
	await sql`CREATE TABLE IF NOT EXISTS key_uses (device text COLLATE "C" PRIMARY KEY, place text NOT NULL,
		xid text)`.execute(db);
	await sql`CREATE INDEX IF NOT EXISTS key_lookups_value ON key_lookups (device, database, store, name, value)`.execute(
		db,
	);
}

/** Keys in this database. `place` names it in messages. */
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
		async starts(device) {
			return (await isCopy(db, device)) ? undefined : ((await owner(device))?.starts ?? 0);
		},
		async keepStarts(device, starts) {
			const use = { place: await identityOf(db), xid: sql<string>`pg_current_xact_id()::text` };
			// In one transaction, so that a dump with the new count also shows that the keys were in use.
			await db.transaction().execute(async tx => {
				await tx.updateTable('key_owners').set({ starts }).where('device', '=', device).execute();
				await tx
					.insertInto('key_uses')
					.values({ device, ...use })
					.onConflict(conflict => conflict.column('device').doUpdateSet(use))
					.execute();
			});
		},
		async putAway(device) {
			await db.updateTable('key_uses').set({ xid: null }).where('device', '=', device).execute();
		},
	};
}

/**
 * Whether these keys are a copy, made with any tool, of keys that were in use. A dump carries neither the table's ID
 * nor a row's transaction (`xmin` holds its lower half), and CREATE DATABASE does not carry the database's ID. After a
 * recovery from a server's files, and on a promoted standby, the timeline differs.
 */
async function isCopy(db: Kysely<KeyTables>, device: string): Promise<boolean> {
	const { rows } = await sql<{ place: string; isOriginal: boolean }>`SELECT place,
		xid::numeric % 4294967296 = xmin::text::numeric AS "isOriginal"
		FROM key_uses WHERE device = ${device} AND xid IS NOT NULL`.execute(db);
	const [use] = rows;
	return use !== undefined && !(use.isOriginal && use.place === (await identityOf(db)));
}

/** Error codes of hosted databases that do not offer a function: the privilege, function or feature is missing. */
const notOffered: readonly string[] = ['42501', '42883', '0A000'];

/**
 * Differs from the identity of every other database, and of this one after a recovery. If the server does not offer its
 * part, the database's part has to do. Throws any other error: with half an identity, a recovery could go unnoticed.
 */
async function identityOf(db: Kysely<KeyTables>): Promise<string> {
	const here = sql`(SELECT oid FROM pg_database WHERE datname = current_database()), 'key_uses'::regclass::oid`;
	const server = sql`(pg_control_system()).system_identifier, left(pg_walfile_name(pg_current_wal_lsn()), 8)`;
	const identity = async (parts: RawBuilder<unknown>) =>
		(await sql<{ identity: string }>`SELECT concat_ws('/', ${parts}) AS identity`.execute(db)).rows[0]?.identity ?? '';
	try {
		return await identity(sql`${here}, ${server}`);
	} catch (error) {
		const code = codeOf(error);
		if (notOffered.includes(code)) return identity(here);
		if (isAway(error)) throw error;
		throw new Error(`PostgreSQL does not say which server it is: ${Object(error).message} (${code})`, { cause: error });
	}
}

type StoreShapes = Map<string, KeyDatabase['stores'][number]>;

function shapesOf(databases: readonly KeyDatabase[]): StoreShapes {
	return new Map(
		databases.flatMap(({ name, stores }) => stores.map(store => [nameOf(name, store.name), store] as const)),
	);
}

function nameOf(database: string, store: string): string {
	return JSON.stringify([database, store]);
}

function recordsOf(db: Kysely<KeyTables>, device: string, place: string): KeyRecords {
	/** The indexes of each store; queried once. */
	let known: StoreShapes | undefined;
	async function databases(): Promise<KeyDatabase[]> {
		const rows = await db
			.selectFrom('key_databases')
			.selectAll()
			.where('device', '=', device)
			.orderBy('name')
			.execute();
		return rows.map(({ name, version, stores, checksum }) => {
			if (checksum !== checksumOf(device, name, String(version), stores)) throw damage(`the database ${name}`);
			return { name, version, stores: JSON.parse(stores) };
		});
	}
	return {
		place: `the key store of device ${device} in ${place}`,
		async owner() {
			const row = await db.selectFrom('key_owners').selectAll().where('device', '=', device).executeTakeFirst();
			return row && { user: row.user, device, sealed: row.sealed };
		},
		databases,
		async entries(only = () => true) {
			const names = (await databases()).flatMap(({ stores }) => stores.filter(only).map(({ name }) => name));
			if (names.length === 0) return () => [];
			const rows = await db
				.selectFrom('key_records')
				.selectAll()
				.where('device', '=', device)
				.where('store', 'in', names)
				.execute();
			const byStore = Map.groupBy(rows, row => nameOf(row.database, row.store));
			return (name, store) => (byStore.get(nameOf(name, store)) ?? []).map(entryOf);
		},
		read: (database, store, query) => read(db, { device, database, store }, query),
		async write(touched) {
			known ??= shapesOf(await databases());
			const shapes = known;
			await db.transaction().execute(async tx => {
				await write(tx, device, touched, shapes);
			});
		},
		replace: ({ user, sealed }, fresh, entries) =>
			db.transaction().execute(async tx => {
				known = undefined;
				for (const table of ['key_lookups', 'key_records', 'key_databases'] as const)
					await tx.deleteFrom(table).where('device', '=', device).execute();
				await tx
					.insertInto('key_owners')
					.values({ device, user, sealed, began: Date.now(), starts: 0 })
					.onConflict(conflict => conflict.column('device').doUpdateSet({ user, sealed }))
					.execute();
				for (const one of fresh) await insert(tx, device, one, entries);
			}),
		close: async () => undefined,
	};
}

/** Sorts after every text that starts with a given prefix, if appended to it. */
const last = '\u{10FFFF}';

type RecordPlace = { device: string; database: string; store: string };

async function read(
	db: Kysely<KeyTables>,
	{ device, database, store }: RecordPlace,
	{ index, prefix, exact }: KeyQuery,
): Promise<KeyRecord[]> {
	const to = exact ? prefix : prefix + last;
	const { rows } =
		index === undefined
			? await sql<KeyRow>`SELECT * FROM key_records WHERE device = ${device} AND database = ${database}
				AND store = ${store} AND key BETWEEN ${prefix} AND ${to}`.execute(db)
			: await sql<KeyRow>`SELECT r.* FROM key_lookups l JOIN key_records r USING (device, database, store, key)
				WHERE l.device = ${device} AND l.database = ${database} AND l.store = ${store} AND l.name = ${index}
				AND l.value BETWEEN ${prefix} AND ${to}`.execute(db);
	return rows.map(entryOf);
}

type KeyRow = Selectable<KeyTables['key_records']>;

/** Rows per statement. */
const batchRows = 200;

async function write(
	tx: Transaction<KeyTables>,
	device: string,
	changes: readonly KeyChange[],
	shapes: StoreShapes,
): Promise<void> {
	// One store at a time, so that its name appears once in a statement, however many keys there are.
	for (const [of, all] of Map.groupBy(changes, one => nameOf(one.database, one.store))) {
		const [database = '', store = ''] = JSON.parse(of) as string[];
		for (let at = 0; at < all.length; at += batchRows)
			await writeSome(tx, { device, database, store }, all.slice(at, at + batchRows), shapes.get(of));
	}
}

async function writeSome(
	tx: Transaction<KeyTables>,
	place: RecordPlace,
	changes: readonly KeyChange[],
	shape: KeyDatabase['stores'][number] | undefined,
): Promise<void> {
	const { device, database, store } = place;
	const isFound = shape !== undefined && isByNeed(shape) && shape.indexes.length > 0;
	const drop = async (table: 'key_lookups' | 'key_records', some: readonly KeyChange[]) => {
		const keys = some.map(({ key }) => JSON.stringify(key));
		if (keys.length === 0) return;
		const those = tx.deleteFrom(table).where('device', '=', device).where('database', '=', database);
		await those.where('store', '=', store).where('key', 'in', keys).execute();
	};
	if (isFound) await drop('key_lookups', changes);
	await drop(
		'key_records',
		changes.filter(({ record }) => record === undefined),
	);
	const rows = changes.flatMap(({ record, ...one }) => {
		if (record === undefined) return [];
		const [key, value] = [JSON.stringify(one.key), jsonOf(record.value)];
		return [{ ...place, key, value, checksum: checksumOf(device, database, store, key, value) }];
	});
	if (rows.length === 0) return;
	await tx
		.insertInto('key_records')
		.values(rows)
		.onConflict(conflict =>
			conflict.columns(['device', 'database', 'store', 'key']).doUpdateSet(({ ref }) => ({
				value: ref('excluded.value'),
				checksum: ref('excluded.checksum'),
			})),
		)
		.execute();
	if (!isFound) return;
	const lookups = changes.flatMap(({ key, record }) =>
		record === undefined
			? []
			: lookupsOf(shape, record.value).map(lookup => ({ ...place, key: JSON.stringify(key), ...lookup })),
	);
	if (lookups.length > 0) await tx.insertInto('key_lookups').values(lookups).execute();
}

async function insert(
	tx: Transaction<KeyTables>,
	device: string,
	{ name, version, stores: shapes }: KeyDatabase,
	entries: (database: string, store: string) => Iterable<KeyRecord>,
): Promise<void> {
	const stores = JSON.stringify(shapes);
	const checksum = checksumOf(device, name, String(version), stores);
	await tx.insertInto('key_databases').values({ device, name, version, stores, checksum }).execute();
	const known = shapesOf([{ name, version, stores: shapes }]);
	for (const { name: store } of shapes) {
		const all = Array.from(entries(name, store), record => ({ database: name, store, key: record.key, record }));
		await write(tx, device, all, known);
	}
}

function entryOf({ device, database, store, key, value, checksum }: KeyRow): KeyRecord {
	if (checksum !== checksumOf(device, database, store, key, value)) throw damage(`a record of ${store}`);
	return { key: JSON.parse(key), value: JSON.parse(value) };
}

/** The CRC-32 of a row's texts. Each is preceded by its length, so that moving text between columns is noticed. */
function checksumOf(...texts: string[]): number {
	return texts.reduce((sum, text) => {
		const bytes = Buffer.from(text);
		return crc32(bytes, crc32(`${bytes.length} `, sum));
	}, 0);
}

/** The name tells the encryption library that this is not a connection error. */
function damage(what: string): Error {
	return Object.assign(new Error(`checksum of ${what}`), { name: 'DamagedRecord' });
}

/** Refuses values that JSON would alter, since keys must come back exactly as they were. */
function jsonOf(value: unknown): string {
	const text = JSON.stringify(value);
	if (text === undefined || !isDeepStrictEqual(JSON.parse(text), value))
		throw new Error('JSON cannot represent a value of the keys');
	return text;
}
