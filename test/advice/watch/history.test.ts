import { expect, test } from 'vitest';
import type { LookRun, SeenVersion } from '../../../src/advice/watch/history.ts';
import { runningOf, standingOf, withLook } from '../../../src/advice/watch/history.ts';

const hour = 3600_000;

/** Checks an hour apart, given as runs: `['1.150.0', 5]` are five of them. */
function seen(...runs: [version: string, looks: number][]): SeenVersion[] {
	let at = Date.UTC(2026, 0, 1);
	return runs.map(([version, looks]) => {
		const since = new Date(at).toISOString();
		at += looks * hour;
		return { version, since, until: new Date(at - hour).toISOString(), looks };
	});
}

test.each<[string, [string, number][]]>([
	['nothing seen', []],
	['one version', [['1.150.0', 100]]],
	[
		'an upgrade',
		[
			['1.150.0', 100],
			['1.151.0', 1],
		],
	],
	[
		'two upgrades on one day',
		[
			['1.150.0', 100],
			['1.151.0', 3],
			['1.152.0', 1],
		],
	],
	[
		'a rollback',
		[
			['1.151.0', 100],
			['1.150.0', 5],
		],
	],
	[
		'a mixture that has been over for two days',
		[
			['1.150.0', 100],
			['1.151.0', 1],
			['1.150.0', 1],
			['1.151.0', 49],
		],
	],
	[
		'an upgrade that was reverted',
		[
			['1.150.0', 100],
			['1.151.0', 3],
			['1.150.0', 20],
		],
	],
	[
		'a single stray check',
		[
			['1.151.0', 100],
			['1.150.0', 1],
			['1.151.0', 9],
		],
	],
	[
		'the same version before and after silences',
		[
			['1.150.0', 100],
			['1.151.0', 1],
			['1.151.0', 1],
			['1.151.0', 1],
			['1.151.0', 1],
		],
	],
])('no mixture: %s', (_, runs) => {
	expect(standingOf(seen(...runs))?.mixture).toBeUndefined();
});

test('calls it a mixture if versions return twice, with the lowest, the highest and its start', () => {
	const runs = seen(['1.150.0', 100], ['1.152.0', 1], ['1.150.0', 2], ['1.152.0', 1]);
	const mixture = { lowest: '1.150.0', highest: '1.152.0', since: runs[1]?.since };
	expect(standingOf(runs)).toEqual({ version: '1.150.0', since: runs[1]?.since, mixture });
});

test('remains one mixture however long it alternates', () => {
	const runs: [string, number][] = [['1.150.0', 100]];
	const begun = new Set<string | undefined>();
	for (let i = 0; i < 30; i++) {
		runs.push([i % 2 ? '1.150.0' : '1.151.0', 1 + (i % 5)]);
		if (i > 1) begun.add(standingOf(seen(...runs))?.mixture?.since);
	}
	expect([...begun]).toEqual([seen(...runs)[1]?.since]);
	const three = standingOf(seen(...runs, ['1.149.0', 1]))?.mixture;
	expect(three).toMatchObject({ lowest: '1.149.0', highest: '1.151.0' });
});

test('counts an older version as a rollback only after some hours without a newer one', () => {
	const back = (looks: number) => standingOf(seen(['1.152.0', 100], ['1.150.0', looks]));
	expect(back(2)).toMatchObject({ version: '1.152.0', lately: '1.150.0' });
	expect(back(6)).toMatchObject({ version: '1.152.0', lately: '1.150.0' });
	expect(back(7)).toMatchObject({ version: '1.150.0' });
	expect(back(7)?.lately).toBeUndefined();
	expect(standingOf(seen(['1.152.0', 100], ['1.151.0', 1], ['1.150.0', 1]))).toMatchObject({ version: '1.152.0' });
});

test('keeps how long versions were seen when the clock is turned back', () => {
	const at = (day: number) => new Date(Date.parse('2026-03-01T00:00:00Z') + day * 24 * 3600_000).toISOString();
	const versions = ['1.0.0', '1.1.0', '1.0.0', '1.1.0', '1.2.0'];
	let history: LookRun[] = [];
	for (const [place, version] of versions.entries())
		for (let day = 0; day < 5; day++) history = withLook(history, { is: 'synapse', version }, at(place * 5 + day));
	const back = withLook(history, { is: 'synapse', version: '1.2.0' }, at(-100));
	const lasted = (runs: readonly LookRun[]) => runs.map(run => Date.parse(run.until) - Date.parse(run.since));
	expect(lasted(back).slice(0, -1)).toEqual(lasted(history).slice(0, -1));
	expect(back.at(-1)?.until).toBe(at(-100));
	expect(runningOf(back, undefined, new Date(at(-100)))?.mixture).toBeUndefined();
});

test('keeps the order of polls when the clock is turned back by less than they lasted', () => {
	const at = (hour: number) => new Date(Date.parse('2026-03-01T00:00:00Z') + hour * 3600_000).toISOString();
	let history: LookRun[] = [];
	for (const [hour, version] of ['1.0.0', '1.0.0', '1.1.0', '1.1.0', '1.2.0', '1.3.0'].entries())
		history = withLook(history, { is: 'synapse', version }, at(hour));
	const back = withLook(history, { is: 'synapse', version: '1.3.0' }, at(3.5));
	const times = back.flatMap(({ since, until }) => [since, until]);
	expect(times).toEqual([...times].sort());
	expect(back.map(run => run.is === 'synapse' && run.version)).toEqual(['1.0.0', '1.1.0', '1.2.0', '1.3.0']);
	expect(times.at(-1)).toBe(at(3.5));
});
