// Files named on the command line: what cannot be read is refused by name.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Refusal } from '../../src/answer.ts';
import { readGiven } from '../../src/app/given-files.ts';

let folder: string;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'glia-given-'));
	chmodSync(folder, 0o755);
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Root may read everything, so it becomes somebody else for a moment. */
function asAnyone(act: () => void): void {
	const isRoot = process.geteuid?.() === 0;
	if (isRoot) process.seteuid?.(65534);
	try {
		act();
	} finally {
		if (isRoot) process.seteuid?.(0);
	}
}

test("reads a folder's *.yaml in order", () => {
	for (const name of ['b.yaml', 'a.yaml', 'c.txt']) writeFileSync(join(folder, name), name);
	mkdirSync(join(folder, 'd.yaml'));
	expect(readGiven([folder]).map(({ text }) => text)).toEqual(['a.yaml', 'b.yaml']);
});

test('refuses a folder that it may not read', () => {
	const closed = join(folder, 'closed');
	mkdirSync(closed);
	chmodSync(closed, 0o000);
	asAnyone(() => expect(() => readGiven([closed])).toThrow(new Refusal(`${closed}: cannot be read.`)));
});

test('refuses a file that is not there, or a link to nowhere', () => {
	const path = join(folder, 'a.yaml');
	expect(() => readGiven([path])).toThrow(new Refusal(`${path}: cannot be read.`));
	symlinkSync('nowhere', path);
	expect(() => readGiven([folder])).toThrow(new Refusal(`${path}: cannot be read.`));
});
