// Opens a device's keys, and stores them in a folder if they are not in PostgreSQL.
import { createHash } from 'node:crypto';
import {
	closeSync,
	existsSync,
	fsyncSync,
	openSync,
	readdirSync,
	readFileSync,
	renameSync,
	statSync,
	writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import {
	DeviceId,
	isCryptoError,
	isFatal,
	OlmMachine,
	openFile,
	StoreType,
	sealedIn,
	UserId,
} from '@matrix-org/matrix-sdk-crypto-nodejs';
import { Refusal } from '../../answer.ts';
import type { Seeds } from '../../config.ts';
import type { Account } from '../../ports/homeserver.ts';
import type { KeyRecords, KeyStore } from '../../ports/keys.ts';

type Owner = Pick<Account, 'user' | 'device'>;

/** Each device has its own folder in the store, named so that any device id makes a valid file name. */
export function folderOf(store: string, device: string): string {
	const name = /^[A-Za-z0-9_-]{1,60}$/.test(device) ? device : createHash('sha256').update(device).digest('hex');
	return join(store, 'crypto', name);
}

/** Keys in files, in the store's folder. */
export function keysIn(store: string): KeyStore {
	const all = join(store, 'crypto');
	const startsOf = (device: string) => join(folderOf(store, device), 'starts');
	return {
		records: device => folderOf(store, device),
		async has(device) {
			if (device !== undefined) return existsSync(folderOf(store, device));
			return existsSync(all) && readdirSync(all).length > 0;
		},
		async earlier(device) {
			const began = (name: string) => statSync(join(all, name)).mtimeMs;
			const others = (existsSync(all) ? readdirSync(all) : []).filter(
				name => name !== basename(folderOf(store, device)),
			);
			return others.sort((a, b) => began(b) - began(a));
		},
		async starts(device) {
			const file = startsOf(device);
			return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) || 0 : 0;
		},
		async keepStarts(device, count) {
			write(startsOf(device), `${count}\n`);
		},
		// A folder is copied either by us or while it is not in use.
		putAway: async () => undefined,
	};
}

function write(file: string, text: string): void {
	const half = `${file}.new`;
	const open = openSync(half, 'w', 0o600);
	writeSync(open, text);
	fsyncSync(open);
	closeSync(open);
	renameSync(half, file);
}

/**
 * Whether the newest keys in a store's folder are encrypted with a passphrase. Undefined if there are none or
 * they cannot be read now. Writes nothing and takes no lock: the file is read as it is.
 */
export function isSealed(store: string): boolean | undefined {
	const all = join(store, 'crypto');
	try {
		const began = (name: string) => statSync(join(all, name)).mtimeMs;
		const [newest] = readdirSync(all).sort((a, b) => began(b) - began(a));
		return newest === undefined ? undefined : sealedIn(join(all, newest));
	} catch {
		// No folder yet, or not ours to read.
		return undefined;
	}
}

/**
 * The records of a device listed by `earlier`, wherever they are stored. Throws an error that says why they
 * cannot be read.
 */
export function recordsOf(keys: KeyStore, device: string): KeyRecords {
	const records = keys.records(device);
	return typeof records === 'string' ? openFile(records) : records;
}

/** Opens a device's keys, creating them if there are none. Throws a Refusal if they cannot be used. */
export async function openKeys(keys: KeyStore, { user, device }: Owner, passphrase?: string): Promise<OlmMachine> {
	const records = keys.records(device);
	try {
		return await OlmMachine.initialize(new UserId(user), new DeviceId(device), records, passphrase, StoreType.Sqlite);
	} catch (error) {
		if (isCryptoError(error) && !isFatal(error)) throw new Refusal(`The bot's keys cannot be used: ${error.message}.`);
		throw error;
	}
}

/** The private halves of the identity; undefined unless this store has all of them. Throws a Refusal. */
export async function readSeeds(keys: KeyStore, owner: Owner, passphrase?: string): Promise<Seeds | undefined> {
	if (!(await keys.has(owner.device))) return undefined;
	const machine = await openKeys(keys, owner, passphrase);
	try {
		return (await machine.exportCrossSigningKeys()) ?? undefined;
	} finally {
		await machine.close();
	}
}

/** The identity's private keys from an earlier device of this store, so that losing a session does not lose them. */
export async function earlierSeeds(keys: KeyStore, owner: Owner, passphrase?: string): Promise<Seeds | undefined> {
	for (const device of await keys.earlier(owner.device)) {
		const seeds = await readSeeds(keys, { ...owner, device }, passphrase).catch((error: unknown) => {
			// Keys of another account or under another passphrase count as missing.
			if (error instanceof Refusal) return undefined;
			throw error;
		});
		if (seeds) return seeds;
	}
	return undefined;
}
