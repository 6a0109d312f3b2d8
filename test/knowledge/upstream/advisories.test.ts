// Which releases an advisory affects, according to GitHub and OSV. Unreadable ranges are unclear, never dropped.
import { describe, expect, test } from 'vitest';
import { readAdvisories } from '../../../src/knowledge/upstream/advisories.ts';
import { githubAdvisory, osvRecord, pypi } from '../../edges/web/upstream-world.ts';

function read(json: unknown) {
	const reading = readAdvisories(JSON.stringify(json));
	if ('reason' in reading) throw new Error(reading.reason);
	const { advisories, unclear } = reading.value;
	return {
		affected: advisories.map(({ id, affected }) => [id, ...affected]),
		unclear: unclear.map(({ id, written }) => [id, written]),
		advisories,
	};
}

const id = 'GHSA-aaaa-bbbb-cccc';

describe('reads a range as GitHub writes it', () => {
	const ranges: [written: string, ...affected: string[]][] = [
		['>= 1.62.0, < 1.68.0', '>=1.62.0 <1.68.0'],
		['>=1.62.0 <1.68.0', '>=1.62.0 <1.68.0'],
		['< 1.68', '<1.68.0'],
		['= 1.139.0', '1.139.0'],
		['1.139.0, 1.139.1', '1.139.0', '1.139.1'],
		['= 1.139.0, = 1.139.1', '1.139.0', '1.139.1'],
		['>= 0', '>=0.0.0'],
		['>= 0, < v1.57.0-rc1', '>=0.0.0 <1.57.0rc1'],
		['<= 1.57.0.rc10', '<=1.57.0rc10'],
		['>= 1.0.0, < 1.1.0, >= 1.3.0, < 1.4.0', '>=1.0.0 <1.1.0', '>=1.3.0 <1.4.0'],
		['< 1.1.0 || >= 1.3.0, < 1.4.0', '<1.1.0', '>=1.3.0 <1.4.0'],
		['< 0.99.5.2', '<0.99.5.2'],
	];
	test.each(ranges)('%s', (written, ...affected) =>
		expect(read([githubAdvisory(id, [['matrix-synapse', written]])])).toMatchObject({
			affected: [[id, ...affected]],
			unclear: [],
		}),
	);

	test.each([
		'',
		'all',
		'*',
		'>= 1.5.0, < 1.2.0',
		'< 1.2.0, > 1.2.0',
		'before 1.2.0',
		'1.2.0 - 1.3.0',
		'~> 1.2',
		'< 1.2.0, and newer ones',
		'< 1.99999999999999999999.0',
	])('calls %j unclear', written =>
		expect(read([githubAdvisory(id, [['matrix-synapse', written]])])).toMatchObject({
			affected: [],
			unclear: [[id, written]],
		}),
	);

	test('keeps the readable part of a range, and calls the range unclear', () =>
		expect(
			read([
				githubAdvisory(id, [
					['matrix-synapse', '< 1.2.0'],
					['matrix-synapse', 'some of 1.3'],
				]),
			]),
		).toMatchObject({ affected: [[id, '<1.2.0']], unclear: [[id, '< 1.2.0; some of 1.3']] }));
});

describe('reads only what is about Synapse', () => {
	test('from an advisory about several packages', () =>
		expect(
			read([
				githubAdvisory(id, [
					['sydent', '<= 2.4.6'],
					['matrix-synapse', '< 1.85.0'],
				]),
			]),
		).toMatchObject({ affected: [[id, '<1.85.0']], unclear: [] }));

	test('from OSV as well', () =>
		expect(
			read({
				vulns: [
					osvRecord(id, [
						{ package: { name: 'matrix-sydent', ecosystem: 'PyPI' }, ranges: [pypi({ introduced: '0' })] },
						{ ranges: [pypi({ introduced: '0' }, { fixed: '1.85.0' })] },
					]),
				],
			}),
		).toMatchObject({ affected: [[id, '<1.85.0']] }));

	test('and calls an advisory that names only another package unclear', () =>
		expect(read([githubAdvisory(id, [['sydent', '<= 2.4.6']])])).toMatchObject({ affected: [], unclear: [[id, '']] }));
});

