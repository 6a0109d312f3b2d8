// A real PostgreSQL for tests: taken from a package into a cache folder, started in a second, gone with its process.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { binaries, unprivileged } from '../../tools/verify/machine/database.ts';
import { freePort } from '../../tools/verify/machine/port.ts';
import { run } from '../../tools/verify/machine/process.ts';

export type TestServer = {
	port: number;
	/** The address of a new, empty database. */
	database(options?: string): Promise<string>;
	/** Runs statements on the server as its superuser. */
	query(sql: string, database?: string): Promise<unknown[]>;
	/** Stops it, quickly, and starts it again on the same port. */
	restart(): Promise<void>;
	stop(): Promise<void>;
};

/**
 * Starts a server of this major version, of the locale C. Everything of it lies in a temporary folder. `files` are its
 * own, beside the folder of its data, in the folder that it is started in.
 */
export async function startPostgres(
	major = 17,
	settings: readonly string[] = [],
	files: Record<string, string> = {},
): Promise<TestServer> {
	const native = await binaries(major);
	const home = mkdtempSync(join(tmpdir(), 'glia-postgres-'));
	const data = join(home, 'data');
	mkdirSync(data, { mode: 0o755 });
	cpSync(native, join(home, 'native'), { recursive: true, verbatimSymlinks: true });
	const around = await unprivileged();
	const written = Object.keys(files).map(name => join(home, name));
	for (const [name, text] of Object.entries(files)) writeFileSync(join(home, name), text, { mode: 0o600 });
	if (around.uid !== undefined && around.gid !== undefined)
		for (const path of [home, data, ...written]) chownSync(path, around.uid, around.gid);
	const bin = (name: string) => join(home, 'native', 'bin', name);
	const made = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'];
	await run(bin('initdb'), made, { ...around, cwd: home });
	const port = await freePort();
	const told = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', ...settings].flatMap(value => ['-c', value]);
	let server: ChildProcess | undefined;

	async function query(sql: string, database = 'postgres'): Promise<unknown[]> {
		const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database });
		client.on('error', () => undefined);
		await client.connect();
		try {
			const results: unknown = await client.query(sql);
			const last = Array.isArray(results) ? results.at(-1) : results;
			return (last as pg.QueryResult).rows;
		} finally {
			await client.end();
		}
	}

	async function start(): Promise<void> {
		server = spawn(bin('postgres'), ['-D', data, '-p', String(port), ...told], {
			...around,
			cwd: home,
			stdio: 'ignore',
		});
		for (let tries = 100; ; tries--) {
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
	let count = 0;
	return {
		port,
		async database(options = '') {
			const name = `glia_${++count}`;
			await query(`CREATE DATABASE ${name} ${options}`);
			return `postgres://postgres@127.0.0.1:${port}/${name}`;
		},
		query,
		async restart() {
			await end('SIGINT');
			await start();
		},
		async stop() {
			process.off('exit', gone);
			await end('SIGINT');
			rmSync(home, { recursive: true, force: true });
		},
	};
}
