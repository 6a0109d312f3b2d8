// The databases that releases open one after another. They are copied, so that many trials share slow preparations.
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { startServer } from './server.ts';

/** Databases by name; the caller knows what a name means. */
export type Engine = {
	/** The `database` of homeserver.yaml. */
	config(name: string): unknown;
	/** Creates one: empty (PostgreSQL: with this locale, by default C), or a copy of one that nothing has open. */
	create(name: string, from?: { of?: string | undefined; locale?: string | undefined }): Promise<void>;
	/** The names of the pending background updates. */
	pending(name: string): Promise<string[]>;
	/** Runs statements on a database; returns the rows. */
	query(name: string, sql: string): Promise<unknown[][]>;
	close(): Promise<void>;
};

/** SQLite databases, as files in `dir`. */
export function sqlite(dir: string): Engine {
	const file = (name: string) => join(dir, `${name}.db`);
	return {
		config: name => ({ name: 'sqlite3', args: { database: file(name) } }),
		async create(name, { of } = {}) {
			if (of !== undefined)
				for (const part of ['', '-wal'])
					if (existsSync(file(of) + part)) copyFileSync(file(of) + part, file(name) + part);
		},
		async pending(name) {
			const database = new DatabaseSync(file(name), { timeout: 60_000 });
			try {
				return database
					.prepare('SELECT update_name FROM background_updates ORDER BY 1')
					.all()
					.map(row => String(row.update_name));
			} finally {
				database.close();
			}
		},
		async query(name, sql) {
			const database = new DatabaseSync(file(name), { timeout: 60_000 });
			try {
				return database
					.prepare(sql)
					.all()
					.map(row => Object.values(row));
			} finally {
				database.close();
			}
		},
		async close() {},
	};
}

/** A server of this major version in `dir`; `settings` as in postgresql.conf. */
export async function postgresql(major: number, dir: string, settings: readonly string[] = []): Promise<Engine> {
	const home = join(dir, `postgresql-${major}`);
	mkdirSync(home, { recursive: true, mode: 0o755 });
	const server = await startServer(major, home, ['fsync=off', ...settings]);
	const target = (dbname: string) => ({ user: 'postgres', host: '127.0.0.1', port: server.port, dbname });
	const query = async (dbname: string, sql: string) => (await server.query(sql, dbname)).map(row => Object.values(row));
	return {
		config: name => ({ name: 'psycopg2', args: { ...target(name), cp_min: 1, cp_max: 5 } }),
		async create(name, { of = 'template0', locale = 'C' } = {}) {
			await server.query(`CREATE DATABASE ${name} TEMPLATE ${of} LC_COLLATE '${locale}' LC_CTYPE '${locale}'`);
		},
		async pending(name) {
			return (await query(name, 'SELECT update_name FROM background_updates ORDER BY 1')).map(([update]) =>
				String(update),
			);
		},
		query,
		close: server.stop,
	};
}
