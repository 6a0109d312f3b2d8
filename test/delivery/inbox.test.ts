// Messages are decided once, in order, by their room's rules, and a flood from one sender is limited.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { leave } from '../../commands/leave.ts';
import { usualLimits } from '../../src/advice/watch/subscription.ts';
import { saidId } from '../../src/bot/said-id.ts';
import { sayingsOf } from '../../src/bot/sayings.ts';
import type { Command } from '../../src/command.ts';
import { type Inbox, openInbox } from '../../src/delivery/inbox.ts';
import { openStore } from '../../src/edges/store/store.ts';
import type { Incoming, RoomState } from '../../src/ports/homeserver.ts';
import type { Waiting } from '../../src/ports/saying.ts';
import type { Store } from '../../src/ports/store.ts';
import { batch, incoming, news } from '../contracts/store.ts';
import { playHomeserver } from '../homeserver.ts';
import { known, knownCode, knownDistributions } from '../known.ts';
import { outside } from '../outside.ts';

const room = '!room:example.org';
const alice = '@alice:example.org';
const start = new Date('2026-11-21T12:00:00Z');
const answer = (lead: string) => ({ value: { format: 1 }, lead, sections: [], kind: 'answer' as const });
const base = { summary: '', examples: [], usage: '' };

let store: Store;
let inbox: Inbox;
let faults: unknown[];
let running: number;
let release: () => void;

const commands: Command[] = [
	{ ...base, name: 'echo', changes: false, run: ({ text }) => answer(`echo ${text}`) },
	{ ...base, name: 'set', changes: true, run: () => answer('it is set') },
	leave,
	{
		...base,
		name: 'erase',
		changes: true,
		run: ({ words: [what = '', yes] }) =>
			yes ? answer(`${what} is erased`) : { ...answer(`Erase ${what}?`), confirms: `!erase ${what} yes` },
	},
	{
		...base,
		name: 'tell',
		changes: true,
		run: ({ words, at }) =>
			words.length ? answer(`told at ${at.toISOString()}`) : { ...answer('sure?'), confirms: '!tell yes' },
	},
	{
		...base,
		name: 'wait',
		changes: false,
		async run() {
			running++;
			await new Promise<void>(resolve => {
				release = resolve;
			});
			return answer('waited');
		},
	},
	{
		...base,
		name: 'look',
		changes: false,
		looks: true,
		async run({ text }) {
			running++;
			await new Promise<void>(resolve => {
				release = resolve;
			});
			return answer(`looked ${text}`);
		},
	},
	{
		...base,
		name: 'odd',
		changes: false,
		run: () => ({
			...answer('odd'),
			get sections(): never {
				throw new Error('cannot be rendered');
			},
		}),
	},
	{
		...base,
		name: 'fail',
		changes: false,
		run() {
			throw new Error('a fault of ours');
		},
	},
];

function open(more: { bare?: boolean; changes?: number | 'state_default' } = {}, timeout?: number): Inbox {
	const now = () => start;
	const health = { version: '0', startedAt: start, lastSync: () => undefined };
	const ports = {
		knowledge: known(),
		code: knownCode(),
		distributions: knownDistributions(),
		commands,
		now,
		health,
		store,
		web: outside(now),
		limits: usualLimits,
	};
	return openInbox({
		store,
		homeserver: playHomeserver('@glia:example.org', now).port,
		respondent: { commands, ports, log: { error: () => undefined } },
		rights: { bare: true, changes: 'state_default', ...more },
		decided: () => undefined,
		fatal: error => faults.push(error),
		...(timeout !== undefined && { timeout }),
	});
}

beforeEach(async () => {
	[faults, running] = [[], 0];
	store = await openStore();
	inbox = open();
});

afterEach(async () => {
	await inbox.stop();
	await store.close();
	expect(faults).toEqual([]);
});

let token = 0;

/** Puts the bot into a room with this state and no history to read. */
async function enter(state: RoomState = {}, id = room): Promise<void> {
	if (!(await store.token())) await store.take(batch('0'), start);
	await store.take(batch(`in ${id}`, { joined: [news([], { room: id, state })] }), start);
	for (const gap of await store.gaps(start)) await store.fill(gap, { messages: [] }, start);
}

async function hear(...messages: Incoming[]): Promise<void> {
	const rooms = [...new Set(messages.map(message => message.room))];
	const joined = rooms.map(id =>
		news(
			messages.filter(message => message.room === id),
			{ room: id },
		),
	);
	await store.take(batch(`${++token}`, { joined }), start);
	inbox.wake();
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
	for (let i = 0; i < 1000; i++) {
		if (await condition()) return;
		await sleep(2);
	}
	throw new Error('the condition was not met in time');
}

