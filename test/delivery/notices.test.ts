// Notices of what cannot be read: none of what an earlier session has read, although the store does not know of it.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { explain } from '../../src/delivery/notices.ts';
import { openStore } from '../../src/edges/store/store.ts';
import type { Unreadable } from '../../src/ports/homeserver.ts';
import type { Store } from '../../src/ports/store.ts';
import { batch, news } from '../contracts/store.ts';
import { type Played, playHomeserver } from '../homeserver.ts';

const [room, other] = ['!room:example.org', '!other:example.org'];
const [alice, bob] = ['@alice:example.org', '@bob:example.org'];
const start = Date.parse('2026-11-21T12:00:00Z');
const login = new Date(start);

let clock: number;
let store: Store;
let played: Played;

const now = () => new Date(clock);

beforeEach(async () => {
	clock = start - 600_000;
	store = await openStore();
	played = playHomeserver('@glia:example.org', now);
	for (const id of [room, other]) {
		played.createRoom(id, alice);
		played.invite(id, alice);
		await played.port.join(id, []);
	}
	await store.take(batch('1', { joined: [room, other].map(id => news([], { room: id })) }), now());
	for (const id of [room, other]) await store.tell(id, [], now());
});

afterEach(() => store.close());

/** Came so many seconds before the login. */
const closed = (event: string, seconds: number, more: Partial<Unreadable> = {}): Unreadable => ({
	...{
		event,
		room,
		sender: alice,
		at: new Date(start - seconds * 1000),
		session: 'S',
		why: 'MissingRoomKey',
		raw: '{}',
	},
	...more,
});

async function answered(event: string, where = room): Promise<void> {
	clock = start - 40_000;
	const content = { 'm.relates_to': { 'm.in_reply_to': { event_id: event } } };
	await played.port.send(where, `answer to ${event}`, { type: 'm.room.message', content });
}

/** The events that notices reply to, once they were waited for. */
async function explained(...unreadable: Unreadable[]): Promise<(string | undefined)[]> {
	clock = start + 1000;
	const rooms = Object.groupBy(unreadable, one => one.room);
	const joined = Object.entries(rooms).map(([id, events = []]) => news([], { room: id, unreadable: events }));
	await store.take(batch('2', { joined }), now());
	clock += 60_000;
	await explain({ store, homeserver: played.port, loginSince: () => login, now, said: () => undefined });
	const due = [];
	for (let next = await store.due(now(), [], 10); next.length > 0; next = await store.due(now(), [], 10))
		for (const saying of next) {
			due.push(saying.answers);
			await store.sent(saying.id, '$sent', now());
		}
	return due;
}

test('what was answered before the login needs none, nor what was said before it', async () => {
	await answered('$b');
	expect(await explained(closed('$talk', 90), closed('$a', 80), closed('$b', 70))).toEqual([]);
});

test('what came after the last answer needs one, of the same session too', async () => {
	await answered('$b');
	expect(await explained(closed('$b', 70), closed('$c', 60), closed('$d', 50, { sender: bob }))).toEqual(['$c', '$d']);
});

test('an answer in one room says nothing of another', async () => {
	await answered('$b');
	expect(await explained(closed('$b', 70), closed('$e', 80, { room: other }))).toEqual(['$e']);
});

test('as long as the homeserver does not tell, nothing is said; afterwards it is', async () => {
	played.setTrouble(call => (call === 'replied' ? { kind: 'away', why: 'status 502' } : undefined));
	expect(await explained(closed('$a', 80))).toEqual([]);
	played.setTrouble(() => undefined);
	expect(await explained()).toEqual(['$a']);
});

test('what came after the login needs no look into the room', async () => {
	played.calls.length = 0;
	expect(await explained(closed('$f', -0.5))).toEqual(['$f']);
	expect(played.calls).toEqual([]);
});
