// Invitations, room upgrades, gaps, notices and the sync loop, on a simulated homeserver.
import { LRUCache } from 'lru-cache';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { status } from '../../commands/status.ts';
import { fillGaps } from '../../src/delivery/backfill.ts';
import { answerInvitations, type JoinFailures } from '../../src/delivery/invitations.ts';
import { announce, explain } from '../../src/delivery/notices.ts';
import { sweep } from '../../src/delivery/retention.ts';
import { followMoves } from '../../src/delivery/room-upgrades.ts';
import { takeIn } from '../../src/delivery/sync.ts';
import { openStore } from '../../src/edges/store/store.ts';
import type { Batch, Failure, Incoming } from '../../src/ports/homeserver.ts';
import type { Store } from '../../src/ports/store.ts';
import { type Log, silence } from '../../src/runtime/log.ts';
import { batch, incoming, news, saying } from '../contracts/store.ts';
import { smallGuide } from '../guide.ts';
import { type Played, playHomeserver } from '../homeserver.ts';
import { known } from '../known.ts';

const glia = '@glia:example.org';
const [alice, mallory] = ['@alice:example.org', '@mallory:evil.example'];
const room = '!room:example.org';
const away: Failure = { kind: 'away', why: 'status 502' };
const day = 24 * 3600_000;

let clock: number;
let store: Store;
let played: Played;
let locked: string[];

const now = () => new Date(clock);

function common() {
	return {
		store,
		homeserver: played.port,
		now,
		random: () => 1,
		log: silence,
		locked: (why: string) => locked.push(why),
		stopping: () => false,
	};
}

const everything = async (messages: readonly Incoming[]) => [...messages];

beforeEach(async () => {
	clock = Date.parse('2026-11-21T12:00:00Z');
	locked = [];
	store = await openStore();
	played = playHomeserver(glia, now);
	await store.take(batch('[]'), now());
});

afterEach(() => store.close());

describe('invitations', () => {
	let hears = true;
	const failures = new LRUCache<string, JoinFailures>({ max: 10 });
	const run = () => answerInvitations({ ...common(), failures, hears: () => hears, allow: [alice] });

	async function invited(by: string, id = room): Promise<void> {
		played.createRoom(id, by);
		played.invite(id, by);
		await store.take(batch('1', { invited: [{ room: id, inviter: by }] }), now());
	}

	test('are accepted from people on the list, and declined with a reason from others', async () => {
		await invited(alice);
		await invited(mallory, '!bad:evil.example');
		await run();
		expect(played.calls).toEqual([`join ${room}`, 'leave !bad:evil.example']);
		expect(played.eventsOf('!bad:evil.example').at(-1)?.content.reason).toMatch(/operator/);
		expect(await store.invitations(now())).toEqual([]);
	});

	test('are not dropped at the first refusal after an outage', async () => {
		await invited(alice);
		const refused: Failure = { kind: 'refused', code: 'M_FORBIDDEN', why: 'not invited' };
		const troubles = [away, away, away, away, refused, away, refused];
		played.setTrouble(() => troubles.shift());
		for (let tries = 0; tries < 8; tries++, clock += 3600_000) await run();
		expect(troubles).toEqual([]);
		expect(played.calls).toHaveLength(8);
		expect(await store.accepted(alice, new Date(0))).toBe(1);
	});

	test('are dropped if only joining fails, but not because the homeserver was away', async () => {
		await invited(alice);
		const refused: Failure = { kind: 'refused', code: 'M_FORBIDDEN', why: 'not invited' };
		played.setTrouble(() => away);
		hears = false;
		for (let tries = 0; tries < 200; tries++, clock += 60_000) await run();
		expect(await store.invitations(now())).toHaveLength(1);
		hears = true;
		played.setTrouble(() => ({ kind: 'limited', waitMs: 60_000 }));
		for (let tries = 0; tries < 100; tries++, clock += 60_000) await run();
		expect(await store.invitations(now())).toHaveLength(1);
		played.setTrouble(() => away);
		for (let tries = 0; tries < 59; tries++, clock += 60_000) await run();
		played.setTrouble(() => refused);
		await run();
		clock += 60_000;
		expect(await store.invitations(now())).toHaveLength(1);
		played.setTrouble(() => away);
		for (let tries = 0; tries < 2; tries++, clock += 60_000) await run();
		expect(await store.invitations(now())).toEqual([]);
	});

	test('do not wait for one to a room whose server does not respond', async () => {
		await invited(alice, '!dead:x');
		clock += 1;
		await invited(alice);
		played.setTrouble((_, id) => (id === '!dead:x' ? away : undefined));
		expect(await run()).toBe(500);
		expect(played.calls).toEqual(['join !dead:x', `join ${room}`]);
		await invited(alice, '!other:x');
		hears = false;
		played.setTrouble(() => away);
		clock += 500;
		expect(await run()).toBe(1000);
		hears = true;
		expect(played.calls).toHaveLength(3);
	});

	test('wait during a rate limit, and are not all retried at once', async () => {
		for (let i = 0; i < 5; i++) await invited(alice, `!${i}:x`);
		played.setTrouble(() => ({ kind: 'limited', waitMs: 3000 }));
		expect(await run()).toBe(3000);
		expect(played.calls).toHaveLength(1);
		played.setTrouble(() => undefined);
		await run();
		expect(played.calls).toHaveLength(5);
		clock += 3000;
		await run();
		expect(await store.invitations(now())).toEqual([]);
	});

	test('are retried on time even if the bot looks for others in between', async () => {
		await invited(alice);
		played.setTrouble(() => ({ kind: 'refused', code: 'M_FORBIDDEN', why: '' }));
		expect(await run()).toBe(500);
		clock += 100;
		expect(await run()).toBe(400);
		expect(played.calls).toHaveLength(1);
		// What waits for a move does not count.
		const state = { tombstone: { sender: alice, replacement: room } };
		await store.take(batch('2', { joined: [news([], { room: '!old', state })] }), now());
		expect(await run()).toBeUndefined();
	});

	test('are dropped if the room does not let the bot in', async () => {
		await invited(alice);
		played.setTrouble(() => ({ kind: 'refused', code: 'M_FORBIDDEN', why: '' }));
		for (let i = 0; i < 10; i++, clock += 60_000) await run();
		expect(played.calls).toHaveLength(4);
	});

	test('are limited per person', async () => {
		for (let i = 0; i < 30; i++) await invited(alice, `!${i}:x`);
		await run();
		expect(played.calls.filter(call => call.startsWith('join'))).toHaveLength(20);
		expect(played.calls.filter(call => call.startsWith('leave'))).toHaveLength(10);
	});
});

