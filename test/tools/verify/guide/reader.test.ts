// How the simulated reader applies the diff of a guide to an existing file, and what it types at prompts.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { edit, typedFor } from '../../../../tools/verify/guide/reader.ts';

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'reader-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function edited(text: string, diff: string): string {
	const file = join(folder, 'file');
	writeFileSync(file, text);
	edit(file, diff);
	return readFileSync(file, 'utf8');
}

const compose = 'services:\n  db:\n    volumes:\n      - pgdata:/data\nvolumes:\n  pgdata:\n';

test('looks for a line with the same indentation first', () => {
	expect(edited(compose, ' volumes:\n+  pgdata-17:')).toBe(
		compose.replace('\nvolumes:\n', '\nvolumes:\n  pgdata-17:\n'),
	);
});

test('keeps the indentation of a file that is indented more than the diff', () => {
	expect(edited('  args:\n    host: old\n', ' args:\n-  host: old\n+  host: new')).toBe('  args:\n    host: new\n');
});

test('reports a missing line', () => {
	expect(() => edited(compose, '-    image: postgres')).toThrow('has no line');
});

test.each([
	["read -rsp 'Password: ' PASSWORD", 'of a user'],
	["read -rsp 'Access token: ' TOKEN", 'of an administrator'],
	["read -rsp 'Database password: ' PASSWORD", 'changeme'],
])('at the prompt of %s the reader types what it asks for', (block, typed) => {
	expect(typedFor(block, { token: 'of an administrator', password: 'of a user' })).toBe(typed);
});

test('an unknown prompt is an error', () => {
	expect(() => typedFor("read -rsp 'Shoe size: ' SIZE", { token: '', password: '' })).toThrow('Shoe size');
});
