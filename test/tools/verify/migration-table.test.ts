import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compare } from '../../../src/deployment/version.ts';
import { migrationTimesShape } from '../../../src/knowledge/schema/migrations.ts';
import { cases } from '../../../tools/verify/migration-cases.ts';
import { migrationTable } from '../../../tools/verify/migration-table.ts';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const { times } = migrationTimesShape.parse(JSON.parse(read('knowledge/synapse/migration-times.json')));

test('docs/verified.md has what was measured (npm run verify -- migrations table)', () => {
	const rows = read('docs/verified.md')
		.split('\n')
		.filter(line => /^\| 1\.\d+\.\d+(?:rc\d+)? \| (?:SQLite|PostgreSQL) \|/.test(line));
	expect(rows).toEqual(migrationTable(times));
});

test('what was measured belongs to a case, which was run at least twice', () => {
	for (const { case: id, release, database, runs, rows } of times) {
		expect(cases.find(one => one.id === id)).toMatchObject({ at: release });
		expect(cases.find(one => one.id === id)?.databases).toContain(database);
		expect(runs).toBeGreaterThanOrEqual(2);
		expect(rows).toBe(1_000_000);
	}
});

test('cases have names of their own, and releases that follow one another', () => {
	expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
	for (const { before, at } of cases) expect(compare(before, at)).toBeLessThan(0);
});
