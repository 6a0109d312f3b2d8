// What is decided reaches its room despite rate limits, outages, lost responses, restarts and rooms that are gone.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { after, type Outbox, openOutbox, openVerdicts } from '../../src/delivery/outbox.ts';
import { openStore } from '../../src/edges/store/store.ts';
import type { Failure } from '../../src/ports/homeserver.ts';
import type { Saying } from '../../src/ports/saying.ts';
import type { Store } from '../../src/ports/store.ts';
import { silence } from '../../src/runtime/log.ts';
import { batch, news, saying } from '../contracts/store.ts';
import { type Played, playHomeserver } from '../homeserver.ts';

const [room, other] = ['!room:example.org', '!other:example.org'];
const away: Failure = { kind: 'away', why: 'status 502' };
const hour = 3600_000;

let clock: number;
let store: Store;
let played: Played;
let outbox: Outbox;
let faults: unknown[];
let locked: string[];
let ready: boolean;
let loud: string[];
/** What the room had received each time nothing more was due. */
let idle: unknown[][];

const now = () => new Date(clock);

function open(): Outbox {
	return openOutbox({
		store,
		homeserver: played.port,
		ready: () => ready,
		loginSince: () => new Date(0),
		now,
		random: () => 1,
		log: { ...silence, error: ({ room: where }, text) => loud.push(`${where} ${text}`) },
		fatal: error => faults.push(error),
		locked: why => locked.push(why),
		idle: () => idle.push(saidIn(room)),
	});
}

beforeEach(async () => {
	clock = Date.parse('2026-11-21T12:00:00Z');
	[faults, locked] = [[], []];
	[ready, loud, idle] = [true, [], []];
	store = await openStore();
	played = playHomeserver('@glia:example.org', now);
	for (const id of [room, other]) {
		played.createRoom(id, '@alice:example.org');
		played.invite(id, '@alice:example.org');
		await played.port.join(id, []);
	}
	played.calls.length = 0;
	outbox = open();
});

afterEach(async () => {
	await outbox.stop(0);
	await store.close();
	expect(faults).toEqual([]);
});

async function decide(...sayings: Saying[]): Promise<void> {
	await store.tell(room, sayings, now());
	outbox.wake();
}

/** Waits until nothing is in progress and nothing is due. */
async function settle(): Promise<void> {
	for (let quiet = 0; quiet < 5; ) {
		await new Promise(resolve => setTimeout(resolve, 3));
		const due = await store.due(now(), [], 1);
		quiet = due.length ? 0 : quiet + 1;
	}
}

function settleFor(ms: number): Promise<void> {
	return new Promise(resolve => setTimeout(resolve, ms));
}

/** Advances the clock and wakes the outbox. */
async function pass(ms: number): Promise<void> {
	clock += ms;
	outbox.wake();
	await settle();
}

function saidIn(id: string): unknown[] {
	return played.sentTo(id).map(content => content['io.glia.said']);
}

