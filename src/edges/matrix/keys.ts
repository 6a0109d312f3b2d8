// The keys of a device on disk: where they lie, and how they are opened.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DeviceId, isCryptoError, isFatal, OlmMachine, StoreType, UserId } from '@matrix-org/matrix-sdk-crypto-nodejs';
import { Refusal } from '../../answer.ts';
import type { Seeds } from '../../config.ts';
import type { Account } from '../../ports/homeserver.ts';

type Owner = Pick<Account, 'user' | 'device'>;

/** Each device has a folder of its own in the store's, named so that any device id is a name of a file. */
export function folderOf(store: string, device: string): string {
	const name = /^[A-Za-z0-9_-]{1,60}$/.test(device) ? device : createHash('sha256').update(device).digest('hex');
	return join(store, 'crypto', name);
}

/** Opens the keys of a device, or makes them. Throws a Refusal when they cannot be used. */
export async function openKeys(store: string, { user, device }: Owner, passphrase?: string): Promise<OlmMachine> {
	const folder = folderOf(store, device);
	try {
		return await OlmMachine.initialize(new UserId(user), new DeviceId(device), folder, passphrase, StoreType.Sqlite);
	} catch (error) {
		if (isCryptoError(error) && !isFatal(error)) throw new Refusal(`The bot's keys cannot be used: ${error.message}.`);
		throw error;
	}
}

/** The private halves of the identity; undefined if this store has none, or not all. Throws a Refusal. */
export async function readSeeds(store: string, owner: Owner, passphrase?: string): Promise<Seeds | undefined> {
	if (!existsSync(folderOf(store, owner.device))) return undefined;
	const machine = await openKeys(store, owner, passphrase);
	try {
		return (await machine.exportCrossSigningKeys()) ?? undefined;
	} finally {
		await machine.close();
	}
}

/** The identity as an earlier device of this store has it: a session may end without anything being lost. */
export async function earlierSeeds(store: string, owner: Owner, passphrase?: string): Promise<Seeds | undefined> {
	const folder = join(store, 'crypto');
	const began = (name: string) => statSync(join(folder, name)).mtimeMs;
	const devices = readdirSync(folder).filter(name => name !== basename(folderOf(store, owner.device)));
	for (const device of devices.sort((a, b) => began(b) - began(a))) {
		const seeds = await readSeeds(store, { ...owner, device }, passphrase).catch((error: unknown) => {
			// Somebody else's, or one under another passphrase: as good as none.
			if (error instanceof Refusal) return undefined;
			throw error;
		});
		if (seeds) return seeds;
	}
	return undefined;
}

/** Whether keys of any session lie in this store. */
export function hasKeys(store: string): boolean {
	const folder = join(store, 'crypto');
	return existsSync(folder) && readdirSync(folder).length > 0;
}
