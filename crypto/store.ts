// The keys on disk: one SQLite file for one device, written whole after each call on its machine.
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { deserialize, serialize } from 'node:v8';
import { announceFatal, cryptoError, type FatalCryptoError, isCryptoError, isFatal } from './fault.ts';
import { type Database, type Entry, openMirror, type StoreShape } from './mirror.ts';

/** Whose keys these are. A store serves exactly one device. */
export interface Owner {
	user: string;
	device: string;
	passphrase: string | undefined;
}

export interface Store {
	/** The name under which wasm finds its databases; undefined for a store that only lives in memory. */
	name: string | undefined;
	/**
	 * Runs `call` when those before it are done, and resolves when everything that it changed is on disk. Rejects with
	 * `CRYPTO_STORE_FAILED` when the disk refuses, and from then on always.
	 */
	transaction<T>(call: () => Promise<T>): Promise<T>;
	/** Releases the file once the calls under way are done. `release` ends wasm's use of its databases. */
	close(release: () => void): Promise<void>;
}

const FORMAT = 1;
const FILE = 'matrix-sdk-crypto-wasm.sqlite3';
const NATIVE_FILE = 'matrix-sdk-crypto.sqlite3';
const opened = new Set<string>();

export function memoryStore(): Store {
	const queue = oneAtATime();
	return {
		name: undefined,
		transaction: queue,
		close: release => queue(async () => release()),
	};
}

/** Opens the store in `directory`, or begins one. Rejects with a `CRYPTO_STORE_…` error that says why not. */
export async function openStore(directory: string, owner: Owner): Promise<Store> {
	if (existsSync(join(directory, NATIVE_FILE))) {
		throw cryptoError(
			'CRYPTO_STORE_NATIVE',
			`${directory} holds a store of the native library (${NATIVE_FILE}), which cannot be read here: log in again as a new device, with an empty directory`,
		);
	}
	mkdirSync(directory, { recursive: true, mode: 0o700 });
	const file = join(realpathSync(directory), FILE);
	if (opened.has(file)) throw cryptoError('CRYPTO_STORE_BUSY', `${file} is already open in this process`);
	opened.add(file);
	let sqlite: DatabaseSync | undefined;
	try {
		sqlite = openFile(file);
		return await over(sqlite, file, owner);
	} catch (error) {
		sqlite?.close();
		opened.delete(file);
		// A record that cannot be read back: the file is damaged inside, though SQLite can read it.
		throw isCryptoError(error) ? error : damaged(file, error);
	}
}