describe('room upgrades', () => {
	const fresh = '!fresh';
	let moved: number;
	const moving = () => ({
		...common(),
		allow: [alice],
		changes: 'state_default' as const,
		knowledge: () => known(),
		moved: () => moved++,
		dropped: () => undefined,
	});
	const run = () => followMoves({ ...moving(), knowledge: () => known({ guides: [smallGuide()] }) });

	beforeEach(async () => {
		moved = 0;
		const state = { tombstone: { sender: alice, replacement: fresh } };
		await store.take(batch('1', { joined: [news([], { room })] }), now());
		await store.take(batch('2', { joined: [news([], { room, state })] }), now());
	});

	test('follow a room that names the old one', async () => {
		played.createRoom(fresh, alice, { predecessor: room });
		played.invite(fresh, alice);
		await run();
		expect([moved, await store.moves(now())]).toEqual([1, []]);
	});

	test('continue a guide session in a thread of the new room', async () => {
		const session = {
			guide: 'small',
			stated: {},
			facts: [],
			asked: 'small',
			id: 'w',
			room,
			is: 'open' as const,
			place: { stage: 'restore', gate: false },
			passed: [],
			since: now().toISOString(),
			refused: [],
		};
		await store.take(batch('3', { joined: [news([incoming('$start')])] }), now());
		await store.settle('$start', [], now(), { session, thread: { event: '$old' }, says: [] });
		played.createRoom(fresh, alice, { predecessor: room });
		played.invite(fresh, alice);
		await run();
		const [row] = await store.due(now(), [], 1);
		if (row?.kind !== 'event') throw new Error('no message is due');
		expect(row).toMatchObject({ room: fresh, event: { content: { body: expect.stringContaining('Stage 2 of 4') } } });
		await store.sent(row.id, '$again', now());
		expect(await store.sessionIn(fresh, '$again')).toMatchObject({ session: { ...session, room: fresh } });
		expect(await store.sessionOfSaying(fresh, '$again')).toMatchObject({ place: session.place });
	});

	test('offer to continue the guides that were stopped last, in the order in which they were stopped', async () => {
		const session = (id: string) => ({
			...{ guide: 'small', stated: {}, facts: [], asked: 'small', id, room, refused: [] },
			is: 'stopped' as const,
			place: { stage: 'restore', gate: false },
			passed: [],
			since: now().toISOString(),
		});
		const ids = ['f', 'e', 'd', 'c', 'b', 'a'];
		for (const id of ids) {
			clock += 60_000;
			await store.take(batch(`3${id}`, { joined: [news([incoming(`$${id}`)])] }), now());
			await store.settle(`$${id}`, [], now(), { session: session(id), thread: { event: `$thread-${id}` }, says: [] });
		}
		await store.take(batch('3old', { joined: [news([incoming('$old')])] }), now());
		const ended = { ...session('old'), is: 'ended' as const };
		await store.settle('$old', [], now(), { session: ended, thread: { event: '$ended' }, says: [] });
		played.createRoom(fresh, alice, { predecessor: room });
		played.invite(fresh, alice);
		await run();
		const said: string[] = [];
		for (let [row] = await store.due(now(), [], 1); row; [row] = await store.due(now(), [], 1)) {
			if (row.kind !== 'event') throw new Error('no message is due');
			expect(row.event.content.body).toContain('Stopped at stage 2 of 4');
			await store.sent(row.id, `$again${said.length}`, now());
			const there = await store.sessionIn(fresh, `$again${said.length}`);
			// Both a word in the thread and a reaction to the message find it.
			expect(await store.sessionOfSaying(fresh, `$again${said.length}`)).toEqual(there);
			said.push(there?.session.id ?? '');
		}
		expect(said).toEqual(ids.slice(1));
		expect(await store.stoppedSessions(fresh, 10)).toHaveLength(5);
	});

	test('leave a room that does not name the old one', async () => {
		played.createRoom(fresh, alice, { predecessor: '!another', state: { joinRule: 'public' } });
		await run();
		expect(played.calls.filter(call => /^(join|leave) /.test(call))).toEqual(['join !fresh', 'leave !fresh']);
		expect([moved, await store.movingFrom(room)]).toEqual([0, false]);
	});

	test('stay in a room whose invitation names the old one, but not the room itself', async () => {
		played.createRoom(fresh, alice, { predecessor: '!another' });
		played.invite(fresh, alice);
		const invited = [{ room: fresh, inviter: alice, predecessor: room }];
		await store.take(batch('3', { invited }), now());
		await run();
		expect(await store.movingFrom(room)).toBe(true);
		// Nothing is decided until a sync says who may do what in the room.
		const owned = { create: { sender: mallory, content: { creator: mallory } } };
		const rooms = [news([], { room: fresh, state: owned }), news([], { room, state: owned })];
		await store.take(batch('4', { joined: rooms }), now());
		clock += 60_000;
		await run();
		expect(await played.port.membership(fresh, glia)).toEqual({ value: 'join' });
		expect(await store.untold()).toMatchObject([{ room: fresh, greeting: true }, { room }]);
		expect([moved, await store.movingFrom(room)]).toEqual([0, false]);
	});

	test('remember after a crash between joining and reading why the bot has joined', async () => {
		played.createRoom(fresh, alice, { predecessor: '!another', state: { joinRule: 'public' } });
		played.setTrouble(call => (call === 'predecessor' && played.calls.includes('join !fresh') ? away : undefined));
		await run();
		await store.take(batch('3', { joined: [news([], { room: fresh })] }), now());
		played.setTrouble(() => undefined);
		clock += 60_000;
		await run();
		expect(played.calls.at(-1)).toBe('leave !fresh');
		expect(await store.joinedRooms()).toEqual([room]);
	});

	test('stay in a room to which another upgrade leads, even if a false claim named it too', async () => {
		const claimed = '!claimed';
		const state = { tombstone: { sender: alice, replacement: fresh } };
		await store.take(batch('3', { joined: [news([], { room: claimed, state })] }), now());
		played.createRoom(fresh, alice, { predecessor: room, state: { joinRule: 'public' } });
		await store.joining(claimed, true);
		await run();
		expect(moved).toBe(1);
		expect(played.calls.filter(call => call.startsWith('leave'))).toEqual([]);
	});

	test('try for two weeks to join a room that does not let the bot in', async () => {
		for (let i = 0; i < 13; i++, clock += day) await run();
		played.createRoom(fresh, alice, { predecessor: room });
		played.invite(fresh, alice);
		await run();
		expect(moved).toBe(1);
	});

	test('are retried on time even if the bot looks for others in between', async () => {
		played.setTrouble(() => away);
		expect(await run()).toBe(500);
		clock += 100;
		expect(await run()).toBe(400);
		expect(played.calls).toHaveLength(1);
	});

	test('stop trying after two weeks', async () => {
		for (let i = 0; i < 16; i++, clock += day) await run();
		expect(await store.movingFrom(room)).toBe(false);
	});

	test('wait for an invitation, log that once, and show it until the invitation arrives', async () => {
		const logged: string[] = [];
		const log: Log = { ...silence, info: (_fields, text) => void logged.push(text) };
		const patiently = () => followMoves({ ...moving(), log });
		played.createRoom(fresh, alice, { predecessor: room });
		for (let i = 0; i < 5; i++, clock += day) await patiently();
		expect(logged).toEqual([expect.stringContaining('waiting for an invitation')]);
		expect(await store.uninvited()).toEqual([{ from: room, to: fresh }]);
		// The state of the old room may arrive again, with the same tombstone.
		const state = { tombstone: { sender: alice, replacement: fresh } };
		await store.take(batch('3', { joined: [news([], { room, state })] }), now());
		await patiently();
		expect(logged).toHaveLength(1);
		await store.take(batch('4', { invited: [{ room: fresh, inviter: alice }] }), now());
		expect(await store.uninvited()).toEqual([]);
		played.invite(fresh, alice);
		await patiently();
		expect(moved).toBe(1);
	});

	test("only name the replacement in the old room's !status, and count it elsewhere", async () => {
		const health = { version: '0', startedAt: now(), lastSync: now };
		const lead = async (where: string) => {
			const asked = { room: where } as Parameters<typeof status.run>[0];
			return (await status.run(asked, { knowledge: known(), health, store, now })).lead;
		};
		played.createRoom(fresh, alice, { predecessor: room });
		expect(await lead(room)).not.toContain('invitation');
		await run();
		expect(await lead(room)).toMatch(/upgraded to `!fresh`.*waiting for an invitation/);
		expect(await lead('!elsewhere')).toMatch(/1 other room .*waiting for an invitation/);
		expect(await lead('!elsewhere')).not.toContain(fresh);
		await store.take(batch('3', { invited: [{ room: fresh, inviter: alice }] }), now());
		expect(await lead(room)).not.toContain('invitation');
	});

	test('stop waiting for an invitation once the old room is left', async () => {
		played.createRoom(fresh, alice, { predecessor: room });
		await run();
		expect(await store.uninvited()).toHaveLength(1);
		await store.take(batch('3', { left: [{ room }] }), now());
		expect(await store.uninvited()).toEqual([]);
	});

	test('do not mistake an outage or a rate limit for a missing invitation', async () => {
		for (const failure of [away, { kind: 'limited', waitMs: 1 } as const]) {
			played.setTrouble(() => failure);
			await run();
			clock += 60_000;
		}
		expect(await store.uninvited()).toEqual([]);
	});

	test('do not believe a claim that cannot be checked', async () => {
		played.createRoom(fresh, alice, { predecessor: room, state: { joinRule: 'public' } });
		played.setTrouble(call => (call === 'predecessor' ? away : undefined));
		await run();
		expect([moved, await store.movingFrom(room)]).toEqual([0, true]);
		played.setTrouble(() => undefined);
		clock += 60_000;
		await run();
		expect(moved).toBe(1);
	});
});

