import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/answer.ts';
import { nearest } from '../../src/arguments/nearest.ts';
import { linesOf, readVersion } from '../../src/arguments/versions.ts';
import { readProfile, sortWords } from '../../src/arguments/words.ts';
import { known, releases } from '../known.ts';

const knowledge = known({
	releases: releases(
		'0.6.1c',
		'0.9.0',
		'0.9.0-r5',
		'0.99.5.2',
		'1.56.0',
		'1.57.0rc1',
		'1.57.0',
		'1.57.1',
		{ version: '1.57.2', withdrawn: true },
		{ version: '1.58.0', withdrawn: true },
		'1.58.1',
		'1.59.0rc2',
	),
});

describe('versions', () => {
	test.each([
		['1.56', 'start', '1.56.0'],
		['v1.57', 'start', '1.57.0'],
		['1.57', 'target', '1.57.1'],
		['V1.57.0', 'target', '1.57.0'],
		['1.57.0rc1', 'start', '1.57.0rc1'],
		['1.57.0-rc1', 'start', '1.57.0rc1'],
		['1.57rc1', 'start', '1.57.0rc1'],
		['1.57.0~rc1', 'start', '1.57.0rc1'],
		['1.57.1+dfsg-1', 'start', '1.57.1'],
		['0.6.1c', 'start', '0.6.1c'],
		['0.9.0-r5', 'start', '0.9.0-r5'],
		['1.57.0-r5', 'start', '1.57.0'],
		['0.99.5.2', 'start', '0.99.5.2'],
		['1.57.2', 'start', '1.57.2'],
		['1.57.2', 'running', '1.57.2'],
		['1.57', 'running', '1.57.1'],
		['1.58', 'target', '1.58.1'],
		['1.59.0rc2', 'target', '1.59.0rc2'],
	] as const)('reads %s as %s: %s', (typed, as, version) =>
		expect(readVersion(typed, as, knowledge).version).toBe(version),
	);

	test.each(['1.59', '1.59.0', 'v1.59.0'])('reads %s as its newest candidate, since it is not out yet', typed => {
		for (const as of ['start', 'target', 'running'] as const) {
			const { version, note } = readVersion(typed, as, knowledge);
			expect([version, note]).toEqual([
				'1.59.0rc2',
				'1.59.0 is not out yet; its newest release candidate, 1.59.0rc2, is used instead.',
			]);
		}
		expect(linesOf(typed, knowledge)).toEqual({ releases: ['1.59.0'], candidate: '1.59.0rc2' });
	});

	test('says how an incomplete version was understood', () => {
		expect(readVersion('1.57', 'target', knowledge).note).toContain('newest patch release');
		expect(readVersion('1.57.2', 'start', knowledge).note).toContain('withdrawn');
		expect(readVersion('1.56', 'start', knowledge).note).toBeUndefined();
	});

	test.each(['1.99', '1.56.7', '2.0', '14', '1.60.0rc1', '999999999999999999999.1', '1.57.2'])(
		'refuses %s as a target',
		typed => {
			expect(() => readVersion(typed, 'target', knowledge)).toThrow(Refusal);
		},
	);

	test('refuses an unknown version and says what is known', () => {
		expect(() => readVersion('1.99', 'target', knowledge)).toThrow(
			/newest I know of is 1\.58\.1 \(plus release candidates for the next version, up to 1\.59\.0rc2\)/,
		);
	});
});

