// Moves a store between a folder and PostgreSQL: rows, and the keys of encrypted rooms. Neither may be in use.
import { existsSync, readdirSync, renameSync, rmdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { Refusal } from '../answer.ts';
import { keysIn, recordsOf } from '../edges/matrix/keys.ts';
import { discardCopy, missingStore } from '../edges/store/disk.ts';
import { moveRows, type StoreEnd } from '../edges/store/move.ts';
import { placeOf } from '../edges/store/postgres.ts';
import { openSchema } from '../edges/store/postgres-store.ts';
import { openFolder } from '../edges/store/store.ts';
import type { KeyStore } from '../ports/keys.ts';
import type { PostgresAddress } from '../settings/postgres.ts';
import { takeDatabase } from './database.ts';

/** The interval between progress messages (ms). */
const progressPause = 2000;

/** A folder, or a database. */
export type StorePlace = string | PostgresAddress;

type OpenEnd = StoreEnd & {
	keys: KeyStore;
	/** Puts the moved data in its final place. */
	finish: () => void;
	close: () => Promise<void>;
};

/** Moves everything; resolves to the exit status. If it throws a Refusal, the new place is left as it was. */
export async function moveStore(from: StorePlace, to: StorePlace): Promise<number> {
	if (JSON.stringify(from) === JSON.stringify(to)) throw new Refusal('Both locations are the same: nothing to move.');
	const source = await openSource(from);
	try {
		const target = await openTarget(to);
		try {
			const devices = await moveKeys(source.keys, target.keys);
			const moved = await moveRows(source, target, openProgress());
			await target.close();
			target.finish();
			process.stdout.write(`${summary(moved, devices)}\n${source.place} → ${target.place}: ${afterwards}\n`);
		} finally {
			await target.close();
		}
	} finally {
		await source.close();
	}
	return 0;
}

const afterwards =
	'moved. Put the new location into the configuration and start the bot. Do not start it with the old location again.';

function summary(moved: ReadonlyMap<string, number>, devices: number): string {
	const counts = [...moved].filter(([, rows]) => rows > 0).map(([table, rows]) => `${table} ${rows}`);
	return `${counts.join(', ') || 'no rows'}; keys of ${devices} ${devices === 1 ? 'session' : 'sessions'}`;
}

function openProgress(): (table: string, rows: number) => void {
	let last = performance.now();
	return (table, rows) => {
		if (performance.now() - last < progressPause) return;
		last = performance.now();
		process.stderr.write(`${table}: ${rows} rows\n`);
	};
}

async function openSource(place: StorePlace): Promise<OpenEnd> {
	if (typeof place !== 'string') return openDatabase(place);
	const folder = resolve(place);
	const missing = missingStore(folder);
	if (missing !== undefined) throw new Refusal(missing);
	const { db, close } = await openFolder(folder);
	return { place: folder, db, engine: 'sqlite', keys: keysIn(folder), finish: () => undefined, close: once(close) };
}

async function openTarget(place: StorePlace): Promise<OpenEnd> {
	if (typeof place !== 'string') return openDatabase(place);
	const folder = resolve(place);
	const partial = `${folder}.moving`;
	try {
		if (existsSync(folder) && readdirSync(folder).length > 0)
			throw new Refusal(`${folder} is not empty; name an empty folder, or one that does not exist yet.`);
		// Left over from a move that did not finish.
		discardCopy(partial);
	} catch (error) {
		if (error instanceof Refusal) throw error;
		throw new Refusal(`Nothing can be moved to ${folder}: ${error instanceof Error ? error.message : error}.`);
	}
	const { db, close } = await openFolder(partial);
	return {
		place: folder,
		db,
		engine: 'sqlite',
		keys: keysIn(partial),
		finish() {
			if (existsSync(folder)) rmdirSync(folder);
			renameSync(partial, folder);
		},
		close: once(async () => {
			await close();
		}),
	};
}

/** A database that no replica uses. */
async function openDatabase(address: PostgresAddress): Promise<OpenEnd> {
	const { fence, release } = await takeDatabase(address);
	try {
		const { db, keys } = await openSchema({ address, fence, migrates: true });
		const close = once(async () => {
			await db.destroy();
			await release();
		});
		const place = placeOf(address);
		return { place, db, engine: 'postgres', schema: address.schema, keys, finish: () => undefined, close };
	} catch (error) {
		await release();
		throw error;
	}
}

/** Copies the keys of each session, and how often it was started. Resolves to the number of sessions. */
async function moveKeys(from: KeyStore, to: KeyStore): Promise<number> {
	// Newest session last, to preserve the order.
	const names = (await from.earlier('')).reverse();
	let count = 0;
	for (const name of names) {
		const old = recordsOf(from, name);
		try {
			const owner = await old.owner();
			if (owner === undefined) continue;
			const fresh = recordsOf(to, owner.device);
			try {
				// A copy of keys that were in use elsewhere counts as never started, so that the next start notices it too.
				const starts = (await from.starts(name)) ?? 0;
				if ((await fresh.owner()) !== undefined && ((await to.starts(owner.device)) ?? 0) > starts)
					throw new Refusal(`${fresh.place} is newer than the one that would be moved there.`);
				await fresh.replace(owner, await old.databases(), await old.entries());
				await to.keepStarts(owner.device, starts);
				await to.putAway(owner.device);
				count++;
			} finally {
				await fresh.close();
			}
		} finally {
			await old.close();
		}
	}
	return count;
}

function once(close: () => Promise<void>): () => Promise<void> {
	let done: Promise<void> | undefined;
	return () => (done ??= close());
}
