// The suites in this folder with every bot on PostgreSQL, each in its own database on one server:
// `node test/real/on-postgres.ts [test files]`. By default runs all of them, one after the other.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { startPostgres } from './postgres.ts';

const root = join(import.meta.dirname, '../..');
const all = readdirSync(import.meta.dirname).filter(name => name.endsWith('.test.ts'));
const files = process.argv.length > 2 ? process.argv.slice(2).map(name => basename(name)) : all;

const server = await startPostgres(17);
const env = { ...process.env, GLIA_TEST_POSTGRES: `postgres://postgres@127.0.0.1:${server.port}/postgres` };
try {
	for (const file of files) {
		const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--reporter=verbose', `test/real/${file}`];
		const [status] = await once(spawn(process.execPath, vitest, { cwd: root, stdio: 'inherit', env }), 'exit');
		if (status !== 0) process.exitCode = 1;
	}
} finally {
	await server.stop();
}
