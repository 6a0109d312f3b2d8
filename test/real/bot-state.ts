// A bot's state, and what operators do with it: copy, restore, lose and inspect. In a folder or in PostgreSQL.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { keysIn } from '../../src/edges/matrix/keys.ts';
import { openPostgresStore } from '../../src/edges/store/postgres-store.ts';
import { openStore } from '../../src/edges/store/store.ts';
import type { KeyStore } from '../../src/ports/keys.ts';
import type { Store } from '../../src/ports/store.ts';

export type Row = Record<string, unknown>;

export type BotState = {
	kind: 'sqlite' | 'postgres';
	/** The name of the place in messages. */
	place: string;
	/**
	 * Keeps the current state for `restore`. While the bot is running, `npm start -- backup` copies a folder, and the
	 * database copies itself, without the bot's knowledge.
	 */
	copy(how?: { running?: boolean }): Promise<void>;
	/** Replaces the state with the copy. The bot must not be running. */
	restore(): Promise<void>;
	/** Loses only the keys of encrypted rooms, everything except them, or everything. The bot must not be running. */
	lose(what: 'keys' | 'rows' | 'all'): Promise<void>;
	/** Runs a statement, valid in both databases, on the store's tables. A bot on a folder must not be running. */
	rows(sql: string): Promise<Row[]>;
	/**
	 * Makes the store refuse new rows in a table, in these words. In PostgreSQL, the error has this code, and dropping the
	 * function `full_disk` ends it.
	 */
	refuse(table: string, words: string, code?: string): Promise<void>;
	/** Every stored byte, or only those of the keys of encrypted rooms, as Latin-1. */
	bytes(of?: 'keys'): Promise<string>;
};

/** Where the bots in this run keep their state. */
export const stateKind: BotState['kind'] = process.env.GLIA_TEST_POSTGRES === undefined ? 'sqlite' : 'postgres';

/** The address of a new database if GLIA_TEST_POSTGRES names a server, in which case the suites run on PostgreSQL. */
export async function newDatabase(): Promise<string | undefined> {
	const server = process.env.GLIA_TEST_POSTGRES;
	if (server === undefined) return undefined;
	const { default: pg } = await import('pg');
	const client = new pg.Client(server);
	await client.connect();
	const name = `bot_${randomUUID().replaceAll('-', '')}`;
	await client.query(`CREATE DATABASE ${name} ENCODING 'UTF8' TEMPLATE template0`);
	await client.end();
	const address = new URL(server);
	address.pathname = `/${name}`;
	return address.href;
}

/** Opens a store of this run's kind in the test's own process. If it needs a folder, that is in `dir`. */
export async function openState(dir: string): Promise<{ store: Store; keys: KeyStore }> {
	const url = await newDatabase();
	if (url !== undefined) return openPostgresStore({ address: { url, schema: 'glia' }, migrates: true });
	const folder = join(dir, 'data');
	return { store: await openStore(folder), keys: keysIn(folder) };
}

/** The state of a bot in the folder `data` in its own folder. */
export function folderState(dir: string, configPath: string): BotState {
	const [data, backup] = [join(dir, 'data'), join(dir, 'backup')];
	const files = (below: string) =>
		readdirSync(below, { recursive: true, withFileTypes: true })
			.filter(entry => entry.isFile())
			.map(entry => join(entry.parentPath, entry.name));
	async function rows(sql: string): Promise<Row[]> {
		const database = new DatabaseSync(join(data, 'glia.sqlite'));
		try {
			return database
				.prepare(sql)
				.all()
				.map(row => ({ ...row }));
		} finally {
			database.close();
		}
	}
	return {
		kind: 'sqlite',
		place: data,
		async copy({ running = false } = {}) {
			rmSync(backup, { recursive: true, force: true });
			if (!running) return cp(data, backup, { recursive: true });
			const main = join(import.meta.dirname, '../../src/main.ts');
			await promisify(execFile)(process.execPath, [main, 'backup', backup, '--config', configPath]);
		},
		async restore() {
			rmSync(data, { recursive: true });
			await cp(backup, data, { recursive: true });
		},
		async lose(what) {
			if (what === 'keys') return rmSync(join(data, 'crypto'), { recursive: true });
			if (what === 'all') return rmSync(data, { recursive: true });
			for (const name of readdirSync(data)) if (name.startsWith('glia.sqlite')) rmSync(join(data, name));
		},
		rows,
		async refuse(table, words) {
			await rows(`CREATE TRIGGER full BEFORE INSERT ON ${table} BEGIN SELECT RAISE(ABORT, '${words}'); END`);
		},
		// SQLite may delete a file in the meantime.
		bytes: async of =>
			files(of === 'keys' ? join(data, 'crypto') : data)
				.map(file => (existsSync(file) ? readFileSync(file, 'latin1') : ''))
				.join('\n'),
	};
}