describe('delivery', () => {
	test('sends each message once, in order within each room', async () => {
		await decide(saying('1'), saying('2', { room: other }), saying('3'), saying('4', { room: other }));
		await settle();
		expect(saidIn(room)).toEqual(['1', '3']);
		expect(saidIn(other)).toEqual(['2', '4']);
		expect(await store.counts()).toMatchObject({ outbox: 0 });
	});

	test('reports that nothing is due only once everything has been sent', async () => {
		await decide(saying('1'), saying('2'));
		await settle();
		expect(idle.filter(said => said.length > 0)).toEqual([['1', '2']]);
	});

	test('holds up only the room of a message that fails', async () => {
		played.setTrouble((call, where) => (call === 'send' && where === room ? away : undefined));
		await decide(saying('1'), saying('2'), saying('3', { room: other }));
		await settle();
		expect(saidIn(room)).toEqual([]);
		expect(saidIn(other)).toEqual(['3']);
		played.setTrouble(() => undefined);
		await pass(60_000);
		expect(saidIn(room)).toEqual(['1', '2']);
	});

	test('retries forever, with growing pauses of at most a minute', async () => {
		played.setTrouble(() => away);
		await decide(saying('1'));
		for (let i = 0; i < 60; i++) await pass(60_000);
		expect(played.calls.filter(call => call.startsWith('send')).length).toBeGreaterThan(50);
		expect(played.calls.length).toBeLessThan(75);
		played.setTrouble(() => undefined);
		await pass(60_000);
		expect(saidIn(room)).toEqual(['1']);
	});

	test('sends at once when the homeserver is back, without waiting for a pause to end', async () => {
		played.setTrouble(() => away);
		await decide(saying('1'));
		await settle();
		played.setTrouble(() => undefined);
		await outbox.back();
		await settle();
		expect(saidIn(room)).toEqual(['1']);
	});

	test('stops retrying once the session is stopped, so that the process can end', async () => {
		played.setTrouble(() => ({ kind: 'stopped' }));
		await decide(saying('1'), saying('2', { room: other }));
		await new Promise(resolve => setTimeout(resolve, 30));
		expect(played.calls.filter(call => call.startsWith('send')).length).toBeLessThan(3);
		expect(await store.counts()).toMatchObject({ outbox: 2 });
	});

	test('waits in all rooms for as long as a rate limit says, then continues in order', async () => {
		let refusals = 1;
		played.setTrouble(call => (call === 'send' && refusals-- > 0 ? { kind: 'limited', waitMs: 5000 } : undefined));
		await decide(saying('1'), saying('2'));
		await settle();
		await decide(saying('3', { room: other }));
		await new Promise(resolve => setTimeout(resolve, 30));
		expect(played.calls.filter(call => call.startsWith('send'))).toHaveLength(1);
		clock += 4000;
		outbox.wake();
		await new Promise(resolve => setTimeout(resolve, 30));
		expect(saidIn(room)).toEqual([]);
		await pass(1500);
		expect([saidIn(room), saidIn(other)]).toEqual([['1', '2'], ['3']]);
	});

	test('does not wait longer for a rate limit because the clock is turned back', async () => {
		let refusals = 1;
		played.setTrouble(call => (call === 'send' && refusals-- > 0 ? { kind: 'limited', waitMs: 5000 } : undefined));
		await decide(saying('1'));
		await settle();
		await pass(-24 * hour);
		expect(saidIn(room)).toEqual(['1']);
	});

	test('sends no second message after a lost response, within a day thanks to the transaction ID', async () => {
		played.setTrouble(call => (call === 'send' ? 'lost' : undefined));
		await decide(saying('1'));
		await settle();
		played.setTrouble(() => undefined);
		await pass(hour);
		expect(saidIn(room)).toEqual(['1']);
		expect(played.calls).not.toContain(`find ${room}`);
		expect(await store.counts()).toMatchObject({ outbox: 0 });
	});

	test('sends no second message after a lost response, after a day thanks to reading the room', async () => {
		played.setTrouble(call => (call === 'send' ? 'lost' : undefined));
		await decide(saying('1'));
		await settle();
		played.setTrouble(() => away);
		await pass(25 * hour);
		played.forgetTransactions();
		played.setTrouble(() => undefined);
		await pass(hour);
		expect(saidIn(room)).toEqual(['1']);
		expect(await store.counts()).toMatchObject({ outbox: 0 });
	});

	test('sends a message after a day if it is not in the room', async () => {
		played.setTrouble(() => away);
		await decide(saying('1'));
		await pass(25 * hour);
		played.setTrouble(() => undefined);
		await pass(hour);
		expect(saidIn(room)).toEqual(['1']);
		expect(played.calls).toContain(`find ${room}`);
	});

	test('reads the room after a new login, which has its own transaction IDs', async () => {
		await outbox.stop(0);
		await store.tell(room, [saying('1')], now());
		await played.port.send(room, 'of the old device', { type: 'm.room.message', content: { 'io.glia.said': '1' } });
		outbox = openOutbox({
			...{ store, homeserver: played.port, ready: () => true, now, random: () => 1, log: silence },
			loginSince: () => new Date(clock + 1),
			fatal: error => faults.push(error),
			locked: why => locked.push(why),
		});
		outbox.wake();
		await settle();
		expect(saidIn(room)).toEqual(['1']);
	});

	describe('a restored copy of the store, after a new login', () => {
		const asked = '$asked';
		const reply = (said: string, type = 'm.room.message') => ({
			type,
			content: { 'io.glia.said': said, 'm.relates_to': { 'm.in_reply_to': { event_id: asked } } },
		});
		const answer = (said: string, more: Partial<Saying> = {}): Saying =>
			({ ...saying(said), answers: asked, asked: new Date(clock - 2 * hour), ...more }) as Saying;

		beforeEach(async () => {
			await outbox.stop(0);
			await played.port.send(room, 'of the old device', reply('1'));
			played.calls.length = 0;
			outbox = openOutbox({
				...{ store, homeserver: played.port, ready: () => true, now, random: () => 1, log: silence },
				loginSince: () => new Date(clock - hour),
				fatal: error => faults.push(error),
				locked: why => locked.push(why),
			});
		});

		test('does not repeat answers from before the login, but sends the rest', async () => {
			await decide(answer('1'), answer('2'));
			await settle();
			expect(saidIn(room)).toEqual(['1', '2']);
		});

		test('answers what was asked after the login without reading the room', async () => {
			await decide(answer('3', { asked: new Date(clock - hour / 2) }));
			await settle();
			expect(saidIn(room)).toEqual(['1', '3']);
			expect(played.calls).not.toContain(`find ${room}`);
		});

		test('does not leave a room twice', async () => {
			await decide(answer('leave', { kind: 'leave' } as Partial<Saying>));
			await settle();
			expect(played.calls).not.toContain(`leave ${room}`);
			expect(await store.counts()).toMatchObject({ outbox: 0 });
		});

		test('leaves a room where nobody answered', async () => {
			await decide(answer('leave', { kind: 'leave', answers: '$other' } as Partial<Saying>));
			await settle();
			expect(played.calls).toContain(`leave ${room}`);
		});
	});

	test('sends nothing twice if killed between sending and marking it as sent', async () => {
		const { sent } = store;
		store.sent = () => new Promise(() => undefined);
		await decide(saying('1'), saying('2'));
		await new Promise(resolve => setTimeout(resolve, 50));
		expect(saidIn(room)).toEqual(['1']);
		store.sent = sent;
		outbox = open();
		outbox.wake();
		await settle();
		expect(saidIn(room)).toEqual(['1', '2']);
	});
});

