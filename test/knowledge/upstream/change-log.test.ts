import { describe, expect, test } from 'vitest';
import { logPassages, logsOf, withdrawnIn } from '../../../src/knowledge/upstream/change-log.ts';
import { hashed } from '../../../src/knowledge/upstream/passage.ts';

const named = (text: string) =>
	logsOf(text)
		.flatMap(logPassages)
		.map(({ release, part, bullet }) => `${release} | ${part} | ${bullet}`);

describe('releases', () => {
	test.each([
		['# Synapse 1.163.2 (2026-10-23)', '1.163.2', '2026-10-23'],
		['Synapse 1.7.0rc1 (2019-12-09)\n=============================', '1.7.0rc1', '2019-12-09'],
		['Changes in synapse v0.19.0-rc4 (2017-02-02)\n===', '0.19.0rc4', '2017-02-02'],
		['Changes in synpase 0.4.0 (2014-10-17)\n===', '0.4.0', '2014-10-17'],
		['Changes in synapse v0.9.0-r5 (2015-05-21)\n===', '0.9.0-r5', '2015-05-21'],
	])('%s', (heading, version, date) => {
		expect(logsOf(`${heading}\n\n- A pigeon.\n`)).toMatchObject([{ version, date }]);
	});

	test('do not start at a sentence that begins like a heading', () => {
		expect(logsOf('# Synapse 1.2.0 is out\n\nSynapse 1.3.0 brings pigeons.\n')).toEqual([]);
	});
});

describe('passages', () => {
	test('of a current log: the top, relevant parts, unknown parts, and anything about security', () => {
		expect(
			named(`# Synapse 1.150.0rc1 (2026-03-17)

Pigeons are **faster** now, see [the notes](https://example.org) for all that they can carry.

It concerns:
 - pigeons
 - doves

No significant changes since 1.149.0.

## Features

- Fly. ([\\#1](https://example.org/1))

### Known bugs of pigeons

- They bite. ([\\#2](https://example.org/2))

## Deprecations and Removals

- Drop doves, which [\\#3](https://example.org/3) brought. ([\\#4](https://example.org/4), [\\#5](https://example.org/5))
- Ravens will go in 2027.

## Pigeons need new shoes

Buy them.

Really, do.

## Internal Changes

- Tidy up. ([\\#6](https://example.org/6))
- Update straw to address CVE-2026-12345. ([\\#7](https://example.org/7))
`),
		).toEqual([
			'1.150.0rc1 | Top | Pigeons are faster now, see the notes for',
			'1.150.0rc1 | Top | It concerns: pigeons doves',
			'1.150.0rc1 | Deprecations and Removals | #4, #5',
			'1.150.0rc1 | Deprecations and Removals | Ravens will go in 2027',
			'1.150.0rc1 | Pigeons need new shoes | Buy them. Really, do',
			'1.150.0rc1 | Internal Changes | #7',
		]);
	});

	test('of a log with underlined headings, an advisory and a line that only introduces the list', () => {
		expect(
			named(`Synapse 1.61.1 (2022-06-28)
===========================

Security advisory
-----------------

The following issue is fixed in 1.61.1.

* [GHSA-aaaa-bbbb-cccc](https://example.org)

  Pigeons could read mail.

Please upgrade.

Bugfixes
--------

- Pigeons come back. ([\\#1](https://example.org/1))
`),
		).toEqual([
			'1.61.1 | Security advisory | GHSA-aaaa-bbbb-cccc Pigeons could read mail',
			'1.61.1 | Security advisory | Please upgrade',
		]);
	});

	test('of a log with labels: the text at the top and relevant labels, not the list itself', () => {
		expect(
			named(`Changes in synapse v0.29.0-rc1 (2018-05-14)
===========================================

Mostly about seed.

-   Fix seed. ([\\#1](https://example.org/1))

Potentially breaking change:

-   Pigeons return 401. ([\\#2](https://example.org/2))

Bug fixes:

-   Pigeons come back. ([\\#3](https://example.org/3))

Changes in synapse v0.19.2 (2017-02-20)
=======================================

-   Fix corn. ([\\#4](https://example.org/4))

Changes in synapse v0.18.3 (2016-11-08)
=======================================

SECURITY UPDATE

Lock the loft.
`),
		).toEqual([
			'0.29.0rc1 | Top | Mostly about seed',
			'0.29.0rc1 | Potentially breaking change | Pigeons return 401. (#2)',
			'0.18.3 | SECURITY UPDATE | Lock the loft',
		]);
	});

	test.each([
		'No significant changes.',
		'No significant changes since 1.149.0rc1.',
		'No changes since v0.18.2-rc5',
		'No functional changes since Synapse 1.45.0rc2.',
		'Not changes since v0.29.0-rc1',
		'Otherwise, no significant changes since 1.58.0.',
		'No other significant changes since 1.12.1.',
		'No change from release candidate.',
		'[loft]: https://example.org/loft',
	])('not of %s', text => {
		expect(named(`# Synapse 1.2.0 (2022-01-01)\n\n${text}\n`)).toEqual([]);
	});

	test('but of a sentence that says something else too', () => {
		expect(
			named('# Synapse 1.2.0 (2022-01-01)\n\nNo significant changes since 1.2.0rc1. However, do feed them.\n'),
		).toHaveLength(1);
	});

	test('merge two items with the same number, which a cover could not distinguish', () => {
		const log = (second: string) =>
			hashed(
				logsOf(
					`# Synapse 1.2.0 (2022-01-01)\n## Deprecations and Removals\n- One. ([\\#1](x))\n- ${second} ([\\#1](x))\n`,
				).flatMap(logPassages),
			);
		expect(log('Two.')).toHaveLength(1);
		expect(log('Two.')[0]?.hash).not.toBe(log('Three.')[0]?.hash);
	});

	test('link to the page of the tag, in the spelling of that time', () => {
		const urls = logsOf('Changes in synapse v0.29.0-rc1 (2018-05-14)\n===\n\nSeed.\n').flatMap(logPassages);
		expect(urls[0]?.url).toBe('https://github.com/element-hq/synapse/releases/tag/v0.29.0-rc1');
	});
});

test.each([
	['1.49.1', 'Not released due to problems with pigeons.', ['1.49.1']],
	['1.92.0', 'Includes seed.\n\nThis version was never released following a failure, see below.', ['1.92.0']],
	['1.96.1', 'Only needed because of trouble on [v1.96.0](https://example.org), which was never released.', ['1.96.0']],
	['1.135.2', 'Note: release 1.135.1 was skipped due to issues with pigeons.', ['1.135.1']],
	['1.86.0rc1', 'This version was tagged but never released.', ['1.86.0rc1']],
	['1.2.0', 'Pigeons are released. They were never caged.', []],
])('reads from the log of %s which releases were withdrawn: %s', (version, text, withdrawn) => {
	const yanked = ['1.32.0', '1.32.1'];
	expect([...withdrawnIn(logsOf(`# Synapse ${version} (2022-01-01)\n\n${text}\n`))]).toEqual([...yanked, ...withdrawn]);
});