/** The command in docs/postgresql.md with which administrators empty the tables of keys. */
function emptyKeys(): string {
	const page = readFileSync(new URL('../../docs/postgresql.md', import.meta.url), 'utf8');
	return /^TRUNCATE .*;$/m.exec(page)?.[0] ?? '';
}

/** The state of a bot in the schema `glia` of a database. */
export async function databaseState(url: string): Promise<BotState> {
	const { default: pg } = await import('pg');
	async function connected<T>(work: (query: (sql: string) => Promise<Row[]>) => Promise<T>): Promise<T> {
		const client = new pg.Client(url);
		await client.connect();
		try {
			await client.query('SET search_path TO glia');
			return await work(async sql => {
				const results = [await client.query(sql)].flat();
				return (results.at(-1)?.rows ?? []) as Row[];
			});
		} finally {
			await client.end();
		}
	}
	const tables = (query: (sql: string) => Promise<Row[]>, schema: string) =>
		query(`SELECT tablename AS name FROM pg_tables WHERE schemaname = '${schema}' ORDER BY 1`).then(rows =>
			rows.map(({ name }) => String(name)),
		);
	const { host, pathname } = new URL(url);
	return {
		kind: 'postgres',
		place: `${host}${pathname}`,
		// Does what pg_dump and pg_restore do, which are not installed everywhere: one snapshot of the rows, in new tables.
		copy: () =>
			connected(async query => {
				await query('DROP SCHEMA IF EXISTS copied CASCADE; CREATE SCHEMA copied');
				await query('BEGIN ISOLATION LEVEL REPEATABLE READ');
				for (const table of await tables(query, 'glia')) {
					await query(`CREATE TABLE copied.${table} (LIKE glia.${table} INCLUDING ALL)`);
					await query(`INSERT INTO copied.${table} SELECT * FROM glia.${table}`);
					const counted = await query(`SELECT attname AS name FROM pg_attribute
						WHERE attrelid = 'glia.${table}'::regclass AND attidentity <> '' AND NOT attisdropped`);
					for (const { name } of counted)
						await query(`SELECT setval(pg_get_serial_sequence('copied.${table}', '${name}'), last_value) FROM pg_sequences
							WHERE schemaname = 'glia' AND last_value IS NOT NULL
							AND sequencename = split_part(pg_get_serial_sequence('glia.${table}', '${name}'), '.', 2)`);
				}
				await query('COMMIT');
			}),
		restore: () =>
			connected(async query => {
				await query('DROP SCHEMA glia CASCADE; CREATE SCHEMA glia');
				for (const table of await tables(query, 'copied')) await query(`ALTER TABLE copied.${table} SET SCHEMA glia`);
			}),
		lose: what =>
			connected(async query => {
				if (what === 'all') return void (await query('DROP SCHEMA glia CASCADE'));
				if (what === 'keys') return void (await query(emptyKeys()));
				for (const name of await tables(query, 'glia')) if (!name.startsWith('key_')) await query(`DROP TABLE ${name}`);
			}),
		rows: sql => connected(query => query(sql)),
		refuse: (table, words, code = 'P0001') =>
			connected(async query => {
				await query(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
					$$ BEGIN RAISE EXCEPTION '${words}' USING ERRCODE = '${code}'; END $$;
					CREATE TRIGGER full_disk BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION full_disk()`);
			}),
		bytes: of =>
			connected(async query => {
				const texts = [];
				for (const table of await tables(query, 'glia')) {
					if (of === 'keys' && !table.startsWith('key_')) continue;
					const [row] = await query(`SELECT coalesce(string_agg(t::text, E'\\n'), '') AS text FROM ${table} AS t`);
					texts.push(Buffer.from(String(row?.text)).toString('latin1'));
				}
				return texts.join('\n');
			}),
	};
}