/** Every situation in which a tombstone can reach us. */
function situations() {
	const either = [true, false];
	const all: Situation[] = [];
	for (const senderAllowed of either)
		for (const inside of either)
			for (const readable of either)
				for (const names of ['this', 'other', 'none'] as const)
					for (const inviter of ['nobody', 'allowed', 'stranger'] as const)
						for (const limitUsed of either)
							for (const administrator of either)
								for (const version of ['10', '12'] as const)
									all.push({ senderAllowed, inside, readable, names, inviter, limitUsed, administrator, version });
	return all.filter(({ inside, inviter }) => !inside || inviter === 'nobody');
}

type Situation = {
	senderAllowed: boolean;
	/** The bot was in the new room before the tombstone. */
	inside: boolean;
	/** The new room may be read without joining it. */
	readable: boolean;
	names: 'this' | 'other' | 'none';
	inviter: 'nobody' | 'allowed' | 'stranger';
	limitUsed: boolean;
	/** The sender of the tombstone may change the state of the new room too. */
	administrator: boolean;
	version: '10' | '12';
};

/** The expected result, computed in another way than in the code. */
function expected({ senderAllowed, inside, readable, names, inviter, limitUsed, administrator }: Situation) {
	if (inside) return { inside: true, joins: 0, moved: names === 'this' || administrator, left: false };
	const disproved = names !== 'this' && (readable || inviter !== 'nobody');
	const mayCome = (senderAllowed || inviter === 'allowed') && !limitUsed;
	if (disproved || !mayCome) {
		const refused = !disproved && !senderAllowed && inviter === 'stranger';
		return { inside: false, joins: 0, moved: false, left: refused };
	}
	return { inside: names === 'this', joins: 1, moved: names === 'this', left: names !== 'this' };
}