const decided = () => until(async () => (await store.counts()).inbox === 0);

/** Returns and removes, in order, everything that is waiting to be sent in a room. */
async function said(id = room): Promise<Waiting[]> {
	const found: Waiting[] = [];
	for (;;) {
		const row = (await store.due(start, [], 99)).find(waiting => waiting.room === id);
		if (!row) return found;
		found.push(row);
		await store.sent(row.id, '$', start);
	}
}

async function bodies(id = room): Promise<unknown[]> {
	return (await said(id)).map(row => (row.kind === 'event' ? row.event.content.body : row.kind));
}

test('answers each command once and in order, and nothing else', async () => {
	await enter();
	await hear(incoming('a', { body: '!echo 1' }), incoming('b', { body: 'hello' }), incoming('c', { body: '!echo 2' }));
	await decided();
	const rows = await said();
	expect(rows.map(({ answers, sender, said }) => [answers, sender, said])).toEqual([
		['a', alice, saidId('answer', 'a', 0)],
		['c', alice, saidId('answer', 'c', 0)],
	]);
	await hear(incoming('a', { body: '!echo 1' }));
	await decided();
	expect(await bodies()).toEqual([]);
});

test("answers with a reply in the command's thread, with our ID and without mentions", async () => {
	await enter();
	await hear(incoming('a', { body: '!echo x', thread: '$root' }));
	await decided();
	const [row] = await said();
	expect(row).toMatchObject({
		event: {
			type: 'm.room.message',
			content: {
				msgtype: 'm.text',
				'm.mentions': {},
				'io.glia.said': row?.said,
				'm.relates_to': {
					rel_type: 'm.thread',
					event_id: '$root',
					is_falling_back: false,
					'm.in_reply_to': { event_id: 'a' },
				},
			},
		},
	});
});

test('holds up only the room of a slow command', async () => {
	const other = '!other:example.org';
	await enter();
	await enter({}, other);
	await hear(incoming('a', { body: '!wait' }), incoming('b', { body: '!echo after' }));
	await until(() => running === 1);
	await hear(incoming('c', { room: other, body: '!echo elsewhere' }));
	await until(async () => (await store.due(start, [], 9)).length === 1);
	expect(await bodies(other)).toEqual(['echo elsewhere']);
	expect(await bodies()).toEqual([]);
	release();
	await decided();
	expect(await bodies()).toEqual(['waited', 'echo after']);
});

test('answers what is still open after a restart', async () => {
	await enter();
	await inbox.stop();
	await hear(incoming('a', { body: '!echo 1' }));
	expect(await bodies()).toEqual([]);
	inbox = open();
	inbox.wake();
	await decided();
	expect(await bodies()).toEqual(['echo 1']);
});

test("lets the room's levels, or the operator's, decide who may change things", async () => {
	const create = { sender: '@carol:example.org', content: { room_version: '12' } };
	await enter({ create, power: { users: { [alice]: 50 }, state_default: 60 } });
	await hear(incoming('a', { body: '!set' }), incoming('b', { body: '!set', sender: '@carol:example.org' }));
	await decided();
	expect(await bodies()).toEqual([expect.stringContaining('need power level 60'), 'it is set']);
	await inbox.stop();
	inbox = open({ changes: 50 });
	await hear(incoming('c', { body: '!set' }));
	await decided();
	expect(await bodies()).toEqual(['it is set']);
});

test("answers yesterday's question, but does not make yesterday's change", async () => {
	await enter({ power: { users: { [alice]: 100 } } });
	const at = new Date(start.getTime() - 25 * 3600_000);
	await hear(incoming('a', { body: '!echo old', at }), incoming('b', { body: '!set', at }));
	await decided();
	expect(await bodies()).toEqual(['echo old', expect.stringContaining('more than 24 hours ago')]);
});

test.each(['!odd', '!echo one\n!odd'])('continues after an answer that cannot be rendered: %j', async body => {
	await enter();
	await hear(incoming('a', { body }), incoming('b', { body: '!echo on' }));
	await decided();
	expect(await bodies()).toEqual([expect.stringContaining('Something went wrong on my side'), 'echo on']);
	expect(faults).toEqual([]);
	expect(await store.unread()).toEqual([]);
});

test('answers an internal error with a reference, and then the next command', async () => {
	await enter();
	await hear(incoming('a', { body: '!fail' }), incoming('b', { body: '!echo on' }));
	await decided();
	expect(await bodies()).toEqual([expect.stringContaining('went wrong on my side'), 'echo on']);
});

test('ignores bare commands if they are off', async () => {
	await inbox.stop();
	inbox = open({ bare: false });
	await enter();
	await hear(
		incoming('a', { body: '!echo 1' }),
		incoming('b', { body: '!glia echo 2' }),
		incoming('c', { body: '!help' }),
	);
	await decided();
	expect(await bodies()).toEqual(['echo 2']);
});

