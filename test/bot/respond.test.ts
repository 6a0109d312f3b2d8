import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/answer.ts';
import type { Respondent } from '../../src/bot/calls.ts';
import { callsIn } from '../../src/bot/calls.ts';
import { respond } from '../../src/bot/respond.ts';
import type { Asked, Command } from '../../src/command.ts';
import { respondentOf } from '../respondent.ts';

function command(name: string, more: Partial<Command> = {}): Command {
	return {
		name,
		usage: name,
		summary: '',
		examples: [],
		changes: false,
		run: ({ words }: Asked) => ({ value: { words }, lead: name, sections: [], kind: 'answer' }),
		...more,
	};
}

const commands = [
	command('upgrade', { usage: 'upgrade <from> [to]' }),
	command('help'),
	command('status'),
	command('ack', { changes: true }),
	command('refuse', {
		run: () => {
			throw new Refusal('Say a `version`.');
		},
	}),
	command('break', {
		run: () => {
			throw new Error('secret');
		},
	}),
];

const now = new Date('2026-11-21T12:00:00Z');

function respondent(more: Partial<Respondent> = {}): Respondent {
	return { ...respondentOf(commands, now), ...more };
}

function said(body: string, more: Partial<Respondent> & { mentioned?: boolean } = {}): string[] {
	return callsIn({ body, mentioned: more.mentioned ?? false }, respondent(more)).map(({ name, words }) =>
		[name, ...words].join(' '),
	);
}

describe('understands commands as people type them', () => {
	test.each([
		['!upgrade 1.56 1.69', ['upgrade 1.56 1.69']],
		['! upgrade 1.56', ['upgrade 1.56']],
		['!Upgrade 1.56', ['upgrade 1.56']],
		['  !upgrade   1.56\t1.69  ', ['upgrade 1.56 1.69']],
		['!upgrade\u00a01.56\u202f1.69', ['upgrade 1.56 1.69']],
		['\u200b!upgrade 1.56', ['upgrade 1.56']],
		['！upgrade 1.56', ['upgrade 1.56']],
		['!upgrade\n1.56 1.69', ['upgrade 1.56 1.69']],
		['!upgrade\r\n1.56 1.69', ['upgrade 1.56 1.69']],
		['!status\nthanks', ['status']],
		['!upgrade 1.56\nthanks', ['upgrade 1.56']],
		['!help\n!status', ['help', 'status']],
		['!upgrade\n!status', ['upgrade', 'status']],
		['!glia upgrade 1.56', ['upgrade 1.56']],
		['!GLIA Upgrade 1.56', ['upgrade 1.56']],
		['!glia', ['help']],
		['glia: upgrade 1.56', ['upgrade 1.56']],
		['Glia, upgrade 1.56', ['upgrade 1.56']],
		['glia upgrade 1.56', ['upgrade 1.56']],
		['@glia:example.org: upgrade 1.56', ['upgrade 1.56']],
		['@glia upgrade 1.56', ['upgrade 1.56']],
		['Glia the bot: !upgrade 1.56', ['upgrade 1.56']],
		['[Glia](https://matrix.to/#/@glia:example.org): upgrade 1.56', ['upgrade 1.56']],
		['[Glia](https://matrix.to/#/%40glia%3Aexample.org) help', ['help']],
		['!glia frobnicate', ['frobnicate']],
		['glia: frobnicate', ['frobnicate']],
	])('%j', (body, expected) => expect(said(body)).toEqual(expected));
});

describe('ignores what is not addressed to the bot', () => {
	test.each([
		'',
		'!',
		'!!',
		'!!!upgrade',
		'upgrade 1.56',
		'see !upgrade 1.56',
		'!frobnicate',
		'!1',
		'> !upgrade 1.56',
		'> <@a:b> !help\n\nyes',
		'glia is nice',
		'gliadin: upgrade',
		'@gliax:example.org: help',
		'[Other](https://matrix.to/#/@other:example.org): help',
		'[Glia](https://evil.example/#/@glia:example.org): help',
	])('%j', body => expect(said(body)).toEqual([]));
	test('even if bare commands are off', () => {
		expect(said('!upgrade 1.56', { bare: false })).toEqual([]);
		expect(said('!glia upgrade 1.56', { bare: false })).toEqual(['upgrade 1.56']);
	});
	test('unless the event mentions the bot', () => expect(said('glia thanks', { mentioned: true })).toEqual(['thanks']));
});

const message = { room: '!r', sender: '@a:b', at: now, mentioned: false };

