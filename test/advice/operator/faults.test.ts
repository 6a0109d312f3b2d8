import { expect, test } from 'vitest';
import { type BotCondition, lastingFaults } from '../../../src/advice/operator/faults.ts';

const now = new Date('2026-11-29T12:00:00Z');
const before = (hours: number) => new Date(now.getTime() - hours * 3600_000);
const keys = (more: Partial<BotCondition>) => [
	...lastingFaults({ sources: [], startedAt: before(1000), ...more }, now).keys(),
];

test('finds nothing wrong with a healthy bot', () => expect(keys({})).toEqual([]));

test('returns a separate key for each problem', () => {
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
	['tried too few times', { name: 'a', failures: 2, read: before(100) }, false],
	['read recently', { name: 'a', failures: 9, read: before(47) }, false],
	['not read for two days', { name: 'a', failures: 3, read: before(48) }, true],
	['never read', { name: 'a', failures: 3 }, true],
])('a source that was %s', (_what, source, stale) => {
	expect(keys({ sources: [source] })).toEqual(stale ? ['source a'] : []);
});

test('allows six hours after startup for the first read of a source', () => {
	expect(keys({ startedAt: before(6), sources: [{ name: 'a', failures: 3 }] })).toEqual(['source a']);
	expect(keys({ startedAt: before(6), sources: [{ name: 'a', failures: 2 }] })).toEqual([]);
	expect(keys({ startedAt: before(5.9), sources: [{ name: 'a', failures: 9 }] })).toEqual([]);
});

test('reports a backup that is three days old', () => {
	expect(keys({ lastBackup: before(71) })).toEqual([]);
	expect(keys({ lastBackup: before(72) })).toEqual([`backup ${before(72).toISOString()}`]);
});

test('returns a separate key for each newer version', () => expect(keys({ newer: '1.2.3' })).toEqual(['newer 1.2.3']));
