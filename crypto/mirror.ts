// The IndexedDB that wasm sees: databases in memory that remember which of their records were touched. Of the stores that
// keep growing (by-need.ts), only recently requested records are in memory.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { isByNeed, type Query, Window } from './by-need.ts';
import { checkedKey, type Database, type Entry, type Key, type StoreShape, type Touched } from './database.ts';
import { type RequestClasses, readBeforeRequests } from './read-before.ts';

export type { Database, Entry, Key, StoreShape, Touched } from './database.ts';

/** A set of databases under one name, private to the code that opened it. */
export interface Mirror {
	/** The store name to pass to wasm. */
	name: string;
	databases(): Database[];
	entries(database: string, store: string): Iterable<Entry>;
	/** What was touched since the last call, in its current state. An entry without a `record` was deleted. */
	takeTouched(): Touched[];
	/** Resolves once no write transaction is running. Rejects if a requested record could not be read. */
	settled(): Promise<void>;
	/** Loads everything that is not yet in memory. */
	readAll(): Promise<void>;
	/** Drops what need not be in memory, if nobody is reading. Everything touched must have been written. */
	forget(): void;
	/** Drops everything. wasm must have closed its connections. */
	close(): void;
}

// The parts of fake-indexeddb's internal classes that are used here. They are not its public interface, hence the exact
// version.
interface RawRecord {
	key: unknown;
	value: unknown;
}
interface RawStore {
	name: string;
	keyPath: string | string[] | null;
	autoIncrement: boolean;
	rawDatabase: RawDatabase;
	rawIndexes: Map<
		string,
		{ name: string; keyPath: string | (string[] & { length: number }); unique: boolean; multiEntry: boolean }
	>;
	records: { get(key: unknown): RawRecord | undefined; values(range?: unknown): Iterable<RawRecord> };
	storeRecord(record: RawRecord, noOverwrite: boolean, undo?: unknown[]): unknown;
	deleteRecord(key: unknown, undo?: unknown[]): void;
	clear(undo?: unknown[]): void;
}
interface RawDatabase {
	name: string;
	version: number;
	transactions: { mode: string; _state: string }[];
	rawObjectStores: Map<string, RawStore>;
}
interface OpenRequest {
	result: {
		close(): void;
		createObjectStore(
			name: string,
			options: object,
		): {
			_rawObjectStore: RawStore;
			createIndex(name: string, keyPath: string | string[], options: object): void;
		};
	};
	error: Error | null;
	onupgradeneeded: () => void;
	onsuccess: () => void;
	onerror: () => void;
}
interface FakeIndexedDB extends Record<string, unknown>, RequestClasses {
	indexedDB: { _databases: Map<string, RawDatabase>; open(name: string, version: number): OpenRequest };
}

const TESTED = '6.2.8';
const require = createRequire(import.meta.url);
const { fake, RawObjectStore } = load();
const open = new Map<string, (store: RawStore, key: Key) => void>();
/** The original methods, which store and delete records without marking them as touched. */
const { storeRecord, deleteRecord } = RawObjectStore.prototype;
const windows = new WeakMap<RawStore, Window>();
noticeTouches();
readBeforeRequests(fake, store => windows.get(store as RawStore));

/** At most this many records (10 kB or less each) of a store that is read on demand stay in memory. */
const maxRecords = 2000;

/**
 * Opens `databases` under a unique name. `entries` returns the records of one of their stores, `read` those of a store
 * that is read on demand.
 */
