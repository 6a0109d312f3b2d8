// SQLite inside the process: node:sqlite opened the way we want it, and dressed as the driver that Kysely knows.
import { chmodSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { type Dialect, SqliteDialect } from 'kysely';
import { LRUCache } from 'lru-cache';

/** Opens a database file (or `:memory:`), readable by its owner only, durable to the last commit. */
export function openSqlite(path: string): DatabaseSync {
	const database = new DatabaseSync(path, { timeout: 5000 });
	if (path !== ':memory:') chmodSync(path, 0o600);
	// Before anything is written: later it takes a VACUUM. What is freed is given back little by little (store.ts).
	database.exec('PRAGMA auto_vacuum = INCREMENTAL');
	// The files beside the database (-wal, -shm) take over its mode. What is deleted is overwritten: people's words must
	// not outlive their row.
	database.exec(
		'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON',
	);
	return database;
}

/** A file from before files could shrink is rewritten once; later, if there is no space now. */
export function letShrink(database: DatabaseSync): void {
	if (database.prepare('PRAGMA auto_vacuum').get()?.auto_vacuum !== 0) return;
	try {
		database.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM');
	} catch {
		// The next start tries again.
	}
}

export function dialect(database: DatabaseSync): Dialect {
	// Lists of ids make statements of many lengths; the cache is for the few that come again and again.
	const prepared = new LRUCache<string, { statement: StatementSync; reader: boolean }>({ max: 200 });
	return new SqliteDialect({
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
	});
}

/** Takes a folder for this process, until it ends however it ends. False if another process has it. */
export function takeFolder(path: string): DatabaseSync | undefined {
	const lock = new DatabaseSync(path, { timeout: 0 });
	try {
		// Nothing is ever written here, so no journal need lie beside it.
		lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
		chmodSync(path, 0o600);
		return lock;
	} catch (error) {
		lock.close();
		if (error instanceof Error && /locked|busy/i.test(error.message)) return undefined;
		throw error;
	}
}
