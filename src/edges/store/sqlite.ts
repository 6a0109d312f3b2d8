// SQLite in this process: opens node:sqlite with our settings and wraps it as a Kysely driver.
import { chmodSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import {
	type DatabaseConnection,
	type Dialect,
	type Kysely,
	SqliteAdapter,
	SqliteDialect,
	type SqliteDialectConfig,
	SqliteDriver,
} from 'kysely';
import { LRUCache } from 'lru-cache';
import type { Tables } from './schema.ts';

/** Opens a database file (or `:memory:`), readable only by its owner and durable after every commit. */
export function openSqlite(path: string): DatabaseSync {
	const database = new DatabaseSync(path, { timeout: 5000 });
	if (path !== ':memory:') chmodSync(path, 0o600);
	// Must come before the first write: later it would require a VACUUM. Freed pages are returned bit by bit (store.ts).
	database.exec('PRAGMA auto_vacuum = INCREMENTAL');
	// The files next to the database (-wal, -shm) inherit its mode. secure_delete overwrites deleted data: people's
	// words must not outlive their row.
	database.exec(
		'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON',
	);
	return database;
}

/**
 * Runs writes, and commits them without waiting for the disk. If a power cut loses them, everything committed after them
 * is lost too. Only for what would be done again after a restart.
 */
export type AsyncCommit = <T>(writes: (db: Kysely<Tables>) => Promise<T>) => Promise<T>;

export function asyncCommitOf(db: Kysely<Tables>, database: DatabaseSync): AsyncCommit {
	return writes =>
		// The connection is ours until the end, so no other transaction is affected.
		db.connection().execute(async connection => {
			database.exec('PRAGMA synchronous = NORMAL');
			try {
				return await writes(connection);
			} finally {
				database.exec('PRAGMA synchronous = FULL');
			}
		});
}

/** Rewrites a file from before files could shrink, once; if there is not enough space now, then at a later start. */
export function letShrink(database: DatabaseSync): void {
	if (database.prepare('PRAGMA auto_vacuum').get()?.auto_vacuum !== 0) return;
	try {
		database.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM');
	} catch {
		// The next start will try again.
	}
}

/** Kysely does not count on it, but SQLite can undo changes of the schema: either all migrations happen, or none. */
class TransactionalAdapter extends SqliteAdapter {
	override get supportsTransactionalDdl(): boolean {
		return true;
	}
}

/** On a full disk SQLite rolls back by itself; a second rollback would fail, and hide why the first was needed. */
class Driver extends SqliteDriver {
	readonly #database: DatabaseSync;

	constructor(config: SqliteDialectConfig, database: DatabaseSync) {
		super(config);
		this.#database = database;
	}

	override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
		if (this.#database.isTransaction) await super.rollbackTransaction(connection);
	}
}

export function dialect(database: DatabaseSync): Dialect {
	// Lists of ids produce statements of many lengths; the cache is for the few that recur.
	const prepared = new LRUCache<string, { statement: StatementSync; reader: boolean }>({ max: 200 });
	const config: SqliteDialectConfig = {
		database: {
			close: () => database.close(),
			prepare(sql) {
				let known = prepared.get(sql);
				if (!known) {
					const statement = database.prepare(sql);
					known = { statement, reader: statement.columns().length > 0 };
					prepared.set(sql, known);
				}
				const { statement, reader } = known;
				return {
					reader,
					all: values => statement.all(...(values as SQLInputValue[])),
					run: values => statement.run(...(values as SQLInputValue[])),
					iterate: values => statement.iterate(...(values as SQLInputValue[])),
				};
			},
		},
	};
	const sqlite = new SqliteDialect(config);
	return {
		createAdapter: () => new TransactionalAdapter(),
		createDriver: () => new Driver(config, database),
		createIntrospector: db => sqlite.createIntrospector(db),
		createQueryCompiler: () => sqlite.createQueryCompiler(),
	};
}

/** Locks a folder for this process until it ends, however it ends. Undefined if another process has it. */
export function takeFolder(path: string): DatabaseSync | undefined {
	const lock = new DatabaseSync(path, { timeout: 0 });
	try {
		// Nothing is ever written here, so it needs no journal file.
		lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
		chmodSync(path, 0o600);
		return lock;
	} catch (error) {
		lock.close();
		if (error instanceof Error && /locked|busy/i.test(error.message)) return undefined;
		throw error;
	}
}
