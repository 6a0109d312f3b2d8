// Only messages that may be addressed to the bot are stored.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { commands } from '../../commands/index.ts';
import { fillGaps } from '../../src/delivery/backfill.ts';
import { meantForUs } from '../../src/delivery/meant.ts';
import { takeIn } from '../../src/delivery/sync.ts';
import { openStore } from '../../src/edges/store/store.ts';
import type { Incoming, Outcome } from '../../src/ports/homeserver.ts';
import type { Store } from '../../src/ports/store.ts';
import { silence } from '../../src/runtime/log.ts';
import { batch, incoming, news, saying } from '../contracts/store.ts';
import { playHomeserver } from '../homeserver.ts';

const room = '!room:example.org';
const alice = '@alice:example.org';
const now = () => new Date('2026-11-21T12:00:00Z');
let people: Outcome<number>;
const homeserver = {
	names: () => ['glia', '@glia:example.org', 'Glia Bot'],
	people: async () => people,
};

let folder: string;
let store: Store;

beforeEach(async () => {
	people = { value: 3 };
	folder = mkdtempSync(join(tmpdir(), 'glia-meant-'));
	store = await openStore(folder);
	await store.take(batch('[]'), now());
	await store.take(batch('[]', { joined: [news()] }), now());
	for (const gap of await store.gaps(now())) await store.fill(gap, { messages: [] }, now());
});

afterEach(async () => {
	await store.close();
	rmSync(folder, { recursive: true, force: true });
});

const meant = (messages: readonly Incoming[]) => meantForUs(messages, { store, homeserver, commands });

async function kept(...messages: Partial<Incoming>[]): Promise<string[]> {
	const all = messages.map((message, i) => incoming(`$${i}`, message));
	return (await meant(all)).map(({ body }) => body);
}

test.each<[string, Partial<Incoming>, boolean]>([
	['a command', { body: '!upgrade 1.56 1.69' }, true],
	["a command with the bot's name", { body: '! glia status' }, true],
	["a command after the bot's display name", { body: 'Glia Bot: help' }, true],
	["an unknown command with the bot's name", { body: '!glia frobnicate' }, true],
	['a command in the second line', { body: 'good morning\n!status' }, true],
	['a mention', { body: 'what do you think?', mentioned: true }, true],
	['a reaction', { body: '✅', repliesTo: '$said' }, true],
	['a reaction that begins a guide', { body: '▶', repliesTo: '$said' }, true],
	['talk', { body: 'the password of the new server is hunter2' }, false],
	['a reply', { body: 'yes, I think so', repliesTo: '$said' }, false],
	['a quoted command', { body: '> !status' }, false],
	["another bot's command", { body: '!frobnicate now' }, false],
	['a conversation in a separate thread', { body: 'done', thread: '$theirs' }, false],
	['a conversation about the bot', { body: 'I like glia' }, false],
])('decides whether to store %s', async (_what, message, is) => {
	expect((await kept(message)).length === 1).toBe(is);
});

test.each<[string, Outcome<number>, boolean]>([
	['with one other person', { value: 2 }, true],
	['with more people', { value: 3 }, false],
	['whose members are unknown', { failure: { kind: 'away', why: 'gone' } }, false],
])('decides whether to store a pasted log in a room %s', async (_what, count, is) => {
	people = count;
	const pasted = { body: 'Traceback (most recent call last):\nValueError: planted', mentioned: false };
	const found = await meant([incoming('$0', pasted), incoming('$1', { body: 'so much for today' })]);
	expect(found.map(({ event, body, mentioned, unread }) => ({ event, body, mentioned, unread }))).toEqual(
		is ? [{ event: '$0', body: '', mentioned: true, unread: true }] : [],
	);
});

test('stores messages in the thread of a guide session, at every point of its start', async () => {
	const session = {
		...{ guide: 'small', stated: {}, facts: [], asked: 'small', id: 'w', room, passed: [] },
		...{ is: 'open' as const, since: now().toISOString(), refused: [], place: { stage: 'a', gate: false } },
	};
	const done = { body: 'done', thread: '$thread' };
	// The start is in the same batch.
	expect(await kept({ body: '!postgres 15 17 docker start', thread: '$thread' }, done)).toHaveLength(2);
	expect(await kept(done, { body: 'done', thread: '$other' })).toEqual([]);
	// The start is stored, but not decided yet.
	const begin = incoming('$begin', { body: '!postgres 15 17 docker start', thread: '$thread' });
	await store.take(batch('2', { joined: [news([begin])] }), now());
	expect(await kept(done)).toEqual(['done']);
	// The start is decided, and its first message is not sent yet.
	const says = [{ said: 'first', place: session.place }];
	await store.settle('$begin', [saying('first')], now(), { session, thread: { root: 'first' }, says });
	expect(await kept({ body: 'done', thread: '$unknown yet' })).toEqual(['done']);
	const [row] = await store.due(now(), [], 1);
	await store.sent(row?.id ?? 0, '$root', now());
	expect(await kept({ body: 'done', thread: '$root' }, { body: 'done', thread: '$elsewhere' })).toEqual(['done']);
	expect(await kept({ body: 'an error: no space left on device', thread: '$root' })).toHaveLength(1);
});

test('stores commands until they are decided, but never other messages, from a sync or a gap', async () => {
	const played = playHomeserver('@glia:example.org', now);
	played.createRoom(room, alice);
	played.invite(room, alice);
	await played.port.join(room, []);
	await played.port.sync(undefined);
	let round = 0;
	let stopping = false;
	const seen: string[] = [];
	const common = { store, homeserver: played.port, now, random: () => 1, log: silence, meant };
	const ends = { locked: fail, stopping: () => stopping };
	const bytes = () =>
		readdirSync(folder)
			.map(name => readFileSync(join(folder, name), 'latin1'))
			.join('');
	await takeIn({
		...common,
		...ends,
		taken() {
			seen.push(...(bytes().match(/planted-\w+/g) ?? []));
			if (++round > 20) stopping = true;
			for (let i = 0; i < 5; i++) played.say(room, alice, `planted-talk and more ${'words '.repeat(i * 200)}`);
			if (round === 10) played.say(room, alice, '!status planted-command');
		},
		unreachable: fail,
		missed: () => undefined,
		pause: async () => undefined,
		untilSent: async () => undefined,
	});
	expect([...new Set(seen)]).toEqual(['planted-command']);
	stopping = false;
	await store.take(batch('gap', { joined: [news([], { gap: '60' })] }), now());
	await fillGaps({ ...common, ...ends, filled: () => undefined, failures: new Map(), hears: () => true });
	expect(new Set(bytes().match(/planted-\w+/g))).toEqual(new Set(['planted-command']));
	for (let next = await store.nextMessage(room); next; next = await store.nextMessage(room))
		await store.settle(next.event, [], now());
	await store.tidy();
	expect(bytes()).not.toContain('planted');
});

function fail(why: unknown): never {
	throw new Error(String(why));
}
