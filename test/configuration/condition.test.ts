import { describe, expect, test } from 'vitest';
import { type Condition, decide, placesOf } from '../../src/configuration/condition.ts';
import { configurationOf } from '../../src/configuration/files.ts';
import { parsePath, writePath } from '../../src/configuration/path.ts';

const defaults: Record<string, string | number | boolean | null> = { 'stats.enabled': true, limit: null };

function decided(condition: Condition, main: string, others: Record<string, string> = {}): boolean | 'unknown' {
	const files = [
		{ name: 'homeserver.yaml', text: main },
		...Object.entries(others).map(([name, text]) => ({ name, text })),
	];
	const configuration = configurationOf(files);
	return decide(condition, { configuration, defaultOf: option => defaults[option], release: '1.163.0' }).is;
}

const worker = { 'worker1.yaml': 'worker_app: synapse.app.generic_worker\nworker_name: w1\n' };

describe('a condition', () => {
	test.each<[string, Condition, string, boolean | 'unknown']>([
		['the option is set, even to null', { option: 'email' }, 'email:\n', true],
		['the option is not set', { option: 'email' }, 'server_name: x\n', false],
		['a nested option', { option: 'email.smtp_host' }, 'email:\n  smtp_host: x\n', true],
		['the type', { option: 'form_secret', type: 'number' }, 'form_secret: 12345678\n', true],
		['another type', { option: 'form_secret', type: 'number' }, 'form_secret: "12345678"\n', false],
		['null as a type', { option: 'experimental_features', type: 'null' }, 'experimental_features:\n', true],
		['the value that is set', { option: 'stats.enabled', is: false }, 'stats:\n  enabled: no\n', true],
		['the default if nothing is set', { option: 'stats.enabled', is: true }, 'a: 1\n', true],
		['another value than the default', { option: 'stats.enabled', is: false }, 'a: 1\n', false],
		['a default that is not known', { option: 'nobody.knows', is: false }, 'a: 1\n', 'unknown'],
		[
			'one element',
			{ option: 'listeners[].type', is: 'replication' },
			'listeners:\n  - type: http\n  - type: replication\n',
			true,
		],
		['one member', { option: 'instance_map.*.port', above: 9000 }, 'instance_map:\n  w1: {port: 9001}\n', true],
		['absent', { option: 'public_baseurl', absent: true }, 'a: 1\n', true],
		['not absent', { option: 'public_baseurl', absent: true }, 'public_baseurl: x\n', false],
		['none of these words', { option: 'x', noneOf: ['a', 1] }, 'x: b\n', true],
		['one of these words', { option: 'x', noneOf: ['a', 1] }, 'x: 1\n', false],
		['a string that does not match', { option: 'x', unlike: '^#' }, 'x: a\n', true],
		['a number, which matches no pattern', { option: 'x', like: '5' }, 'x: 5\n', false],
		['a string that matches', { option: 'x', like: '.' }, 'x: a\n', true],
		['an empty string', { option: 'x', like: '.' }, 'x: ""\n', false],
		['a shorter list', { option: 'x', shorter: 2 }, 'x: [1]\n', true],
		['a longer list', { option: 'x', longer: 2 }, 'x: [1, 2]\n', false],
		['above another option', { option: 'x', aboveOption: 'y' }, 'x: 2h\ny: 60m\n', true],
		['not above it', { option: 'x', aboveOption: 'y' }, 'x: 1h\ny: 60m\n', false],
		['above an unset option', { option: 'x', aboveOption: 'limit' }, 'x: 2h\n', false],
		['equal to another option', { option: 'x', equalsOption: 'y' }, 'x: 1h\ny: 60m\n', true],
		['above a member', { each: 'l[]', all: [{ option: 'a', aboveMember: 'b' }] }, 'l: [{a: 2, b: 1}]\n', true],
		['not above a member', { each: 'l[]', all: [{ option: 'a', aboveMember: 'b' }] }, 'l: [{a: 1, b: 2}]\n', false],
		['an unknown key', { option: 'x', unknownKeys: ['a'] }, 'x: {a: 1, b: 2}\n', true],
		['known keys', { option: 'x', unknownKeys: ['a'] }, 'x: {a: 1}\n', false],
		['a key that does not match', { option: 'x', keysUnlike: '^a:' }, 'x: {"b:c": 1}\n', true],
		['not in a list', { option: 'x', notIn: 'y[]' }, 'x: a\ny: [b]\n', true],
		['in a list', { option: 'x', notIn: 'y[]' }, 'x: b\ny: [b]\n', false],
		['a key of a mapping', { option: 'x', notIn: 'y[]' }, 'x: b\ny: {b: 1}\n', false],
		['not a key of a mapping', { option: 'x', notIn: 'y[]' }, 'x: a\ny: {b: 1}\n', true],
		['part of a string', { option: 'x', notIn: 'y[]' }, 'x: b\ny: abc\n', false],
		['twice in a list', { option: 'x', repeats: 'id' }, 'x: [{id: a}, {id: a}]\n', true],
		['once in a list', { option: 'x', repeats: 'id' }, 'x: [{id: a}, {id: b}]\n', false],
		['a duration below', { option: 'x', below: '1h' }, 'x: 30m\n', true],
		['a size above', { option: 'x', above: '1M' }, 'x: 2G\n', true],
		['a string that is not an amount', { option: 'x', above: 1 }, 'x: many\n', false],
		[
			'not a key of',
			{ option: 'stream_writers.*[]', notKeyOf: 'instance_map' },
			'stream_writers: {events: [w1]}\ninstance_map: {w2: {}}\n',
			true,
		],
		[
			'a key of',
			{ option: 'stream_writers.*[]', notKeyOf: 'instance_map' },
			'stream_writers: {events: [w1]}\ninstance_map: {w1: {}}\n',
			false,
		],
		[
			'each element has none of these',
			{
				each: 'oidc_providers[]',
				all: [{ absent: ['client_secret'] }, { not: { option: 'client_auth_method', is: 'none' } }],
			},
			'oidc_providers:\n  - {idp_id: a, client_secret: x}\n  - {idp_id: b}\n',
			true,
		],
		[
			'each element has one of these',
			{
				each: 'oidc_providers[]',
				all: [{ absent: ['client_secret'] }, { not: { option: 'client_auth_method', is: 'none' } }],
			},
			'oidc_providers:\n  - {idp_id: a, client_secret: x}\n  - {idp_id: b, client_auth_method: none}\n',
			false,
		],
		['a hidden string is a string', { option: 'form_secret', type: 'string' }, 'form_secret: "***"\n', true],
		['a hidden string may be any string', { option: 'mode', is: 'public' }, 'mode: "***"\n', 'unknown'],
		['a hidden string is not a boolean', { option: 'mode', is: true }, 'mode: "***"\n', false],
		[
			'a quoted template is not a boolean',
			{ option: 'mode', is: true },
			'mode: {{ x }}\n'.replace('{{ x }}', '"{{ x }}"'),
			false,
		],
		// biome-ignore lint/suspicious/noTemplateCurlyInString: a template is what is tested.
		['below a template, which is unknown', { option: 'email.smtp_host' }, 'email: ${EMAIL}\n', 'unknown'],
		['any of', { any: [{ option: 'a' }, { option: 'b' }] }, 'b: 1\n', true],
		['all of', { all: [{ option: 'a' }, { option: 'b' }] }, 'b: 1\n', false],
		['not', { not: { option: 'a' } }, 'b: 1\n', true],
	])('%s', (_, condition, text, is) => {
		expect(decided(condition, text)).toBe(is);
	});

	test('is unknown for workers if there may be some and none of their files are given', () => {
		const condition: Condition = { option: 'worker_replication_host', in: 'worker' };
		expect(decided(condition, 'instance_map: {}\n')).toBe('unknown');
		expect(decided(condition, 'instance_map: {}\n', worker)).toBe(false);
		expect(
			decided(condition, 'instance_map: {}\n', { 'w.yaml': `${worker['worker1.yaml']}worker_replication_host: x\n` }),
		).toBe(true);
	});

	test('returns where it was found', () => {
		const configuration = configurationOf([{ name: 'homeserver.yaml', text: 'a: 1\nemail:\n  smtp_host: x\n' }]);
		const { at } = decide(
			{ option: 'email.smtp_host' },
			{ configuration, defaultOf: () => undefined, release: '1.0.0' },
		);
		expect(at).toMatchObject({ file: 'homeserver.yaml', line: 3, option: 'email.smtp_host' });
	});

	test("names an element's member by its whole path", () => {
		const configuration = configurationOf([
			{ name: 'homeserver.yaml', text: 'listeners:\n  - port: 1\n    path: /x\n  - port: 2\n    path: /y\n' },
		]);
		const decision = decide(
			{ each: 'listeners[]', all: [{ option: 'port', type: 'number' }, { option: 'path' }] },
			{ configuration, defaultOf: () => undefined, release: '1.81.0' },
		);
		expect(placesOf(decision)).toMatchObject([
			{ line: 2, option: 'listeners[].port' },
			{ line: 4, option: 'listeners[].port' },
		]);
	});
});

