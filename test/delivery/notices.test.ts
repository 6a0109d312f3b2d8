// Notices of unreadable messages: none for what an earlier session has read, even if the store does not know that.
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
/** What rooms are told without a reply: room and text. */
let unasked: [string, unknown][];

const now = () => new Date(clock);

beforeEach(async () => {
	clock = start - 600_000;
	unasked = [];
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

/** An unreadable message from this many seconds before the login. */
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

/** The events that notices reply to, once the time to wait for keys is over. */
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
			if (saying.answers === undefined && saying.kind === 'event')
				unasked.push([saying.room, saying.event.content.body]);
			else due.push(saying.answers);
			await store.sent(saying.id, '$sent', now());
		}
	return due;
}

test('sends no notice for messages up to the last one answered before the login', async () => {
	await answered('$b');
	expect(await explained(closed('$talk', 90), closed('$a', 80), closed('$b', 70))).toEqual([]);
});

test('sends a notice for messages after the last one answered, even in the same session', async () => {
	await answered('$b');
	expect(await explained(closed('$b', 70), closed('$c', 60), closed('$d', 50, { sender: bob }))).toEqual(['$c', '$d']);
});

test('concludes nothing about one room from an answer in another', async () => {
	await answered('$b');
	expect(await explained(closed('$b', 70), closed('$e', 80, { room: other }))).toEqual(['$e']);
});

test('says nothing until the homeserver has responded', async () => {
	played.setTrouble(call => (call === 'replied' ? { kind: 'away', why: 'status 502' } : undefined));
	expect(await explained(closed('$a', 80))).toEqual([]);
	played.setTrouble(() => undefined);
	expect(await explained()).toEqual(['$a']);
});

test('does not read the room for what came after the login', async () => {
	played.calls.length = 0;
	expect(await explained(closed('$f', -0.5))).toEqual(['$f']);
	expect(played.calls).toEqual([]);
});

test('tells a room once that the store was restored if it has answers the store does not know', async () => {
	await answered('$b');
	await explained(closed('$b', 70), closed('$c', 60), closed('$e', 80, { room: other }));
	expect(unasked).toEqual([
		[room, expect.stringMatching(/restored from a backup .* from 2026-11-21 11:58 UTC .*`!servers`/)],
	]);
	// The next check finds the same replies again.
	await explained(closed('$g', 65, { session: 'T' }));
	expect(unasked).toHaveLength(1);
});

test('does not mistake a reply to an unreadable message for a sign of a restored store', async () => {
	clock = start - 90_000;
	await store.take(batch('2', { joined: [news([], { room, unreadable: [closed('$old', 95)] })] }), now());
	clock += 20_000;
	const early = { store, homeserver: played.port, loginSince: () => new Date(0), now, said: () => undefined };
	await explain(early);
	await answered('$old');
	expect(await explained(closed('$new', 50, { sender: bob }))).toEqual(['$old', '$new']);
	expect(unasked).toEqual([]);
});

test('does not tell a room about a restored store if it is told about a lost one', async () => {
	await store.kept.put('store lost', login.toISOString());
	await answered('$b');
	await explained(closed('$b', 70));
	expect(unasked).toEqual([]);
});
