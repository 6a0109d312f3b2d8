import { expect, test } from 'vitest';
import { option } from '../../commands/option.ts';
import { Refusal } from '../../src/answer.ts';
import { openCode } from '../../src/knowledge/code-tables.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { asked } from '../asked.ts';

const folder = new URL('../../knowledge/', import.meta.url);
const knowledge = await openKnowledge(folder);
const code = openCode(folder);

const said = (text: string) => option.run(asked(text), { knowledge, code });

test('accepts the last part of a name if it is unique', () =>
	expect(JSON.stringify(said('smtp_host').value)).toContain('email.smtp_host'));

test('finds a name in a sentence, or copied from a file', () => {
	expect(said('smtp_host?').value).toEqual(said('smtp_host').value);
	expect(said('email.smtp_host:').value).toEqual(said('email.smtp_host').value);
});

test.each([
	['', 'Which option?'],
	['a b', 'One option at a time'],
	['enabled', 'Several options end with'],
	['smtp_hots', 'Did you mean'],
])('refuses “%s”: %s', (text, words) => {
	expect(() => said(text)).toThrow(Refusal);
	expect(() => said(text)).toThrow(words);
});

test.each([
	['matrix_rtc', 'only if `experimental_features.msc4143_enabled`'],
	['allow_unsafe_locale', 'Synapse reads it only under `database`'],
])('warns that %s may have no effect: %s', (text, words) => expect(said(text).lead).toContain(words));

test('does not warn about one that always has an effect', () =>
	expect(said('email.smtp_host').lead).not.toContain('no effect'));
