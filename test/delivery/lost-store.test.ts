// A first start is distinguished from a lost store, and rooms are told about the loss once.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noticeLoss } from '../../src/delivery/lost-store.ts';
import { announce } from '../../src/delivery/notices.ts';
import { openStore } from '../../src/edges/store/store.ts';
import type { Failure } from '../../src/ports/homeserver.ts';
import type { Store } from '../../src/ports/store.ts';
import { silence } from '../../src/runtime/log.ts';
import { batch, news } from '../contracts/store.ts';
import { type Played, playHomeserver } from '../homeserver.ts';

const room = '!room:example.org';
const other = '!other:example.org';
const day = 24 * 3600_000;
let clock: number;
let store: Store;
let played: Played;
let errors: string[];

const now = () => new Date(clock);

beforeEach(async () => {
	clock = Date.parse('2026-11-21T12:00:00Z');
	errors = [];
	store = await openStore();
	played = playHomeserver('@glia:example.org', now);
});

afterEach(() => store.close());

function start(keysAlone = false, pause: () => void = () => undefined): Promise<Date | undefined> {
	return noticeLoss({
		...{ store, homeserver: played.port, keysAlone, now, random: () => 1 },
		log: { ...silence, error: (_fields: unknown, text: string) => void errors.push(text) },
		stopping: () => false,
		pause: async () => pause(),
	});
}

const settled = () => new Promise(resolve => setTimeout(resolve, 20));

/** Runs the first sync. Resolves with what rooms are told. */
async function heard(): Promise<string[]> {
	const joined = [room, other].map(id => news([], { room: id }));
	await store.take(batch('1', { joined }), now());
	// Announce twice, as a restart would; the second time says nothing new.
	for (let times = 0; times < 2; times++)
		await announce({
			store,
			now,
			name: () => 'glia',
			server: undefined,
			reads: true,
			log: silence,
			said: () => undefined,
		});
	const found: string[] = [];
	for (;;) {
		const [row] = await store.due(now(), [], 1);
		if (!row) return found;
		if (row.kind === 'event') found.push(`${row.room} ${row.event.content.body}`);
		await store.sent(row.id, '$', now());
	}
}

async function emptied(): Promise<void> {
	await store.close();
	store = await openStore();
}

test('says nothing at the first start of a new account, and sets a marker', async () => {
	expect(await start()).toBeUndefined();
	await settled();
	expect(await played.port.marker()).toMatchObject({ value: expect.stringMatching(/-/) });
	expect(await heard()).toEqual([]);
	expect(errors).toEqual([]);
});

test("reports once to each room, and in the log and the status, that an account's store is empty again", async () => {
	await start();
	await settled();
	await emptied();
	expect(await start()).toEqual(now());
	await settled();
	const said = await heard();
	expect(said.map(text => text.split(' ')[0])).toEqual([other, room]);
	for (const text of said) expect(text).toMatch(/no longer watching any servers.*!watch example\.org/);
	expect(errors).toHaveLength(1);
	// Later starts say nothing to rooms, but the status mentions the loss for a while.
	clock += day;
	expect(await start()).toEqual(new Date(clock - day));
	await settled();
	expect(await heard()).toEqual([]);
	expect(errors).toHaveLength(1);
	clock += 31 * day;
	expect(await start()).toBeUndefined();
});

test('takes an empty database next to the keys of an earlier session for a lost store', async () => {
	expect(await start(true)).toEqual(now());
	expect(await heard()).toHaveLength(2);
});

test('tells the rooms even if killed between noticing the loss and the first sync', async () => {
	await start();
	await settled();
	await emptied();
	await start();
	await settled();
	expect(await start()).toEqual(now());
	expect(await heard()).toHaveLength(2);
});

test('does not tell rooms that the bot joins later', async () => {
	await start(true);
	await store.take(batch('1', { joined: [news([], { room: other })] }), now());
	await store.take(batch('2', { joined: [news([], { room })] }), now());
	expect(await store.untold()).toMatchObject([
		{ room: other, lost: true },
		{ room, lost: false, greeting: true },
	]);
});

test('does not mistake a restored copy for a loss', async () => {
	await start();
	await settled();
	await heard();
	await played.port.mark('of the store that ran meanwhile');
	expect(await start()).toBeUndefined();
	await settled();
	expect(await played.port.marker()).not.toEqual({ value: 'of the store that ran meanwhile' });
	expect(errors).toEqual([]);
});

test('does not mistake a store from before the marker for a loss', async () => {
	await store.take(batch('1', { joined: [news([], { room })] }), now());
	await played.port.mark('of another store');
	expect(await start()).toBeUndefined();
	expect(errors).toEqual([]);
});

describe('a homeserver without a marker', () => {
	test('is asked again if it did not respond, before anything counts as a first start', async () => {
		await played.port.mark('of the lost store');
		let tries = 0;
		const away: Failure = { kind: 'away', why: 'status 502' };
		played.setTrouble(call => (call === 'marker' && ++tries < 4 ? away : undefined));
		expect(await start()).toEqual(now());
	});

	test.each(['stopped', 'token'] as const)('decides nothing if the process must end first (%s)', async kind => {
		await played.port.mark('of the lost store');
		const failure: Failure = kind === 'stopped' ? { kind } : { kind, why: 'logged out' };
		played.setTrouble(call => (call === 'marker' ? failure : undefined));
		expect(await start()).toBeUndefined();
		await settled();
		played.setTrouble(() => undefined);
		expect(await start()).toEqual(now());
	});

	test('decides nothing if a signal ends the wait for it', async () => {
		await played.port.mark('of the lost store');
		let stopping = false;
		played.setTrouble(call => (call === 'marker' ? { kind: 'away', why: 'status 502' } : undefined));
		await noticeLoss({
			...{ store, homeserver: played.port, keysAlone: false, now, random: () => 1, log: silence },
			stopping: () => stopping,
			pause: async () => {
				stopping = true;
			},
		});
		played.setTrouble(() => undefined);
		expect(await start()).toEqual(now());
	});

	test('may refuse account data', async () => {
		played.setTrouble(call =>
			call === 'marker' || call === 'mark' ? { kind: 'refused', code: 'M_FORBIDDEN', why: '' } : undefined,
		);
		expect(await start()).toBeUndefined();
		await settled();
	});
});

test('does not end the process if the marker cannot be stored', async () => {
	const warned: string[] = [];
	await noticeLoss({
		...{ store, keysAlone: false, now, random: () => 1, stopping: () => false, pause: async () => undefined },
		homeserver: {
			marker: async () => ({ value: undefined }),
			mark: async () => Promise.reject(new Error('the store is closed')),
		},
		log: { ...silence, warn: (_fields: unknown, text: string) => void warned.push(text) },
	});
	await settled();
	expect(warned).toEqual(['could not leave the marker']);
});
