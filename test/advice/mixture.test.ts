import { expect, test } from 'vitest';
import { mixtureOf, type Seen } from '../../src/advice/mixture.ts';

const hour = 3600_000;

/** Looks an hour apart, told as runs: `['1.150.0', 5]` are five of them. */
function seen(...runs: [version: string, looks: number][]): Seen[] {
	let at = Date.UTC(2026, 0, 1);
	return runs.map(([version, looks]) => {
		const since = new Date(at).toISOString();
		at += looks * hour;
		return { version, since, until: new Date(at - hour).toISOString() };
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
		'a way back',
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
])('no mixture: %s', (_, runs) => {
	expect(mixtureOf(seen(...runs))).toBeUndefined();
});

test('a version that returns is a mixture; lowest and highest are kept, and when it began', () => {
	const runs = seen(['1.150.0', 100], ['1.152.0', 1], ['1.150.0', 2]);
	expect(mixtureOf(runs)).toEqual({ lowest: '1.150.0', highest: '1.152.0', since: runs[1]?.since });
});

test('however long it alternates, it is one mixture', () => {
	const runs: [string, number][] = [['1.150.0', 100]];
	const begun = new Set<string | undefined>();
	for (let i = 0; i < 30; i++) {
		runs.push([i % 2 ? '1.150.0' : '1.151.0', 1 + (i % 5)]);
		if (i > 0) begun.add(mixtureOf(seen(...runs))?.since);
	}
	expect(begun.size).toBe(1);
	expect(mixtureOf(seen(...runs, ['1.149.0', 1]))).toMatchObject({ lowest: '1.149.0', highest: '1.151.0' });
});
