// The order of all releases and the members of all ranges, as they were before semver was used for them.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compare, isWithin } from '../../src/deployment/version.ts';

type Table = { order: string[]; ranges: Record<string, [from: string, to: string][]> };
const { order, ranges } = JSON.parse(readFileSync(new URL('version-table.json', import.meta.url), 'utf8')) as Table;

test('orders every pair of releases', () => {
	const wrong = order.flatMap((a, i) =>
		order.flatMap((b, j) => (Math.sign(compare(a, b)) === Math.sign(i - j) ? [] : [`${a} ${b}`])),
	);
	expect(order.length).toBeGreaterThan(700);
	expect(wrong).toEqual([]);
});

test.each(Object.entries(ranges))('%s', (range, spans) => {
	const within = order.filter(version => isWithin(version, range));
	const expected = spans.flatMap(([from, to]) => order.slice(order.indexOf(from), order.indexOf(to) + 1));
	expect(within).toEqual(expected);
});