describe('messages that cannot be delivered', () => {
	test('are given up if the room is gone, and do not hold up the next room', async () => {
		played.kick(room);
		await decide(saying('1'), saying('2'), saying('3', { room: other }));
		await settle();
		expect(saidIn(other)).toEqual(['3']);
		for (let tries = 0; tries < 10; tries++) await pass(60_000);
		expect(await store.counts()).toMatchObject({ outbox: 0 });
	});

	test('are kept if a homeserver process does not know yet that the bot joined', async () => {
		let refusals = 0;
		const unaware: Failure = { kind: 'refused', code: 'M_FORBIDDEN', why: 'not in room' };
		played.setTrouble(call => (call === 'send' && ++refusals <= 3 ? unaware : undefined));
		await decide(saying('1'), saying('2'));
		for (let tries = 0; tries < 4; tries++) await pass(60_000);
		expect(saidIn(room)).toEqual(['1', '2']);
	});

	test('are not given up at the first refusal after a long outage', async () => {
		const unaware: Failure = { kind: 'refused', code: 'M_FORBIDDEN', why: 'not in room' };
		const limited: Failure = { kind: 'limited', waitMs: 1000 };
		const troubles = [...Array<Failure>(6).fill(away), ...Array<Failure>(6).fill(limited), unaware, away, unaware];
		played.setTrouble(call => (call === 'send' ? troubles.shift() : undefined));
		await decide(saying('1'), saying('2'));
		for (let tries = 0; tries < 20; tries++) await pass(60_000);
		expect(troubles).toEqual([]);
		expect(saidIn(room)).toEqual(['1', '2']);
	});

	test('are given up however many rooms refuse at the same time', () => {
		const suspended: Failure = { kind: 'refused', code: 'M_USER_SUSPENDED', why: 'suspended' };
		const waiting = Array.from({ length: 5000 }, (_, id) => ({ id, room: `!${id}:example.org` }));
		const verdicts = openVerdicts();
		const given = Array.from({ length: 9 }, () => waiting.map(each => verdicts.on(each, suspended)));
		expect(given.map(each => [...new Set(each)])).toEqual([...Array(8).fill(['later']), ['never']]);
		expect(verdicts.on({ id: 5000, room: '!0:example.org' }, suspended)).toBe('later');
	});

	test('are given up after half an hour if a proxy rejects them, so that the room gets what follows', async () => {
		const rejected: Failure = {
			kind: 'away',
			rejected: true,
			why: 'status 403 from something that is not a homeserver',
		};
		const sends = () => played.calls.filter(call => call.startsWith('send')).length;
		await decide(saying('1'), saying('2'));
		played.setTrouble(call => (call === 'send' && sends() <= 36 ? rejected : undefined));
		for (let tries = 0; tries < 25; tries++) await pass(60_000);
		expect(saidIn(room)).toEqual([]);
		expect(await store.counts()).toMatchObject({ outbox: 2 });
		for (let tries = 0; tries < 15; tries++) await pass(60_000);
		expect(saidIn(room)).toEqual(['2']);
		expect(await store.givenUpSince(new Date(0))).toMatchObject([{ room, why: rejected.why }]);
	});

	test('are not given up because a proxy rejects everything now and then', () => {
		const verdicts = openVerdicts();
		const rejected: Failure = { kind: 'away', rejected: true, why: 'status 403' };
		const unaware: Failure = { kind: 'refused', code: 'M_FORBIDDEN', why: 'not in room' };
		for (let tries = 0; tries < 30; tries++) expect(verdicts.on({ id: 1, room }, rejected)).toBe('later');
		for (let tries = 0; tries < 4; tries++) expect(verdicts.on({ id: 1, room }, unaware)).toBe('later');
		expect(verdicts.on({ id: 1, room }, unaware)).toBe('never');
	});

	test('wait for the move to a replacement room, and follow it', async () => {
		await store.take(batch('1'), now());
		await store.take(batch('2', { joined: [news([], { room })] }), now());
		const state = { tombstone: { sender: '@a:b', replacement: other } };
		await store.take(batch('3', { joined: [news([], { room, state })] }), now());
		played.kick(room);
		await decide(saying('1'));
		await settle();
		expect(await store.counts()).toMatchObject({ outbox: 1 });
		const [move] = await store.moves(now());
		if (move) await store.moved(move, now());
		outbox.wake();
		await settle();
		expect(saidIn(other)).toEqual(['1']);
	});

	test('stop the loop on an invalid token, and are not lost', async () => {
		played.setTrouble(() => ({ kind: 'token', why: 'revoked' }));
		await decide(saying('1'));
		await new Promise(resolve => setTimeout(resolve, 50));
		await outbox.stop(0);
		expect(locked).toEqual(['revoked']);
		expect(await store.counts()).toMatchObject({ outbox: 1 });
	});

	test('stop the loop after one attempt if the store fails', async () => {
		store.sent = () => Promise.reject(new Error('the disk is full'));
		await decide(saying('1'), saying('2'));
		await new Promise(resolve => setTimeout(resolve, 50));
		expect(faults.splice(0)).toEqual([new Error('the disk is full')]);
		expect(saidIn(room)).toEqual(['1']);
	});

	test.each<[Failure, number, unknown]>([
		[away, 1000, 'later'],
		[{ kind: 'limited', waitMs: 7 }, 1000, { ms: 7 }],
		[{ kind: 'refused', code: 'M_FORBIDDEN', why: '' }, 3, 'later'],
		[{ kind: 'refused', code: 'M_FORBIDDEN', why: '' }, 4, 'never'],
		[{ kind: 'refused', code: 'M_NOT_FOUND', why: '' }, 3, 'later'],
		[{ kind: 'refused', code: 'M_NOT_FOUND', why: '' }, 4, 'never'],
		[{ kind: 'refused', code: 'M_TOO_LARGE', why: '' }, 0, 'never'],
		[{ kind: 'refused', code: 'M_UNKNOWN', why: '' }, 0, 'later'],
		[{ kind: 'refused', code: 'M_UNKNOWN', why: '' }, 8, 'never'],
		[{ kind: 'token', why: '' }, 0, 'locked'],
		[{ kind: 'unsealed', why: '' }, 1000, 'later'],
		[{ kind: 'keyless', why: '' }, 0, 'never'],
		[{ kind: 'stopped' }, 0, 'stopped'],
	])('after %j and %d attempts, the verdict is %j', (failure, tries, verdict) => {
		expect(after(failure, tries)).toEqual(verdict);
	});
});