test('joins, leaves and moves as expected after a tombstone, in every situation', async () => {
	const wrong: unknown[] = [];
	const all = situations();
	expect(all).toHaveLength(384);
	for (const [i, situation] of all.entries()) {
		const { senderAllowed, inside, readable, names, inviter, limitUsed, administrator, version } = situation;
		const [from, to] = [`!old${i}:example.org`, version === '12' ? `!new${i}` : `!new${i}:example.org`];
		const sender = senderAllowed ? `@admin${i}:example.org` : `@admin${i}:evil.example`;
		const invites = { nobody: undefined, allowed: `@friend${i}:example.org`, stranger: `@friend${i}:evil.example` };
		const owner = administrator ? sender : '@owner:example.org';
		const create = { sender: owner, content: { room_version: version, ...(version === '10' && { creator: owner }) } };
		const power = version === '12' ? {} : { users: { [owner]: 100 } };
		const state = { create, power, joinRule: 'public', ...(readable && { visibility: 'world_readable' }) };
		const predecessor = { this: from, other: '!another', none: undefined }[names];
		played.createRoom(to, owner, { state, ...(predecessor !== undefined && { predecessor }) });
		played.admit(to, sender);
		if (inside) played.admit(to, glia);
		const oldState = { create: { sender, content: { room_version: '10', creator: sender } } };
		const joined = [news([], { room: from, state: oldState }), ...(inside ? [news([], { room: to, state })] : [])];
		await store.take(batch(`a${i}`, { joined }), now());
		const watch = { id: `w${i}`, room: from, server: 'example.org', facts: [], changed: now() };
		await store.keepWatch(watch, now());
		if (limitUsed)
			for (const person of [sender, invites[inviter] ?? sender])
				for (let n = 0; n < 20; n++) await store.countJoin(person, now());
		const by = invites[inviter];
		if (by !== undefined) played.invite(to, by);
		const invited = by === undefined ? [] : [{ room: to, inviter: by, predecessor: predecessor ?? null }];
		const tombstone = { sender, replacement: to };
		await store.take(batch(`b${i}`, { joined: [news([], { room: from, state: { tombstone } })], invited }), now());
		const before = played.calls.length;
		await followMoves({
			...common(),
			allow: ['example.org'],
			changes: 'state_default',
			knowledge: () => known(),
			moved: () => undefined,
			dropped: () => undefined,
		});
		const calls = played.calls.slice(before);
		const found = {
			inside: (await played.port.membership(to, glia)).valueOf(),
			joins: calls.filter(call => call === `join ${to}`).length,
			moved: (await store.watches(to)).length === 1 && (await store.watches(from)).length === 0,
			left: calls.includes(`leave ${to}`),
		};
		const is = { ...found, inside: JSON.stringify(found.inside) === '{"value":"join"}' };
		const others = calls.filter(call => /^(join|leave) /.test(call) && !call.endsWith(to));
		if (JSON.stringify([is, others]) !== JSON.stringify([expected(situation), []]))
			wrong.push({ situation, is, others, expected: expected(situation) });
		await store.dropMove(from);
	}
	expect(wrong).toEqual([]);
});

