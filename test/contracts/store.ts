// The contract of every store: one suite, run in memory, on a file and on PostgreSQL.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Batch, Incoming, RoomState, Unreadable } from '../../src/ports/homeserver.ts';
import type { Saying } from '../../src/ports/saying.ts';
import type { Store } from '../../src/ports/store.ts';

const room = '!room:example.org';
const alice = '@alice:example.org';
const start = new Date('2026-11-21T12:00:00Z');
const later = (seconds: number) => new Date(start.getTime() + seconds * 1000);

export function incoming(event: string, more: Partial<Incoming> = {}): Incoming {
	return { event, room, sender: alice, at: start, body: `!echo ${event}`, mentioned: false, ...more };
}

export function batch(token: string, more: Partial<Omit<Batch, 'token'>> = {}): Batch {
	return { token, joined: [], invited: [], left: [], ...more };
}

/** What a sync says about a room; a test only gives what it is about. */
export function news(messages: Incoming[] = [], more: Partial<Batch['joined'][number]> = {}): Batch['joined'][number] {
	const last = messages.at(-1);
	return {
		room,
		state: {},
		messages,
		redacted: [],
		...(last && { last: { event: last.event, at: last.at } }),
		...more,
	};
}

export function saying(said: string, more: Partial<Saying> = {}): Saying {
	const event = { type: 'm.room.message', content: { body: said, 'm.relates_to': { x: 1 }, 'io.glia.said': said } };
	return { said, room, kind: 'event', event, ...more } as Saying;
}

