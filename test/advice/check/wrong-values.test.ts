// Values of types that releases refused when tested, and what !check says about them.
import { describe, expect, test } from 'vitest';
import { check } from '../../../src/advice/check/check.ts';
import { nearest } from '../../../src/arguments/nearest.ts';
import { configurationOf } from '../../../src/configuration/files.ts';
import type { ValueState } from '../../../src/configuration/wrong-values.ts';
import { knownCode } from '../../known.ts';

const options = { a: { file: 'x' }, 'a.b': { file: 'x' }, 'a.on': { file: 'x' }, l: { file: 'x' }, s: { file: 'x' } };
const everything = { '1.0.0': options, '1.9.0': options };
const whole = 'server_name: x\n';

/** The refusals and the values left open, each as `option line`. */
function said(text: string, values: Record<string, Record<string, ValueState>>, to = '1.0.0') {
	const code = knownCode({ options: everything, values });
	const question = {
		configuration: configurationOf([{ name: 'h.yaml', text: whole + text }]),
		profile: new Map(),
		options: code.options(),
		values: code.values(),
		to,
		nearest,
	};
	const checked = check(question, { notes: [], faults: [], effects: [], releases: [] });
	const refused = checked.findings.filter(({ kind }) => kind === 'refuses');
	return {
		refused: refused.map(({ option, line }) => `${option} ${line}`),
		open: checked.unjudged.map(({ option, line }) => `${option} ${line}`),
		findings: refused,
	};
}
const at = (state: ValueState, path = 'a.b') => ({ '1.0.0': { [path]: state } });

describe('types', () => {
	test.each([
		['null', 'a: { b: }', ['null']],
		['a boolean', 'a: { b: true }', ['true']],
		['zero', 'a: { b: 0 }', ['zero']],
		['an integer', 'a: { b: 31 }', ['integer']],
		['a negative number', 'a: { b: -1 }', ['negative']],
		['a fraction', 'a: { b: 2.5 }', ['float']],
		['an empty string', 'a: { b: "" }', ['empty string']],
		['digits in quotes', 'a: { b: "31" }', ['digits']],
		['a duration', 'a: { b: 3h }', ['duration']],
		['a size', 'a: { b: 3M }', ['size']],
		['text', 'a: { b: some words }', ['text']],
		['an empty list', 'a: { b: [] }', ['empty list']],
		['a list of strings', 'a: { b: [x, y] }', ['strings']],
		['an empty mapping', 'a: { b: {} }', ['empty mapping']],
		['a mapping', 'a: { b: { c: d } }', ['mapping']],
	] as const)('%s', (_, text, refuses) => {
		expect(said(text, at({ refuses: [...refuses] })).refused).toEqual(['a.b 2']);
		const others = (['null', 'true', 'integer', 'text', 'mapping', 'strings'] as const).filter(
			kind => !(refuses as readonly string[]).includes(kind),
		);
		expect(said(text, at({ refuses: [...others] })).refused).toEqual([]);
	});

	test('reads gigabytes as a size from 1.93.0 on, and as text before', () => {
		const values = { '1.92.0': { 'a.b': { refuses: ['text'] } } } satisfies Record<string, Record<string, ValueState>>;
		expect(said('a: { b: 4G }', values, '1.92.0').refused).toEqual(['a.b 2']);
		expect(said('a: { b: 4G }', values, '1.93.0').refused).toEqual([]);
	});

	test('checks each element of a list', () => {
		expect(said('l:\n  - x\n  - 5', at({ refuses: ['integer'] }, 'l[]')).refused).toEqual(['l[] 4']);
	});

	test('names the type of the value and the accepted ones', () => {
		expect(said('a: { b: secret words }', at({ refuses: ['text', 'null'] })).findings).toMatchObject([
			{ is: 'string', accepts: expect.arrayContaining(['boolean', 'integer']) },
		]);
	});
});

describe('values that are not judged', () => {
	test('values that resemble ones a release accepts', () => {
		expect(said('s: other', at({ refuses: ['text'], words: ['off'] }, 's')).refused).toEqual([]);
		expect(said('s: other', at({ refuses: ['text'], shapes: ['url'] }, 's')).refused).toEqual([]);
		expect(said('s: other', at({ refuses: ['text'], words: ['9'] }, 's')).refused).toEqual(['s 2']);
		expect(said('s: 7', at({ refuses: ['integer'], words: ['9'] }, 's')).refused).toEqual([]);
		expect(said('s: " 7 "', at({ refuses: ['text'], words: ['9'] }, 's')).refused).toEqual([]);
	});

	test('values that neighbouring releases treat differently', () => {
		const values = { '1.0.0': { 'a.b': { refuses: [] } }, '1.9.0': { 'a.b': { refuses: ['null' as const] } } };
		expect(said('a: { b: }', values, '1.5.0')).toMatchObject({ refused: [], open: ['a.b 2'] });
		expect(said('a: { b: }', values, '1.9.0')).toMatchObject({ refused: ['a.b 2'], open: [] });
		expect(said('a: { b: }', { '1.0.0': values['1.9.0'], '1.9.0': values['1.9.0'] }, '1.5.0').refused).toEqual([
			'a.b 2',
		]);
	});
});

describe('an option that is only read if another is on', () => {
	const gated = at({ refuses: ['null'], switched: { 'a.on': ['null'] } });
	test('is checked if the other one is on', () => {
		expect(said('a: { b: , on: true }', gated).refused).toEqual(['a.b 2']);
		expect(said('a: { b: , on: false }', gated)).toMatchObject({ refused: [], open: [] });
	});
	test('is left open if the files cannot tell', () => {
		expect(said('a: { b: , on: "{{ on }}" }', gated)).toMatchObject({ refused: [] });
	});
	test('is refused between two releases only if both refuse it', () => {
		const both = {
			'1.0.0': { 'a.b': { refuses: ['null'] } },
			'1.9.0': { 'a.b': { refuses: ['null'], switched: { 'a.on': ['null'] } } },
		} satisfies Record<string, Record<string, ValueState>>;
		expect(said('a: { b: }', both, '1.5.0').refused).toEqual([]);
		expect(said('a: { b: , on: true }', both, '1.5.0').refused).toEqual(['a.b 2']);
	});

	test('is checked if the other one is on by default', () => {
		const unless = at({ refuses: ['null'], unless: { 'a.on': ['null'] } });
		expect(said('a: { b: }', unless).refused).toEqual(['a.b 2']);
		expect(said('a: { b: , on: false }', unless).refused).toEqual([]);
	});
});

describe('members', () => {
	test('that a section needs', () => {
		const needed = at({ refuses: ['absent'] });
		expect(said('a: { on: true }', needed).findings).toMatchObject([
			{ option: 'a.b', line: 2, reason: 'missing-member' },
		]);
		for (const text of ['a: { b: 1 }', 'a: {}', 'a:', 'l: [1]']) expect(said(text, needed).refused).toEqual([]);
	});
	test('that a section does not accept', () => {
		const closed = at({ refuses: [], closed: true }, 'a');
		expect(said('a: { other: 1 }', closed).findings).toMatchObject([{ option: 'a.other', reason: 'unknown-member' }]);
		expect(said('a: { other: 1 }', at({ refuses: [] }, 'a')).refused).toEqual([]);
	});
});
