// The stores that a contract is checked on: in memory, in a folder, and in PostgreSQL if a server is given.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../src/edges/store/store.ts';
import type { Store } from '../../src/ports/store.ts';

/** A store for one test. */
export type Place = {
	open: () => Promise<Store>;
	/** Whether the data survives closing and reopening, as when the process restarts. */
	outlives: boolean;
	remove: () => void;
};

export type Places = Record<string, () => Promise<Place>>;

export const local: Places = {
	memory: async () => ({ open: () => openStore(), outlives: false, remove: () => undefined }),
	'a folder': async () => {
		const folder = mkdtempSync(join(tmpdir(), 'glia-store-'));
		return { open: () => openStore(folder), outlives: true, remove: () => rmSync(folder, { recursive: true }) };
	},
};
