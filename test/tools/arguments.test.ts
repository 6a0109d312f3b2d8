import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Runs a script of package.json with these arguments, without npm. */
function run(script: keyof typeof packageJson.scripts, ...args: string[]) {
	const [, ...words] = packageJson.scripts[script].split(' ');
	const { status, stdout, stderr } = spawnSync(process.execPath, [...words, ...args], { cwd: root, encoding: 'utf8' });
	return { status, stdout, stderr };
}

const tools = [
	'archive',
	'refresh',
	'mark-read',
	'verify',
	'replay',
	'compile',
	'build',
	'facts',
	'links',
	'bundle',
	'bench',
] as const;

test.each(tools)('npm run %s -- --help prints how to use it', tool => {
	const { status, stdout, stderr } = run(tool, '--help');
	expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
	expect(stdout).toContain(`npm run ${tool}`);
});

test.each(tools)('npm run %s refuses an option that does not exist, without a stack trace', tool => {
	const { status, stdout, stderr } = run(tool, '--no-such-option');
	expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
	expect(stderr).toContain("Unknown option '--no-such-option'.\n");
	expect(stderr).not.toContain('    at ');
});

test.each([
	['archive', 'nonsense', 'A release looks like 1.164.0, not nonsense.'],
	['refresh', 'nowhere', 'nowhere is neither a clone of Synapse nor one of its release archives, unpacked.'],
	['verify', 'nonsense', 'No claim is called nonsense.'],
	['replay', 'nonsense', 'I do not recognise the fact `nonsense`.'],
	['compile', 'nonsense', 'Unexpected argument: nonsense.'],
	['links', 'nonsense', 'Unexpected argument: nonsense.'],
	['facts', 'nonsense', 'This repository has no commit nonsense.'],
	['bench', 'nonsense', 'There is no bench nonsense.'],
] as const)('npm run %s -- %s is refused in one sentence', (tool, word, sentence) => {
	const { status, stdout, stderr } = run(tool, word);
	expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
	expect(stderr).toContain(sentence);
	expect(stderr).not.toContain('    at ');
});

test('bundle names the file that does not exist', () => {
	const [key, nowhere] = [Buffer.alloc(32, 7).toString('base64'), join(tmpdir(), 'glia-nowhere.json')];
	expect(run('bundle', 'check', nowhere, '--key', key)).toEqual({
		status: 1,
		stdout: '',
		stderr: `${nowhere} does not exist.\n`,
	});
});

test('verify refuses a name that does not exist next to one that does', () => {
	expect(run('verify', 'refusal', 'nonsense')).toMatchObject({ status: 1, stdout: '' });
});

test('refresh writes nothing if one of its folders is not a source', () => {
	const folder = mkdtempSync(join(tmpdir(), 'glia-refresh-'));
	try {
		const [charts, nowhere, knowledge] = ['charts', 'nowhere', 'knowledge'].map(name => join(folder, name)) as [
			string,
			string,
			string,
		];
		mkdirSync(join(charts, 'charts/matrix-stack'), { recursive: true });
		writeFileSync(join(charts, 'charts/matrix-stack/values.yaml'), '');
		const git = (...args: string[]) => execFileSync('git', ['-C', charts, ...args]);
		git('init', '--quiet');
		git('add', '.');
		git('-c', 'user.name=A', '-c', 'user.email=a@example.org', 'commit', '--quiet', '--message', 'Add');
		expect(run('refresh', '--knowledge', knowledge, charts, nowhere)).toMatchObject({ status: 1, stdout: '' });
		expect(existsSync(knowledge)).toBe(false);
	} finally {
		rmSync(folder, { recursive: true });
	}
});

test('refresh refuses a day that is not one', () => {
	expect(run('refresh', '--read', 'today', '.').stderr).toBe('A day looks like 2026-11-20, not today.\n');
});
