// An old Node.js, missing packages, or a failed installation end in one sentence.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import { causeIn } from './real/synapse.ts';

const root = join(import.meta.dirname, '..');
const sentence = /^Glia needs Node\.js 24\.12 or newer, and this is \S+: install it from \S+, or run [^\n]+\n$/;

/** Runs Node.js as if it were this version. Nothing after the entry's first lines may run. */
function asNode(version: string, ...args: string[]) {
	const folder = mkdtempSync(join(tmpdir(), 'glia-start-'));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	const pretend = join(folder, 'pretend.cjs');
	const versions = `{ ...process.versions, node: '${version}' }`;
	writeFileSync(pretend, `Object.defineProperty(process, 'versions', { value: ${versions} });`);
	return spawnSync(process.execPath, ['--require', pretend, ...args], { cwd: root, encoding: 'utf8' });
}

test.each(['18.20.8', '20.20.2', '22.22.0', '24.11.1'])('refuses Node.js %s', version => {
	const { status, stdout, stderr } = asNode(version, 'src/main.ts', '--version');
	expect([status, stdout]).toEqual([1, '']);
	expect(stderr).toMatch(sentence);
	expect(stderr).toContain(version);
});

test.each(['24.12.0', '24.21.0', '26.0.0'])('accepts Node.js %s', version => {
	expect(asNode(version, 'src/main.ts', '--version')).toMatchObject({ status: 0, stderr: '' });
});

test('answers in JSON if a script asked for it', () => {
	const { status, stdout, stderr } = asNode('20.20.2', 'src/main.ts', 'say', '--json', '!help');
	expect([status, stderr]).toEqual([1, '']);
	expect(JSON.parse(stdout)).toEqual({ format: 1, refused: expect.stringContaining('Glia needs Node.js 24.12') });
});

test('starts from a script that an old Node.js can read', () => {
	expect(realpathSync(join(root, 'src/main.ts'))).toBe(realpathSync(join(root, 'src/start.cjs')));
	for (const name of ['src/start.cjs', 'src/node-version.cjs']) {
		const text = readFileSync(join(root, name), 'utf8');
		// A Script is parsed as CommonJS, without modules or types. Some old versions of Node.js do not have these operators.
		expect(() => new Script(text)).not.toThrow();
		expect(text).not.toMatch(/\?\.|\?\?|\|\|=|&&=|\bawait import\b/);
	}
});

test('checks the version of Node.js in every npm script', () => {
	const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
		scripts: Record<string, string>;
	};
	const guarded =
		/^node (--require \.\/src\/node-version\.cjs |--max-semi-space-size=4 src\/start\.cjs$|src\/node-version\.cjs && )/;
	// An installation must not fail on an old Node.js, and Biome does not need Node.js 24.
	const { prepare: _, format: __, ...checked } = scripts;
	for (const [name, script] of Object.entries(checked)) expect(script, name).toMatch(guarded);
});

test('says how to install missing packages', () => {
	const folder = mkdtempSync(join(tmpdir(), 'glia-bare-'));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	for (const name of ['src', 'commands', 'package.json'])
		cpSync(join(root, name), join(folder, name), { recursive: true });
	rmSync(join(folder, 'src/main.ts'));
	symlinkSync('start.cjs', join(folder, 'src/main.ts'));
	const { status, stderr } = spawnSync(process.execPath, [join(folder, 'src/main.ts')], { encoding: 'utf8' });
	expect(status).toBe(3);
	expect(stderr).toMatch(/^A package is missing: run `npm ci` in [^\n]+\n$/);
});

test('shows the cause of a failed installation, not a hint to look above', () => {
	const built = `Collecting matrix-synapse==1.163.2
  error: subprocess-exited-with-error

  × Preparing metadata (pyproject.toml) did not run successfully.
  │ exit code: 1
  ╰─> [3 lines of output]

      Cargo, the Rust package manager, is not installed or is not on PATH.
      This package requires Rust and Cargo to compile extensions.
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
error: metadata-generation-failed

× Encountered error while generating package metadata.
╰─> See above for output.

note: This is an issue with the package mentioned above, not pip.
hint: See above for details.
`;
	expect(causeIn(built)).toContain('Cargo, the Rust package manager, is not installed');
	expect(causeIn(built)).not.toMatch(/see above|hint/i);
	const unknown = `ERROR: Could not find a version that satisfies the requirement matrix-synapse==9.9.9
ERROR: No matching distribution found for matrix-synapse==9.9.9
hint: See above for details.
`;
	expect(causeIn(unknown)).toContain('Could not find a version that satisfies the requirement matrix-synapse==9.9.9');
	expect(causeIn('OSError: [Errno 28] No space left on device\n')).toContain('No space left on device');
	expect(causeIn('')).toBe('it said nothing');
});

test.each([['--help'], ['--version'], ['say', '!help'], ['check-config', '--config', 'config.sample.yaml']])(
	'ends without a stack trace if nobody reads the output of %s',
	async (...words) => {
		const child = spawn(process.execPath, ['src/main.ts', ...words], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
		child.stdout.destroy();
		let said = '';
		child.stderr.setEncoding('utf8').on('data', more => {
			said += more;
		});
		await once(child, 'close');
		expect(said).not.toMatch(/^\s+at /m);
		expect(said).not.toContain('EPIPE');
	},
);