export async function openMirror(
	databases: Database[],
	entries: (database: string, store: string) => Iterable<Entry>,
	read: (database: string, store: string, query: Query) => Promise<Entry[]>,
	most = maxRecords,
): Promise<Mirror> {
	offerGlobally();
	const name = randomUUID();
	const raw = (database: string) => fake.indexedDB._databases.get(name + database);
	const mine = () => [...fake.indexedDB._databases.entries()].filter(([full]) => full.startsWith(name));
	const touched = new Map<RawStore, Map<string, Key>>();
	const windowed = openWindows(read, most);
	for (const database of databases) {
		await fill(name + database.name, database, entries);
		for (const store of raw(database.name)?.rawObjectStores.values() ?? [])
			if (isByNeed(shapeOf(store))) windowed.open(database.name, store);
	}
	open.set(name, (store, key) => {
		const keys = touched.get(store) ?? new Map<string, Key>();
		touched.set(store, keys.set(JSON.stringify(key), key));
	});
	return {
		name,
		databases: () => mine().map(([full, database]) => shape(full.slice(name.length), database)),
		entries(database, store) {
			const records = raw(database)?.rawObjectStores.get(store)?.records.values() ?? [];
			return Array.from(records, ({ key, value }) => ({ key: checkedKey(key), value }));
		},
		takeTouched() {
			const taken = [...touched].flatMap(([store, keys]) =>
				Array.from(keys.values(), key => {
					const record = store.records.get(key);
					return {
						database: store.rawDatabase.name.slice(name.length),
						store: store.name,
						key,
						record: record && { key, value: record.value },
					};
				}),
			);
			touched.clear();
			return taken;
		},
		async settled() {
			const writes = (transaction: { mode: string; _state: string }) =>
				transaction.mode !== 'readonly' && transaction._state !== 'finished';
			while (mine().some(([, database]) => database.transactions.some(writes))) await new Promise(setImmediate);
			windowed.check();
		},
		readAll: windowed.readAll,
		forget() {
			const isBusy = ({ _state }: { _state: string }) => _state !== 'finished';
			if (mine().some(([, database]) => database.transactions.some(isBusy))) return;
			// Stores that wasm has just created have been in memory since their first record.
			for (const [full, database] of mine())
				for (const store of database.rawObjectStores.values())
					if (!windows.has(store) && isByNeed(shapeOf(store)))
						windowed
							.open(full.slice(name.length), store)
							.adopt(Array.from(store.records.values(), ({ key }) => checkedKey(key)));
			windowed.forget();
		},
		close() {
			open.delete(name);
			for (const [full] of mine()) fake.indexedDB._databases.delete(full);
		},
	};
}

function load(): { fake: FakeIndexedDB; RawObjectStore: { prototype: RawStore } } {
	const entry = require.resolve('fake-indexeddb');
	const { version } = JSON.parse(readFileSync(join(dirname(entry), '../../package.json'), 'utf8'));
	const fake: FakeIndexedDB = require(entry);
	const RawObjectStore = require(join(dirname(entry), 'lib/ObjectStore.js'));
	const { storeRecord, deleteRecord, clear } = RawObjectStore.prototype ?? {};
	const known = [storeRecord, deleteRecord, clear].every(method => typeof method === 'function');
	if (version !== TESTED || !known || !(fake.indexedDB._databases instanceof Map)) {
		throw new Error(
			`fake-indexeddb ${version} is installed; the encryption store reaches into ${TESTED} and was tested with no other`,
		);
	}
	return { fake, RawObjectStore };
}

/** wasm looks for IndexedDB where a browser provides it. */
function offerGlobally(): void {
	const present: unknown = Reflect.get(globalThis, 'indexedDB');
	if (present === fake.indexedDB) return;
	if (present !== undefined) {
		throw new Error('this process has another indexedDB already: encryption keys would be kept there, not on disk');
	}
	for (const name of Object.keys(fake).filter(name => name === 'indexedDB' || name.startsWith('IDB'))) {
		Object.defineProperty(globalThis, name, { value: fake[name], configurable: true, writable: true });
	}
}