describe('files, encryption and leaving', () => {
	const file = { name: 'plan.md', type: 'text/markdown', text: 'all of it' };
	const aFile = saying('f', { kind: 'file', file, content: { 'io.glia.said': 'f' } } as Partial<Saying>);

	test('uploads a file once, and sends the same message in every attempt', async () => {
		played.setTrouble(call => (call === 'send' ? away : undefined));
		await decide(aFile);
		await settle();
		played.setTrouble(() => undefined);
		await pass(60_000);
		expect(played.sentTo(room)).toMatchObject([{ msgtype: 'm.file', body: 'plan.md', 'io.glia.said': 'f' }]);
		expect(played.calls.filter(call => call === `upload ${room}`)).toHaveLength(1);
	});

	test('encrypts once, and stores the result before the first attempt', async () => {
		let sealed = 0;
		const events: unknown[] = [];
		const { send } = played.port;
		played.port.seal = async () => ({ value: { type: 'm.room.encrypted', content: { ciphertext: ++sealed } } });
		played.port.send = async (where, transaction, event) => {
			const [row] = await store.due(now(), [], 1);
			events.push([event, row?.sealed]);
			return events.length === 1 ? { failure: away } : send(where, transaction, event);
		};
		await decide(saying('1'));
		await settle();
		await pass(60_000);
		const event = { type: 'm.room.encrypted', content: { ciphertext: 1 } };
		expect(events).toEqual([
			[event, event],
			[event, event],
		]);
		expect(played.eventsOf(room).at(-1)).toMatchObject(event);
	});

	test("leaves after the answer, and keeps the room's data for a while", async () => {
		await store.take(batch('1', { joined: [news([], { room })] }), now());
		await decide(saying('1'), { said: 'l', room, kind: 'leave' });
		await settle();
		expect(played.calls).toEqual([`send ${room}`, `leave ${room}`]);
		expect(await store.counts()).toMatchObject({ outbox: 0, rooms: 0 });
		expect(await store.room(room)).toBeDefined();
		expect(await store.leftBefore(new Date(clock + 1))).toEqual([room]);
	});
});

