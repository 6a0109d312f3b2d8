import { rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { optionAt } from '../../src/configuration/options.ts';
import { openCode } from '../../src/knowledge/code-tables.ts';
import { fingerprint } from '../../src/knowledge/compiled.ts';
import { folderOf } from './folder.ts';

const real = new URL('../../knowledge/', import.meta.url);
const options = JSON.stringify({
	by: 'x',
	read: ['1.0.0'],
	entries: [{ key: 'a.b', changes: [['1.0.0', { file: 'synapse/config/a.py', default: 3 }]] }],
});

describe('the tables of the code', () => {
	test('are read once, on demand', () => {
		const folder = folderOf({ 'synapse/code/options.json': options });
		const code = openCode(folder);
		expect(optionAt(code.options(), 'a.b', '1.2.0')).toEqual({ file: 'synapse/config/a.py', default: 3 });
		rmSync(new URL('synapse/code/options.json', folder));
		expect(code.options()).toBe(code.options());
		expect(() => code.refusals()).toThrow(/refusals\.json/);
	});

	test('can all be read', () => {
		const code = openCode(real);
		expect(code.options().byPath.size).toBeGreaterThan(800);
		for (const table of [code.refusals(), code.dependencies(), code.routes(), code.deltas(), code.builds()]) {
			expect(table.entries.length).toBeGreaterThan(10);
			expect(table.read).toEqual(code.options().read);
		}
	});

	test('are not part of the compiled knowledge', () => {
		const folder = folderOf({ 'synapse/code/options.json': options });
		const before = fingerprint(folder);
		writeFileSync(new URL('synapse/code/options.json', folder), '{}');
		expect(fingerprint(folder)).toBe(before);
	});
});
