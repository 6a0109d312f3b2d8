// The keys on disk: one SQLite file for one device.
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { deserialize, serialize } from 'node:v8';
import { cryptoError } from './fault.ts';
import type { Entry, StoreShape } from './mirror.ts';
import type { Records } from './store.ts';

const FORMAT = 1;
const FILE = 'matrix-sdk-crypto-wasm.sqlite3';
const NATIVE_FILE = 'matrix-sdk-crypto.sqlite3';
const opened = new Set<string>();

/** Opens the file in `directory`, or begins one. Throws a `CRYPTO_STORE_…` error that says why not. */
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
		'INSERT INTO record (database, store, key, value) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
	);
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
			const rows = sqlite.prepare('SELECT name, version, stores FROM database ORDER BY name').all();
			return rows.map(({ name, version, stores }) => ({
				name: String(name),
				version: Number(version),
				stores: JSON.parse(String(stores)) as StoreShape[],
			}));
		},
		entries: async () => (database, store) => readRecords(sqlite, database, store),
		async write(touched) {
			inTransaction(() => {
				for (const { database, store, key, record } of touched) {
					if (record === undefined) remove.run(database, store, JSON.stringify(key));
					else put.run(database, store, JSON.stringify(key), serialize(record.value));
				}
			});
		},
		async replace({ user, device, sealed }, databases, entries) {
			inTransaction(() => {
				sqlite.exec('DELETE FROM record; DELETE FROM database; DELETE FROM owner');
				sqlite.prepare('INSERT INTO owner VALUES (?, ?, ?)').run(user, device, sealed ? 1 : 0);
				for (const { name, version, stores } of databases) {
					sqlite.prepare('INSERT INTO database VALUES (?, ?, ?)').run(name, version, JSON.stringify(stores));
					for (const store of stores) {
						for (const { key, value } of entries(name, store.name))
							put.run(name, store.name, JSON.stringify(key), serialize(value));
					}
				}
			});
		},
		async close() {
			sqlite.close();
			opened.delete(file);
		},
	};
}

function openSqlite(file: string): DatabaseSync {
	closeSync(openSync(file, 'a', 0o600));
	chmodSync(file, 0o600);
	const sqlite = new DatabaseSync(file, { timeout: 2000 });
	try {
		// BEGIN EXCLUSIVE takes the lock now, and locking_mode keeps it until the process ends, however it ends.
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
		if (format === 0) sqlite.exec(LAYOUT);
		sqlite.exec('COMMIT');
		return sqlite;
	} catch (error) {
		sqlite.close();
		throw refusal(file, error);
	}
}

const LAYOUT = `
	CREATE TABLE owner (user TEXT NOT NULL, device TEXT NOT NULL, sealed INTEGER NOT NULL) STRICT;
	CREATE TABLE database (name TEXT PRIMARY KEY, version INTEGER NOT NULL, stores TEXT NOT NULL) STRICT;
	CREATE TABLE record (database TEXT NOT NULL, store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
		PRIMARY KEY (database, store, key)) STRICT;
	PRAGMA user_version = ${FORMAT};
`;

const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;

function refusal(file: string, error: unknown): unknown {
	const code = (error as { errcode?: unknown }).errcode;
	if (typeof code !== 'number') return error;
	if ((code & 0xff) === SQLITE_BUSY || (code & 0xff) === SQLITE_LOCKED) {
		return cryptoError('CRYPTO_STORE_BUSY', `${file} is in use by another process; one device, one process`, error);
	}
	const said = error instanceof Error ? error.message : String(error);
	return cryptoError('CRYPTO_STORE_UNREADABLE', `${file} cannot be read: ${said}`, error);
}

function* readRecords(sqlite: DatabaseSync, database: string, store: string): Iterable<Entry> {
	const rows = sqlite
		.prepare('SELECT key, value FROM record WHERE database = ? AND store = ?')
		.iterate(database, store);
	for (const { key, value } of rows) {
		yield { key: JSON.parse(String(key)), value: deserialize(value as Uint8Array) };
	}
}