describe('a room that the bot is no longer in', () => {
	const server = 'example.org';
	const watch = { id: 'w', room, server, facts: [], changed: new Date(0) };
	const alert = {
		...{ watch: 'w', rule: 'advisory', subject: 'CVE-1', episode: 'e', stage: 'open', severity: 'severe' },
		...{ title: 'CVE-1', kind: 'news', facts: [] },
	} as never;
	const alarm = () =>
		store
			.keepDecided([{ watch, alerts: [alert], say: () => [{ saying: saying('alarm'), says: [0] }] }], now())
			.then(() => outbox.wake());

	beforeEach(async () => {
		await store.take(batch('1'), now());
		await store.take(batch('2', { joined: [news([], { room })] }), now());
		await store.keepWatch(watch, now());
	});

	test('is noticed when the homeserver refuses a message, and gets the alert once the bot is back', async () => {
		played.kick(room);
		await alarm();
		await settle();
		// A homeserver process may not know yet that we have joined, so there are four attempts first.
		for (let tries = 0; tries < 4; tries++) await pass(120_000);
		expect(await store.joinedRooms()).toEqual([]);
		expect(await store.counts()).toMatchObject({ outbox: 0 });
		expect(await store.watchedBy(server, '', 9)).toEqual([]);
		expect(await store.heard('w')).toEqual([]);
		played.invite(room, '@alice:example.org');
		await played.port.join(room, []);
		await store.take(batch('3', { joined: [news([], { room })] }), now());
		expect(await store.watchedBy(server, '', 9)).toHaveLength(1);
		await alarm();
		await settle();
		expect(saidIn(room)).toEqual(['alarm']);
	});

	test('is not confused with one in which the bot may not write', async () => {
		played.setTrouble(call => (call === 'send' ? { kind: 'refused', code: 'M_FORBIDDEN', why: '' } : undefined));
		await alarm();
		await settle();
		expect(await store.joinedRooms()).toEqual([room]);
		expect(await store.heard('w')).toHaveLength(1);
	});

	test('is not assumed while the homeserver does not respond', async () => {
		played.kick(room);
		played.setTrouble(call => (call === 'membership' ? away : undefined));
		await alarm();
		await settle();
		for (let tries = 0; tries < 4; tries++) await pass(120_000);
		expect(await store.joinedRooms()).toEqual([room]);
		expect(await store.counts()).toMatchObject({ outbox: 1 });
		played.setTrouble(() => undefined);
		for (let tries = 0; tries < 4; tries++) await pass(120_000);
		expect(await store.joinedRooms()).toEqual([]);
	});
});