describe('answers', () => {
	async function answer(body: string, more: Partial<Respondent> = {}, at = now) {
		return respond({ ...message, at, body }, respondent(more));
	}
	test('explains a command followed by `help` instead of running it', async () => {
		for (const words of ['help', '--help', '-h', '?']) {
			const [given] = await answer(`!upgrade ${words}`);
			expect(given).toMatchObject({ lead: 'help', value: { words: ['upgrade'] } });
		}
		const [ack] = await answer('!ack help', { mayChange: () => 'not you' });
		expect(ack).toMatchObject({ lead: 'help', value: { words: ['ack'] } });
		expect(await answer('!upgrade help me')).toMatchObject([{ lead: 'upgrade' }]);
	});

	test("suggests our command for another program's name for it", async () => {
		const [given] = await answer('!glia versions');
		expect(given?.lead).toContain('Did you mean `!status`?');
		// Suggest nothing if there is no such command.
		const [other] = await answer('!glia changelog');
		expect(other?.lead).not.toContain('!notes');
	});

	test('suggests the nearest command if an unknown one was meant for the bot', async () => {
		expect(await answer('!glia upgrad')).toMatchObject([
			{ kind: 'refusal', lead: expect.stringContaining('`!upgrade`') },
		]);
	});
	test('returns a refusal unchanged, but without code marks in JSON', async () => {
		expect(await answer('!refuse')).toMatchObject([
			{ kind: 'refusal', lead: 'Say a `version`.', value: { format: 1, refused: 'Say a version.' } },
		]);
	});
	test('logs an internal error under the reference in the answer, which reveals nothing else', async () => {
		const logged: Record<string, unknown>[] = [];
		const [fault] = await answer('!break', { log: { error: fields => logged.push(fields) } });
		expect(fault).toMatchObject({ kind: 'fault', value: { format: 1, error: expect.any(String) } });
		expect(fault?.lead).toContain(String(logged[0]?.reference));
		expect(JSON.stringify(fault)).not.toContain('secret');
	});
	test('reports each command and its outcome, but never what people wrote', async () => {
		const heard: string[] = [];
		const answered = (name: string, outcome: string, ms: number) => heard.push(`${name} ${outcome} ${ms >= 0}`);
		const log = { error: () => {} };
		await answer('!help\n!refuse\n!break\n!glia hunter2', { answered, log });
		expect(heard).toEqual(['help answered true', 'refuse refused true', 'break failed true', 'unknown refused true']);
	});
	test('refuses changes, but not questions, from people who may not change things', async () => {
		const mayChange = () => 'You lack power.';
		expect(await answer('!ack', { mayChange })).toMatchObject([{ kind: 'refusal', lead: 'You lack power.' }]);
		expect(await answer('!help', { mayChange })).toMatchObject([{ kind: 'answer' }]);
	});
	test('refuses a change that is more than 24 hours old, but answers a question', async () => {
		const yesterday = new Date(now.getTime() - 24 * 3600 * 1000 - 1);
		expect(await answer('!ack\n!help', {}, yesterday)).toMatchObject([{ kind: 'refusal' }, { kind: 'answer' }]);
		expect(await answer('!ack', {}, new Date(yesterday.getTime() + 1))).toMatchObject([{ kind: 'answer' }]);
	});
	test('refuses a flood of commands in one message once', async () => {
		expect(await answer(Array(500).fill('!help').join('\n'))).toMatchObject([{ kind: 'refusal' }]);
	});
});

describe('a long message', () => {
	const asked = (body: string, more: Partial<Respondent> = {}) =>
		respond({ body, room: 'r', sender: 's', at: now, mentioned: false }, respondent(more));
	const check = command('check', { takesText: true, run: ({ text }) => ({ ...blank, value: { text } }) });
	const blank = { value: {}, lead: '', sections: [], kind: 'answer' as const };

	test('reads a command of up to 4,096 characters, and refuses a longer one in one sentence', async () => {
		const [fits] = await asked(`!upgrade ${'a'.repeat(4087)}`);
		expect(fits?.kind).toBe('answer');
		const answers = await asked(`!upgrade ${'a'.repeat(4088)}`);
		expect(answers).toHaveLength(1);
		expect(answers[0]?.lead).toBe('This command has 4097 characters, but I read at most 4096. Please shorten it.');
		const [next] = await asked(`!upgrade\n${'a'.repeat(60_000)}`);
		expect(next).toMatchObject({ kind: 'refusal', lead: expect.stringContaining('60000 characters') });
	});

	test('reads the first 1,024 characters of other messages, without quoted lines', () => {
		expect(said(`${'talk '.repeat(200)}\n!help`)).toEqual(['help']);
		expect(said(`${'talk '.repeat(210)}\n!help`)).toEqual([]);
		expect(said(`!status\n${'talk '.repeat(210)}\n!help`)).toEqual(['status']);
		expect(said(`> ${'quoted '.repeat(2000)}\n!help`)).toEqual(['help']);
	});

	test('passes all following lines to a command that accepts a text, and runs none of them', async () => {
		const text = `server_name: a\n\n  !help: 1\n${'x'.repeat(50_000)}`;
		const commands = [command('help'), check];
		const answers = await asked(`!help\n!Check ${text}\n`, { commands });
		expect(answers.map(({ value }) => value)).toEqual([{ words: [] }, { text }]);
	});

	test('may contain at most ten commands', async () => {
		const answers = await asked('!help\n'.repeat(10_000));
		expect(answers).toMatchObject([{ kind: 'refusal', lead: expect.stringContaining('at most 10 at once') }]);
	});
});
