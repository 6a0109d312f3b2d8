// What is read from a vars.yml: names, positions and booleans, and nothing else of its values.
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/answer.ts';
import { isPlaybookVars, readPlaybookVars } from '../../src/arguments/playbook-vars.ts';

const read = (text: string, name = 'vars.yml') => readPlaybookVars([{ name, text }]);

test.each([
	['matrix_domain: example.org\n', true],
	['# talk\n\nmatrix_homeserver_implementation: synapse\n', true],
	['devture_traefik_enabled: false\n', true],
	['server_name: example.org\ndatabase: {name: psycopg2}\n', false],
	['server_name: example.org\nmatrix_domain: x\n', false],
	['- hosts: all\n', false],
	['', false],
])("recognises whether %j is the playbook's: %s", (text, is) => expect(isPlaybookVars(text)).toBe(is));

test('reads booleans as Ansible does, words of the playbook, and nothing else', () => {
	const { variables, isWhole } = read(`---
matrix_domain: example.org
a_enabled: true
b_enabled: "no"
c_enabled: 'On'
d_enabled: "{{ a_enabled }}"
e_enabled:
secret: hunter2 with spaces
matrix_synapse_version: v1.120.0
list: [1, 2]
`);
	expect(isWhole).toBe(true);
	expect(variables.map(({ name, line, value }) => [name, line, value])).toEqual([
		['matrix_domain', 2, 'set'],
		['a_enabled', 3, true],
		['b_enabled', 4, false],
		['c_enabled', 5, true],
		['d_enabled', 6, 'set'],
		['e_enabled', 7, 'set'],
		['secret', 8, 'set'],
		['matrix_synapse_version', 9, 'set'],
		['list', 10, 'set'],
	]);
	expect(variables.find(({ name }) => name === 'matrix_synapse_version')?.word).toBe('v1.120.0');
	expect(JSON.stringify(variables)).not.toContain('hunter2');
});

test('skips encrypted and literal values, and keeps the right line numbers', () => {
	const { variables, unreadable } = read(
		'a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\nb: !unsafe "{{ x }}"\nc: !vault |-\n  abc\nd: 1\n',
	);
	expect(unreadable).toEqual([]);
	expect(variables.map(({ name, line }) => [name, line])).toEqual([
		['a', 1],
		['b', 4],
		['c', 5],
		['d', 7],
	]);
});

test('lists names inside other values as mentioned, but not keys', () => {
	const { mentioned } = read('vault_key: 1\nmatrix_x: "{{ vault_key }}"\n');
	expect(mentioned.has('vault_key')).toBe(true);
	expect(mentioned.has('matrix_x')).toBe(false);
});

test('reports a duplicate variable with both lines', () => {
	expect(read('a: 1\nb: 2\na: 3\n').duplicates).toMatchObject([{ name: 'a', line: 3, first: 1 }]);
});

describe('bad input', () => {
	test.each([
		['a tab', 'a:\n\tb: 1\n'],
		['a Python tag', 'a: !!python/object:os.system x\n'],
		['an open bracket', 'a: [1\n'],
	])('reports %s with its line but without its text', (_, text) => {
		const { unreadable } = read(text);
		expect(unreadable).toHaveLength(1);
		expect(unreadable[0]?.why).not.toMatch(/Synapse|os\.system/);
	});

	test('refuses a file that is too large or too deeply nested', () => {
		expect(() => read(`a: ${'x'.repeat(1_100_000)}\n`)).toThrow(Refusal);
		expect(() => read(`a: ${'['.repeat(5000)}\n`)).toThrow(Refusal);
	});

	test('reads hostile text quickly', () => {
		const begun = process.cpuUsage().user;
		read(`${'a_'.repeat(200_000)}: 1\n`);
		read(`a: "${'a'.repeat(400_000)}"\n`);
		expect(process.cpuUsage().user - begun).toBeLessThan(3_000_000);
	});
});

test('accepts a tab after a value, as libyaml does, but not one that indents', () => {
	expect(read('matrix_domain: example.org\t\na_enabled:\ttrue # on\n').unreadable).toEqual([]);
	expect(read('a:\n\tb: 1\n').unreadable).toMatchObject([{ line: 2 }]);
});

test('accepts a question mark in brackets, as libyaml does, but no value that begins with a colon', () => {
	expect(read('matrix_domain: example.org\na_urls: [https://example.org/?b=c]\n').unreadable).toEqual([]);
	expect(read('a_urls: [b?c]\na_addresses: [::1]\n').unreadable).toMatchObject([{ line: 2 }]);
});