export function storeContract(open: () => Promise<Store>): void {
	let store: Store;

	beforeEach(async () => {
		store = await open();
	});
	afterEach(() => store.close());

	/** Puts the bot into a room in the second sync, with no history left to read. */
	async function inRoom(state: RoomState = {}): Promise<void> {
		await store.take(batch('1'), start);
		await store.take(batch('2', { joined: [news([], { state })] }), start);
		for (const gap of await store.gaps(start)) await store.fill(gap, { messages: [] }, start);
	}

	async function bodies(): Promise<string[]> {
		const found: string[] = [];
		for (let message = await store.nextMessage(room); message; message = await store.nextMessage(room)) {
			found.push(message.event);
			await store.settle(message.event, [], start);
		}
		return found;
	}

	test('accepts a ciphertext only once: in a later sync, in the same one, in a gap', async () => {
		await inRoom();
		const once = (event: string, message: string) => incoming(event, { sealed: true, once: `session ${message}` });
		await store.take(batch('3', { joined: [news([once('a', '00'), once('b', '00'), once('c', '01')])] }), start);
		expect(await bodies()).toEqual(['a', 'c']);
		await store.take(batch('4', { joined: [news([once('d', '01'), once('e', '02')], { gap: 'g' })] }), start);
		// Newest first: `f` was sent before its copy `g`.
		const messages = [once('g', '03'), once('f', '03'), once('a', '00')];
		for (const gap of await store.gaps(start)) await store.fill(gap, { messages }, start);
		expect(await bodies()).toEqual(['f', 'e']);
	});

	test('keeps the account, and can drop its token', async () => {
		expect(await store.account()).toBeUndefined();
		const account = {
			user: alice,
			homeserver: 'https://h',
			device: 'D',
			token: 'secret',
			origin: 'login',
			since: start,
		};
		await store.keepAccount(account);
		await store.keepAccount({ ...account, token: 'newer' });
		expect(await store.account()).toEqual({ ...account, token: 'newer' });
		await store.dropToken();
		expect(await store.account()).toBeUndefined();
		expect(await store.owner()).toBe(alice);
	});

	test('makes everything due that was waiting for the homeserver', async () => {
		await inRoom();
		const tombstone = { sender: alice, replacement: '!fresh' };
		const invited = [{ room: '!other:x', inviter: alice }];
		await store.take(batch('3', { joined: [news([], { gap: 'back', state: { tombstone } })], invited }), start);
		const [gap] = await store.gaps(start);
		if (gap) await store.postponeGap(gap, later(60));
		await store.postponeInvitation('!other:x', later(60));
		await store.postponeMove(room, later(60));
		const due = async () => [await store.gaps(start), await store.invitations(start), await store.moves(start)];
		expect((await due()).map(({ length }) => length)).toEqual([0, 0, 0]);
		await store.hurry(start);
		expect((await due()).map(({ length }) => length)).toEqual([1, 1, 1]);
	});

	test('does not wait for a clock that was turned back', async () => {
		await inRoom();
		const tombstone = { sender: alice, replacement: '!fresh' };
		const invited = [{ room: '!other:x', inviter: alice }];
		await store.take(batch('3', { joined: [news([], { gap: 'back', state: { tombstone } })], invited }), start);
		await store.say([saying('a'), saying('b')], start);
		const [gap, delivery] = [(await store.gaps(start))[0], (await store.due(start, [], 1))[0]];
		const postpone = async (until: Date) => {
			if (gap) await store.postponeGap(gap, until);
			await store.postponeInvitation('!other:x', until);
			await store.postponeMove(room, until);
			await store.postpone(delivery?.id ?? 0, until);
		};
		const due = async () =>
			[
				await store.gaps(start),
				await store.invitations(start),
				await store.moves(start),
				await store.due(start, [], 1),
				await store.due(start, ['!none'], 1),
			].map(({ length }) => length);
		// Nothing ever waits longer than an hour.
		await postpone(later(3600));
		expect(await due()).toEqual([0, 0, 0, 0, 0]);
		await postpone(later(24 * 3600));
		expect(await due()).toEqual([1, 1, 1, 1, 1]);
		expect((await store.due(start, [], 9)).map(({ said }) => said)).toEqual(['a']);
	});

	describe('inbox', () => {
		test('stores messages with the sync token, once and in order', async () => {
			await inRoom();
			await store.take(batch('3', { joined: [news([incoming('a'), incoming('b')])] }), start);
			await store.take(batch('4', { joined: [news([incoming('b'), incoming('c')])] }), start);
			expect(await store.token()).toBe('4');
			expect(await store.unread()).toEqual([room]);
			expect(await bodies()).toEqual(['a', 'b', 'c']);
			await store.take(batch('5', { joined: [news([incoming('a')])] }), start);
			expect(await store.unread()).toEqual([]);
		});

		test('keeps what is needed to read a message again until it is decided', async () => {
			await inRoom();
			const more = { body: '', unread: true, raw: '{"type":"m.room.encrypted"}', wants: true } as const;
			await store.take(batch('3', { joined: [news([incoming('a', more), incoming('b', { raw: 'x' })])] }), start);
			expect(await store.nextMessage(room)).toEqual(incoming('a', more));
			await store.settle('a', [], start);
			expect(await store.nextMessage(room)).toEqual(incoming('b'));
		});

		test('waits ten minutes for a file from the sender, and longer for one in a reply', async () => {
			await inRoom();
			const wants = { body: '', unread: true, wants: true } as const;
			await store.take(batch('3', { joined: [news([incoming('a', wants), incoming('b', { body: '!echo' })])] }), start);
			await store.settle('a', [saying('answer', { answers: 'a' })], start);
			await store.settle('b', [saying('other', { answers: 'b' })], start);
			for (const row of await store.due(start, [], 1)) await store.sent(row.id, '$answer', start);
			for (const row of await store.due(start, [], 1)) await store.sent(row.id, '$other', start);
			const file = (more: Partial<Incoming>) => store.awaitsFile(incoming('file', { at: later(300), ...more }));
			const bob = '@bob:example.org';
			expect(await file({})).toBe(true);
			expect(await file({ at: later(601) })).toBe(false);
			expect(await file({ at: later(-1) })).toBe(false);
			expect(await file({ sender: bob })).toBe(false);
			expect(await file({ room: '!other:x' })).toBe(false);
			for (const repliesTo of ['a', '$answer'])
				expect(await file({ sender: bob, at: later(9999), repliesTo })).toBe(true);
			for (const repliesTo of ['b', '$other']) expect(await file({ sender: bob, repliesTo })).toBe(false);
		});

		test('does not answer what was answered together with another message, even if it arrives later', async () => {
			await inRoom();
			await store.take(batch('3', { joined: [news([incoming('a'), incoming('b'), incoming('c')])] }), start);
			await store.settle('a', [], start, undefined, ['b', 'd']);
			await store.take(batch('4', { joined: [news([incoming('d'), incoming('e')])] }), start);
			expect(await bodies()).toEqual(['c', 'e']);
		});

		test('returns every field of a message', async () => {
			await inRoom();
			const message = incoming('a', { repliesTo: '$r', thread: '$t', mentioned: true, body: 'ä\u0000😀' });
			await store.take(batch('3', { joined: [news([message])] }), start);
			expect(await store.nextMessage(room)).toEqual(message);
		});

		test('ignores what rooms said before the first sync or before our join', async () => {
			await store.take(batch('1', { joined: [news([incoming('old')])] }), start);
			expect(await store.unread()).toEqual([]);
			const other = '!other:example.org';
			await store.take(batch('2', { joined: [news([incoming('x', { room: other })], { room: other })] }), start);
			expect(await store.gaps(start)).toEqual([{ room: other, batch: 2, from: '2' }]);
			expect(await store.nextMessage(other)).toBeUndefined();
		});

		test("holds up a room until its gap is filled, and then returns the gap's messages first", async () => {
			await inRoom();
			await store.take(batch('3', { joined: [news([incoming('a')])] }), start);
			await store.take(batch('4', { joined: [news([incoming('f'), incoming('g')], { gap: 'back' })] }), start);
			expect(await store.unread()).toEqual([]);
			const [gap] = await store.gaps(start);
			expect(gap).toEqual({ room, batch: 4, from: 'back', until: { event: 'a', at: start } });
			if (!gap) return;
			await store.fill(gap, { messages: [incoming('e'), incoming('d')], next: 'further' }, start);
			expect((await store.gaps(start))[0]?.from).toBe('further');
			await store.fill(gap, { messages: [incoming('c'), incoming('b')] }, start);
			expect(await store.gaps(start)).toEqual([]);
			expect(await bodies()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
		});

		test('postpones a gap', async () => {
			await inRoom();
			await store.take(batch('3', { joined: [news([], { gap: 'back' })] }), start);
			const [gap] = await store.gaps(start);
			if (!gap) throw new Error('no gap');
			await store.postponeGap(gap, later(10));
			expect(await store.gaps(later(9))).toEqual([]);
			expect(await store.gaps(later(10))).toHaveLength(1);
		});

		test('stores neither the decision nor any answer if one answer cannot be stored', async () => {
			await inRoom();
			await store.take(batch('3', { joined: [news([incoming('a')])] }), start);
			// JSON cannot represent a BigInt.
			const event = { type: 'm.room.message', content: { body: 1n } };
			const sayings = [saying('one', { answers: 'a' }), { ...saying('two'), event } as Saying];
			await expect(store.settle('a', sayings, start)).rejects.toThrow(/BigInt/);
			expect((await store.nextMessage(room))?.event).toBe('a');
			expect(await store.due(start, [], 9)).toEqual([]);
		});

		test('decides and answers in one step, and says the same thing only once', async () => {
			await inRoom();
			await store.take(batch('3', { joined: [news([incoming('a'), incoming('b')])] }), start);
			await store.settle('a', [saying('one', { answers: 'a', sender: alice })], start);
			await store.settle('a', [saying('other')], start);
			await store.settle('b', [saying('one')], start);
			expect((await store.due(start, [], 9)).map(({ said }) => said)).toEqual(['one']);
			expect(await store.unread()).toEqual([]);
		});

		test('drops a redacted command, decided or not, unless sending its answer was attempted', async () => {
			await inRoom();
			const all = ['a', 'b', 'c'].map(event => incoming(event));
			await store.take(batch('3', { joined: [news(all)] }), start);
			await store.settle('a', [saying('A', { answers: 'a' })], start);
			await store.settle('b', [saying('B', { answers: 'b' })], start);
			const tried = (await store.due(start, [], 9))[0];
			await store.postpone(tried?.id ?? 0, start);
			await store.take(batch('4', { joined: [news([], { redacted: ['a', 'b', 'c'] })] }), start);
			expect(await store.unread()).toEqual([]);
			expect((await store.due(start, [], 9)).map(({ said }) => said)).toEqual(['A']);
			await store.sent(tried?.id ?? 0, '$1', start);
			expect(await store.due(start, [], 9)).toEqual([]);
		});

		test("counts a sender's waiting answers, and whether the sender was told of the limit", async () => {
			await inRoom();
			await store.take(batch('3', { joined: [news(['a', 'b', 'c'].map(event => incoming(event)))] }), start);
			expect(await store.load(alice)).toEqual({ waiting: 0, told: false });
			await store.settle('a', [saying('A', { sender: alice })], start);
			expect(await store.load(alice)).toEqual({ waiting: 1, told: false });
			await store.settle('b', [saying('limit', { sender: alice, limit: true })], start);
			expect(await store.load(alice)).toEqual({ waiting: 2, told: true });
			for (const said of ['A', 'limit']) {
				const [row] = await store.due(start, [], 1);
				expect(row?.said).toBe(said);
				await store.sent(row?.id ?? 0, '$', start);
			}
			await store.settle('c', [saying('C', { sender: alice })], start);
			expect(await store.load(alice)).toEqual({ waiting: 1, told: false });
		});
	});

	describe('outbox', () => {
		test("alternates between senders, so that nobody waits behind all of one person's answers", async () => {
			const mallory = '@mallory:example.org';
			const rooms = Array.from({ length: 9 }, (_, i) => `!flood${i}:example.org`);
			for (const room of rooms)
				for (const part of [1, 2]) await decided(saying(`${room}${part}`, { room, sender: mallory }));
			await decided(saying('alice', { room: other, sender: alice }));
			const order: string[] = [];
			for (let i = 0; i < 19; i++) {
				const [row] = await store.due(start, [], 1);
				order.push(row?.said ?? '');
				if (row) await store.sent(row.id, '$', start);
			}
			expect(order.indexOf('alice')).toBeLessThanOrEqual(1);
			expect(new Set(order).size).toBe(19);
			for (const room of rooms) expect(order.indexOf(`${room}1`)).toBeLessThan(order.indexOf(`${room}2`));
		});

		const other = '!other:example.org';

		async function decided(...sayings: Saying[]): Promise<void> {
			await store.tell(room, sayings, start);
		}

		test('returns the first message of each room, oldest first, and none before its time', async () => {
			await decided(saying('1'), saying('2'), saying('3', { room: other }));
			expect((await store.due(start, [], 9)).map(({ said }) => said)).toEqual(['1', '3']);
			expect((await store.due(start, [room], 9)).map(({ said }) => said)).toEqual(['3']);
			expect((await store.due(start, [], 1)).map(({ said }) => said)).toEqual(['1']);
			const [one] = await store.due(start, [], 1);
			await store.postpone(one?.id ?? 0, later(60));
			expect((await store.due(later(59), [], 9)).map(({ said }) => said)).toEqual(['3']);
			expect(await store.nextDue()).toEqual(start);
			await store.sent((await store.due(start, [], 9))[0]?.id ?? 0, '$3', start);
			expect(await store.nextDue()).toEqual(later(60));
			await store.hurry(start);
			expect((await store.due(start, [], 9)).map(({ said, tries }) => [said, tries])).toEqual([['1', 1]]);
		});

		test('returns every field of a message, and the exact event once it is encrypted', async () => {
			const file = { name: 'a.md', type: 'text/markdown', text: 'ä' };
			await decided(
				saying('1', { kind: 'file', file, content: { x: 1 }, answers: '$a', sender: alice } as Partial<Saying>),
			);
			const [row] = await store.due(start, [], 1);
			const expected = { said: '1', room, kind: 'file', file, content: { x: 1 }, answers: '$a', sender: alice };
			expect(row).toMatchObject({ ...expected, tries: 0, created: start });
			await store.seal(row?.id ?? 0, { type: 'm.room.encrypted', content: { ciphertext: 'c' } });
			const [sealed] = await store.due(start, [], 1);
			expect(sealed).toMatchObject({ ...expected, sealed: { type: 'm.room.encrypted', content: { ciphertext: 'c' } } });
		});

		test('never sends again what was sent or given up', async () => {
			await decided(saying('1'), saying('2'));
			const [one] = await store.due(start, [], 1);
			await store.sent(one?.id ?? 0, '$1', start);
			const [two] = await store.due(start, [], 1);
			await store.giveUp(two?.id ?? 0, 'M_FORBIDDEN', start);
			await decided(saying('1'), saying('2'));
			expect(await store.due(start, [], 9)).toEqual([]);
			expect(await store.nextDue()).toBeUndefined();
			await store.prune(later(1));
			await decided(saying('1'));
			expect(await store.due(start, [], 9)).toHaveLength(1);
		});
	});

	describe('rooms', () => {
		const stay = expect.stringMatching(/./);
		test('keeps the last state of a room', async () => {
			const create = { sender: alice, content: { room_version: '12' } };
			await inRoom({ create, power: { users: {} }, joinRule: 'invite' });
			await store.take(batch('3', { joined: [news([], { state: { power: { users: { [alice]: 1 } } } })] }), start);
			expect(await store.room(room)).toEqual({
				room,
				state: { create, power: { users: { [alice]: 1 } }, joinRule: 'invite' },
				settings: {},
			});
			expect(await store.room('!no:where')).toBeUndefined();
			expect(await store.counts()).toEqual({ rooms: 1, inbox: 0, outbox: 0 });
		});

		test('says each notice once: hello, encrypted, public', async () => {
			await inRoom();
			expect(await store.untold()).toEqual([
				{ room, stay, greeting: true, encrypted: false, public: false, lost: false },
			]);
			await store.tell(room, [], start);
			expect(await store.untold()).toEqual([]);
			const state = { encryption: { algorithm: 'm.megolm.v1.aes-sha2' }, joinRule: 'public' };
			await store.take(batch('3', { joined: [news([], { state })] }), start);
			expect(await store.untold()).toEqual([
				{ room, stay, greeting: false, encrypted: true, public: true, lost: false },
			]);
			await store.tell(room, [], start);
			expect(await store.untold()).toEqual([]);
		});

		test('keeps a room encrypted forever, even if it is left, forgotten or reported as unencrypted', async () => {
			await inRoom();
			expect(await store.wasEncrypted(room)).toBe(false);
			const state = { encryption: { algorithm: 'm.megolm.v1.aes-sha2' } };
			await store.take(batch('3', { joined: [news([], { state })] }), start);
			await store.take(batch('4', { joined: [news([], { state: { joinRule: 'invite' } })] }), start);
			expect((await store.room(room))?.state).toMatchObject(state);
			await store.take(batch('5', { left: [{ room }] }), start);
			await store.take(batch('6', { joined: [news()] }), start);
			expect((await store.room(room))?.state).toMatchObject(state);
			await store.forget(room);
			expect(await store.wasEncrypted(room)).toBe(true);
			await store.take(batch('7', { joined: [news()] }), start);
			expect((await store.room(room))?.state).toMatchObject(state);
			expect(await store.wasEncrypted('!other:example.org')).toBe(false);
		});

		test('does not tell a room that was already public when we joined that it became public', async () => {
			await inRoom({ joinRule: 'public' });
			expect(await store.untold()).toEqual([
				{ room, stay, greeting: true, encrypted: false, public: false, lost: false },
			]);
		});

		test('says nothing in a room that we left, and forgets it after the grace period', async () => {
			await inRoom();
			await store.take(batch('3', { joined: [news([incoming('a'), incoming('b')], { gap: 'g' })] }), start);
			await store.settle('a', [saying('A')], start);
			await store.take(batch('4', { left: [{ room }] }), start);
			expect(await store.due(start, [], 9)).toEqual([]);
			expect(await store.gaps(start)).toEqual([]);
			expect(await store.nextMessage(room)).toBeUndefined();
			expect(await store.leftBefore(start)).toEqual([]);
			expect(await store.leftBefore(later(1))).toEqual([room]);
			await store.forget(room);
			expect(await store.leftBefore(later(1))).toEqual([]);
			expect(await store.room(room)).toBeUndefined();
		});

		test('does not greet a room again on our return, and reads its past up to our join', async () => {
			await inRoom();
			await store.tell(room, [], start);
			await store.take(batch('3', { left: [{ room }] }), start);
			await store.take(batch('4', { joined: [news([incoming('a')])] }), start);
			expect(await store.untold()).toEqual([]);
			expect(await store.gaps(start)).toEqual([{ room, batch: 4, from: '4' }]);
		});
	});

	describe('invitations', () => {
		test('are stored, postponed, closed and counted', async () => {
			await store.take(batch('1', { invited: [{ room, inviter: alice }] }), start);
			expect(await store.invitations(start)).toEqual([{ room, inviter: alice, received: start, tries: 0 }]);
			await store.postponeInvitation(room, later(5));
			expect(await store.invitations(start)).toEqual([]);
			expect(await store.invitations(later(5))).toMatchObject([{ tries: 1 }]);
			expect(await store.accepted(alice, later(-1))).toBe(0);
			await store.closeInvitation(room, true, start);
			expect(await store.invitations(later(5))).toEqual([]);
			expect(await store.accepted(alice, later(-1))).toBe(1);
			expect(await store.accepted(alice, later(1))).toBe(0);
		});

		test('are kept if only we conclude that we are no longer in the room', async () => {
			await inRoom();
			await store.take(batch('9', { invited: [{ room, inviter: alice }] }), start);
			await store.leftRoom(room, later(1));
			expect(await store.invitations(later(2))).toMatchObject([{ room, inviter: alice }]);
		});

		test('are forgotten when withdrawn, and not stored in a flood', async () => {
			await store.take(batch('1', { invited: [{ room, inviter: alice }] }), start);
			await store.take(batch('2', { left: [{ room }] }), start);
			expect(await store.invitations(start)).toEqual([]);
			const flood = Array.from({ length: 1200 }, (_, i) => ({ room: `!${i}:x`, inviter: alice }));
			await store.take(batch('3', { invited: flood }), start);
			expect(await store.invitations(start)).toHaveLength(1000);
		});
	});

	describe('room upgrades', () => {
		const fresh = '!fresh';
		const tombstone = { sender: '@admin:other.example', replacement: fresh };

		test('start with a tombstone, and take waiting messages along', async () => {
			await inRoom();
			await store.take(batch('3', { joined: [news([incoming('a')], { state: { tombstone } })] }), start);
			expect(await store.movingFrom(room)).toBe(true);
			const [move] = await store.moves(start);
			expect(move).toEqual({
				...{ from: room, to: fresh, via: 'other.example', sender: tombstone.sender },
				...{ since: start, tries: 0, joined: false },
			});
			await store.settle('a', [saying('A', { answers: 'a' })], start);
			await store.take(batch('4', { invited: [{ room: fresh, inviter: alice }] }), start);
			expect(await store.invitations(start)).toEqual([]);
			if (move) await store.moved(move, start);
			expect(await store.moves(start)).toEqual([]);
			expect(await store.movingFrom(room)).toBe(false);
			const [row] = await store.due(start, [], 9);
			expect(row).toMatchObject({ room: fresh, said: 'A', event: { content: { body: 'A', 'io.glia.said': 'A' } } });
			expect(row?.kind === 'event' && row.event.content).not.toHaveProperty('m.relates_to');
			// The same tombstone again starts no new move.
			await store.take(batch('5', { joined: [news([], { state: { tombstone } })] }), start);
			expect(await store.moves(start)).toEqual([]);
		});

		test('carry settings over, without a second hello', async () => {
			await inRoom();
			await store.tell(room, [], start);
			await store.take(batch('3', { joined: [news([], { state: { tombstone } })] }), start);
			await store.take(batch('4', { joined: [news([], { room: fresh })] }), start);
			const [move] = await store.moves(start);
			if (move) await store.moved(move, start);
			expect(await store.untold()).toEqual([]);
		});

		test('are retried at once on an invitation to the new room, unless they have been dropped', async () => {
			await inRoom();
			await store.take(batch('3', { joined: [news([], { state: { tombstone } })] }), start);
			await store.postponeMove(room, later(60));
			expect(await store.moves(start)).toEqual([]);
			await store.take(batch('4', { invited: [{ room: fresh, inviter: alice }] }), start);
			expect(await store.moves(start)).toHaveLength(1);
			await store.dropMove(room);
			expect(await store.moves(start)).toEqual([]);
			expect(await store.invitations(start)).toHaveLength(1);
		});
	});

	test('lets senders take turns if one message is sent at a time, and postponing loses no turn', async () => {
		const rooms = ['!eve1:example.org', '!eve2:example.org', '!eve3:example.org', '!alice:example.org'];
		await store.take(batch('1', { joined: rooms.map(id => news([], { room: id })) }), start);
		const waits = (said: string, id = '', sender = '') => store.tell(id, [saying(said, { room: id, sender })], start);
		for (const n of [1, 2, 3]) await waits(`eve ${n}`, rooms[n - 1], '@eve:example.org');
		const next = async () => (await store.due(start, [], 1))[0];
		const first = await next();
		expect(first?.said).toBe('eve 1');
		if (first) await store.sent(first.id, '$1', start);
		await waits('alice 1', rooms[3], alice);
		const second = await next();
		expect(second?.said).toBe('alice 1');
		// The homeserver is rate-limiting us, so the chosen message was not sent.
		if (second) await store.postpone(second.id, start);
		expect((await next())?.said).toBe('alice 1');
		if (second) await store.sent(second.id, '$2', start);
		expect((await next())?.said).toBe('eve 2');
	});

	describe('an unreadable message', () => {
		const closed = (event: string, session: string, more: Partial<Unreadable> = {}): Unreadable => ({
			...{ event, room, sender: alice, at: start, session, why: 'MissingRoomKey', raw: '{}' },
			...more,
		});
		const bring = (token: string, unreadable: Unreadable[], more: Partial<Batch['joined'][number]> = {}) =>
			store.take(batch(token, { joined: [news([], { unreadable, ...more })] }), start);
		const events = async () => (await store.unreadable()).map(({ event }) => event);

		test('is kept until it is read or redacted, or the room is left', async () => {
			await inRoom();
			await bring('3', [closed('a', 'S'), closed('b', 'S'), closed('c', 'T')]);
			expect((await store.unreadable())[0]).toEqual(closed('a', 'S'));
			await bring('4', [], { opened: ['b'], messages: [incoming('b')] });
			expect(await events()).toEqual(['a', 'c']);
			expect(await bodies()).toEqual(['b']);
			await bring('5', [], { redacted: ['c'] });
			expect(await events()).toEqual(['a']);
			await store.take(batch('6', { left: [{ room }] }), start);
			expect(await events()).toEqual([]);
		});

		test('is kept from a gap too', async () => {
			await inRoom();
			await store.take(batch('3', { joined: [news([], { gap: 'back' })] }), start);
			const [gap] = await store.gaps(start);
			if (gap) await store.fill(gap, { messages: [], unreadable: [closed('a', 'S')] }, start);
			expect(await events()).toEqual(['a']);
		});

		test('is explained after a wait, once per session and three times a day per sender', async () => {
			await inRoom();
			await bring(
				'3',
				[1, 2, 3, 4, 5].flatMap(n => [closed(`a${n}`, `S${n}`), closed(`b${n}`, `S${n}`)]),
			);
			expect(await store.unexplained(later(-1))).toEqual([]);
			const all = await store.unexplained(start);
			expect(all.map(({ event }) => event)).toEqual(['a1', 'a2', 'a3', 'a4', 'a5']);
			for (const one of all) await store.explain(one, saying(`about ${one.session}`), start);
			expect(await store.unexplained(later(60))).toEqual([]);
			expect((await store.counts()).outbox).toBe(3);
			await bring('4', [closed('c1', 'S1')]);
			expect(await store.unexplained(later(60))).toEqual([]);
			await bring('5', [closed('d', 'S6', { sender: '@bob:example.org' })]);
			const [other] = await store.unexplained(later(60));
			if (other) await store.explain(other, saying('about S6'), start);
			expect((await store.counts()).outbox).toBe(4);
			// A day later, the sender is told again.
			await bring('6', [closed('e', 'S7')]);
			const [next] = await store.unexplained(later(60));
			if (next) await store.explain(next, saying('about S7'), later(25 * 3600));
			expect((await store.counts()).outbox).toBe(5);
		});

		test('is not explained if it was sent up to a given time', async () => {
			await inRoom();
			await bring('3', [closed('a', 'S'), closed('b', 'T', { at: later(10) }), closed('c', 'S', { at: later(20) })]);
			await store.passOver(room, later(10), start);
			expect((await store.unexplained(later(60))).map(({ event }) => event)).toEqual(['c']);
			expect(await events()).toEqual(['a', 'b', 'c']);
		});

		test('is not kept in a flood, and not explained once decided', async () => {
			await inRoom();
			await bring(
				'3',
				Array.from({ length: 80 }, (_, n) => closed(`a${n}`, `S${n}`)),
			);
			expect(await events()).toHaveLength(50);
			await bring('4', [closed('b', 'S', { sender: '@bob:example.org' })]);
			const read = (await store.unexplained(start)).find(({ event }) => event === 'b');
			await bring('5', [], { opened: ['b'] });
			if (read) await store.explain(read, saying('too late'), start);
			expect((await store.counts()).outbox).toBe(0);
			await store.prune(later(1));
			expect(await events()).toEqual([]);
		});
	});
}
