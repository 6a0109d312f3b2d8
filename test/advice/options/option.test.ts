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

describe('an option as people type it', () => {
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
	])('finds %s as %s', (typed, path) => {
		expect(found(typed)).toEqual({ kind: 'one', path });
	});

	test('distinguishes a list from a mapping with the same names', () => {
		const twins = optionsOf({ '1.0.0': ['turn[].name', 'turn.*.name'] });
		expect(lookUp('turn.*.name', twins, nearest)).toEqual({ kind: 'one', path: 'turn.*.name' });
		expect(lookUp('turn.name', twins, nearest)).toMatchObject({ kind: 'several' });
	});

	test('finds all options with the same ending', () => {
		expect(found('tls')).toEqual({ kind: 'several', paths: ['instance_map.*.tls', 'listeners[].tls'] });
	});

	test.each([
		['email.smpt_host', ['email.smtp_host']],
		['smpt_host', ['email.smtp_host']],
		['smtp', ['email.smtp_host']],
		['xyzzy_is_nothing_like_it', []],
	])('does not find %s, but suggests %j', (typed, near) => {
		expect(found(typed)).toEqual({ kind: 'none', near });
	});

	test('lists the options directly below', () => {
		expect(below('instance_map', options)).toEqual(['instance_map.*.port', 'instance_map.*.tls']);
		expect(below('email.smtp_host', options)).toEqual([]);
	});
});

describe('deprecations and replacements', () => {
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

	test("come from a note's subject, even if it names only the end of the path", () => {
		const named = announcing('1.1.0/x', ['email.template_dir'], {
			subject: '`template_dir` under `email`',
			replacedBy: '`templates`',
		});
		expect(life('email.template_dir', named)).toMatchObject({ deprecated: '1.1.0', replacedBy: '`templates`' });
	});

	test('come from a note before the removal, but do not include the replacement', () => {
		const dropped = announcing('1.1.0/x', ['old', 'new'], { replacedBy: '`new`' });
		expect(life('old', dropped)).toMatchObject({ deprecated: '1.1.0', replacedBy: '`new`' });
		expect(life('new', dropped)).not.toHaveProperty('deprecated');
	});

	test('do not include a replacement that was removed later', () => {
		const both = optionsOf({ '1.0.0': ['old', 'new'], '1.1.0': ['old', 'new'], '1.2.0': ['new'], '1.3.0': [] });
		const dropped = announcing('1.1.0/x', ['old', 'new'], { replacedBy: '`new`' });
		expect(optionLife('new', both, [dropped])).not.toHaveProperty('deprecated');
		expect(optionLife('old', both, [dropped])).toMatchObject({ deprecated: '1.1.0' });
	});

	test('do not come from a note about its default, or from a withdrawn one', () => {
		const other = announcing('1.1.0/x', ['kept'], { promised: 'The default of `kept` changes to true.' });
		expect(life('kept', other)).not.toHaveProperty('deprecated');
		const back = announcing('1.1.0/x', ['kept'], { subject: '`kept`', withdrawn: 'It stays.' });
		expect(life('kept', back)).not.toHaveProperty('deprecated');
	});

	test('come from a warning in the code', () => {
		const warned = knownCode({
			options: { '1.0.0': { a: there }, '1.1.0': { a: { ...there, warned: true } } },
		}).options();
		expect(optionLife('a', warned, [])).toMatchObject({ deprecated: '1.1.0', notes: [] });
	});

	test('are listed for a range if the option still exists at its end', () => {
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
