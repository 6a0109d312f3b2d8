// Problems that people reported after upgrades: Glia shows the words that docs/faults.md quotes, where it says so.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { check } from '../../commands/check.ts';
import { option } from '../../commands/option.ts';
import { upgrade } from '../../commands/upgrade.ts';
import { why } from '../../commands/why.ts';
import type { Answer } from '../../src/answer.ts';
import { asked } from '../asked.ts';
import { wholePorts } from '../respondent.ts';

const ports = await wholePorts([], new Date('2026-11-29T12:00:00Z'));
const page = readFileSync(new URL('../../docs/faults.md', import.meta.url), 'utf8');

/** The rows of the table: the command, its files, where the words appear, and the words. */
const cases = [
	...page.matchAll(/^\| `!([^`]+)`(?: with ([^|]+))? \| [^|]+ \| (first screen|the steps) \| (.+) \|$/gm),
].map(([, command = '', files = '', where = '', words = '']) => ({ command, files, where, words }));

async function answered(command: string, files: string): Promise<Answer> {
	const [name = '', ...rest] = command.split(' ');
	const given = [...files.matchAll(/`([^`]+)`/g)].map(([, file = '']) => ({
		name: file,
		text: readFileSync(new URL(`reports/${file}`, import.meta.url), 'utf8'),
	}));
	const question = { ...asked(rest.join(' ')), ...(given.length && { files: given }) };
	const commands = { upgrade, option, why, check };
	const run = commands[name as keyof typeof commands].run as (q: typeof question, p: typeof ports) => Promise<Answer>;
	return await run(question, ports);
}

/** Without emphasis and line breaks, which are only formatting. */
function plain(text: string): string {
	return text.replaceAll('**', '').replace(/\\\n/g, ' ').replace(/\s+/g, ' ');
}

function shown({ title = '', lead, sections }: Answer, where: string): string {
	const open = sections.filter(({ fold, title }) => (where === 'the steps' ? /^The steps/.test(title) : !fold));
	return plain([title, lead, ...open.map(section => `${section.title} ${section.markdown}`)].join(' '));
}

test('has a table that can be parsed', () => expect(cases.length).toBeGreaterThanOrEqual(27));

test.each(cases)('!$command $files: $words', async ({ command, files, where, words }) => {
	const text = shown(await answered(command, files), where);
	let at = 0;
	for (const piece of words.split(' … ')) {
		const found = text.indexOf(piece, at);
		expect(found < 0 ? `“${piece}” is not in: ${text.slice(0, 1500)}` : '').toBe('');
		at = found + piece.length;
	}
});
