// Where the keys of encrypted rooms lie: in files beside the store, or in its database.

/** A record of the encryption library's databases; `value` is a string, a boolean, or an object of such. */
export type KeyRecord = { key: RecordKey; value: unknown };
export type RecordKey = string | number | RecordKey[];

/** A database of the encryption library. */
export type KeyDatabase = {
	name: string;
	/** Its schema. */
	version: number;
	stores: {
		name: string;
		keyPath: string | string[] | null;
		indexes: { name: string; keyPath: string | string[]; unique: boolean; multiEntry: boolean }[];
	}[];
};

/** A record that was written; without `record` it was deleted. */
export type KeyChange = { database: string; store: string; key: RecordKey; record: KeyRecord | undefined };

/**
 * The records of a store whose key begins so, or whose key in the index. `prefix` is the beginning of the key as JSON;
 * `exact`: the whole of it.
 */
export type KeyQuery = { index?: string; prefix: string; exact: boolean };

/** Whose keys: `sealed` if a passphrase encrypts them. */
export type KeyOwner = { user: string; device: string; sealed: boolean };

/** The keys of one device. Each call that writes is all or nothing, and durable when it resolves. */
export type KeyRecords = {
	/** For sentences: which keys, and where. */
	place: string;
	/** Undefined for keys that were just begun. */
	owner: () => Promise<KeyOwner | undefined>;
	databases: () => Promise<KeyDatabase[]>;
	/** Gives a function that lists the records of one store of a database. `only`: of those stores for which it is true. */
	entries: (
		only?: (store: KeyDatabase['stores'][number]) => boolean,
	) => Promise<(database: string, store: string) => Iterable<KeyRecord>>;
	/** The records of a store that is not in memory as a whole. */
	read: (database: string, store: string, query: KeyQuery) => Promise<KeyRecord[]>;
	write: (changes: readonly KeyChange[]) => Promise<void>;
	replace: (
		owner: KeyOwner,
		databases: readonly KeyDatabase[],
		entries: (database: string, store: string) => Iterable<KeyRecord>,
	) => Promise<void>;
	close: () => Promise<void>;
};

export type KeyStore = {
	/** The keys of a device, made if need be: a folder for them, or records. */
	records: (device: string) => string | KeyRecords;
	/** Whether there are any of this device, or (without one) of any. */
	has: (device?: string) => Promise<boolean>;
	/** Other devices that have keys here, the one that began last first. */
	earlier: (device: string) => Promise<string[]>;
	/** How many starts of a device were counted here. */
	starts: (device: string) => Promise<number>;
	/** Resolves when that is durable. */
	keepStarts: (device: string, count: number) => Promise<void>;
};
