import semver from 'semver';
import { describe, expect, test } from 'vitest';
import { compare, finalOf, isRange, isVersion, isWithin, lineOf } from '../../src/deployment/version.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';

test('orders versions as Synapse numbered them', () => {
	const inOrder = [
		'0.0.0',
		'0.5.3',
		'0.5.3c',
		'0.6.1',
		'0.6.1c',
		'0.33.3',
		'0.33.3.1',
		'0.99.5rc1',
		'0.99.5',
		'0.99.5.1',
		'0.99.5.2',
		'1.0.0rc2',
		'1.0.0rc10',
		'1.0.0',
		'1.9.1',
		'1.10.0',
		'1.100.0',
		'1.138.4',
		'1.139.0',
	];
	expect([...inOrder].reverse().sort(compare)).toEqual(inOrder);
});

test.each([
	['1.56', false],
	['v1.56.0', false],
	['1.56.0', true],
	['1.56.0rc10', true],
	['1.56.0-rc1', false],
	['0.99.5.2', true],
	['0.6.1c', true],
	['', false],
	['1.56.0 ', false],
])('says whether %j is a version in a file: %j', (text, expected) => expect(isVersion(text)).toBe(expected));

describe('ranges', () => {
	test.each([
		['1.67.0', '>=1.62.0 <1.68.0', true],
		['1.68.0', '>=1.62.0 <1.68.0', false],
		['1.68.0rc1', '<1.68.0', true],
		['1.138.4', '>=1.138.4 <1.139.0', true],
		['0.99.5.2', '<=0.99.5.1', false],
		['1.0.0', '1.0.0', true],
	])('%s in %s: %j', (version, range, expected) => expect(isWithin(version, range)).toBe(expected));
	test.each(['', '1.62', '>=1.62', '~1.62.0', '^1.62.0', 'x'])('refuses %j', text => expect(isRange(text)).toBe(false));
});

test('assigns candidates to their final release, and patch releases to their line', () => {
	expect(finalOf('1.57.0rc1')).toBe('1.57.0');
	expect(finalOf('0.6.1c')).toBe('0.6.1c');
	expect(lineOf('1.57.1')).toBe('1.57');
});

test('applies every range of the knowledge to the same releases as semver', async () => {
	const knowledge = await openKnowledge(new URL('../../knowledge/', import.meta.url));
	const all = [
		...knowledge.advisories.flatMap(({ affected, patched }) => [...affected, ...patched]),
		...knowledge.faults.flatMap(({ broken }) => broken),
	];
	const operators = ['', '=', '<', '<=', '>', '>='];
	const ranges = new Set([...all, ...operators.map(operator => `${operator}1.57.0rc1`), '>=0.0.0 <0.99.5.2']);
	expect(ranges.size).toBeGreaterThan(100);
	const asSemver = (text: string) =>
		text
			.replace(/(\d+\.\d+)\.(\d+)(?:\.(\d+)|-r(\d+)|([a-z])(?!c))?/g, (_, line, patch, fourth, revision, letter) => {
				return `${line}.${Number(patch) * 1000 + Number(fourth ?? revision ?? (letter ? letter.charCodeAt(0) - 96 : 0))}`;
			})
			.replace(/rc(\d+)/g, '-rc.$1');
	const options = { includePrerelease: true };
	for (const range of ranges) {
		const expected = new semver.Range(asSemver(range).replaceAll(',', ' '), options);
		for (const { version } of knowledge.releases)
			expect(isWithin(version, range), `${version} in ${range}`).toBe(expected.test(asSemver(version)));
	}
});
