// Rooms are told once that upstream is silent and once that it is back, despite restarts, quiet hours and moved rooms.
import { expect, test } from 'vitest';
import { openStore } from '../../src/edges/store/store.ts';
import type { Store } from '../../src/ports/store.ts';
import type { SourceState } from '../../src/ports/web.ts';
import { tellOfUpstream } from '../../src/watch/upstream-outage.ts';

const hour = 3600_000;
const start = Date.parse('2026-01-05T12:00:00Z');

async function played(rooms: readonly string[]) {
	let ms = start;
	const now = () => new Date(ms);
	const store: Store = await openStore();
	const state = { listening: true, read: now(), failures: 0 };
	const source = (name: string, more: Partial<SourceState> = {}): SourceState => ({
		name,
		address: 'https://x',
		next: now(),
		failures: 0,
		read: now(),
		...more,
	});
	const names: string[] = [];
	const join = async (room: string) => {
		const joined = [{ room, state: {}, messages: [], redacted: [] }];
		await store.take({ token: room, joined, invited: [], left: [] }, now());
		await store.keepWatch({ id: room, room, server: 'example.org', facts: [], changed: now() }, now());
	};
	for (const room of rooms) await join(room);
	return {
		store,
		state,
		now,
		join,
		/** The IDs of everything that was said, in order. */
		saidIds: () => names,
		/** Continues for this many hours, asking every half hour. `broken`: upstream does not respond meanwhile. */
		async live(hours: number, broken: boolean): Promise<string[]> {
			const heard: string[] = [];
			for (const end = ms + hours * hour; ms < end; ms += hour / 2) {
				state.failures = broken ? state.failures + 1 : 0;
				if (!broken) state.read = now();
				await tellOfUpstream({
					store,
					sources: () => [
						source('releases', { read: state.read, failures: state.failures, trouble: { is: 'status', status: 503 } }),
						source('playbook', { read: new Date(0), failures: 99 }),
					],
					knowledge: () => ({ read: '2026-01-01' }),
					listening: () => state.listening,
					now,
					said: () => {},
					stopping: () => false,
				});
				for (;;) {
					const due = await store.due(now(), [], 100);
					if (!due.length) break;
					for (const one of due) {
						if (one.kind !== 'event') throw new Error('not an event');
						const thread = one.continues === undefined ? '' : ' (thread)';
						names.push(one.said);
						heard.push(`${one.room}: ${String(one.event.content.body).split(/\n|(?<=again\.)/)[0]}${thread}`);
						await store.sent(one.id, `$${one.said}`, now());
					}
				}
			}
			return heard;
		},
	};
}

test('reports a two-day silence once per room, its end once in the thread, and the next silence again', async () => {
	const world = await played(['!a', '!b']);
	expect(await world.live(24, false)).toEqual([]);
	expect(await world.live(40, true)).toEqual([]);
	const told = ['!a', '!b'].map(
		room => `${room}: ⚠️ I have not been able to read all of upstream's sources since 2026-01-06 11:30 UTC.`,
	);
	expect(await world.live(100, true)).toEqual(told);
	expect(await world.live(24, false)).toEqual(
		['!a', '!b'].map(room => `${room}: ✅ I can read all of upstream's sources again. (thread)`),
	);
	expect(await world.live(60, true)).toHaveLength(2);
	await world.store.close();
});

test('reports the silence again in a room that was left and joined again', async () => {
	const world = await played(['!a']);
	expect(await world.live(60, true)).toHaveLength(1);
	await world.store.forget('!a');
	await world.join('!a');
	expect(await world.live(1, true)).toHaveLength(1);
	expect(new Set(world.saidIds()).size).toBe(2);
	await world.store.close();
});

test('repeats nothing after a restart, and does not mistake the new start for a recovery', async () => {
	const world = await played(['!a']);
	expect(await world.live(60, true)).toHaveLength(1);
	world.state.failures = -1;
	expect(await world.live(60, true)).toEqual([]);
	expect(await world.live(1, false)).toHaveLength(1);
	await world.store.close();
});

test('respects quiet hours and severity, follows moved rooms, and waits for the homeserver', async () => {
	const world = await played(['!a', '!b', '!c']);
	await world.store.keepSettings('!b', { quiet: '08:00-23:00' }, world.now());
	await world.store.keepSettings('!c', { severity: 'severe' }, world.now());
	world.state.listening = false;
	expect(await world.live(49, true)).toEqual([]);
	world.state.listening = true;
	const [first, ...none] = await world.live(9, true);
	expect([first?.slice(0, 5), none]).toEqual(['!a: ⚠', []]);
	await world.store.moved(
		{ from: '!a', to: '!d', via: 'x', sender: '@admin:x', joined: false, since: world.now(), tries: 0 },
		world.now(),
	);
	const joined = [{ room: '!d', state: {}, messages: [], redacted: [] }];
	await world.store.take({ token: 't', joined, invited: [], left: [] }, world.now());
	expect((await world.live(4, true)).map(line => line.slice(0, 2))).toEqual(['!b']);
	expect((await world.live(1, false)).map(line => line.slice(0, 2))).toEqual(['!b', '!d']);
	await world.store.close();
});
