import { describe, expect, test } from 'vitest';
import type { Code } from '../../src/configuration/code.ts';
import { readCode } from '../../src/knowledge/code-reading.ts';
import { readFiles } from '../../src/knowledge/load.ts';
import { codePassageName, codePassages } from '../../src/knowledge/upstream/code-passages.ts';
import { knownCode } from '../known.ts';
import { folderOf, noteText } from './folder.ts';

const file = 'synapse/config/a.py';
const names = (code: Code) => codePassages(code).map(passage => codePassageName(passage).replace('code › ', ''));

describe('code differences', () => {
	const optionsFrom = (before: object, after: object) =>
		names(knownCode({ options: { '1.65.0': { a: { file, ...before } }, '1.66.0rc1': { a: { file, ...after } } } }));

	test.each<[string, object, object, string[]]>([
		['a default', { default: 1 }, { default: 2 }, ['1.66.0 › option default › a']],
		['a refusal', {}, { refused: true }, ['1.66.0 › option refused › a']],
		['a warning', {}, { warned: true }, ['1.66.0 › option warned › a']],
		['the accepted types', {}, { accepts: ['string'] }, ['1.66.0 › option accepts › a']],
		['a requirement', {}, { required: true }, ['1.66.0 › option changed › a']],
		['a default that was unknown', {}, { default: 1 }, []],
		['another file', { file: 'synapse/config/b.py' }, {}, []],
		['the schema alone', { documented: 1 }, { documented: 2, documentedType: 'integer' }, []],
	])('%s', (_, before, after, expected) => {
		expect(optionsFrom(before, after)).toEqual(expected);
	});

	test('lists what is added and removed by release and kind, except for the oldest release', () => {
		const code = knownCode({
			options: { '1.64.0': { old: { file } }, '1.65.0': { old: { file } }, '1.66.0': {} },
			routes: { '1.64.0': { 'w ^/a$': 'any' }, '1.65.0': { 'w ^/a$': 'GET' }, '1.66.0': { 'w ^/a$': 'GET' } },
			dependencies: { '1.64.0': {}, '1.65.0': { attrs: '>=1' }, '1.66.0': { attrs: '>=2' } },
		});
		expect(names(code)).toEqual([
			'1.65.0 › dependency added › attrs',
			'1.65.0 › route changed › w ^/a$',
			'1.66.0 › option gone › old',
			'1.66.0 › dependency changed › attrs',
		]);
	});

	test('treats what belongs to a new option as part of it', () => {
		const refusal = (option: string) => ({ in: 'read_config', raises: 'ConfigError', option });
		const code = knownCode({
			options: {
				'1.65.0': { b: { file } },
				'1.66.0': { a: { file }, 'a[].x': { file }, b: { file }, 'b.y': { file } },
			},
			refusals: {
				'1.65.0': {},
				'1.66.0': {
					'a.py a is wrong': refusal('a.z'),
					'a.py b is wrong': refusal('b'),
					'a.py wrong': { in: 'x', raises: 'y' },
				},
			},
		});
		expect(names(code)).toEqual([
			'1.66.0 › option added › a',
			'1.66.0 › option added › b.y',
			'1.66.0 › refusal added › a.py b is wrong',
			'1.66.0 › refusal added › a.py wrong',
		]);
	});
});

