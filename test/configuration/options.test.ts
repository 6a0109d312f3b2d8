import { describe, expect, test } from 'vitest';
import { defaultAt, difference, lifeOf, type OptionState, optionAt } from '../../src/configuration/options.ts';
import { knownCode } from '../known.ts';

const file = 'synapse/config/a.py';
const schema = 'schema/synapse-config.schema.yaml';

/** An option `a` with its state in each release, null if that does not have it. `always` is in all releases. */
function optionsWith(states: Record<string, Partial<OptionState> | null>) {
	const said = Object.entries(states).map(([version, state]): [string, Record<string, OptionState>] => [
		version,
		{ always: { file, default: 1 }, ...(state && { a: { file, ...state } }) },
	]);
	return knownCode({ options: Object.fromEntries(said) }).options();
}

describe('the life of an option', () => {
	test('begins with the release that first reads it, unless the oldest release already does', () => {
		const options = optionsWith({ '1.0.0': null, '1.1.0': {}, '1.2.0': {} });
		expect(lifeOf(options, 'a')).toMatchObject({ since: '1.1.0', removed: undefined });
		expect(lifeOf(options, 'always')).toMatchObject({ since: undefined, removed: undefined });
		expect(lifeOf(options, 'b')).toBeUndefined();
	});

	test.each([
		['that no longer reads it', { '1.0.0': {}, '1.1.0': null, '1.2.0': null }, '1.1.0'],
		['that refuses it', { '1.0.0': {}, '1.1.0': { refused: true as const }, '1.2.0': null }, '1.1.0'],
		[
			'that drops it, even if a later one refuses it',
			{ '1.0.0': {}, '1.1.0': null, '1.2.0': { refused: true as const } },
			'1.1.0',
		],
		['never, if it came back', { '1.0.0': {}, '1.1.0': null, '1.2.0': {} }, undefined],
	])('ends with the release %s', (_, states, removed) => {
		expect(lifeOf(optionsWith(states), 'a')?.removed).toBe(removed);
	});

	test('does not begin with the first schema, but may begin with a later one', () => {
		const dated = { file: schema, documentedType: 'string' };
		const options = knownCode({
			options: {
				'1.0.0': {},
				'1.1.0': { 'a.old': dated },
				'1.2.0': { 'a.old': dated, 'a.new': dated },
			},
		}).options();
		expect(lifeOf(options, 'a.old')).toMatchObject({ since: undefined, undated: true });
		expect(lifeOf(options, 'a.new')).toMatchObject({ since: '1.2.0' });
		expect(difference(options, '1.0.0', '1.2.0').added.map(({ option }) => option)).toEqual(['a.new']);
	});
});

describe('the defaults of an option', () => {
	test.each<[string, Partial<OptionState>, Partial<OptionState>, unknown[]]>([
		['change with the code', { default: '4' }, { default: '5' }, ['4', '5']],
		['do not change if the code expresses “none” differently', { default: null }, { default: [] }, [[]]],
		[
			'do not change with the notation of a duration',
			{ default: '7d', type: 'duration' },
			{ default: 604800000, type: 'duration' },
			[604800000],
		],
		['change from none to true', { default: null }, { default: true }, [null, true]],
		[
			"are the manual's, back to where the code was different",
			{ default: null },
			{ default: null, documented: 'x' },
			['x'],
		],
		["are the code's if both say something", { default: true, documented: false }, { default: true }, [true]],
		[
			'are none if the manual expresses “none” differently',
			{ default: null },
			{ default: null, documented: [] },
			[null],
		],
		['do not change with the manual alone', { default: {}, documented: 1 }, { default: {}, documented: 2 }, [2]],
		['of a section are those of its members', { default: {}, documented: { a: 1 } }, { default: {} }, [{}]],
		['are unknown if the code computes them', { default: 1 }, {}, [1, undefined]],
	])('%s', (_, before, after, expected) => {
		const options = optionsWith({ '1.0.0': before, '1.1.0': after });
		expect(lifeOf(options, 'a')?.defaults.map(({ value }) => value)).toEqual(expected);
		expect(defaultAt(options, 'a', '1.0.5')).toEqual(expected[0]);
		expect(defaultAt(options, 'a', '1.1.0')).toEqual(expected.at(-1));
	});

	test('differ between two releases only if both are known', () => {
		const all = optionsWith({ '1.0.0': { default: 1 }, '1.1.0': { default: 2 }, '1.2.0': {}, '1.3.0': { default: 3 } });
		const changed = (from: string, to: string) => difference(all, from, to).defaults;
		expect(changed('1.0.0', '1.1.0')).toEqual([{ option: 'a', release: '1.1.0', before: 1, after: 2 }]);
		expect(changed('1.1.0', '1.2.0')).toEqual([]);
		expect(changed('1.2.0', '1.3.0')).toEqual([]);
		expect(changed('1.1.0', '1.3.0')).toEqual([{ option: 'a', release: '1.3.0', before: 2, after: 3 }]);
	});
});

test('calls an option new again if it comes back', () => {
	const options = optionsWith({ '1.0.0': {}, '1.1.0': null, '1.2.0': {}, '1.3.0': { default: 1 } });
	expect(difference(options, '1.1.0', '1.3.0').added).toEqual([{ option: 'a', release: '1.2.0', default: 1 }]);
	expect(difference(options, '1.0.0', '1.3.0')).toMatchObject({ added: [], removed: [] });
});

test('calls an option neither new nor removed if it comes and goes within the range', () => {
	const options = optionsWith({ '1.0.0': null, '1.1.0': {}, '1.2.0': null });
	expect(difference(options, '1.0.0', '1.1.0').added).toEqual([{ option: 'a', release: '1.1.0' }]);
	expect(difference(options, '1.1.0', '1.2.0').removed).toEqual([{ option: 'a', release: '1.2.0' }]);
	expect(difference(options, '1.0.0', '1.2.0')).toEqual({ added: [], removed: [], defaults: [] });
	expect(optionAt(options, 'a', '1.1.9')).toEqual({ file });
});

describe('a candidate', () => {
	const states = { '1.0.0': { default: 1 }, '1.1.0': null, '1.2.0rc2': { default: 2 }, '1.3.0': { default: 3 } };
	const options = optionsWith(states);

	test('that was not read has the options of its final release', () => {
		expect(optionAt(options, 'a', '1.1.0rc1')).toBeNull();
		expect(optionAt(options, 'a', '1.3.0rc1')).toMatchObject({ default: 3 });
		expect(defaultAt(options, 'a', '1.3.0rc1')).toBe(3);
		expect(difference(options, '1.0.0', '1.1.0rc1').removed).toEqual([{ option: 'a', release: '1.1.0' }]);
		expect(difference(options, '1.1.0rc1', '1.1.0')).toEqual({ added: [], removed: [], defaults: [] });
		expect(difference(options, '1.2.0rc2', '1.3.0rc1').defaults).toEqual([
			{ option: 'a', release: '1.3.0', before: 2, after: 3 },
		]);
	});

	test('that was read has its own', () => {
		expect(optionAt(options, 'a', '1.2.0rc1')).toBeNull();
		expect(optionAt(options, 'a', '1.2.0rc2')).toMatchObject({ default: 2 });
	});
});
