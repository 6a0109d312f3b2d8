// The store's contract for guide sessions: the same in every store, and also after reopening a store that outlives the
// process.
import { afterEach, describe, expect, test } from 'vitest';
import type { GuideSession } from '../../src/advice/guide/session.ts';
import type { Saying } from '../../src/ports/saying.ts';
import type { KeptSession, Store } from '../../src/ports/store.ts';
import type { Place, Places } from './places.ts';
import { batch, incoming, news } from './store.ts';

const room = '!room:example.org';
const fresh = '!fresh:example.org';
const now = new Date('2026-11-21T12:00:00Z');
const day = 24 * 3600_000;
const later = (days: number) => new Date(now.getTime() + days * day);

const session = (more: Partial<GuideSession> = {}): GuideSession => ({
	guide: 'small',
	stated: { way: 'way' },
	facts: ['docker'],
	asked: 'small',
	id: 'w',
	room,
	is: 'open',
	place: { stage: 'two', gate: true },
	passed: [{ stage: 'one', as: 'done', by: '@a:b', at: now.toISOString() }],
	begun: { by: '@a:b', at: now.toISOString() },
	since: now.toISOString(),
	refused: ['@c:d'],
	...more,
});

const saying = (said: string, more: Partial<Saying> = {}): Saying =>
	({ said, room, kind: 'event', event: { type: 'm.room.message', content: { body: said } }, ...more }) as Saying;

let store: Store;
let place: Place;
let heard = 0;

