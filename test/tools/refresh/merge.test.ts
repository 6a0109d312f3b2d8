import { describe, expect, test } from 'vitest';
import type { Version } from '../../../src/deployment/version.ts';
import { type Generated, merge } from '../../../tools/refresh/merge.ts';
import type { Source } from '../../../tools/refresh/source.ts';

/** The day on which the sources are read. */
const day = '2022-03-09';
const nothing: Generated = { read: '0000-01-01', releases: [], passages: [] };

/** A source with these releases: their files by path, and the day of their tag, if any. */
function sourceOf(releases: Record<Version, { date?: string; files?: Record<string, string> }>): Source {
	return {
		versions: new Map(Object.entries(releases).map(([version, { date }]) => [version, date ? { date } : {}])),
		read: (versions, paths) =>
			new Map(
				versions.flatMap(version => {
					const files = Object.entries(releases[version]?.files ?? {}).filter(([path]) => paths.includes(path));
					return files.length ? [[version, new Map(files)] as const] : [];
				}),
			),
		paths: version => Object.keys(releases[version]?.files ?? {}),
		logPaths: version => Object.keys(releases[version]?.files ?? {}).filter(path => path.endsWith('CHANGES.md')),
	};
}

const log = (version: string, date: string, text = '') => `# Synapse ${version} (${date})\n\n${text}\n`;
const notes = (version: string, ...headings: string[]) =>
	`# Upgrading to v${version}\n${headings.map(heading => `## ${heading}\nFeed them.\n`).join('')}`;
const schema = (number: number) => ({ 'synapse/storage/prepare_database.py': `SCHEMA_VERSION = ${number}\n` });
const namesOf = ({ passages }: Generated) =>
	passages.map(({ release, heading, bullet }) => `${release} ${heading ?? bullet}`);

const clone = sourceOf({
	'1.1.0': { date: '2022-01-01', files: schema(5) },
	'1.2.0rc1': { date: '2022-02-01' },
	'1.2.0': {
		date: '2022-02-03',
		files: {
			...schema(6),
			'CHANGES.md':
				log('1.2.0', '2022-02-02', 'Pigeons came.') + log('1.1.0', '2022-01-01') + log('1.0.0', '2021-01-01'),
			'docs/upgrade.md': notes('1.2.0', 'Pigeons'),
		},
	},
});
const archive = sourceOf({
	'1.2.1': {
		files: {
			...schema(7),
			'CHANGES.md': log('1.2.1', '2022-03-01', 'Doves came.') + log('1.2.0', '2022-02-02', 'Pigeons came.'),
			'docs/upgrade.md': notes('1.2.0', 'Pigeons', 'Seed'),
		},
	},
});
// Branched off before 1.2.1 came out, so its log does not have that.
const candidate = sourceOf({
	'1.3.0rc1': {
		files: {
			...schema(9),
			'CHANGES.md': log('1.3.0rc1', '2022-02-20', 'Ravens came.') + log('1.2.0', '2022-02-02', 'Pigeons left.'),
			'docs/upgrade.md': notes('1.2.0', 'Seed') + notes('1.3.0', 'Ravens'),
		},
	},
});