/** An aborted transaction is undone through the same three methods, so at worst an unchanged record counts as touched. */
function noticeTouches(): void {
	const { prototype } = RawObjectStore;
	const { clear } = prototype;
	const noticer = (store: RawStore) => open.get(store.rawDatabase.name.slice(0, UUID_LENGTH));
	prototype.storeRecord = function (this: RawStore, record, noOverwrite, undo) {
		const key = storeRecord.call(this, record, noOverwrite, undo);
		noticer(this)?.(this, checkedKey(key));
		return key;
	};
	prototype.deleteRecord = function (this: RawStore, key, undo) {
		const notice = noticer(this);
		if (notice !== undefined) {
			const range = key instanceof fake.IDBKeyRange ? key : fake.IDBKeyRange.only(key);
			for (const record of this.records.values(range)) notice(this, checkedKey(record.key));
		}
		deleteRecord.call(this, key, undo);
	};
	prototype.clear = function (this: RawStore, undo) {
		const notice = noticer(this);
		if (notice !== undefined) for (const record of this.records.values()) notice(this, checkedKey(record.key));
		clear.call(this, undo);
	};
}

/** The parts of stores that are in memory, and whether reading into them failed. */
function openWindows(read: (database: string, store: string, query: Query) => Promise<Entry[]>, most: number) {
	const opened: Window[] = [];
	let unread: { error: unknown } | undefined;
	return {
		open(database: string, store: RawStore): Window {
			const window = new Window(memoryOf(store), query =>
				read(database, store.name, query).catch((error: unknown) => {
					unread ??= { error };
					throw error;
				}),
			);
			windows.set(store, window);
			opened.push(window);
			return window;
		},
		check(): void {
			if (unread) throw unread.error;
		},
		async readAll(): Promise<void> {
			for (const window of opened) await window.needAll();
		},
		forget(): void {
			for (const window of opened) window.forget(most);
		},
	};
}

function memoryOf(store: RawStore) {
	return {
		has: (key: Key) => store.records.get(key) !== undefined,
		put: ({ key, value }: Entry) => void storeRecord.call(store, { key, value }, true),
		drop: (key: Key) => deleteRecord.call(store, key),
	};
}

const UUID_LENGTH = 36;

function fill(
	full: string,
	{ name, version, stores }: Database,
	entries: (database: string, store: string) => Iterable<Entry>,
): Promise<void> {
	return new Promise((resolve, reject) => {
		const request = fake.indexedDB.open(full, version);
		let failure: unknown;
		request.onupgradeneeded = () => {
			try {
				for (const { name: storeName, keyPath, indexes } of stores) {
					const store = request.result.createObjectStore(storeName, { keyPath });
					// Before the indexes exist, so that each of them is built in one go.
					for (const { key, value } of isByNeed({ name: storeName, keyPath, indexes })
						? []
						: entries(name, storeName)) {
						store._rawObjectStore.storeRecord({ key, value }, true);
					}
					for (const { name: indexName, keyPath, ...options } of indexes)
						store.createIndex(indexName, keyPath, options);
				}
			} catch (error) {
				failure = error;
				throw error;
			}
		};
		request.onerror = () => reject(failure ?? request.error);
		request.onsuccess = () => {
			request.result.close();
			resolve();
		};
	});
}

function shape(name: string, { version, rawObjectStores }: RawDatabase): Database {
	return { name, version, stores: Array.from(rawObjectStores.values(), shapeOf) };
}

function shapeOf({ name, keyPath, autoIncrement, rawIndexes }: RawStore): StoreShape {
	if (autoIncrement) throw new Error(`the store ${name} numbers its records itself, which is not kept on disk`);
	const indexes = Array.from(rawIndexes.values(), ({ name, keyPath, unique, multiEntry }) => ({
		name,
		keyPath: plain(keyPath),
		unique,
		multiEntry,
	}));
	return { name, keyPath: keyPath === null ? null : plain(keyPath), indexes };
}

function plain(keyPath: string | ArrayLike<string>): string | string[] {
	return typeof keyPath === 'string' ? keyPath : Array.from(keyPath);
}