export function sessionStoreContract(places: Places): void {
	describe.each(Object.entries(places))('in %s', (_, make) => {
		afterEach(async () => {
			await store.close();
			place.remove();
		});

		async function open(): Promise<void> {
			place = await make();
			store = await place.open();
			await store.take(batch('0'), now);
			await store.take(batch('1', { joined: [news()] }), now);
			for (const gap of await store.gaps(now)) await store.fill(gap, { messages: [] }, now);
		}
		/** Reopens the store, as the next start of the process would. */
		async function reopen(): Promise<void> {
			if (!place.outlives) return;
			await store.close();
			store = await place.open();
		}
		/** Receives a message, decides it and delivers its sayings: each becomes the event `$` followed by its ID. */
		async function decided(sayings: Saying[], kept?: KeptSession, at = now): Promise<void> {
			const event = `$message${++heard}`;
			await store.take(batch(`${heard}+`, { joined: [news([incoming(event)])] }), at);
			await store.settle(event, sayings, at, kept);
			for (let [row] = await store.due(at, [], 1); row; [row] = await store.due(at, [], 1))
				await store.sent(row.id, `$${row.said}`, at);
		}
		const places = async (...events: string[]) =>
			Promise.all(events.map(async event => (await store.sessionOfSaying(room, event))?.place ?? 'plan or nothing'));

		test('stores a session with its answer, and finds it by its thread and by its messages', async () => {
			await open();
			const says = [{ said: 'plan' }, { said: 'two', place: { stage: 'two', gate: true } }];
			await decided([saying('plan'), saying('two')], { session: session(), thread: { root: 'plan' }, says });
			await reopen();
			const kept = { session: session(), thread: { root: 'plan' }, event: '$plan' };
			expect(await store.sessionIn(room, '$plan')).toEqual(kept);
			expect(await store.sessionOfSaying(room, '$plan')).toEqual(kept);
			expect(await store.sessionOfSaying(room, '$two')).toEqual({ ...kept, place: { stage: 'two', gate: true } });
			expect(await store.sessions(room)).toEqual([session()]);
			for (const [elsewhere, event] of [
				[fresh, '$plan'],
				[room, '$two'],
			] as const)
				expect(await store.sessionIn(elsewhere, event)).toBeUndefined();
			expect(await store.sessionOfSaying(fresh, '$two')).toBeUndefined();
			expect(await store.sessionOfSaying(room, '$other')).toBeUndefined();
			expect(await store.sessions(fresh)).toEqual([]);
		});

		test('replaces a session by its next state, and still finds it by older messages', async () => {
			await open();
			const thread = { root: 'plan' };
			const one = { said: 'one', place: { stage: 'one', gate: false } };
			await decided([saying('plan'), saying('one')], { session: session(), thread, says: [one] });
			const { place: _, ...rest } = session();
			const on: GuideSession = { ...rest, is: 'ended' };
			await decided([saying('end')], { session: on, thread, says: [] });
			await reopen();
			expect((await store.sessionIn(room, '$plan'))?.session).toEqual(on);
			expect(await places('$one', '$end')).toEqual([one.place, 'plan or nothing']);
			expect(await store.sessions(room)).toEqual([]);
		});

		test('stores nothing for a message that was redacted while it was decided', async () => {
			await open();
			await store.settle('$never came', [saying('plan')], now, {
				session: session(),
				thread: { root: 'plan' },
				says: [],
			});
			expect(await store.sessions(room)).toEqual([]);
			expect(await store.due(now, [], 1)).toEqual([]);
		});

		test('finds the running session of an existing thread before finished ones', async () => {
			await open();
			const thread = { event: '$theirs' };
			await decided([], { session: session({ id: 'open' }), thread, says: [] });
			await decided([], { session: session({ id: 'over', is: 'stopped' }), thread, says: [] }, later(1));
			await decided([], { session: session({ id: 'plan', is: 'offered' }), thread, says: [] }, later(2));
			expect(await store.sessionIn(room, '$theirs')).toMatchObject({
				session: { id: 'open' },
				thread,
				event: '$theirs',
			});
			await decided([], { session: session({ id: 'open', is: 'ended' }), thread, says: [] });
			expect(await store.sessionIn(room, '$theirs')).toMatchObject({ session: { id: 'over' } });
			await decided([], { session: session({ id: 'alone', is: 'offered' }), thread: { event: '$x' }, says: [] });
			expect(await store.sessionIn(room, '$x')).toBeUndefined();
		});

		test('moves a running session to a thread of the new room, but not an offer', async () => {
			await open();
			await decided([saying('plan')], { session: session(), thread: { root: 'plan' }, says: [{ said: 'plan' }] });
			await decided([saying('offer')], {
				session: session({ id: 'offer', is: 'offered' }),
				thread: { root: 'offer' },
				says: [{ said: 'offer' }],
			});
			const moved = {
				from: room,
				to: fresh,
				via: 'example.org',
				sender: '@admin:x',
				joined: false,
				since: now,
				tries: 0,
			};
			const kept = { session: session({ room: fresh }), thread: { root: 'again' }, says: [{ said: 'again' }] };
			await store.moved(moved, now, {
				resumed: [{ session: kept, sayings: [saying('again', { room: fresh })] }],
			});
			const [row] = await store.due(now, [], 1);
			expect(row).toMatchObject({ said: 'again', room: fresh });
			await store.sent(row?.id ?? 0, '$again', now);
			await reopen();
			expect(await store.sessionIn(fresh, '$again')).toMatchObject({
				session: { id: 'w', room: fresh },
				event: '$again',
			});
			expect(await store.sessionIn(room, '$plan')).toBeUndefined();
			expect(await store.sessionOfSaying(room, '$offer')).toBeUndefined();
		});

		test('deletes finished sessions, but neither a running one nor what its thread needs', async () => {
			await open();
			await decided([saying('plan')], { session: session(), thread: { root: 'plan' }, says: [{ said: 'plan' }] });
			await decided([saying('old')], {
				session: session({ id: 'old', is: 'offered' }),
				thread: { root: 'old' },
				says: [{ said: 'old' }],
			});
			await store.prune(later(30));
			expect(await store.sessionIn(room, '$plan')).toBeDefined();
			expect(await store.sessionOfSaying(room, '$old')).toBeUndefined();
			await store.prune(later(300));
			expect(await store.sessionIn(room, '$plan')).toBeDefined();
			await store.prune(later(400));
			expect(await store.sessionIn(room, '$plan')).toBeUndefined();
		});

		test("forgets a room's sessions with the room", async () => {
			await open();
			await decided([saying('plan')], { session: session(), thread: { root: 'plan' }, says: [{ said: 'plan' }] });
			await store.forget(room);
			expect(await store.sessions(room)).toEqual([]);
		});
	});
}
