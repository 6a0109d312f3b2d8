import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compare } from '../../../src/deployment/version.ts';
import { migrationTimesShape } from '../../../src/knowledge/schema/migrations.ts';
import { cases } from '../../../tools/verify/migration-cases.ts';
import { migrationTable } from '../../../tools/verify/migration-table.ts';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const { times } = migrationTimesShape.parse(JSON.parse(read('knowledge/synapse/migration-times.json')));

test('docs/verified.md has the measurements (npm run verify -- migrations table)', () => {
	const rows = read('docs/verified.md')
		.split('\n')
		.filter(line => /^\| 1\.\d+\.\d+(?:rc\d+)? \| (?:SQLite|PostgreSQL) \|/.test(line));
	expect(rows).toEqual(migrationTable(times));
});

test('each measurement belongs to a case, and to its migration or queued updates', () => {
	for (const { case: id, release, database, delta, updates, table } of times) {
		const one = cases.find(other => other.id === id);
		expect(one).toMatchObject({ at: release, table });
		expect(one?.databases).toContain(database);
		if (updates) expect(one?.updates?.[database]).toEqual({ queuedBy: delta, names: updates });
		else expect(one?.deltas.some(begin => delta.startsWith(begin))).toBe(true);
	}
});

test('cases have unique names, and releases in order', () => {
	expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
	for (const { before, at } of cases) expect(compare(before, at)).toBeLessThan(0);
});
