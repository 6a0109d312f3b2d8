import { describe, expect, test } from 'vitest';
import { optionsBetween } from '../../../src/advice/options/between.ts';
import { below, lookUp, optionLife } from '../../../src/advice/options/option.ts';
import { nearest } from '../../../src/arguments/nearest.ts';
import type { OptionState } from '../../../src/configuration/options.ts';
import type { Note } from '../../../src/knowledge/schema/synapse.ts';
import { knownCode, note } from '../../known.ts';

const file = 'synapse/config/a.py';
const there: OptionState = { file, default: null };

function optionsOf(states: Record<string, readonly string[]>) {
	const said = Object.entries(states).map(([version, paths]): [string, Record<string, OptionState>] => [
		version,
		Object.fromEntries(paths.map(path => [path, there])),
	]);
	return knownCode({ options: Object.fromEntries(said) }).options();
}

describe('an option by what somebody typed', () => {
	const options = optionsOf({
		'1.0.0': [
			'email',
			'email.smtp_host',
			'listeners[].tls',
			'instance_map.*.tls',
			'a."m.server"',
			'instance_map.*.port',
		],
	});
	const found = (typed: string) => lookUp(typed, options, nearest);
	test.each([
		['email.smtp_host', 'email.smtp_host'],
		['`Email.SMTP_host`:', 'email.smtp_host'],
		['smtp_host', 'email.smtp_host'],
		['email', 'email'],
		['listeners.tls', 'listeners[].tls'],
		['listeners[].tls', 'listeners[].tls'],
		['instance_map.port', 'instance_map.*.port'],
		['a.m.server', 'a."m.server"'],
	])('%s is %s', (typed, path) => {
		expect(found(typed)).toEqual({ kind: 'one', path });
	});

	test('a list and a mapping of the same names are told apart', () => {
		const twins = optionsOf({ '1.0.0': ['turn[].name', 'turn.*.name'] });
		expect(lookUp('turn.*.name', twins, nearest)).toEqual({ kind: 'one', path: 'turn.*.name' });
		expect(lookUp('turn.name', twins, nearest)).toMatchObject({ kind: 'several' });
	});

	test('the end of several is several', () => {
		expect(found('tls')).toEqual({ kind: 'several', paths: ['instance_map.*.tls', 'listeners[].tls'] });
	});

	test.each([
		['email.smpt_host', ['email.smtp_host']],
		['smpt_host', ['email.smtp_host']],
		['smtp', ['email.smtp_host']],
		['xyzzy_is_nothing_like_it', []],
	])('%s is none, near are %j', (typed, near) => {
		expect(found(typed)).toEqual({ kind: 'none', near });
	});

	test('what stands below', () => {
		expect(below('instance_map', options)).toEqual(['instance_map.*.port', 'instance_map.*.tls']);
		expect(below('email.smtp_host', options)).toEqual([]);
	});
});

describe('deprecated, and replaced', () => {
	const options = optionsOf({
		'1.0.0': ['old', 'new', 'email.template_dir', 'kept'],
		'1.1.0': ['old', 'new', 'email.template_dir', 'kept'],
		'1.2.0': ['new', 'email.template_dir', 'kept'],
	});
	const announcing = (id: `${string}/${string}`, paths: string[], deadline: Partial<NonNullable<Note['deadline']>>) =>
		note(id, {
			options: paths,
			deadline: { subject: 'things', at: { vague: 'some day' }, promised: 'They change.', ...deadline },
		});
	const life = (path: string, ...notes: Note[]) => optionLife(path, options, notes);

	test('by the subject of a note, named by the end of its path', () => {
		const named = announcing('1.1.0/x', ['email.template_dir'], {
			subject: '`template_dir` under `email`',
			replacedBy: '`templates`',
		});
		expect(life('email.template_dir', named)).toMatchObject({ deprecated: '1.1.0', replacedBy: '`templates`' });
	});

	test('by a note before the release that drops it, but not what takes its place', () => {
		const dropped = announcing('1.1.0/x', ['old', 'new'], { replacedBy: '`new`' });
		expect(life('old', dropped)).toMatchObject({ deprecated: '1.1.0', replacedBy: '`new`' });
		expect(life('new', dropped)).not.toHaveProperty('deprecated');
	});

	test('what took the place of another, and went later, was not deprecated with it', () => {
		const both = optionsOf({ '1.0.0': ['old', 'new'], '1.1.0': ['old', 'new'], '1.2.0': ['new'], '1.3.0': [] });
		const dropped = announcing('1.1.0/x', ['old', 'new'], { replacedBy: '`new`' });
		expect(optionLife('new', both, [dropped])).not.toHaveProperty('deprecated');
		expect(optionLife('old', both, [dropped])).toMatchObject({ deprecated: '1.1.0' });
	});

	test('not by a note on another default of it, nor by one that was taken back', () => {
		const other = announcing('1.1.0/x', ['kept'], { promised: 'The default of `kept` changes to true.' });
		expect(life('kept', other)).not.toHaveProperty('deprecated');
		const back = announcing('1.1.0/x', ['kept'], { subject: '`kept`', withdrawn: 'It stays.' });
		expect(life('kept', back)).not.toHaveProperty('deprecated');
	});

	test('by a warning of the code', () => {
		const warned = knownCode({
			options: { '1.0.0': { a: there }, '1.1.0': { a: { ...there, warned: true } } },
		}).options();
		expect(optionLife('a', warned, [])).toMatchObject({ deprecated: '1.1.0', notes: [] });
	});

	test('between two releases: those that are still there', () => {
		const notes = [
			announcing('1.1.0/x', ['old'], { subject: '`old`', replacedBy: '`new`' }),
			announcing('1.2.0/x', ['kept'], { subject: '`kept`' }),
		];
		expect(optionsBetween('1.0.0', '1.2.0', { options, notes })).toEqual({
			from: '1.0.0',
			to: '1.2.0',
			added: [],
			removed: [{ option: 'old', release: '1.2.0', replacedBy: '`new`' }],
			deprecated: [{ option: 'kept', release: '1.2.0' }],
			defaults: [],
		});
		expect(optionsBetween('1.0.0', '1.1.0', { options, notes }).deprecated).toEqual([
			{ option: 'old', release: '1.1.0', replacedBy: '`new`' },
		]);
	});
});