describe('files', () => {
	test('replace top-level keys with those of a later main file', () => {
		const { processes } = configurationOf([
			{ name: 'a.yaml', text: 'server_name: x\nemail:\n  smtp_host: a\n  smtp_port: 25\n' },
			{ name: 'b.yaml', text: 'email:\n  smtp_host: b\n' },
		]);
		expect(processes.map(({ part }) => part)).toEqual(['main']);
		expect(
			decided({ option: 'email.smtp_port' }, 'email:\n  smtp_port: 25\n', { 'b.yaml': 'email:\n  smtp_host: b\n' }),
		).toBe(false);
	});

	test("identify a worker's file by its app, and treat the first file as the main one", () => {
		const parts = (...texts: string[]) =>
			configurationOf(texts.map((text, i) => ({ name: `${i}.yaml`, text }))).processes.map(({ part }) => part);
		expect(parts('worker_app: synapse.app.generic_worker\n')).toEqual(['main']);
		expect(parts('server_name: x\n', 'worker_app: synapse.app.generic_worker\n')).toEqual(['main', 'worker']);
		expect(parts('server_name: x\n', 'worker_app: synapse.app.homeserver\n')).toEqual(['main']);
		expect(parts('server_name: x\n', 'worker_app: synapse.app.generic_worker\nserver_name: y\n')).toEqual(['main']);
		// A folder's files in alphabetical order.
		expect(parts('worker_app: synapse.app.generic_worker\n', 'server_name: x\n')).toEqual(['main', 'worker']);
		expect(parts('worker_app: synapse.app.generic_worker\ndatabase: {}\n', 'server_name: x\n')).toEqual(['main']);
		expect(parts('server_name: x\n', 'version: 1\nhandlers: {}\n')).toEqual(['main', 'log-config']);
	});

	test('that cannot be read are listed, and the rest are used', () => {
		const { unreadable, has } = configurationOf([
			{ name: 'a.yaml', text: 'a: [\n' },
			{ name: 'b.yaml', text: 'server_name: x\n' },
		]);
		expect(unreadable.map(({ file }) => file)).toEqual(['a.yaml']);
		expect(has.main).toBe(true);
	});

	test('that cannot be read may contain any option', () => {
		const broken = { 'b.yaml': 'b: [\n' };
		expect(decided({ option: 'a' }, 'a: 1\n', broken)).toBe(true);
		expect(decided({ option: 'b' }, 'a: 1\n', broken)).toBe('unknown');
		expect(decided({ option: 'b', absent: true }, 'a: 1\n', broken)).toBe('unknown');
	});
});

describe('paths', () => {
	test.each([
		'email',
		'email.smtp_host',
		'listeners[].type',
		'instance_map.*.port',
		'a."m.homeserver".b',
		'stream_writers.*[]',
	])('%s', path => {
		const segments = parsePath(path);
		expect(segments && writePath(segments)).toBe(path);
	});

	test.each(['', '.a', 'a.', 'a b', 'a[0]', 'a..b'])('refuses %j', path => {
		expect(parsePath(path)).toBeUndefined();
	});
});
