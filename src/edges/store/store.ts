// The store: SQLite in one folder, through Kysely. A second process, or a store from a newer Glia, is refused
// with one sentence.
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { Refusal } from '../../answer.ts';
import type { Store } from '../../ports/store.ts';
import { accountOf } from './account.ts';
import { alertsOf } from './alerts.ts';
import { copyOpen } from './copy.ts';
import { makeFolder, storeTrouble } from './disk.ts';
import { keptOf } from './documents.ts';
import { encryptedOf } from './encrypted.ts';
import { figuresOf } from './figures.ts';
import { gapsOf } from './gaps.ts';
import { sessionsOf } from './guide-sessions.ts';
import { inboxOf } from './inbox.ts';
import { invitationsOf } from './invitations.ts';
import { migrations } from './migrations.ts';
import { movesOf } from './moves.ts';
import { operatorOf } from './operator.ts';
import { outboxOf } from './outbox.ts';
import { retentionOf } from './retention.ts';
import { settingsOf } from './room-settings.ts';
import { roomsOf } from './rooms.ts';
import type { Tables } from './schema.ts';
import { serversOf } from './servers.ts';
import { type AsyncCommit, asyncCommitOf, dialect, letShrink, openSqlite, takeFolder } from './sqlite.ts';
import { unreadableOf } from './undecryptable.ts';
import { silencesOf } from './upstream-outages.ts';
import { watchesOf } from './watches.ts';

/** Opens the store in a folder, creating it if missing, or in memory if there is no folder. Throws a Refusal. */
export async function openStore(folder?: string): Promise<Store> {
	const { db, database, close } = await openFolder(folder);
	return storeOver(db, asyncCommitOf(db, database), {
		// Overwritten data remains in old frames of the WAL until it is truncated. Freed pages are returned 1,000 (4
		// MB) at a time.
		tidy: async () => database.exec('PRAGMA incremental_vacuum(1000); PRAGMA wal_checkpoint(TRUNCATE)'),
		copyTo: to => copyOpen(database, to),
		close,
	});
}

/** A store's database, locked for this process, with tables of this version. */
export type OpenFolder = { db: Kysely<Tables>; database: DatabaseSync; close: () => Promise<void> };

/** Opens the database in a folder, as `openStore` does. Throws a Refusal. */
export async function openFolder(folder?: string): Promise<OpenFolder> {
	let lock: DatabaseSync | undefined;
	let database: DatabaseSync;
	if (folder === undefined) {
		database = openSqlite(':memory:');
	} else {
		try {
			makeFolder(folder);
			lock = takeFolder(join(folder, 'lock.sqlite'));
		} catch (error) {
			throw new Refusal(`The store's folder ${folder} cannot be used: ${storeTrouble(folder) ?? text(error)}.`);
		}
		if (!lock) throw new Refusal(`Another process is using the store in ${folder}; stop it first.`);
		try {
			database = openSqlite(join(folder, 'glia.sqlite'));
		} catch (error) {
			lock.close();
			throw new Refusal(`The store in ${folder} cannot be opened: ${storeTrouble(folder) ?? text(error)}.`);
		}
	}
	const db = new Kysely<Tables>({ dialect: dialect(database) });
	async function close(): Promise<void> {
		await db.destroy();
		lock?.close();
	}
	try {
		await migrate(db, folder ?? 'memory');
		letShrink(database);
	} catch (error) {
		await close();
		throw error;
	}
	return { db, database, close };
}

/** The store over a database that already has its tables. */
export function storeOver(
	db: Kysely<Tables>,
	asyncCommit: AsyncCommit,
	ends: Pick<Store, 'tidy' | 'copyTo' | 'close'>,
): Store {
	return {
		...accountOf(db),
		...inboxOf(db, asyncCommit),
		...gapsOf(db),
		...roomsOf(db),
		...invitationsOf(db),
		...movesOf(db),
		...outboxOf(db, asyncCommit),
		...retentionOf(db),
		...encryptedOf(db),
		...figuresOf(db),
		...operatorOf(db),
		...unreadableOf(db),
		...watchesOf(db),
		...settingsOf(db),
		...serversOf(db),
		...alertsOf(db),
		...silencesOf(db),
		...sessionsOf(db),
		kept: keptOf(db),
		...ends,
	};
}

/** Migrates the tables to this version; in PostgreSQL they are in `schema`. Throws a Refusal. */
export async function migrate(db: Kysely<Tables>, place: string, schema?: string): Promise<void> {
	const migrator = new Migrator({
		db,
		provider: { getMigrations: async () => migrations },
		...(schema !== undefined && { migrationTableSchema: schema }),
	});
	const { error } = await migrator.migrateToLatest();
	if (!error) return;
	if (/previously executed migration .* is missing|corrupted migrations/i.test(text(error))) {
		throw new Refusal(`The store in ${place} was written by a newer Glia; start that one, or restore a backup.`);
	}
	throw new Refusal(`The store in ${place} cannot be used: ${text(error)}.`);
}

function text(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