describe('a refresh', () => {
	test("keeps a candidate's schema numbers if its final release has others, or is not out", () => {
		const both = sourceOf({
			'1.4.0rc1': { date: '2022-04-01', files: schema(10) },
			'1.4.0rc2': { date: '2022-04-02', files: schema(11) },
			'1.4.0': { date: '2022-04-03', files: { ...schema(11), 'CHANGES.md': log('1.4.0', '2022-04-03') } },
		});
		const early = sourceOf({
			'1.4.0rc1': { date: '2022-04-01', files: schema(10) },
			'1.4.0rc2': { date: '2022-04-02', files: { ...schema(11), 'CHANGES.md': log('1.4.0rc2', '2022-04-02') } },
		});
		const numbers = (all: Generated) => all.releases.map(({ version, schema }) => [version, schema]);
		const before = merge([early], nothing, day);
		expect(numbers(before)).toEqual([
			['1.4.0rc1', 10],
			['1.4.0rc2', 11],
		]);
		for (const all of [merge([both], nothing, day), merge([both], before, day)])
			expect(numbers(all)).toEqual([
				['1.4.0rc1', 10],
				['1.4.0rc2', undefined],
				['1.4.0', 11],
			]);
	});

	test('reads releases from tags and headings, dates from headings first, and facts from the files of stable releases', () => {
		expect(merge([clone], nothing, day).releases).toEqual([
			{ version: '1.0.0', date: '2021-01-01' },
			{ version: '1.1.0', date: '2022-01-01', schema: 5 },
			{ version: '1.2.0rc1', date: '2022-02-01' },
			{ version: '1.2.0', date: '2022-02-02', schema: 6 },
		]);
	});

	test('reads the newest upgrade notes, and each log in the newest source that has it', () => {
		const all = merge([candidate, clone, archive], nothing, day);
		expect(namesOf(all)).toEqual([
			'1.2.0 Seed',
			'1.3.0 Ravens',
			'1.2.0 Pigeons left',
			'1.2.1 Doves came',
			'1.3.0rc1 Ravens came',
		]);
		expect(all.releases.at(-1)).toEqual({ version: '1.3.0rc1', date: '2022-02-20', schema: 9 });
	});

	test('returns the same result for sources in any order, and if repeated', () => {
		const all = merge([candidate, clone, archive], nothing, day);
		expect(merge([archive, candidate, clone], nothing, day)).toEqual(all);
		expect(merge([clone, archive, candidate], all, day)).toEqual(all);
	});

	test('keeps what only older sources have if only newer archives are read', () => {
		const all = merge([candidate, clone, archive], nothing, day);
		expect(merge([archive, candidate], merge([clone], nothing, day), day)).toEqual(all);
		expect(merge([candidate], merge([clone, archive], nothing, day), day)).toEqual(all);
	});

	test('adds what only an older archive has, and removes nothing', () => {
		const all = merge([clone, archive, candidate], nothing, day);
		expect(merge([archive], merge([clone, candidate], nothing, day), day)).toEqual(all);
		expect(merge([clone], all, day)).toEqual(all);
	});

	test('records the day of reading, which never goes back', () => {
		expect(merge([clone], nothing, '2022-02-28').read).toBe('2022-02-28');
		expect(merge([clone], nothing, '2021-02-28').read).toBe('2021-02-28');
		expect(merge([clone], merge([clone], nothing, '2022-02-28'), '2022-01-01').read).toBe('2022-02-28');
	});

	test('assigns a section on a release that never came out to the next release, and refuses one on an unknown release', () => {
		const upgrade = (version: string) =>
			sourceOf({
				'1.2.0': {
					files: {
						'CHANGES.md': log('1.2.0', '2022-02-02') + log('1.1.0rc1', '2022-01-01') + log('1.0.0', '2021-01-01'),
						'docs/upgrade.md': notes(version, 'Seed'),
					},
				},
			});
		expect(namesOf(merge([upgrade('1.1.0')], nothing, day))).toEqual(['1.2.0 Seed']);
		expect(() => merge([upgrade('1.3.0')], nothing, day)).toThrow('upgrade.md has a section on 1.3.0');
	});

	test('keeps a withdrawn release withdrawn', () => {
		const told = sourceOf({
			'1.2.1': { files: { 'CHANGES.md': log('1.2.1', '2022-03-01') + log('1.1.0', '2022-01-01', 'Not released.') } },
		});
		const back = merge([clone, told], nothing, day).releases.find(release => release.version === '1.1.0');
		expect(back).toEqual({ version: '1.1.0', date: '2022-01-01', schema: 5, withdrawn: true });
		expect(
			merge([clone], merge([told], nothing, day), day).releases.find(release => release.version === '1.1.0'),
		).toEqual(back);
	});
});
