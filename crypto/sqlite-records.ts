// The keys on disk: one SQLite file for one device.
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import { crc32 } from 'node:zlib';
import { isByNeed, lookupsOf, type Query } from './by-need.ts';
import { cryptoError } from './fault.ts';
import type { Database, Entry, StoreShape } from './mirror.ts';
import { DAMAGED, damaged, type Records } from './store.ts';

/** 2: each row has a checksum. 3: records of stores that are read on demand are found through their indexes. */
const FORMAT = 3;
const FILE = 'matrix-sdk-crypto-wasm.sqlite3';
const NATIVE_FILE = 'matrix-sdk-crypto.sqlite3';
const opened = new Set<string>();

/** Opens or creates the file in `directory`. Throws a `CRYPTO_STORE_…` error that says why it cannot. */
export function openFile(directory: string): Records {
	if (existsSync(join(directory, NATIVE_FILE))) {
		throw cryptoError(
			'CRYPTO_STORE_NATIVE',
			`${directory} holds a store of the native library (${NATIVE_FILE}), which cannot be read here: log in again as a new device, with an empty directory`,
		);
	}
	mkdirSync(directory, { recursive: true, mode: 0o700 });
	const file = join(realpathSync(directory), FILE);
	if (opened.has(file)) throw cryptoError('CRYPTO_STORE_BUSY', `${file} is already open in this process`);
	const sqlite = openSqlite(file);
	opened.add(file);
	const put = sqlite.prepare(
		'INSERT INTO record (database, store, key, value, checksum) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, checksum = excluded.checksum',
	);
	const lookups = openLookups(sqlite);
	const putRecord = (database: string, store: string, { key, value }: Entry) => {
		const row = [database, store, JSON.stringify(key), serialize(value)] as const;
		put.run(...row, checksum(...row));
		lookups.put(database, store, row[2], value);
	};
	const remove = sqlite.prepare('DELETE FROM record WHERE database = ? AND store = ? AND key = ?');

	function inTransaction(statements: () => void): void {
		sqlite.exec('BEGIN IMMEDIATE');
		statements();
		sqlite.exec('COMMIT');
	}

	return {
		place: file,
		async owner() {
			const kept = sqlite.prepare('SELECT user, device, sealed FROM owner').get();
			return kept && { user: String(kept.user), device: String(kept.device), sealed: kept.sealed === 1 };
		},
		async databases() {
			const databases = readDatabases(sqlite);
			checkStores(sqlite, databases);
			for (const { name, stores } of databases)
				for (const { name: store } of stores.filter(isByNeed)) checkRecords(sqlite, name, store);
			lookups.open(databases);
			return databases;
		},
		entries: async () => (database, store) => readRecords(sqlite, database, store),
		read: async (database, store, query) => [...readRecords(sqlite, database, store, query)],
		async write(touched) {
			inTransaction(() => {
				for (const { database, store, key, record } of touched) {
					if (record !== undefined) putRecord(database, store, record);
					else {
						remove.run(database, store, JSON.stringify(key));
						lookups.remove(database, store, JSON.stringify(key));
					}
				}
			});
		},
		async replace({ user, device, sealed }, databases, entries) {
			inTransaction(() => {
				sqlite.exec('DELETE FROM lookup; DELETE FROM record; DELETE FROM database; DELETE FROM owner');
				lookups.open(databases);
				sqlite.prepare('INSERT INTO owner VALUES (?, ?, ?)').run(user, device, sealed ? 1 : 0);
				for (const { name, version, stores } of databases) {
					const row = [name, version, JSON.stringify(stores)] as const;
					sqlite.prepare('INSERT INTO database VALUES (?, ?, ?, ?)').run(...row, checksum(...row));
					for (const store of stores) for (const entry of entries(name, store.name)) putRecord(name, store.name, entry);
				}
			});
		},
		async copyTo(to) {
			const copy = join(to, FILE);
			// Create the file ourselves, empty, so that others can never read it.
			closeSync(openSync(copy, 'wx', 0o600));
			sqlite.prepare('VACUUM INTO ?').run(copy);
		},
		async close() {
			sqlite.close();
			opened.delete(file);
		},
	};
}

/**
 * Whether the keys in `directory` are encrypted with a passphrase; undefined if there are none, or if it cannot be
 * determined. Only reads, even while a process has the file open. It may miss the latest writes, but this never changes.
 */
