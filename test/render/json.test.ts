// One value, one line.
import { expect, test } from 'vitest';
import { jsonLine } from '../../src/render/json.ts';
import { hostile } from './hostile.ts';

test('writes one printable line that parses to the same value', () => {
	const value = { format: 1, texts: hostile.map(text => text.toWellFormed()), keys: { 'a\nb\u2028': null }, none: [] };
	const line = jsonLine(value);
	// biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
	expect(line).not.toMatch(/[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/);
	expect(JSON.parse(line)).toEqual(value);
	expect(jsonLine({ a: '\n\u2028\u2029\x9b🔴' })).toBe('{"a":"\\n\\u2028\\u2029\\u009b🔴"}');
});

test('throws for what JSON cannot express, instead of writing undefined', () => {
	expect(() => jsonLine(undefined)).toThrow(TypeError);
	expect(() => jsonLine(() => 1)).toThrow(TypeError);
	expect(() => jsonLine({ a: 1n })).toThrow(TypeError);
});
