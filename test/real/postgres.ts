// A real PostgreSQL for tests: starts in a second in a temporary folder, and ends with the process that started it.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Server, startServer } from '../../tools/verify/machine/server.ts';

export type TestServer = Server & {
	/** The address of a new, empty database. */
	database(options?: string): Promise<string>;
};

/** Starts a server of this major version with the locale C. `settings` and `files` as for `startServer`. */
export async function startPostgres(
	major = 17,
	settings: readonly string[] = [],
	files: Record<string, string> = {},
): Promise<TestServer> {
	const home = mkdtempSync(join(tmpdir(), 'glia-postgres-'));
	chmodSync(home, 0o755);
	const server = await startServer(major, home, settings, files);
	let count = 0;
	return {
		...server,
		async database(options = '') {
			const name = `glia_${++count}`;
			await server.query(`CREATE DATABASE ${name} ${options}`);
			return `postgres://postgres@127.0.0.1:${server.port}/${name}`;
		},
		async stop() {
			await server.stop();
			rmSync(home, { recursive: true, force: true });
		},
	};
}