export function sealedIn(directory: string): boolean | undefined {
	const file = join(directory, FILE);
	if (!existsSync(file)) return undefined;
	const address = pathToFileURL(file);
	// Takes no locks and creates no files next to it.
	address.searchParams.set('immutable', '1');
	try {
		const sqlite = new DatabaseSync(address, { readOnly: true });
		try {
			const kept = sqlite.prepare('SELECT sealed FROM owner').get();
			return kept && kept.sealed === 1;
		} finally {
			sqlite.close();
		}
	} catch {
		// Another format, or only partly written.
		return undefined;
	}
}

function openSqlite(file: string): DatabaseSync {
	closeSync(openSync(file, 'a', 0o600));
	chmodSync(file, 0o600);
	const sqlite = new DatabaseSync(file, { timeout: 2000 });
	try {
		// BEGIN EXCLUSIVE takes the lock now, and locking_mode holds it until the process ends, in whatever way.
		sqlite.exec(
			'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; BEGIN EXCLUSIVE',
		);
		const format = sqlite.prepare('PRAGMA user_version').get()?.user_version;
		if (typeof format === 'number' && format > FORMAT) {
			throw cryptoError(
				'CRYPTO_STORE_NEWER',
				`${file} was written by a newer version (format ${format}); run that one`,
			);
		}
		if (format === 0) sqlite.exec(LOOKUPS + LAYOUT);
		else checkPages(sqlite, file);
		if (format === 1) addChecksums(sqlite);
		if (format === 1 || format === 2) addLookups(sqlite);
		sqlite.exec('COMMIT');
		return sqlite;
	} catch (error) {
		sqlite.close();
		throw refusal(file, error);
	}
}

const LAYOUT = `
	CREATE TABLE owner (user TEXT NOT NULL, device TEXT NOT NULL, sealed INTEGER NOT NULL) STRICT;
	CREATE TABLE database (name TEXT PRIMARY KEY, version INTEGER NOT NULL, stores TEXT NOT NULL,
		checksum INTEGER NOT NULL) STRICT;
	CREATE TABLE record (database TEXT NOT NULL, store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
		checksum INTEGER NOT NULL, PRIMARY KEY (database, store, key)) STRICT;
	PRAGMA user_version = ${FORMAT};
`;

const LOOKUPS = `
	CREATE TABLE lookup (database TEXT NOT NULL, store TEXT NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL,
		value TEXT NOT NULL, PRIMARY KEY (database, store, key, name)) STRICT, WITHOUT ROWID;
	CREATE INDEX lookup_value ON lookup (database, store, name, value);
`;

const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

function refusal(file: string, error: unknown): unknown {
	const code = (error as { errcode?: unknown }).errcode;
	if (typeof code !== 'number') return error;
	const kind = code & 0xff;
	if (kind === SQLITE_BUSY || kind === SQLITE_LOCKED) {
		return cryptoError('CRYPTO_STORE_BUSY', `${file} is in use by another process; one device, one process`, error);
	}
	if (kind === SQLITE_CORRUPT || kind === SQLITE_NOTADB) return damaged(file, error);
	const said = error instanceof Error ? error.message : String(error);
	return cryptoError('CRYPTO_STORE_UNREADABLE', `${file} cannot be read: ${said}`, error);
}

/** Throws if an index and its table differ: one query would find a record that another does not. */
function checkPages(sqlite: DatabaseSync, file: string): void {
	const found = sqlite.prepare('PRAGMA integrity_check(1)').get()?.integrity_check;
	if (found !== 'ok') throw damaged(file, found);
}

/** The CRC-32 of a row's values. If it differs, some byte of the row is damaged. */
export function checksum(...values: (string | number | Uint8Array)[]): number {
	let sum = 0;
	for (const value of values) {
		const bytes = typeof value === 'object' ? value : Buffer.from(String(value));
		// The length precedes the bytes, so that none can move to the next column unnoticed.
		sum = crc32(bytes, crc32(`${bytes.length} `, sum));
	}
	return sum;
}

function addChecksums(sqlite: DatabaseSync): void {
	sqlite.function('checksum', { varargs: true, deterministic: true }, (...values) =>
		checksum(...(values as (string | number | Uint8Array)[])),
	);
	sqlite.exec(`
		ALTER TABLE database ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
		UPDATE database SET checksum = checksum(name, version, stores);
		ALTER TABLE record ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
		UPDATE record SET checksum = checksum(database, store, key, value);
	`);
}