test('merges two rooms that watch the same server without repeating anything', async () => {
	const [old, main] = ['!old:example.org', '!main:example.org'];
	const create = { sender: alice, content: { room_version: '10', creator: alice } };
	const rooms = [old, main].map(id => news([], { room: id, state: { create } }));
	await store.take(batch('1', { joined: rooms }), now());
	for (const [id, room, server] of [
		['w1', old, 'both.example.org'],
		['w2', main, 'both.example.org'],
		['w3', old, 'old.example.org'],
		['w4', main, 'main.example.org'],
	] as const)
		await store.keepWatch({ id, room, server, facts: [], changed: now() }, now());
	const tell = (id: string, room: string, subject: string) => {
		const alert = {
			...{ watch: id, rule: 'advisory', subject, episode: 'e', stage: 'open', severity: 'severe', title: subject },
			...{ kind: 'news', facts: [] },
		} as never;
		const one = saying(`${id} ${subject}`, { room });
		const watch = { id, room, server: '', facts: [], changed: now() };
		return store.keepDecided([{ watch, alerts: [alert], say: () => [{ saying: one, says: [0] }] }], now());
	};
	for (const [id, room] of [
		['w1', old],
		['w2', main],
		['w3', old],
		['w4', main],
	] as const)
		await tell(id, room, 'CVE-1');
	const tombstone = { sender: alice, replacement: main };
	await store.take(batch('2', { joined: [news([], { room: old, state: { tombstone } })] }), now());
	const [move] = await store.moves(now());
	if (!move) throw new Error('no move');
	await store.keepSettings(main, { zone: 'Europe/Berlin' }, now());
	await store.moved(move, now(), { merge: true });
	expect((await store.watches(main)).map(({ id }) => id)).toEqual(['w2', 'w4', 'w3']);
	expect(await store.watches(old)).toEqual([]);
	expect(await store.settings(main)).toEqual({ zone: 'Europe/Berlin' });
	const numbers = (await store.open(main)).map(({ number }) => number);
	expect(new Set(numbers).size).toBe(3);
	const said: string[] = [];
	for (;;) {
		const [row] = await store.due(now(), [], 1);
		if (!row) break;
		said.push(`${row.room} ${row.said}`);
		await store.sent(row.id, '$', now());
	}
	expect(said.sort()).toEqual([`${main} w2 CVE-1`, `${main} w3 CVE-1`, `${main} w4 CVE-1`]);
	// The tombstone arrives again with the room's state, but has been handled already.
	await store.take(batch('3', { joined: [news([], { room: old, state: { tombstone } })] }), now());
	expect(await store.moves(now())).toEqual([]);
});