describe('OSV', () => {
	const events: [Record<string, string>[], ...affected: string[]][] = [
		[[{ introduced: '0' }, { fixed: '1.74.0' }], '<1.74.0'],
		[[{ introduced: '1.80.0' }, { last_affected: '1.81.0' }], '>=1.80.0 <=1.81.0'],
		[[{ introduced: '1.80.0' }], '>=1.80.0'],
		[[{ fixed: '1.74.0' }, { introduced: '0' }], '<1.74.0'],
		[
			[{ introduced: '1.2.0' }, { introduced: '1.4.0' }, { fixed: '1.3.0' }, { fixed: '1.5.0' }],
			'>=1.2.0 <1.3.0',
			'>=1.4.0 <1.5.0',
		],
		[[{ introduced: '0', fixed: '1.57.0rc1' }], '<1.57.0rc1'],
	];
	test.each(events)('%j', (list, ...affected) =>
		expect(read({ vulns: [osvRecord(id, [{ ranges: [pypi(...list)] }])] }).affected).toEqual([[id, ...affected]]),
	);

	test('uses a list of versions without a range, and adds it to one', () => {
		const only = osvRecord(id, [
			{ ranges: [{ type: 'GIT', events: [{ introduced: '0' }] }], versions: ['1.139.0', '1.139.1'] },
		]);
		expect(read({ vulns: [only] }).affected).toEqual([[id, '1.139.0', '1.139.1']]);
		const both = osvRecord(id, [
			{ ranges: [pypi({ introduced: '0' }, { fixed: '1.2.0' })], versions: ['1.1.0', '1.3.0'] },
		]);
		expect(read({ vulns: [both] }).affected).toEqual([[id, '<1.2.0', '1.3.0']]);
	});

	test('merges a vulnerability with three names, with the reviewed versions and the highest rating', () => {
		const range = (fixed: string) => [{ ranges: [pypi({ introduced: '0' }, { fixed })] }];
		const { advisories } = read({
			vulns: [
				osvRecord('PYSEC-2026-1', range('1.9.0'), { aliases: ['CVE-2026-1'], database_specific: {} }),
				osvRecord('CVE-2026-1', range('1.8.0'), { database_specific: { severity: 'LOW' } }),
				osvRecord(id, range('1.7.0'), { aliases: ['CVE-2026-1'], database_specific: { severity: 'CRITICAL' } }),
			],
		});
		expect(advisories).toMatchObject([{ id: 'CVE-2026-1', affected: ['<1.7.0'], severity: 'critical' }]);
		expect(advisories[0]?.aliases.toSorted()).toEqual([id, 'PYSEC-2026-1']);
	});

	test('ignores a withdrawn record, but not another with the same alias', () => {
		const list = [{ ranges: [pypi({ introduced: '0' }, { fixed: '1.7.0' })] }];
		const gone = osvRecord('PYSEC-2026-1', list, { aliases: ['CVE-2026-1'], withdrawn: '2026-02-01T00:00:00Z' });
		expect(read({ vulns: [gone] }).affected).toEqual([]);
		expect(read({ vulns: [gone, osvRecord(id, list, { aliases: ['CVE-2026-1'] })] }).affected).toEqual([
			['CVE-2026-1', '<1.7.0'],
		]);
	});

	test('accepts an empty list', () => expect(read({})).toMatchObject({ affected: [], unclear: [] }));
});

test.each(['summary', 'severity', 'published_at', 'cve_id', 'withdrawn_at', 'identifiers', 'state'])(
	"reads GitHub's advisory without %s",
	field => {
		const { [field]: _, ...record } = githubAdvisory(id, [['matrix-synapse', '< 1.2.0']]);
		expect(read([record]).affected).toEqual([[id, '<1.2.0']]);
	},
);

test('leaves out unpublished and withdrawn advisories', () => {
	const parts: [string, string][] = [['matrix-synapse', '< 1.2.0']];
	const list = [
		githubAdvisory(id, parts, { state: 'draft' }),
		githubAdvisory(id, parts, { withdrawn_at: '2026-01-01T00:00:00Z' }),
	];
	expect(read(list)).toMatchObject({ affected: [], unclear: [] });
});
