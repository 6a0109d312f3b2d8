import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readFiles } from '../../../src/knowledge/load.ts';
import { faultTable } from '../../../tools/verify/fault-table.ts';

test('docs/faults.md has every tested fault and its result', () => {
	const { files } = readFiles(new URL('../../../knowledge/', import.meta.url));
	const page = readFileSync(new URL('../../../docs/faults.md', import.meta.url), 'utf8');
	const rows = page.split('\n').filter(line => /^\| `[^`]+` \| \d\S+ (works|does not|misbehaves|gets)/.test(line));
	expect(rows).toEqual(faultTable(files.verified));
	expect(rows.length).toBeGreaterThanOrEqual(30);
});