describe('gaps', () => {
	let filled: number;
	let failures: Parameters<typeof fillGaps>[0]['failures'];
	let hears: boolean;
	const run = () => fillGaps({ ...common(), meant: everything, filled: () => filled++, failures, hears: () => hears });

	beforeEach(async () => {
		filled = 0;
		failures = new Map();
		hears = true;
		played.createRoom(room, alice);
		played.say(room, alice, 'before we came');
		played.invite(room, alice);
		await played.port.join(room, []);
	});

	async function take(batch: Batch): Promise<void> {
		await store.take(batch, now());
	}

	async function read(): Promise<string[]> {
		const found: string[] = [];
		for (let next = await store.nextMessage(room); next; next = await store.nextMessage(room)) {
			found.push(next.body);
			await store.settle(next.event, [], now());
		}
		return found;
	}

	test('are filled, in order, with what was said between joining and the first sync', async () => {
		for (let i = 0; i < 250; i++) played.say(room, alice, `${i}`);
		const outcome = await played.port.sync(undefined);
		if ('value' in outcome) await take({ ...outcome.value, joined: [news([], { room })] });
		await run();
		expect(await read()).toEqual(Array.from({ length: 250 }, (_, i) => `${i}`));
	});

	test('continue from the same place after a failure', async () => {
		for (let i = 0; i < 250; i++) played.say(room, alice, `${i}`);
		const outcome = await played.port.sync(undefined);
		if ('value' in outcome) await take({ ...outcome.value, joined: [news([], { room })] });
		let pages = 0;
		played.setTrouble(call => (call === 'history' && ++pages === 2 ? away : undefined));
		expect(await run()).toBeGreaterThan(0);
		expect(await store.unread()).toEqual([]);
		clock += 60_000;
		await run();
		expect(await read()).toHaveLength(250);
		expect(pages).toBeLessThanOrEqual(5);
	});

	test('lose nothing if a homeserver process does not know yet that the bot joined', async () => {
		played.say(room, alice, 'early');
		const outcome = await played.port.sync(undefined);
		if ('value' in outcome) await take({ ...outcome.value, joined: [news([], { room })] });
		let pages = 0;
		const unaware: Failure = { kind: 'refused', code: 'M_FORBIDDEN', why: 'not in room' };
		played.setTrouble(call => (call === 'history' && ++pages <= 3 ? unaware : undefined));
		for (let i = 0; i < 4; i++, clock += 60_000) await run();
		expect(await read()).toEqual(['early']);
	});

	test('end if the bot may no longer read the room', async () => {
		const outcome = await played.port.sync(undefined);
		if ('value' in outcome) await take({ ...outcome.value, joined: [news([], { room })] });
		await run();
		await take(batch('2', { joined: [news([incoming('$x', { body: 'now' })], { room, gap: '1' })] }));
		played.kick(room);
		for (let i = 0; i < 5; i++, clock += 60_000) await run();
		expect(await read()).toEqual(['now']);
	});

	async function broken(): Promise<void> {
		await take(batch('1', { joined: [news([], { room })] }));
		await run();
		await read();
		await take(batch('2', { joined: [news([incoming('$x', { body: 'now' })], { room, gap: '1' })] }));
		played.setTrouble(call => (call === 'history' ? away : undefined));
	}

	test('are read on time even if the bot looks for others in between', async () => {
		await broken();
		expect(await run()).toBe(500);
		clock += 100;
		expect(await run()).toBe(400);
	});

	test('of the same room are read one directly after the other', async () => {
		await take(batch('1', { joined: [news([], { room })] }));
		await run();
		for (const token of ['2', '3'])
			await take(batch(token, { joined: [news([incoming(`$${token}`, { body: token })], { room, gap: '1' })] }));
		expect(await run()).toBeLessThanOrEqual(0);
		expect(await run()).toBeUndefined();
		expect((await read()).slice(-2)).toEqual(['2', '3']);
	});

	test('are left to the next start once the process is ending', async () => {
		await broken();
		expect(
			await fillGaps({
				...common(),
				meant: everything,
				filled: () => filled++,
				failures,
				hears: () => hears,
				stopping: () => true,
			}),
		).toBeUndefined();
		expect(filled).toBe(1);
	});

	test('are requested at growing intervals while reading fails', async () => {
		await broken();
		const waits: number[] = [];
		for (let i = 0; i < 10; i++, clock += 60_000) waits.push((await run()) ?? Number.NaN);
		expect(waits.slice(0, 4)).toEqual([500, 1000, 2000, 4000]);
		expect(waits.at(-1)).toBe(60_000);
	});

	test('end after a while if only the history cannot be read, so that the room is answered again', async () => {
		await broken();
		for (let i = 0; i < 30; i++, clock += 60_000) await run();
		expect(await store.unread()).toEqual([]);
		for (let i = 0; i < 6; i++, clock += 60_000) await run();
		expect(await read()).toEqual(['now']);
	});

	test('do not end while the homeserver responds to nothing', async () => {
		await broken();
		hears = false;
		for (let i = 0; i < 100; i++, clock += 60_000) await run();
		expect(await store.unread()).toEqual([]);
		played.setTrouble(() => undefined);
		await run();
		expect(await read()).toEqual(['now']);
	});

	test.each([
		['four refusals, then an outage', 4, { kind: 'refused', code: 'M_FORBIDDEN', why: 'not in room' }, away],
		[
			'four refusals, then a rate limit',
			4,
			{ kind: 'refused', code: 'M_FORBIDDEN', why: '' },
			{ kind: 'limited', waitMs: 1 },
		],
		['half an hour of errors, then a rate limit', 35, away, { kind: 'limited', waitMs: 1 }],
	] as [string, number, Failure, Failure][])('lose nothing after %s', async (_, times, first, then) => {
		played.say(room, alice, 'early');
		const outcome = await played.port.sync(undefined);
		if ('value' in outcome) await take({ ...outcome.value, joined: [news([], { room })] });
		let asked = 0;
		played.setTrouble(call => (call === 'history' ? (asked++ < times ? first : then) : undefined));
		for (let i = 0; i < times + 3; i++, clock += 60_000) await run();
		expect(asked).toBeGreaterThan(times);
		played.setTrouble(() => undefined);
		await run();
		expect(await read()).toEqual(['early']);
	});

	test('do not end if the homeserver goes down completely after half an hour of errors', async () => {
		await broken();
		for (let i = 0; i < 35; i++, clock += 60_000) await run();
		hears = false;
		for (let i = 0; i < 3; i++, clock += 60_000) await run();
		expect(await store.unread()).toEqual([]);
	});

	test("do not hold up others if a room's history is broken", async () => {
		const other = '!other:example.org';
		played.createRoom(other, alice);
		played.invite(other, alice);
		await played.port.join(other, []);
		await take(batch('1', { joined: [news([], { room }), news([], { room: other })] }));
		played.setTrouble((call, where) => (call === 'history' && where === room ? away : undefined));
		await run();
		expect(await store.gaps(new Date(clock + day))).toMatchObject([{ room }]);
	});
});