test('lets a hundred answers wait, then refuses once and stays silent until they are sent', async () => {
	await enter();
	await hear(...Array.from({ length: 130 }, (_, i) => incoming(`a${i}`, { body: `!echo ${i}` })));
	await hear(incoming('b', { body: '!echo b', sender: '@bob:example.org' }));
	await decided();
	const first = await said();
	const mine = first.filter(({ sender }) => sender === alice);
	expect(mine).toHaveLength(101);
	expect(mine.at(-1)).toMatchObject({ limit: true, event: { content: { msgtype: 'm.notice' } } });
	expect(first.filter(({ sender }) => sender !== alice)).toHaveLength(1);
	await hear(incoming('c', { body: '!echo again' }));
	await decided();
	expect(await bodies()).toEqual(['echo again']);
});

test('answers several commands in one message before leaving', () => {
	const rows = sayingsOf([answer('one'), { ...answer('two'), afterwards: { leave: true } }], incoming('a'), undefined);
	expect(rows.map(({ kind }) => kind)).toEqual(['event', 'leave']);
	expect(sayingsOf([], incoming('a'), undefined)).toEqual([]);
});

test('sends files after the text, each with its own ID', () => {
	const files = [
		{ name: 'a.sh', type: 'text/plain', text: 'a' },
		{ name: 'b.sh', type: 'text/plain', text: 'b' },
	];
	const rows = sayingsOf([{ ...answer('one'), files }], incoming('a'), undefined);
	expect(rows.map(({ kind }) => kind)).toEqual(['event', 'file', 'file']);
	expect(new Set(rows.map(({ said }) => said)).size).toBe(3);
});

test('stops if the store fails', async () => {
	await enter();
	store.settle = () => Promise.reject(new Error('the disk is full'));
	await hear(incoming('a', { body: '!echo 1' }));
	await until(() => faults.length > 0);
	await sleep(20);
	expect(faults.splice(0)).toEqual([new Error('the disk is full')]);
});

const encryption = { algorithm: 'm.megolm.v1.aes-sha2' };
const power = { users: { [alice]: 100 } };

test('answers an unencrypted question in an encrypted room, but makes no change', async () => {
	await enter({ encryption, power });
	await hear(
		incoming('a', { body: '!echo clear' }),
		incoming('b', { body: '!set' }),
		incoming('c', { body: '!set', sealed: true, once: 'session 00' }),
	);
	await decided();
	expect(await bodies()).toEqual(['echo clear', expect.stringContaining('your message was not'), 'it is set']);
});

test('needs no encryption in a room that is not encrypted', async () => {
	await enter({ power });
	await hear(incoming('a', { body: '!set' }));
	await decided();
	expect(await bodies()).toEqual(['it is set']);
});

test('asks before !leave, leaves on `yes` or a ✅ from someone who may, and stays on any other word', async () => {
	const levels = { power: { users: { [alice]: 50 } } };
	await enter(levels);
	for (const word of ['now', '@other-bot:example.org', 'yes please', 'all', 'no'])
		await hear(incoming(`$${word}`, { body: `!leave ${word}` }));
	await decided();
	const refusals = await said();
	expect(refusals).toHaveLength(5);
	for (const row of refusals)
		expect(row).toMatchObject({ event: { content: { body: expect.stringMatching(/^I am staying/) } } });
	await hear(incoming('$ask', { body: '!leave' }));
	await decided();
	const [question, ...more] = await said();
	expect(more).toEqual([]);
	expect(question).toMatchObject({ event: { content: { body: expect.stringContaining('!leave yes') } } });
	const tick = { body: '✅', repliesTo: '$' };
	await hear(incoming('$bob', { ...tick, sender: '@bob:example.org' }));
	await decided();
	expect(await bodies()).toEqual([expect.stringContaining('power level 50')]);
	await hear(incoming('$elsewhere', { ...tick, repliesTo: '$another' }));
	await decided();
	expect(await bodies()).toEqual([]);
	await hear(incoming('$alice', tick));
	await decided();
	expect(await bodies()).toEqual([expect.stringContaining('7 days'), 'leave']);
	await hear(incoming('$yes', { body: '!leave yes' }));
	await decided();
	expect(await bodies()).toEqual([expect.stringContaining('7 days'), 'leave']);
});

test('takes a ✅ on a message that asks several questions as a yes to each of them', async () => {
	await enter({ power: { users: { [alice]: 50 } } });
	await hear(incoming('$ask', { body: '!erase one\n!erase two\n!erase one\n!leave' }));
	await decided();
	await said();
	await hear(incoming('$tick', { body: '✅', repliesTo: '$' }));
	await decided();
	const [answer, left] = await bodies();
	expect(answer).toMatch(/one is erased.*two is erased.*I am leaving/s);
	expect(answer).not.toMatch(/one is erased.*one is erased/s);
	expect(left).toBe('leave');
});

