// Storage for the keys of encrypted rooms: files next to the store, or records in its database.

/** A record in one of the encryption library's databases. `value` is a string, a boolean, or an object of those. */
export type KeyRecord = { key: RecordKey; value: unknown };
export type RecordKey = string | number | RecordKey[];

/** One of the encryption library's databases. */
export type KeyDatabase = {
	name: string;
	version: number;
	stores: {
		name: string;
		keyPath: string | string[] | null;
		indexes: { name: string; keyPath: string | string[]; unique: boolean; multiEntry: boolean }[];
	}[];
};

/** A record that was written, or deleted if `record` is undefined. */
export type KeyChange = { database: string; store: string; key: RecordKey; record: KeyRecord | undefined };

/**
 * Selects records by key, or by their key in `index`. `prefix` is the start of the key as JSON, or all of it if
 * `exact`.
 */
export type KeyQuery = { index?: string; prefix: string; exact: boolean };

/** The device the keys belong to. `sealed`: a passphrase encrypts them. */
export type KeyOwner = { user: string; device: string; sealed: boolean };

/** The keys of one device. Each write is atomic, and durable once it resolves. */
export type KeyRecords = {
	/** Says in messages which keys these are and where they are stored. */
	place: string;
	/** Undefined for a new key store. */
	owner: () => Promise<KeyOwner | undefined>;
	databases: () => Promise<KeyDatabase[]>;
	/** Returns a function that lists the records of one store of a database. `only` selects the stores it covers. */
	entries: (
		only?: (store: KeyDatabase['stores'][number]) => boolean,
	) => Promise<(database: string, store: string) => Iterable<KeyRecord>>;
	/** Queries a store that is not held in memory. */
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
	/** The key storage of a device, created if missing: a folder, or records. */
	records: (device: string) => string | KeyRecords;
	/** Whether there are any keys, or any of this device if one is given. */
	has: (device?: string) => Promise<boolean>;
	/** Other devices with keys here, newest first. */
	earlier: (device: string) => Promise<string[]>;
	/**
	 * How many starts of a device have been counted. Undefined if these keys were copied while they were in use
	 * elsewhere: they may have been used there after the copy.
	 */
	starts: (device: string) => Promise<number | undefined>;
	/** Also marks the keys as in use here. Durable once it resolves. */
	keepStarts: (device: string, count: number) => Promise<void>;
	/** Marks the keys as no longer in use: a copy made from now on is up to date. */
	putAway: (device: string) => Promise<void>;
};
