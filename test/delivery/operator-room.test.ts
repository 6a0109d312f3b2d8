// The operator's room is followed through upgrades, even after the store has forgotten the old rooms.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { operatorPort } from '../../src/app/operator.ts';
import type { Config } from '../../src/config.ts';
import { operatorRoom } from '../../src/delivery/operator-room.ts';
import { openStore } from '../../src/edges/store/store.ts';
import type { Store } from '../../src/ports/store.ts';
import { batch, news } from '../contracts/store.ts';

const now = new Date('2026-11-29T12:00:00Z');
let store: Store;
let token = 0;

beforeEach(async () => {
	store = await openStore();
	await store.take(batch(`${++token}`), now);
});

afterEach(() => store.close());

const join = (...rooms: string[]) =>
	store.take(batch(`${++token}`, { joined: rooms.map(room => ({ ...news([]), room })) }), now);

/** Replaces a room; the bot follows. */
async function upgrade(room: string, replacement: string): Promise<void> {
	const tombstone = { sender: '@admin:example.org', replacement };
	await store.take(batch(`${++token}`, { joined: [news([], { room, state: { tombstone } })] }), now);
	await join(replacement);
	const [move] = await store.moves(now);
	if (!move) throw new Error('no move is due');
	await store.moved(move, now);
}

test('is the configured room, whether the bot is in it or not', async () => {
	expect(await operatorRoom('!ops', store)).toBe('!ops');
	await join('!ops');
	expect(await operatorRoom('!ops', store)).toBe('!ops');
});

test('moves with each room upgrade that the bot follows', async () => {
	await join('!ops', '!other');
	await upgrade('!ops', '!ops2');
	await upgrade('!other', '!other2');
	expect(await operatorRoom('!ops', store)).toBe('!ops2');
	await upgrade('!ops2', '!ops3');
	expect(await operatorRoom('!ops', store)).toBe('!ops3');
});

test('ignores a replacement that the bot has not followed yet', async () => {
	await join('!ops');
	const tombstone = { sender: '@admin:example.org', replacement: '!ops2' };
	await store.take(batch('t', { joined: [news([], { room: '!ops', state: { tombstone } })] }), now);
	expect(await operatorRoom('!ops', store)).toBe('!ops');
});

test('remembers rooms that the store has forgotten until another one is configured', async () => {
	await join('!ops');
	await upgrade('!ops', '!ops2');
	expect(await operatorRoom('!ops', store)).toBe('!ops2');
	await store.leftRoom('!ops', now);
	await store.forget('!ops');
	expect(await store.replacementOf('!ops')).toBeUndefined();
	expect(await operatorRoom('!ops', store)).toBe('!ops2');
	await upgrade('!ops2', '!ops3');
	expect(await operatorRoom('!ops', store)).toBe('!ops3');
	expect(await operatorRoom('!mine', store)).toBe('!mine');
});

test('stops following rooms that replace each other in a loop', async () => {
	await join('!ops');
	await upgrade('!ops', '!ops2');
	await upgrade('!ops2', '!ops3');
	await upgrade('!ops3', '!ops2');
	for (let i = 0; i < 3; i++) expect(await operatorRoom('!ops', store)).toBe('!ops3');
});

test('sends an announcement to every other room, except replaced ones', async () => {
	await join('!ops', '!a', '!b');
	await upgrade('!ops', '!ops2');
	await upgrade('!b', '!b2');
	const config = { matrix: { allow: [] } } as unknown as Config;
	const port = operatorPort({ room: '!ops', config, store, now: () => now });
	expect(await port.room()).toBe('!ops2');
	expect(await port.rooms()).toContainEqual(expect.objectContaining({ room: '!b', replacedBy: '!b2' }));
	const gaps = await store.gaps(now);
	for (const gap of gaps) await store.fill(gap, { messages: [] }, now);
	expect(await port.announce('We move on Sunday.', ['key'])).toBe(2);
	const rooms = (await store.due(now, [], 9)).map(({ room }) => room);
	expect(rooms.sort()).toEqual(['!a', '!b2']);
});
