import { expect, test } from 'vitest';
import { type BotCondition, lastingFaults } from '../../../src/advice/operator/faults.ts';

const now = new Date('2026-11-29T12:00:00Z');
const before = (hours: number) => new Date(now.getTime() - hours * 3600_000);
const keys = (more: Partial<BotCondition>) => [
	...lastingFaults({ sources: [], startedAt: before(1000), ...more }, now).keys(),
];

test('nothing is amiss with a bot that is well', () => expect(keys({})).toEqual([]));

test('each fault has a key of its own', () => {
	const found = keys({
		needs: 'Open a page.',
		mute: 'M_UNKNOWN',
		second: 'OTHER',
		lingering: ['OLD'],
		storeLost: before(1),
		sources: [{ name: 'releases', failures: 3, read: before(49) }],
	});
	expect(found).toEqual([
		'unsigned',
		'mute',
		'second OTHER',
		'lingering',
		`store lost ${before(1).toISOString()}`,
		'source releases',
	]);
});

test.each<[string, BotCondition['sources'][number], boolean]>([
	['tried too seldom', { name: 'a', failures: 2, read: before(100) }, false],
	['read lately', { name: 'a', failures: 9, read: before(47) }, false],
	['not read for two days', { name: 'a', failures: 3, read: before(48) }, true],
	['never read', { name: 'a', failures: 3 }, true],
])('a source that was %s', (_what, source, stale) => {
	expect(keys({ sources: [source] })).toEqual(stale ? ['source a'] : []);
});

test('a source that was never read has six hours from the start', () => {
	expect(keys({ startedAt: before(6), sources: [{ name: 'a', failures: 3 }] })).toEqual(['source a']);
	expect(keys({ startedAt: before(6), sources: [{ name: 'a', failures: 2 }] })).toEqual([]);
	expect(keys({ startedAt: before(5.9), sources: [{ name: 'a', failures: 9 }] })).toEqual([]);
});

test("a backup of three days ago is old, and no backup at all is the operator's choice", () => {
	expect(keys({ lastBackup: before(71) })).toEqual([]);
	expect(keys({ lastBackup: before(72) })).toEqual([`backup ${before(72).toISOString()}`]);
});

test('each newer version has a key of its own', () => expect(keys({ newer: '1.2.3' })).toEqual(['newer 1.2.3']));
