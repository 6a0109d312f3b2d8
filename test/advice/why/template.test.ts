// Templates are found in a text whatever surrounds them, and not found if the words differ.
import { expect, test } from 'vitest';
import { withoutTerminal } from '../../../src/advice/why/log-lines.ts';
import { matcherOf } from '../../../src/advice/why/template.ts';

const { find } = matcherOf([
	{ pieces: ["Instance '", "' is configured to write ", ' but does not appear in `instance_map` config.'] },
	{ pieces: ['form_secret must be text'] },
]);
const found = (text: string) => find(withoutTerminal(text)).places.map(({ template }) => template);
const message = "Instance 'w1' is configured to write events but does not appear in `instance_map` config.";
const words = message.split(' ');
const lines = [words.slice(0, 4).join(' '), words.slice(4).join(' ')];

test.each([
	['unchanged', message],
	['with other quotes', message.replace(/['`]/g, '“')],
	['in capitals', message.toUpperCase()],
	['wrapped within a word', message.replace(/(.{20})/g, '$1\n')],
	['in Compose', lines.map(line => `synapse-1  | ${line}`).join('\n')],
	['quoted in a reply', lines.map(line => `> > ${line}`).join('\n')],
	['in journald', lines.map(line => `Nov 29 09:00:00 host synapse[12]: ${line}`).join('\n')],
	['in docker logs -t', lines.map(line => `2026-11-29T09:00:00.123456789Z ${line}`).join('\n')],
	['with colours', `\u001b[31m${message.replace(' is ', ' \u001b[1mis\u001b[0m ')}\u001b[0m`],
	...['^[', '#033', '\\x1b', '\\u001b', 'ESC', ''].map(begin => [
		`with colours that begin with “${begin}”`,
		`${begin}[1;31m${message.replace(' is ', ` ${begin}[36mis${begin}[0;39m `)}${begin}[0m`,
	]),
	['in JSON', JSON.stringify({ log: `${lines.join('\n')}\n` })],
	['with Windows line endings', lines.join('\r\n')],
])('%s', (_, text) => expect(found(text)).toEqual([0]));

test('keeps what only looks like a colour', () => {
	for (const text of ['rate [5m]', 'took [30ms]', '[message]', '[10m', 'a[3mx'])
		expect(withoutTerminal(text)).toBe(text);
});

test.each([
	['within another word', 'transform_secret must be text'],
	['with another ending', 'form_secret must be textual'],
	['in another order', 'is configured to write x but does not appear in instance_map config. Instance'],
	['too far apart', message.replace('w1', 'w'.repeat(500))],
])('not %s', (_, text) => expect(found(text)).toEqual([]));