/** Adds the index entries to files from before records were read on demand. */
function addLookups(sqlite: DatabaseSync): void {
	sqlite.exec(LOOKUPS);
	const lookups = openLookups(sqlite);
	const databases = readDatabases(sqlite);
	lookups.open(databases);
	for (const { name, stores } of databases)
		for (const { name: store } of stores.filter(isByNeed))
			for (const { key, value } of readRecords(sqlite, name, store))
				lookups.put(name, store, JSON.stringify(key), value);
	sqlite.exec(`PRAGMA user_version = ${FORMAT}`);
}

/** The rows through which records are found in their indexes. `open` tells which indexes exist. */
function openLookups(sqlite: DatabaseSync) {
	const shapes = new Map<string, StoreShape>();
	const put = sqlite.prepare('INSERT INTO lookup (database, store, key, name, value) VALUES (?, ?, ?, ?, ?)');
	const remove = sqlite.prepare('DELETE FROM lookup WHERE database = ? AND store = ? AND key = ?');
	return {
		open(databases: readonly Database[]): void {
			shapes.clear();
			for (const { name, stores } of databases)
				for (const store of stores.filter(isByNeed)) shapes.set(JSON.stringify([name, store.name]), store);
		},
		put(database: string, store: string, key: string, value: unknown): void {
			const shape = shapes.get(JSON.stringify([database, store]));
			if (!shape || shape.indexes.length === 0) return;
			remove.run(database, store, key);
			for (const { name, value: found } of lookupsOf(shape, value)) put.run(database, store, key, name, found);
		},
		remove(database: string, store: string, key: string): void {
			if (shapes.has(JSON.stringify([database, store]))) remove.run(database, store, key);
		},
	};
}

function readDatabases(sqlite: DatabaseSync): Database[] {
	return sqlite
		.prepare('SELECT * FROM database ORDER BY name')
		.all()
		.map(row => {
			const [name, version, stores] = [String(row.name), Number(row.version), String(row.stores)];
			if (row.checksum !== checksum(name, version, stores)) throw new Error(`checksum of the database ${name}`);
			return { name, version, stores: JSON.parse(stores) as StoreShape[] };
		});
}

/** Sorts after every text that begins with what precedes it. */
const LAST = '\u{10FFFF}';

function* readRecords(sqlite: DatabaseSync, database: string, store: string, query?: Query): Iterable<Entry> {
	const { prefix, exact, index } = query ?? { prefix: '', exact: false };
	const [from, to] = [prefix, exact ? prefix : prefix + LAST];
	const rows =
		index === undefined
			? sqlite
					.prepare('SELECT key, value, checksum FROM record WHERE database = ? AND store = ? AND key BETWEEN ? AND ?')
					.iterate(database, store, from, to)
			: sqlite
					.prepare(
						`SELECT key, record.value, checksum FROM lookup JOIN record USING (database, store, key)
						WHERE database = ? AND store = ? AND name = ? AND lookup.value BETWEEN ? AND ?`,
					)
					.iterate(database, store, index, from, to);
	for (const row of rows) {
		const [key, value] = [String(row.key), row.value as Uint8Array];
		if (row.checksum !== checksum(database, store, key, value)) throw damagedRecord(store);
		yield { key: JSON.parse(key), value: deserialize(value) };
	}
}

function damagedRecord(store: string): Error {
	return Object.assign(new Error(`checksum of a record of ${store}`), { name: DAMAGED });
}

/** Throws if any record is damaged, even one that nobody has requested yet: on opening, not when it is needed. */
function checkRecords(sqlite: DatabaseSync, database: string, store: string): void {
	const rows = sqlite
		.prepare('SELECT key, value, checksum FROM record WHERE database = ? AND store = ?')
		.iterate(database, store);
	for (const { key, value, checksum: kept } of rows)
		if (kept !== checksum(database, store, String(key), value as Uint8Array)) throw damagedRecord(store);
}

/** Throws if a record belongs to no known store, because it would never be read. */
function checkStores(sqlite: DatabaseSync, databases: readonly Database[]): void {
	const names = new Set(databases.flatMap(({ name, stores }) => stores.map(store => `${name} ${store.name}`)));
	for (const { database, store } of sqlite.prepare('SELECT DISTINCT database, store FROM record').all())
		if (!names.has(`${database} ${store}`)) throw new Error('a record of no store');
}
