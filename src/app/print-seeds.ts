// The bot's identity, printed for safe keeping: with it a lost store is no lost identity.

import { Refusal } from '../answer.ts';
import type { Config } from '../config.ts';
import { keysIn, readSeeds } from '../edges/matrix/keys.ts';
import { openStore } from '../edges/store/store.ts';

/** Prints three words on one line; the bot must not be running. Resolves to the exit status. Throws a Refusal. */
export async function printSeeds(config: Config): Promise<number> {
	const store = await openStore(config.store.path);
	try {
		const account = await store.account();
		const seeds = account && (await readSeeds(keysIn(config.store.path), account, config.encryption.passphrase));
		if (!seeds) {
			throw new Refusal(`The store in ${config.store.path} has no identity yet; start the bot once with it.`);
		}
		process.stdout.write(`${seeds.master} ${seeds.selfSigning} ${seeds.userSigning}\n`);
		return 0;
	} finally {
		await store.close();
	}
}
