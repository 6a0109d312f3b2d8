import { expect, test } from 'vitest';
import { help } from '../../commands/help.ts';
import { commands } from '../../commands/index.ts';
import { asked } from '../asked.ts';

const said = (text: string) => JSON.stringify(help.run(asked(text), { commands }));

test('names every command', () => {
	const all = said('');
	for (const { name } of commands) expect(all).toContain(`!${name}`);
});

test.each(commands.map(({ name, summary }) => [name, summary]))('says what %s is for', (name, summary) => {
	expect(said(name ?? '').toLowerCase()).toContain(JSON.stringify(summary?.slice(0, 20).toLowerCase()).slice(1, -1));
});

test('lists the facts', () => expect(said('facts')).toContain('reverse-proxy'));

test('suggests a similar command for an unknown one', () => {
	expect(() => said('upgrde')).toThrow('upgrade');
});

test('fits one screen', () => {
	const { lead, sections } = help.run(asked(''), { commands });
	const text = [lead, ...sections.flatMap(({ title, markdown }) => [title, markdown])].join(' ');
	expect(text.split(/\s+/).filter(word => /\w/.test(word)).length).toBeLessThanOrEqual(220);
	for (const { summary } of commands) expect(summary.length, summary).toBeLessThanOrEqual(60);
});