describe('rooms that become encrypted', () => {
	const file = { name: 'plan.md', type: 'text/markdown', text: 'all of it' };
	const aFile = saying('f', { kind: 'file', file, content: { 'io.glia.said': 'f' } } as Partial<Saying>);
	/** What the bot sent: the type and, for encrypted events, what they contain. */
	const sent = () =>
		played
			.eventsOf(room)
			.filter(({ type }) => type !== 'm.room.member')
			.map(({ type, content }) => [type, content.ciphertext]);

	test('get nothing until the last sync has been processed, not even at shutdown', async () => {
		ready = false;
		await decide(saying('1'), aFile);
		await settleFor(50);
		await outbox.stop(100);
		expect(played.calls).toEqual([]);
		outbox = open();
		ready = true;
		outbox.wake();
		await settle();
		expect(played.calls).toEqual([`send ${room}`, `upload ${room}`, `send ${room}`]);
	});

	test('get a prepared event encrypted, and its file uploaded again', async () => {
		played.setTrouble(call => (call === 'send' ? away : undefined));
		await decide(aFile);
		await settle();
		expect((await store.due(new Date(clock + hour), [], 1))[0]?.sealed?.type).toBe('m.room.message');
		played.encrypt(room);
		played.setTrouble(() => undefined);
		await pass(60_000);
		const inside = { type: 'm.room.message', content: { file: { url: expect.stringMatching(/^mxc:/) } } };
		expect(sent()).toMatchObject([['m.room.encrypted', inside]]);
		expect(JSON.stringify(sent())).not.toContain('"url":"mxc://played/1"');
	});

	test('get a prepared event in a thread encrypted', async () => {
		await decide(saying('root'));
		await settle();
		played.setTrouble(call => (call === 'send' ? away : undefined));
		await decide(saying('on', { continues: 'root' }));
		await settle();
		played.encrypt(room);
		played.setTrouble(() => undefined);
		await pass(60_000);
		const inside = { content: { 'm.relates_to': { rel_type: 'm.thread' } } };
		expect(sent()).toMatchObject([
			['m.room.message', undefined],
			['m.room.encrypted', inside],
		]);
	});

	test('get a file encrypted if encryption is turned on between its upload and its event', async () => {
		const { upload } = played.port;
		played.port.upload = async (where, what) => {
			const uploaded = await upload(where, what);
			played.encrypt(room);
			return uploaded;
		};
		await decide(aFile);
		await settle();
		expect(sent()).toMatchObject([['m.room.encrypted', { content: { file: { url: expect.any(String) } } }]]);
		expect(played.calls.filter(call => call === `upload ${room}`)).toHaveLength(2);
	});

	test('get nothing without keys, which is logged, and do not hold up other rooms', async () => {
		played.encrypt(room, { withoutKeys: true });
		await decide(saying('1'), aFile, saying('2', { room: other }));
		await settle();
		expect(sent()).toEqual([]);
		expect(saidIn(other)).toEqual(['2']);
		expect(loud).toHaveLength(2);
		expect(await store.counts()).toMatchObject({ outbox: 0 });
	});
});

test('sends what is due at shutdown, and keeps what is waiting', async () => {
	played.setTrouble((call, where) => (call === 'send' && where === other ? away : undefined));
	await decide(...Array.from({ length: 20 }, (_, i) => saying(`${i}`)), saying('x', { room: other }));
	await outbox.stop(5000);
	expect(saidIn(room)).toHaveLength(20);
	expect(await store.counts()).toMatchObject({ outbox: 1 });
});
