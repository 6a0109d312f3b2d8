// Stores that grow with every conversation are not kept in memory as a whole: what wasm requests is read before the
// request runs, and dropped some time later.
import type { Entry, Key, StoreShape } from './database.ts';

/** wasm's stores that grow for as long as a device exists. All others are in memory as soon as they are opened. */
const growing = new Set(['inbound_group_sessions3', 'olm_hashes', 'session']);

/** Whether records of this store are only read on demand. */
export function isByNeed({ name, keyPath, indexes }: StoreShape): boolean {
	return growing.has(name) && keyPath === null && indexes.every(({ unique, multiEntry }) => !unique && !multiEntry);
}

/**
 * Selects all records whose key, or whose key in an index, begins with `prefix`. An empty prefix selects all.
 * `prefix` is the beginning of the key as JSON.
 */
export interface Query {
	index?: string;
	prefix: string;
	/** Whether the prefix is the whole key. */
	exact: boolean;
}

export const everything: Query = { prefix: '', exact: false };

export type Read = (query: Query) => Promise<Entry[]>;

/** A row through which a record is found in an index: the index's key, as JSON. */
export interface Lookup {
	name: string;
	value: string;
}

/** The index entries of a record in a store that is read on demand. */
export function lookupsOf(store: StoreShape, value: unknown): Lookup[] {
	if (!isByNeed(store)) return [];
	return store.indexes.flatMap(({ name, keyPath }) => {
		const parts = typeof keyPath === 'string' ? [keyPath] : keyPath;
		const keys = parts.map(part => validKey(Reflect.get(Object(value), part)));
		if (keys.includes(undefined)) return [];
		return [{ name, value: JSON.stringify(typeof keyPath === 'string' ? keys[0] : keys) }];
	});
}

function validKey(value: unknown): Key | undefined {
	if (typeof value === 'string' || (typeof value === 'number' && !Number.isNaN(value))) return value;
	if (!Array.isArray(value)) return undefined;
	const parts = value.map(validKey);
	return parts.includes(undefined) ? undefined : (parts as Key[]);
}

/** A prefix that finds all records between two keys, and possibly more. An undefined key means no bound. */
export function between(from: Key | undefined, to: Key | undefined): string {
	if (from === undefined || to === undefined) return '';
	if (JSON.stringify(from) === JSON.stringify(to)) return JSON.stringify(from);
	if (typeof from === 'string' && typeof to === 'string') {
		let same = 0;
		while (same < from.length && from[same] === to[same]) same++;
		// Stop at characters that JSON escapes: they take several characters there, or are half of a surrogate pair.
		return `"${/^[\x20\x21\x23-\x5b\x5d-\x7e]*/.exec(from.slice(0, same))?.[0]}`;
	}
	if (!Array.isArray(from) || !Array.isArray(to)) return '';
	let text = '[';
	for (let i = 0; i < from.length && i < to.length; i++) {
		const [a, b] = [from[i], to[i]];
		if (JSON.stringify(a) !== JSON.stringify(b)) return text + between(a, b);
		text += JSON.stringify(a);
		if (i + 1 < from.length && i + 1 < to.length) text += ',';
	}
	return text;
}

/** Adds and removes records of one store without marking them as changed. */
export interface Memory {
	has(key: Key): boolean;
	put(entry: Entry): void;
	drop(key: Key): void;
}

/** The part of a store that is in memory. */
export class Window {
	readonly #memory: Memory;
	readonly #read: Read;
	/** Keys for which memory is up to date (the record is there, or does not exist), least recently used first. */
	readonly #known = new Map<string, Key>();

	constructor(memory: Memory, read: Read) {
		this.#memory = memory;
		this.#read = read;
	}

	/** Resolves once everything the query selects is in memory. */
	async need(query: Query): Promise<void> {
		const { prefix, exact, index } = query;
		const isKey = exact && index === undefined;
		if (isKey && this.#known.has(prefix)) {
			this.#use(prefix, JSON.parse(prefix));
			return;
		}
		const entries = await this.#read(query);
		// The copy in memory may be newer, or the record may have been deleted there.
		for (const entry of entries) {
			const name = JSON.stringify(entry.key);
			if (!this.#known.has(name)) this.#memory.put(entry);
			this.#use(name, entry.key);
		}
		if (isKey) this.#use(prefix, JSON.parse(prefix));
	}

	needAll(): Promise<void> {
		return this.need(everything);
	}

	/** Takes over records that are already in memory. */
	adopt(keys: Iterable<Key>): void {
		for (const key of keys) this.#use(JSON.stringify(key), key);
	}

	/** Drops the least recently used records until at most `most` are left. All of them must have been written. */
	forget(most: number): void {
		for (const [name, key] of this.#known) {
			if (this.#known.size <= most) return;
			this.#known.delete(name);
			if (this.#memory.has(key)) this.#memory.drop(key);
		}
	}

	#use(name: string, key: Key): void {
		this.#known.delete(name);
		this.#known.set(name, key);
	}
}