describe('notices', () => {
	test('say nothing in an encrypted room without keys, which is logged once', async () => {
		const state = { encryption: { algorithm: 'm.megolm.v1.aes-sha2' } };
		const loud: unknown[] = [];
		const log: Log = { ...silence, error: (fields, text) => loud.push([fields, text]) };
		await store.take(batch('1'), now());
		await store.take(batch('2', { joined: [news([], { room, state })] }), now());
		for (let i = 0; i < 2; i++)
			await announce({ store, now, name: () => 'glia', server: undefined, reads: false, log, said: () => undefined });
		expect(await store.counts()).toMatchObject({ outbox: 0 });
		expect(loud).toEqual([[{ room }, expect.stringContaining('does not belong to a device')]]);
	});

	// For a known transaction ID, the homeserver silently returns the old event.
	describe('have a new ID in each stay in a room', () => {
		const named = async () => (await store.due(now(), [], 9)).map(({ said }) => said);
		const told = () =>
			announce({ store, now, name: () => 'glia', server: undefined, reads: true, log: silence, said: () => undefined });
		const left = async (token: string) => {
			await store.take(batch(token, { left: [{ room }] }), now());
			await store.forget(room);
		};

		test('if they greet the room, or warn that it is public', async () => {
			const names: string[] = [];
			for (const stay of [1, 2]) {
				await store.take(batch(`${stay}a`, { joined: [news([], { room })] }), now());
				await store.take(batch(`${stay}b`, { joined: [news([], { room, state: { joinRule: 'public' } })] }), now());
				await told();
				for (const row of await store.due(now(), [], 1)) await store.sent(row.id, undefined, now());
				names.push(...(await named()));
				await left(`${stay}c`);
				await store.take(batch(`${stay}d`, { joined: [news([], { room })] }), now());
				await told();
				names.push(...(await named()));
				await left(`${stay}e`);
			}
			expect(names).toHaveLength(4);
			expect(new Set(names).size).toBe(4);
		});

		test('if they say that a message cannot be read', async () => {
			const closed = {
				event: '$closed',
				room,
				sender: alice,
				at: now(),
				session: 's',
				why: 'MissingRoomKey',
				raw: '{}',
			};
			const names: string[] = [];
			for (const stay of [1, 2]) {
				await store.take(batch(`${stay}a`, { joined: [news([], { room })] }), now());
				await store.tell(room, [], now());
				await store.take(batch(`${stay}b`, { joined: [news([], { room, unreadable: [closed] })] }), now());
				clock += 60_000;
				await explain({ store, homeserver: played.port, loginSince: () => new Date(0), now, said: () => undefined });
				names.push(...(await named()));
				await left(`${stay}c`);
			}
			expect(names).toHaveLength(2);
			expect(new Set(names).size).toBe(2);
		});
	});
});

