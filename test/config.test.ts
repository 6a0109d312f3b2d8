import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';

/** Each mistake with its line, as the start prints it. */
function mistakesIn(text: string, environment: Record<string, string> = {}): string[] {
	const result = parseConfig(text, '/etc/glia', environment);
	return Array.isArray(result) ? result.map(mistake => `${mistake.line}: ${mistake.text}`) : [];
}

test('all mistakes come at once, each with its line', () => {
	const text = `matrix:
  homeserver: matrix.example.org
  user: glia
  password: 5
  allow: []
  chanches: 50
store: here
live: { enabled: maybe }
stor: { path: ./data }
`;
	expect(mistakesIn(text)).toEqual([
		expect.stringContaining('2: matrix.homeserver: the address of the homeserver'),
		expect.stringContaining('3: matrix.user: the whole id of the bot'),
		'4: matrix.password: expected a text: put it in quotes',
		expect.stringContaining('5: matrix.allow: nobody could invite the bot'),
		'6: matrix.chanches: there is no such option',
		'7: store: expected options below it',
		'8: live.enabled: expected true or false',
		'9: stor: there is no such option',
	]);
});

test('what is missing is called missing', () => {
	expect(mistakesIn('')).toEqual(['1: matrix: is missing']);
	const matrix = 'matrix: { homeserver: "https://example.org", user: "@glia:example.org", allow: ["*"] }\n';
	expect(mistakesIn(matrix)).toEqual([expect.stringContaining('1: matrix: password or accessToken is missing')]);
	expect(mistakesIn(matrix, { GLIA_MATRIX_PASSWORD: 'secret' })).toEqual([]);
});

test('what is not YAML is one mistake with its line', () => {
	expect(mistakesIn('matrix:\n  user: [\n')).toEqual([expect.stringMatching(/^\d: not YAML: /)]);
});

test('paths are relative to the file', () => {
	const sample = readFileSync(new URL('../config.sample.yaml', import.meta.url), 'utf8');
	expect(parseConfig(sample, '/etc/glia', { GLIA_MATRIX_PASSWORD: 'secret' })).toMatchObject({
		store: { path: expect.stringMatching(/^\/etc\/glia\//) },
	});
});