describe('a difference counts as read', () => {
	const before = { '1.65.0': {} };
	const codes: Record<string, Code> = {
		option: knownCode({ options: { ...before, '1.66.0': { 'a[].b': { file } } } }),
		refusal: knownCode({
			options: before,
			refusals: { ...before, '1.66.0': { [`${file} The pigeons have to be fed, got {}`]: { in: 'x', raises: 'y' } } },
		}),
		dependency: knownCode({ options: before, dependencies: { ...before, '1.66.0': { 'redis/tx-pigeon': '>=2' } } }),
		route: knownCode({
			options: before,
			routes: { ...before, '1.66.0': { 'generic_worker ^/_matrix/client/(r0|v3)/pigeons/.*$': 'any' } },
		}),
		delta: knownCode({
			options: before,
			deltas: { ...before, '1.66.0': { 'main 90/01_pigeons.sql': { tables: {} } } },
		}),
		admin: knownCode({
			options: before,
			admin: { ...before, '1.66.0': { 'endpoint ^/_synapse/admin/v1/pigeons$': 'any' } },
		}),
		build: knownCode({ options: before, builds: { ...before, '1.66.0': { 'debian:trixie': {} } } }),
	};
	const reading = (kind: string, files: Record<string, string>) => {
		const folder = folderOf(files);
		return readCode(folder, readFiles(folder).files, codes[kind] ?? knownCode());
	};
	const noted = (more: Record<string, string>, release = '1.66.0') => ({
		[`synapse/notes/${release}.yaml`]: noteText(more),
	});

	test.each<[string, Record<string, string>, Record<string, string>]>([
		['option', { options: '[a.b]' }, { options: '[a.c]' }],
		['option', { options: '[a]' }, { options: '[b]' }],
		[
			'refusal',
			{ text: 'It says "The pigeons have to be fed, got 3", so feed the pigeons before you start it.' },
			{ text: 'It says that pigeons have to be fed, so feed the pigeons before you start it.' },
		],
		[
			'dependency',
			{ title: 'Upgrade the pigeons', text: 'Take tx-pigeon 2 or newer, and then begin with all the rest.' },
			{ text: 'Take tx-pigeons 2 or newer, and then begin with all the rest.' },
		],
		[
			'route',
			{ endpoints: '["^/_matrix/client/v3/pigeons/[^/]+$"]' },
			{ endpoints: '["^/_matrix/client/v3/owls/[^/]+$"]' },
		],
		[
			'delta',
			{ code: '[synapse/storage/schema/main/delta/90/01_pigeons.sql@1.66.0]' },
			{ code: '[synapse/storage/schema/main/delta/90/02_owls.sql]' },
		],
		['admin', { endpoints: '["^/_synapse/admin/v1/pigeons$"]' }, { endpoints: '["^/_synapse/admin/v1/owls$"]' }],
		['build', { title: 'Packages for trixie' }, { title: 'Packages for forky' }],
	])('%s: through a note of its release that names it', (kind, naming, other) => {
		expect(reading(kind, noted(naming))).toMatchObject({ unread: [], named: [{ kind }], mistakes: [] });
		expect(reading(kind, noted(other))).toMatchObject({ unread: [{ kind }], named: [] });
		expect(reading(kind, noted(naming, '1.65.0'))).toMatchObject({ unread: [{ kind }], named: [] });
	});

	const waived = (waiver: string) => ({ 'synapse/code/waivers.yaml': `waivers:\n  - ${waiver}\n` });

	test('through a waiver of its class; a waiver that matches nothing is a mistake', () => {
		const fits = '{ kind: option, change: [added], key: "a.*", releases: "<=1.66.0", because: Not now. }';
		expect(reading('option', waived(fits))).toMatchObject({ unread: [], waived: [{ kind: 'option' }], mistakes: [] });
		for (const other of [
			fits.replace('option,', 'route,'),
			fits.replace('added', 'gone'),
			fits.replace('"a.*"', '"a"'),
			fits.replace('<=1.66.0', '<1.66.0'),
		]) {
			const found = reading('option', waived(other));
			expect(found.unread).toHaveLength(1);
			expect(found.mistakes).toEqual([
				'synapse/code/waivers.yaml:2:5 expected a waiver that matches something, got one that matches nothing',
			]);
		}
	});

	test('a waiver of what a note already names is a mistake', () => {
		const fits = '{ kind: option, releases: "<=1.66.0", because: Not now. }';
		expect(reading('option', { ...noted({ options: '[a.b]' }), ...waived(fits) }).mistakes).toHaveLength(1);
	});

	test('a waiver with an invalid pattern is a mistake, with its position', () => {
		const { mistakes, unread } = reading(
			'option',
			waived('{ kind: option, key: "(", releases: "<=1.66.0", because: x }'),
		);
		expect(mistakes).toEqual([
			expect.stringMatching(/^synapse\/code\/waivers\.yaml:2:\d+ expected a regular expression/),
		]);
		expect(unread).toHaveLength(1);
	});
});
