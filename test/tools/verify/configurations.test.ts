// !check agrees with real releases about the configurations of tools/verify/configurations.

import { describe, expect, test } from 'vitest';
import { check } from '../../../commands/check.ts';
import { filesOf, readCases, readTried } from '../../../tools/verify/configurations/main.ts';
import { wholePorts } from '../../respondent.ts';

const ports = await wholePorts([check], new Date(0));
const { base, cases } = readCases();
const tried = readTried();

const pairs = cases.flatMap(one =>
	Object.entries(tried).flatMap(([release, said]) =>
		one.id in said && !(one.app && said[one.id] === null) ? [{ ...one, release, why: said[one.id] }] : [],
	),
);

test('has enough cases of both kinds', () => {
	expect(pairs.length).toBeGreaterThan(1500);
	expect(pairs.filter(({ why }) => why).length).toBeGreaterThan(600);
	expect(pairs.filter(({ why }) => !why).length).toBeGreaterThan(600);
});

describe.each(Object.keys(tried))('%s', release => {
	test.each(pairs.filter(pair => pair.release === release))('$id', async ({ why, ...one }) => {
		const files = Object.entries(filesOf(one, base)).map(([name, text]) => ({ name, text }));
		const answer = await check.run({ words: [], text: release, room: '', sender: '', at: new Date(0), files }, ports);
		expect(answer.value.refuses, why ?? 'it starts').toBe(why !== null);
	});
});
