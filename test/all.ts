// The whole suite, as `npm test` runs it: types, lint, tests, real suites. Its last line counts the tests.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { startPostgres, type TestServer } from './real/postgres.ts';
import { SHARED, startSynapse } from './real/synapse.ts';

type Report = {
	numPassedTests: number;
	numFailedTests: number;
	testResults: {
		name: string;
		status: string;
		assertionResults: { status: string; fullName: string }[];
	}[];
};

const root = join(import.meta.dirname, '..');
const bin = join(root, 'node_modules', '.bin');
const reports = mkdtempSync(join(tmpdir(), 'glia-tests-'));
// The tools are scripts that look for `node` on the PATH. Without npm, they would find the machine's own.
const path = [bin, dirname(process.execPath), process.env.PATH].join(delimiter);
const plain = !process.stdout.isTTY;

let passed = 0;
let failed = 0;
let current: ChildProcess | undefined;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
	process.on(signal, () => {
		current?.kill(signal);
		rmSync(reports, { recursive: true, force: true });
		process.exit(1);
	});
}

await check('tsc', []);
// Biome does not know NO_COLOR.
await check('biome', ['ci', ...(plain ? ['--colors=off'] : [])]);
await tests('unit', ['--exclude', 'test/real/**'], {});
await withSynapse();

rmSync(reports, { recursive: true, force: true });
process.exitCode = failed ? 1 : 0;
console.log(`${passed} passed, ${failed} failed`);

async function withSynapse(): Promise<void> {
	let synapse: Awaited<ReturnType<typeof startSynapse>>;
	try {
		synapse = await startSynapse();
	} catch (error) {
		failed++;
		console.error(error instanceof Error ? error.message : error);
		return;
	}
	const shared = { [SHARED]: JSON.stringify(synapse.address) };
	await tests('real', ['test/real/'], shared);
	await onPostgres(shared);
	await synapse.stop();
}

/** The short form of the real suites on PostgreSQL; the long one is test/real/on-postgres.ts. */
async function onPostgres(shared: Record<string, string>): Promise<void> {
	let server: TestServer;
	try {
		server = await startPostgres();
	} catch (error) {
		failed++;
		console.error(error instanceof Error ? error.message : error);
		return;
	}
	const address = `postgres://postgres@127.0.0.1:${server.port}/postgres`;
	await tests('postgres', ['test/real/backup.test.ts'], { ...shared, GLIA_TEST_POSTGRES: address });
	await server.stop();
}

async function check(command: string, args: string[]): Promise<void> {
	if ((await run(command, args, {})) === 0) passed++;
	else failed++;
}

async function tests(name: string, args: string[], env: Record<string, string>): Promise<void> {
	const file = join(reports, `${name}.json`);
	const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
	const status = await run('vitest', ['run', ...reporters, ...args], env);
	const before = failed;
	if (existsSync(file)) count(JSON.parse(readFileSync(file, 'utf8')) as Report);
	// An error outside any test, or no test at all, fails the run without a failed test to count.
	if (status !== 0 && failed === before) failed++;
}

function count(report: Report): void {
	passed += report.numPassedTests;
	failed += report.numFailedTests;
	for (const { name, status, assertionResults } of report.testResults) {
		// A file that cannot be loaded, or whose hook fails, has no failed test.
		if (status === 'failed' && !assertionResults.some(test => test.status === 'failed')) failed++;
		for (const test of assertionResults) {
			if (test.status !== 'passed' && test.status !== 'failed') console.log(`not run: ${test.fullName} (${name})`);
		}
	}
}

async function run(command: string, args: string[], env: Record<string, string>): Promise<number> {
	console.log(`\n> ${[command, ...args].join(' ')}`);
	current = spawn(command, args, {
		cwd: root,
		stdio: 'inherit',
		env: { ...process.env, ...(plain ? { NO_COLOR: '1' } : {}), ...env, PATH: path },
	});
	try {
		const [status] = await once(current, 'close');
		return status ?? 1;
	} catch (error) {
		console.error(`${command} did not start (is \`npm ci\` done?): ${error}`);
		return 1;
	} finally {
		current = undefined;
	}
}
