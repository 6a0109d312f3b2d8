// The single-file program does what the checkout does, alone in its folder. It has to pass the checkout's tests.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { buildProgram } from '../program.ts';

const folder = mkdtempSync(join(tmpdir(), 'glia-one-file-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = buildProgram(folder);
process.env.GLIA_TEST_PROGRAM = file;

test('needs no other file, and keeps only its compile cache', () => {
	const { stdout, stderr, status } = spawnSync(file, ['say', '!upgrade 1.56 1.69'], { encoding: 'utf8', cwd: '/' });
	expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
	expect(stdout).toContain('1.56.0 → 1.69.0');
	expect(readdirSync(folder).sort()).toEqual(['glia.cjs', 'glia.cjs.cache']);
});

test('says the same as the checkout, whichever knowledge the answer needs', () => {
	const given = join(folder, 'homeserver.yaml');
	writeFileSync(given, 'server_name: example.org\nenable_registration: yes\nmax_upload_size: [1]\nno_such_option: 1\n');
	const config = join(folder, 'config.yaml');
	writeFileSync(config, 'matrix: { homeserver: 5 }\n');
	const said = [
		['check', given, '--from', '1.98', '--to', '1.163'],
		['say', '--json', '--file', given, '!check 1.98 1.163'],
		['say', '--json', '--file', given, '!upgrade 1.98 1.163 all'],
		['why', '--json', given],
		['say', '--json', '!option max_upload_size'],
		['say', '--json', '!options 1.98 1.163'],
		['say', '--json', '!deadlines all'],
		['say', '--json', '!rollback 1.163 1.120'],
		['say', '--json', '!upgrade mdad 2025-06-01'],
		['say', '--json', '!upgrade mdad 71ccf19f2 2020-06-01'],
		['say', '--json', '!upgrade ess 26.1.0 26.8.0'],
		['say', '--json', '!upgrade 1.100 yunohost'],
		['say', '--json', '!upgrade 1.120 1.150 docker look'],
		['say', '--json', '!check skeleton'],
		['say', '--json', '!postgres 15 16 docker'],
		['say', '--json', '!migrate mdad'],
		['say', '--json', '!backup'],
		['say', '--json', '!help facts'],
		['check-config', '--config', config],
		['backup'],
		['nonsense'],
		['--help'],
	];
	const run = (entry: string, args: string[]) => {
		const { stdout, stderr, status } = spawnSync(process.execPath, [entry, ...args], { encoding: 'utf8', cwd: folder });
		return { args, stdout, stderr, status };
	};
	const checkout = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
	const answers = said.map(args => run(file, args));
	expect(answers).toEqual(said.map(args => run(checkout, args)));
	expect(answers.filter(({ status }) => status === 3)).toEqual([]);
	rmSync(given);
	rmSync(config);
});

test('answers if nothing can be written', () => {
	rmSync(`${file}.cache`, { recursive: true, force: true });
	// Put a file in place of the folder: permissions would not stop root.
	writeFileSync(`${file}.cache`, '');
	const { stdout, stderr, status } = spawnSync(file, ['say', '!help'], { encoding: 'utf8' });
	expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
	expect(stdout).toContain('!upgrade');
	rmSync(`${file}.cache`);
});

test('uses a compile cache that it can only read', () => {
	spawnSync(file, ['say', '!upgrade 1.56 1.69']);
	const { stderr } = spawnSync(file, ['say', '!upgrade 1.56 1.69'], {
		encoding: 'utf8',
		env: { ...process.env, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' },
	});
	expect(stderr).toMatch(/main\.cjs was accepted/);
	expect(stderr).not.toMatch(/was rejected/);
});

test('contains no paths of the machine that built it', () => {
	expect(readFileSync(file, 'latin1').slice(0, 20_000)).not.toContain(process.cwd());
});

test('says which Node.js it needs, in JavaScript that old versions can read', () => {
	// Leave out the table of pieces, which is one line of names and numbers.
	const head = (readFileSync(file, 'utf8').split('\n/*\n')[0] ?? '').replace(/^const table = .*$/m, '');
	expect(head).toContain('Glia needs Node.js');
	expect(head).not.toContain('npm ci');
	// Syntax that is newer than Node.js 10: https://node.green
	expect(head).not.toMatch(/\?\?|\?\.\w|\bimport\b|#\w+\s*[(=;]|\bawait\b|\d_\d/);
});

await import('./console.test.ts');
await import('./published-knowledge.test.ts');
await import('../knowledge/said.test.ts');