describe('cleaning up', () => {
	test('notices a room that another session has left', async () => {
		played.createRoom(room, alice);
		await store.take(batch('1', { joined: [news([], { room })] }), now());
		played.setTrouble(() => away);
		await sweep({ ...common(), graceDays: 7 });
		expect(await store.joinedRooms()).toEqual([room]);
		played.setTrouble(() => undefined);
		await sweep({ ...common(), graceDays: 7 });
		expect(await store.joinedRooms()).toEqual([]);
		expect(await store.room(room)).toBeDefined();
	});

	test('forgets a room after the configured days, here and on the homeserver', async () => {
		await store.take(batch('1', { joined: [news([], { room })] }), now());
		await store.take(batch('2', { left: [{ room }] }), now());
		clock += 6 * day;
		await sweep({ ...common(), graceDays: 7 });
		expect(await store.room(room)).toBeDefined();
		clock += 2 * day;
		played.setTrouble(() => away);
		await sweep({ ...common(), graceDays: 7 });
		expect(await store.room(room)).toBeDefined();
		played.setTrouble(() => undefined);
		await sweep({ ...common(), graceDays: 7 });
		expect(await store.room(room)).toBeUndefined();
	});
});

describe('the sync loop', () => {
	type Told = { taken: [string, boolean][]; unreachable: string[]; paused: number[]; untilSent: number[] };

	async function run(rounds: number, trouble: (round: number) => Failure | undefined): Promise<Told> {
		const told: Told = { taken: [], unreachable: [], paused: [], untilSent: [] };
		let round = 0;
		let stopping = false;
		played.setTrouble(call => {
			if (call !== 'sync') return undefined;
			if (++round >= rounds) stopping = true;
			return trouble(round);
		});
		await takeIn({
			...common(),
			meant: everything,
			taken: ({ token }, back) => told.taken.push([token, back]),
			missed: () => undefined,
			unreachable: why => told.unreachable.push(why),
			stopping: () => stopping,
			pause: async ms => void told.paused.push(ms),
			untilSent: async ms => void told.untilSent.push(ms),
		});
		return told;
	}

	test('fails with a reason if the homeserver is down at the start', async () => {
		expect(await run(10, () => away)).toMatchObject({ taken: [], unreachable: ['status 502'] });
	});

	test('later retries forever, with short pauses, and reports when the homeserver is back', async () => {
		const told = await run(32, round => (round > 1 && round < 30 ? away : undefined));
		expect(told.unreachable).toEqual([]);
		expect(told.paused).toHaveLength(28);
		expect(Math.max(...told.paused)).toBe(5000);
		expect(told.taken.map(([, back]) => back)).toEqual([false, true, false]);
	});

	test('waits for as long as a rate limit says', async () => {
		const limit: Failure = { kind: 'limited', waitMs: 1234 };
		expect((await run(4, round => (round === 2 ? limit : undefined))).paused).toEqual([1234]);
	});

	test('waits for our answers to be sent, but only after messages', async () => {
		played.createRoom(room, alice);
		played.invite(room, alice);
		await played.port.join(room, []);
		const told = await run(4, round => {
			if (round === 3) played.say(room, alice, '!status');
			return undefined;
		});
		expect(told.taken).toHaveLength(3);
		expect(told.untilSent).toEqual([100]);
	});

	test('stops on an invalid token', async () => {
		await run(9, round => (round === 2 ? { kind: 'token', why: 'revoked' } : undefined));
		expect(locked).toEqual(['revoked']);
	});

	test('does not advance if a batch cannot be stored', async () => {
		store.take = () => Promise.reject(new Error('the disk is full'));
		await expect(run(3, () => undefined)).rejects.toThrow('the disk is full');
		expect(await store.token()).toBe('[]');
	});
});
