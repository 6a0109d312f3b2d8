// Stores that grow with every conversation, and are not in memory as a whole: what a request of wasm asks for is read before
// the request runs, and forgotten some time after.
import type { Entry, Key, StoreShape } from './database.ts';

/** wasm's stores that grow for as long as a device lives. All others are in memory from the opening on. */
const growing = new Set(['inbound_group_sessions3', 'olm_hashes', 'session']);

/** Whether records of this store are read only when they are needed. */
export function isByNeed({ name, keyPath, indexes }: StoreShape): boolean {
	return growing.has(name) && keyPath === null && indexes.every(({ unique, multiEntry }) => !unique && !multiEntry);
}

/**
 * What is asked for: all records whose key, or whose key in an index, begins with these parts. Without a prefix, all.
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

/** A row by which a record is found in an index: the index's key, as JSON. */
export interface Lookup {
	name: string;
	value: string;
}

/** Where a record of a store that is read by need stands in its indexes. */
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

/** The records between two keys are among those that this prefix finds; without a key there is no bound. */
export function between(from: Key | undefined, to: Key | undefined): string {
	if (from === undefined || to === undefined) return '';
	if (JSON.stringify(from) === JSON.stringify(to)) return JSON.stringify(from);
	if (typeof from === 'string' && typeof to === 'string') {
		let same = 0;
		while (same < from.length && from[same] === to[same]) same++;
		// What JSON escapes stands there in several characters, or in one of two halves.
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

/** Where records of one store are put and taken away without being noticed as changed. */
export interface Memory {
	has(key: Key): boolean;
	put(entry: Entry): void;
	drop(key: Key): void;
}

/** The part of a store that is in memory. */
export class Window {
	readonly #memory: Memory;
	readonly #read: Read;
	/** Keys of which memory is right, the longest unused first: the record is there, or there is none. */
	readonly #known = new Map<string, Key>();

	constructor(memory: Memory, read: Read) {
		this.#memory = memory;
		this.#read = read;
	}

	/** Resolves when all that the query asks for is in memory. */
	async need(query: Query): Promise<void> {
		const { prefix, exact, index } = query;
		const isKey = exact && index === undefined;
		if (isKey && this.#known.has(prefix)) {
			this.#use(prefix, JSON.parse(prefix));
			return;
		}
		const entries = await this.#read(query);
		// What memory has may be newer, or deleted there.
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

	/** These are in memory already. */
	adopt(keys: Iterable<Key>): void {
		for (const key of keys) this.#use(JSON.stringify(key), key);
	}

	/** Forgets what was not used for the longest time, but for `most` records. Nothing of it may be unwritten. */
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
