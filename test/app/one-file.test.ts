// The single-file program does what the checkout does, alone in its folder. It has to pass the checkout's tests.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
	// Syntax that is newer than Node.js 10: https://node.green
	expect(head).not.toMatch(/\?\?|\?\.\w|\bimport\b|#\w+\s*[(=;]|\bawait\b|\d_\d/);
});

await import('./console.test.ts');
await import('./published-knowledge.test.ts');
await import('../knowledge/said.test.ts');