function openFile(file: string): DatabaseSync {
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

/** What a store says of which a value makes no sense. */
export function damaged(file: string, error: unknown) {
	const said = error instanceof Error ? error.message : String(error);
	return cryptoError(
		'CRYPTO_STORE_UNREADABLE',
		`${file} is damaged (${said}); restore a backup of it, or log in again as a new device with an empty directory`,
		error,
	);
}

async function over(sqlite: DatabaseSync, file: string, owner: Owner): Promise<Store> {
	checkOwner(sqlite, file, owner);
	const kept = readDatabases(sqlite);
	const mirror = await openMirror(kept, (database, store) => readRecords(sqlite, database, store));
	const queue = oneAtATime();
	const put = sqlite.prepare(
		'INSERT INTO record (database, store, key, value) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
	);
	const remove = sqlite.prepare('DELETE FROM record WHERE database = ? AND store = ? AND key = ?');
	let shapes: string | undefined;
	let failure: FatalCryptoError | undefined;

	function write(): void {
		const touched = mirror.takeTouched();
		if (shapes === undefined) {
			// wasm creates and upgrades its databases only while it opens them.
			shapes = JSON.stringify(kept);
			if (JSON.stringify(mirror.databases()) !== shapes) {
				inTransaction(writeAll);
				return;
			}
		}
		if (touched.length === 0) return;
		inTransaction(() => {
			for (const { database, store, key, record } of touched) {
				if (record === undefined) remove.run(database, store, JSON.stringify(key));
				else put.run(database, store, JSON.stringify(key), serialize(record.value));
			}
		});
	}

	function writeAll(): void {
		sqlite.exec('DELETE FROM record; DELETE FROM database; DELETE FROM owner');
		const { user, device, passphrase } = owner;
		sqlite.prepare('INSERT INTO owner VALUES (?, ?, ?)').run(user, device, passphrase === undefined ? 0 : 1);
		for (const { name, version, stores } of mirror.databases()) {
			sqlite.prepare('INSERT INTO database VALUES (?, ?, ?)').run(name, version, JSON.stringify(stores));
			for (const store of stores) {
				for (const { key, value } of mirror.entries(name, store.name)) {
					put.run(name, store.name, JSON.stringify(key), serialize(value));
				}
			}
		}
	}

	function inTransaction(statements: () => void): void {
		try {
			sqlite.exec('BEGIN IMMEDIATE');
			statements();
			sqlite.exec('COMMIT');
		} catch (error) {
			const said = error instanceof Error ? error.message : String(error);
			failure = cryptoError(
				'CRYPTO_STORE_FAILED',
				`${file} cannot be written (${said}); make room, then restart`,
				error,
			);
			announceFatal(failure);
			throw failure;
		}
	}

	return {
		name: mirror.name,
		transaction: call =>
			queue(async () => {
				if (failure !== undefined) throw failure;
				let outcome: () => Awaited<ReturnType<typeof call>>;
				try {
					const value = await call();
					outcome = () => value;
				} catch (error) {
					if (isFatal(error)) {
						failure = error;
						throw error;
					}
					outcome = () => {
						throw error;
					};
				}
				// Also after an error: what wasm did before it is in memory, and the disk must not fall behind.
				await mirror.settled();
				write();
				return outcome();
			}),
		close: release =>
			queue(async () => {
				try {
					if (failure === undefined) {
						release();
						await mirror.settled();
						write();
					}
				} finally {
					mirror.close();
					sqlite.close();
					opened.delete(file);
				}
			}),
	};
}

function checkOwner(sqlite: DatabaseSync, file: string, { user, device, passphrase }: Owner): void {
	const kept = sqlite.prepare('SELECT user, device, sealed FROM owner').get();
	if (kept === undefined) return;
	if (kept.user !== user || kept.device !== device) {
		throw cryptoError(
			'CRYPTO_STORE_FOREIGN',
			`${file} belongs to ${kept.user} on device ${kept.device}, not to ${user} on device ${device}; each device needs a directory of its own`,
		);
	}
	if ((kept.sealed === 1) !== (passphrase !== undefined)) {
		const how =
			kept.sealed === 1 ? 'was begun with a passphrase, and none was given' : 'was begun without a passphrase';
		throw cryptoError('CRYPTO_STORE_PASSPHRASE', `${file} ${how}`);
	}
}

function readDatabases(sqlite: DatabaseSync): Database[] {
	return sqlite
		.prepare('SELECT name, version, stores FROM database ORDER BY name')
		.all()
		.map(({ name, version, stores }) => ({
			name: String(name),
			version: Number(version),
			stores: JSON.parse(String(stores)) as StoreShape[],
		}));
}

function* readRecords(sqlite: DatabaseSync, database: string, store: string): Iterable<Entry> {
	const rows = sqlite
		.prepare('SELECT key, value FROM record WHERE database = ? AND store = ?')
		.iterate(database, store);
	for (const { key, value } of rows) {
		yield { key: JSON.parse(String(key)), value: deserialize(value as Uint8Array) };
	}
}

function oneAtATime() {
	let last: Promise<unknown> = Promise.resolve();
	return <T>(call: () => Promise<T>): Promise<T> => {
		const mine = last.then(call);
		last = mine.catch(() => undefined);
		return mine;
	};
}
