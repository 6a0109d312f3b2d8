// A move between folders: it deletes and replaces nothing of the operator's.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Refusal } from '../../src/answer.ts';
import { moveStore } from '../../src/app/move-store.ts';
import { openStore } from '../../src/edges/store/store.ts';

let dir: string;
let from: string;

beforeEach(async () => {
	dir = mkdtempSync(join(tmpdir(), 'glia-copies-'));
	from = join(dir, 'data');
	await (await openStore(from)).close();
	mkdirSync(join(from, 'crypto'));
	vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});

afterEach(() => {
	vi.restoreAllMocks();
	rmSync(dir, { recursive: true });
});

test('a move replaces what an interrupted one has left behind', async () => {
	const to = join(dir, 'copy');
	cpSync(from, `${to}.moving`, { recursive: true });
	writeFileSync(join(`${to}.moving`, 'glia.sqlite-journal'), '');
	expect(await moveStore(from, to)).toBe(0);
	expect(readdirSync(dir).sort()).toEqual(['copy', 'data']);
	await (await openStore(to)).close();
});

test('a move does not delete anything else in its place', async () => {
	const to = join(dir, 'copy');
	mkdirSync(`${to}.moving`);
	writeFileSync(join(`${to}.moving`, 'glia.sqlite'), '');
	writeFileSync(join(`${to}.moving`, 'notes.txt'), 'precious');
	await expect(moveStore(from, to)).rejects.toThrow(
		`${to}.moving, where the copy is made first, has other contents: move it away.`,
	);
	expect(readFileSync(join(`${to}.moving`, 'notes.txt'), 'utf8')).toBe('precious');
	expect(existsSync(to)).toBe(false);
});

test('a move refuses a file as its target, or in its path', async () => {
	const file = join(dir, 'file');
	writeFileSync(file, 'precious');
	await expect(moveStore(from, file)).rejects.toThrow(Refusal);
	await expect(moveStore(from, join(file, 'copy'))).rejects.toThrow(/file is a file, not a folder/);
	expect(readFileSync(file, 'utf8')).toBe('precious');
});
