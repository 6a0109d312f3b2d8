// The keys of one device: in memory as far as wasm needs them, and written to disk after each call to its machine.

import { isByNeed, type Query } from './by-need.ts';
import { announceFatal, cryptoError, type FatalCryptoError, isCryptoError, isFatal } from './fault.ts';
import { type Database, type Entry, type Mirror, openMirror, type StoreShape, type Touched } from './mirror.ts';

/** Whose keys these are. A store serves exactly one device. */
export interface Owner {
	user: string;
	device: string;
	passphrase: string | undefined;
}

/** The records of one device. Each write is atomic, and durable once it resolves. */
export interface Records {
	/** Names the file or database in error messages. */
	place: string;
	/** Whose they are, and whether a passphrase encrypts them; undefined if nothing has been written yet. */
	owner(): Promise<Sealed | undefined>;
	databases(): Promise<Database[]>;
	/** Returns a function that lists the records of one store in a database, for the stores that `only` accepts. */
	entries(only?: (store: StoreShape) => boolean): Promise<(database: string, store: string) => Iterable<Entry>>;
	/** The records that a query finds in a store for which `isByNeed` is true. Returning more of them does no harm. */
	read(database: string, store: string, query: Query): Promise<Entry[]>;
	write(touched: readonly Touched[]): Promise<void>;
	/** Replaces everything, because wasm has created its databases or changed their shape. */
	replace(
		owner: Sealed,
		databases: readonly Database[],
		entries: (database: string, store: string) => Iterable<Entry>,
	): Promise<void>;
	/** Copies them into an existing directory. Absent if they are in a database, which is backed up by other means. */
	copyTo?(directory: string): Promise<void>;
	close(): Promise<void>;
}

export interface Sealed {
	user: string;
	device: string;
	sealed: boolean;
}

export interface Store {
	/** The name under which wasm finds its databases; undefined for a store that exists only in memory. */
	name: string | undefined;
	/**
	 * Runs `call` after the previous ones have finished, and resolves once everything it changed is on disk. Rejects with
	 * `CRYPTO_STORE_FAILED` if the disk refuses; from then on every call is rejected.
	 */
	transaction<T>(call: () => Promise<T>): Promise<T>;
	/**
	 * Copies the keys into an existing directory and runs `meanwhile` while they cannot change, so that what it copies
	 * is from the same moment. A failed copy changes nothing here.
	 */
	copyTo(directory: string, meanwhile: () => Promise<void>): Promise<void>;
	/** Releases the file once the running calls have finished. `release` ends wasm's use of its databases. */
	close(release: () => void): Promise<void>;
}

export function memoryStore(): Store {
	const queue = oneAtATime();
	return {
		name: undefined,
		transaction: queue,
		copyTo: (_directory, meanwhile) => queue(meanwhile),
		close: release => queue(async () => release()),
	};
}

/** Opens the keys of a device. Rejects with a `CRYPTO_STORE_…` error that says why it cannot. */
export async function openStore(records: Records, owner: Owner): Promise<Store> {
	try {
		await checkOwner(records, owner);
		return await over(records, owner);
	} catch (error) {
		await records.close();
		// A record cannot be read back: the contents are damaged, although SQLite can read the file.
		throw isCryptoError(error) ? error : damaged(records.place, error);
	}
}

/** The name of errors that mean that what was read is not what was written. */
export const DAMAGED = 'DamagedRecord';

/** A key that is needed cannot be read. Nothing more is written, because what is in memory may be incomplete. */
function unread(place: string, error: unknown): FatalCryptoError {
	const isDamaged = error instanceof Error && error.name === DAMAGED;
	const said = isDamaged ? damaged(place, error).message : `${place} cannot be read (${text(error)}); restart`;
	return cryptoError('CRYPTO_STORE_FAILED', said, error);
}

function text(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}

/** The error for a store that contains a value that makes no sense. */
export function damaged(file: string, error: unknown) {
	const said = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ');
	return cryptoError(
		'CRYPTO_STORE_UNREADABLE',
		`${file} is damaged (${said}); restore a backup of it, or log in again as a new device, without these keys`,
		error,
	);
}

async function over(records: Records, owner: Owner): Promise<Store> {
	const kept = await records.databases();
	const inMemory = await records.entries(store => !isByNeed(store));
	const mirror = await openMirror(kept, inMemory, (database, store, query) => records.read(database, store, query));
	const queue = oneAtATime();
	const write = openWriter(records, mirror, owner, kept);
	let failure: FatalCryptoError | undefined;

	async function keep(): Promise<void> {
		try {
			await mirror.settled();
		} catch (error) {
			failure = unread(records.place, error);
			announceFatal(failure);
			throw failure;
		}
		try {
			await write();
			mirror.forget();
		} catch (error) {
			const said = error instanceof Error ? error.message : String(error);
			const { place } = records;
			failure = cryptoError(
				'CRYPTO_STORE_FAILED',
				`${place} cannot be written (${said}); free space, then restart`,
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
				// After an error too: what wasm did before it is in memory, and the disk must not fall behind.
				await keep();
				return outcome();
			}),
		copyTo: (directory, meanwhile) =>
			queue(async () => {
				if (failure !== undefined) throw failure;
				await records.copyTo?.(directory);
				await meanwhile();
			}),
		close: release =>
			queue(async () => {
				try {
					if (failure === undefined) {
						release();
						await keep();
					}
				} finally {
					mirror.close();
					await records.close();
				}
			}),
	};
}

/** Returns a function that writes what was touched since its last call. */
function openWriter(records: Records, mirror: Mirror, owner: Owner, kept: readonly Database[]): () => Promise<void> {
	let shapes: string | undefined;
	return async () => {
		const touched = mirror.takeTouched();
		if (shapes === undefined) {
			// wasm creates and upgrades its databases only while opening them.
			shapes = JSON.stringify(kept);
			if (JSON.stringify(mirror.databases()) !== shapes) {
				const { user, device, passphrase } = owner;
				const sealed = { user, device, sealed: passphrase !== undefined };
				await mirror.readAll();
				return records.replace(sealed, mirror.databases(), mirror.entries);
			}
		}
		if (touched.length > 0) await records.write(touched);
	};
}

async function checkOwner(records: Records, { user, device, passphrase }: Owner): Promise<void> {
	const kept = await records.owner();
	if (kept === undefined) return;
	if (kept.user !== user || kept.device !== device) {
		throw cryptoError(
			'CRYPTO_STORE_FOREIGN',
			`${records.place} belongs to ${kept.user} on device ${kept.device}, not to ${user} on device ${device}; each device needs a store of its own`,
		);
	}
	if (kept.sealed !== (passphrase !== undefined)) {
		const how = kept.sealed
			? 'was created with a passphrase, but none was given'
			: 'was created without a passphrase, but one was given';
		throw cryptoError('CRYPTO_STORE_PASSPHRASE', `${records.place} ${how}`);
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
