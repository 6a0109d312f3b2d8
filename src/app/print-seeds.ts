// Prints the bot's identity for safekeeping, so that losing the store does not mean losing the identity.
import { Refusal } from '../answer.ts';
import type { Config } from '../config.ts';
import { keysIn, readSeeds } from '../edges/matrix/keys.ts';
import { missingStore } from '../edges/store/disk.ts';
import { openStore } from '../edges/store/store.ts';
import type { KeyStore } from '../ports/keys.ts';
import type { Store } from '../ports/store.ts';

type OpenStore = { store: Store; keys: KeyStore; place: string; close: () => Promise<void> };

/** Prints three words on one line; the bot must not be running. Resolves to the exit status. Throws a Refusal. */
export async function printSeeds(config: Config): Promise<number> {
	const { store, keys, place, close } = await openPlace(config);
	try {
		const account = await store.account();
		const seeds = account && (await readSeeds(keys, account, config.encryption.passphrase));
		if (!seeds) throw new Refusal(`The store in ${place} has no identity yet; start the bot once with it.`);
		process.stdout.write(`${seeds.master} ${seeds.selfSigning} ${seeds.userSigning}\n`);
		return 0;
	} finally {
		await close();
	}
}

async function openPlace({ store: { path, postgres } }: Config): Promise<OpenStore> {
	if (!postgres) {
		// Opening it would create one, which the bot's own user may not be able to write to.
		const missing = missingStore(path);
		if (missing !== undefined) throw new Refusal(missing);
		const store = await openStore(path);
		return { store, keys: keysIn(path), place: path, close: store.close };
	}
	const { takeDatabase } = await import('./database.ts');
	const { openPostgresStore } = await import('../edges/store/postgres-store.ts');
	const { placeOf } = await import('../edges/store/postgres.ts');
	const { fence, release } = await takeDatabase(postgres);
	try {
		const { store, keys } = await openPostgresStore({ address: postgres, fence, migrates: true });
		const close = () => store.close().then(release);
		return { store, keys, place: placeOf(postgres), close };
	} catch (error) {
		await release();
		throw error;
	}
}
