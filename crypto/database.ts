// wasm's databases and their records, as they are stored.

/** One database as stored on disk. `version` is the version of wasm's schema. */
export interface Database {
	name: string;
	version: number;
	stores: StoreShape[];
}

export interface StoreShape {
	name: string;
	keyPath: string | string[] | null;
	indexes: { name: string; keyPath: string | string[]; unique: boolean; multiEntry: boolean }[];
}

export interface Entry {
	key: Key;
	value: unknown;
}

export type Key = string | number | Key[];

/** A record that was written, or, without `record`, deleted. */
export interface Touched {
	database: string;
	store: string;
	key: Key;
	record: Entry | undefined;
}

// IndexedDB also allows dates and bytes as keys. matrix-sdk-crypto uses neither, and JSON could not distinguish them.
export function checkedKey(key: unknown): Key {
	if (typeof key === 'string' || (typeof key === 'number' && Number.isFinite(key))) return key;
	if (Array.isArray(key)) return key.map(checkedKey);
	throw new Error('a record has a key that is neither text nor a number');
}