test('carries out what is confirmed once, whoever else confirms it, and as of the question', async () => {
	await enter({ power: { users: { [alice]: 50, '@carol:example.org': 50 } } });
	await hear(incoming('$ask', { body: '!tell' }));
	await decided();
	expect(await bodies()).toEqual(['sure?']);
	const ticks = [alice, '@bob:example.org', '@carol:example.org', alice];
	for (const [number, sender] of ticks.entries())
		await hear(
			incoming(`$tick${number}`, { body: '✅', repliesTo: '$', sender, at: new Date(start.getTime() - number) }),
		);
	await decided();
	expect(await bodies()).toEqual([`told at ${start.toISOString()}`, expect.stringContaining('power level 50')]);
});

test('accepts no confirmation after more than a day', async () => {
	await enter({ power: { users: { [alice]: 50 } } });
	await store.take(batch('q', { joined: [news([incoming('$ask', { body: '!leave' })])] }), start);
	const question = {
		said: 'q',
		room,
		kind: 'event' as const,
		confirms: '!leave yes',
		event: { type: 'x', content: {} },
	};
	await store.settle('$ask', [question], new Date(start.getTime() - 25 * 3600_000));
	await said();
	await hear(incoming('$tick', { body: '✅', repliesTo: '$' }));
	await decided();
	expect(await bodies()).toEqual([]);
});

describe('a command that contacts servers', () => {
	const mallory = '@mallory:example.org';
	const hurried = async () => {
		await inbox.stop();
		inbox = open({}, 10);
	};

	test('holds up nobody else, not even in its own room', async () => {
		const others = Array.from({ length: 20 }, (_, i) => `!other${i}:example.org`);
		await enter();
		for (const other of others) await enter({}, other);
		await hear(
			incoming('look', { body: '!look a', sender: mallory }),
			...others.map((room, i) => incoming(`look${i}`, { room, body: '!look b', sender: mallory })),
		);
		await until(() => running === 21);
		await hear(incoming('here', { body: '!echo here' }));
		await hear(incoming('there', { room: others[3] ?? '', body: '!echo there' }));
		await until(async () => (await store.counts()).inbox === 21);
		expect(await bodies()).toEqual(['echo here']);
		expect(await bodies(others[3])).toEqual(['echo there']);
	});

	test("is answered before its sender's next command", async () => {
		await enter();
		await hear(incoming('a', { body: '!look x' }), incoming('b', { body: '!echo after' }));
		await until(() => running === 1);
		await sleep(20);
		expect(await bodies()).toEqual([]);
		release();
		await decided();
		expect(await bodies()).toEqual(['looked x', 'echo after']);
	});

	test("gets a notice if it takes a long time, and is then answered after its sender's next command", async () => {
		await hurried();
		await enter();
		await hear(incoming('a', { body: '!look x' }), incoming('b', { body: '!echo after' }));
		await until(async () => (await store.counts()).inbox === 1);
		const rows = await said();
		expect(rows).toMatchObject([
			{ answers: 'a', said: saidId('looking', 'a', 0), event: { content: { msgtype: 'm.notice' } } },
			{ answers: 'b', said: saidId('answer', 'b', 0) },
		]);
		release();
		await decided();
		expect(await said()).toMatchObject([
			{
				said: saidId('answer', 'a', 0),
				event: { content: { body: 'looked x', 'm.relates_to': { 'm.in_reply_to': { event_id: 'a' } } } },
			},
		]);
	});

	test('runs again if the process is killed in between, with one notice and one answer', async () => {
		await hurried();
		await enter();
		await hear(incoming('a', { body: '!look x' }));
		await until(async () => (await store.counts()).outbox === 1);
		await inbox.stop();
		const lost = release;
		inbox = open({}, 10);
		inbox.wake();
		await until(() => running === 2);
		await sleep(30);
		release();
		await decided();
		// A killed process would not have got this far, but the answer is not sent a second time anyway.
		lost();
		await sleep(10);
		expect((await said()).map(row => row.said)).toEqual([saidId('looking', 'a', 0), saidId('answer', 'a', 0)]);
	});

	test('is not answered if it is redacted while it runs', async () => {
		await hurried();
		await enter();
		await hear(incoming('a', { body: '!look x' }));
		await until(() => running === 1);
		await store.take(batch('redacted', { joined: [news([], { room, redacted: ['a'] })] }), start);
		await sleep(30);
		release();
		await sleep(10);
		expect(await bodies()).toEqual([]);
	});
});