describe('words', () => {
	const sort = (text: string) => {
		const { versions, terms, servers } = sortWords(text.split(' '), '!upgrade 1.56 1.69');
		return [...versions, ...terms.map(({ fact, value }) => `${fact}=${value}`), ...servers];
	};
	test.each([
		['1.56 1.69', ['1.56', '1.69']],
		['1.56->1.69', ['1.56', '1.69']],
		['1.56→1.69', ['1.56', '1.69']],
		['1.56-1.69', ['1.56', '1.69']],
		['1.56..1.69', ['1.56', '1.69']],
		['from 1.56 to 1.69', ['1.56', '1.69']],
		['1.56, 1.69', ['1.56', '1.69']],
		['1.56.0-rc1 1.57.1-1', ['1.56.0-rc1', '1.57.1-1']],
		['1.56 Docker no-workers', ['1.56', 'install=docker', 'workers=false']],
		['1.56 postgres = 14', ['1.56', 'postgres=14']],
		['from 1.56 to 1.69.', ['1.56', '1.69']],
		['`1.56` <1.69>', ['1.56', '1.69']],
		['1.56.x latest', ['1.56']],
		['1.56 "docker"', ['1.56', 'install=docker']],
		['example.org', ['example.org']],
		['example.org:8448', ['example.org:8448']],
		['[2001:db8::1]:8448', ['[2001:db8::1]:8448']],
		['1.2.3.4', ['1.2.3.4']],
		['1.2.3.4:8448', ['1.2.3.4:8448']],
	])('%s', (text, expected) => expect(sort(text)).toEqual(expected));

	test.each([
		['127.0.0.1', 'servers', '127.0.0.1'],
		['1.2.3.4', 'servers', '1.2.3.4'],
		['10.0.0.1', 'servers', '10.0.0.1'],
		['169.254.169.254', 'servers', '169.254.169.254'],
		['127.0.0.1:8448', 'servers', '127.0.0.1:8448'],
		['[::1]', 'servers', '[::1]'],
		['::1', 'servers', '[::1]'],
		['fe80::1', 'servers', '[fe80::1]'],
		['FD00::5', 'servers', '[fd00::5]'],
		['localhost', 'servers', 'localhost'],
		['localhost:8008', 'servers', 'localhost:8008'],
		['0.33.3.1', 'versions', '0.33.3.1'],
		['0.99.5.2', 'versions', '0.99.5.2'],
		['1.98.0', 'versions', '1.98.0'],
		['999.0.0.1', 'versions', '999.0.0.1'],
	] as const)('sorts %s into the %s', (word, kind, read) => {
		expect(sortWords([word], '!watch example.org')[kind]).toEqual([read]);
	});

	test('suggests the nearest known fact for an unknown one', () => {
		expect(() => sort('1.56 workrs')).toThrow(/Did you mean `workers`/);
		expect(() => sort('1.56 postgress=14')).toThrow(/Did you mean `postgres=14`/);
		expect(() => sort('1.56 xyzzyplugh')).toThrow(Refusal);
		expect(() => sort('1.56 postgres>13')).toThrow(Refusal);
	});

	test('shows how to write a fact whose value is wrong or missing', () => {
		expect(() => sort('1.56 workers=no')).toThrow(/Say `workers`, or `no-workers` to negate it/);
		expect(() => sort('1.56 postgres=fourteen')).toThrow(/its value like this: `postgres=14`/);
		expect(() => sort('1.56 no-docker')).toThrow(/you can only negate yes-or-no facts/);
	});

	test('refuses two values of one fact', () => {
		const { terms } = sortWords(['docker', 'pip'], '');
		expect(() => readProfile(terms)).toThrow(/`install=docker` and `install=pip`/);
	});

	test('never repeats what was typed as markup', () => {
		expect(() => sort('`**x**`@room<b>')).toThrow(/`` `\*\*x\*\*`@room<b> ``/);
	});
});

test('finds a similar word only if enough of its characters are the same', () => {
	expect(nearest('upgarde', ['upgrade', 'notes'])).toBe('upgrade');
	expect(nearest('zzz', ['upgrade', 'notes'])).toBeUndefined();
});

test.each([
	['1.57', { releases: ['1.57.0', '1.57.1', '1.57.2'] }],
	['1.57.1', { releases: ['1.57.1'] }],
	['v1.57.0-rc1', { releases: ['1.57.0'], candidate: '1.57.0rc1' }],
	['1.59', { releases: ['1.59.0'], candidate: '1.59.0rc2' }],
])('finds the releases that %s means for notes', (typed, expected) =>
	expect(linesOf(typed, knowledge)).toEqual(expected),
);
