// The operator's room is told about each problem once while it lasts, whatever is restarted or killed in between.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BotCondition } from '../../src/advice/operator/faults.ts';
import { noteBackup } from '../../src/delivery/last-backup.ts';
import { noteEnding, noteTakeOver, tellOperator } from '../../src/delivery/operator-notices.ts';
import { openStore } from '../../src/edges/store/store.ts';
import type { Store } from '../../src/ports/store.ts';
import { batch, incoming, news, saying } from '../contracts/store.ts';

const ops = '!ops:example.org';
const other = '!room:example.org';
let store: Store;
let clock: Date;
let condition: BotCondition;
let worst: number;

beforeEach(async () => {
	store = await openStore();
	clock = new Date('2026-11-29T12:00:00Z');
	condition = { sources: [], startedAt: new Date('2026-11-01T12:00:00Z') };
	worst = 0;
});

afterEach(() => store.close());

async function join(...rooms: string[]): Promise<void> {
	await store.take(batch(`${Math.random()}`), clock);
	await store.take(batch(`${Math.random()}`, { joined: rooms.map(room => ({ ...news([]), room })) }), clock);
	for (const gap of await store.gaps(clock)) await store.fill(gap, { messages: [] }, clock);
	for (const room of rooms) await store.tell(room, [], clock);
}

/** Delivers and returns what there is to say in the operator's room now. */
async function told(on: Store = store): Promise<string[]> {
	clock = new Date(clock.getTime() + 60_000);
	await tellOperator({
		store: on,
		room: ops,
		condition: () => condition,
		takeWorst() {
			const taken = worst;
			worst = 0;
			return taken;
		},
		now: () => clock,
		said: () => {},
	});
	const bodies: string[] = [];
	for (;;) {
		const due = (await store.due(clock, [], 10)).filter(({ room }) => room === ops);
		if (due.length === 0) return bodies;
		for (const one of due) {
			if (one.kind === 'event') bodies.push(String(one.event.content.body));
			await store.sent(one.id, '$event', clock);
		}
	}
}

test('reports a lasting problem once, and again when it returns', async () => {
	await join(ops);
	expect(await told()).toEqual([]);
	condition = { ...condition, needs: 'Open a page.' };
	expect(await told()).toEqual([
		expect.stringContaining('My session is not signed, so some clients will not accept my messages. Open a page.'),
	]);
	expect(await told()).toEqual([]);
	condition = { ...condition, mute: 'M_UNKNOWN', second: 'OTHER' };
	expect(await told()).toEqual([expect.stringMatching(/2 problems[\s\S]*I cannot speak[\s\S]*Another Glia/)]);
	condition = { sources: [], startedAt: condition.startedAt };
	expect(await told()).toEqual([]);
	condition = { ...condition, needs: 'Open a page.' };
	expect(await told()).toHaveLength(1);
});

test('repeats nothing after a restart, when most is not known yet', async () => {
	await join(ops);
	const { startedAt } = condition;
	const source = { name: 'releases', read: new Date('2026-11-25T12:00:00Z'), failures: 3 };
	const problems = { needs: 'Open a page.', second: 'OTHER', newer: '9.9.9' };
	condition = { ...problems, sources: [source], startedAt };
	expect(await told()).toEqual([expect.stringContaining('4 problems')]);
	for (let restarts = 0; restarts < 2; restarts++) {
		condition = { sources: [{ ...source, failures: 0 }], startedAt: clock };
		expect(await told()).toEqual([]);
		condition = { ...problems, sources: [source], startedAt: clock };
		expect(await told()).toEqual([]);
	}
	// Over, and back again.
	clock = new Date(clock.getTime() + 2 * 3600_000);
	condition = {
		...condition,
		needs: undefined as never,
		second: undefined as never,
		sources: [{ ...source, read: clock }],
	};
	expect(await told()).toEqual([]);
	clock = new Date(clock.getTime() + 3 * 24 * 3600_000);
	condition = { ...problems, sources: condition.sources, startedAt: condition.startedAt };
	expect(await told()).toEqual([expect.stringContaining('3 problems')]);
});

test('reports abandoned messages and lost rooms, without what was said there', async () => {
	await join(ops, other);
	await told();
	clock = new Date(clock.getTime() + 1000);
	await store.take(batch('x', { joined: [news([incoming('$1', { body: '!secret words' })])] }), clock);
	await store.settle('$1', [saying('a')], clock);
	const [waiting] = await store.due(clock, [], 1);
	await store.giveUp(
		waiting?.id ?? 0,
		JSON.stringify({ kind: 'refused', code: 'M_TOO_LARGE', why: 'too large (M_TOO_LARGE)' }),
		clock,
	);
	const [first] = await told();
	expect(first).toContain('was refused for good: too large (M_TOO_LARGE)');
	expect(first).toContain(other);
	expect(first).not.toContain('secret');
	await store.leftRoom(other, clock);
	expect(await told()).toEqual([expect.stringContaining(`I am no longer in \`${other}\``)]);
	expect(await told()).toEqual([]);
});

test('reports an old backup once, and again when the next one is old', async () => {
	await join(ops);
	await noteBackup(store.kept, clock);
	expect(await told()).toEqual([]);
	clock = new Date(clock.getTime() + 3 * 24 * 3600_000);
	expect(await told()).toEqual([expect.stringContaining('The last backup was made 3 days ago')]);
	expect(await told()).toEqual([]);
	await noteBackup(store.kept, clock);
	expect(await told()).toEqual([]);
	clock = new Date(clock.getTime() + 3 * 24 * 3600_000);
	expect(await told()).toHaveLength(1);
});

test('reports a newer version once', async () => {
	await join(ops);
	condition = { ...condition, newer: '9.0.0' };
	expect(await told()).toEqual([expect.stringContaining('A newer Glia is out: 9.0.0')]);
	expect(await told()).toEqual([]);
});

test('does not report a room that was left on purpose', async () => {
	await join(ops, other);
	await told();
	await store.leftRoom(other, clock, { greetAgain: true });
	expect(await told()).toEqual([]);
});

test('does not report problems from before the room was configured', async () => {
	await join(ops, other);
	await store.leftRoom(other, clock);
	expect(await told()).toEqual([]);
});

test('reports why the process ended, once, at the next start', async () => {
	await join(ops);
	await noteEnding(store.kept, 'The access token was revoked.', clock);
	expect(await told()).toEqual([
		expect.stringMatching(/I stopped 1 minute ago: The access token was revoked\. I am running again/),
	]);
	expect(await told()).toEqual([]);
});

test('reports in the new room after a room upgrade', async () => {
	await join(ops);
	await told();
	const fresh = '!fresh:example.org';
	const tombstone = { sender: '@admin:example.org', replacement: fresh };
	await store.take(batch('t1', { joined: [news([], { room: ops, state: { tombstone } })] }), clock);
	await join(fresh);
	const [move] = await store.moves(clock);
	if (move) await store.moved(move, clock);
	condition = { ...condition, needs: 'Open a page.' };
	expect(await told()).toEqual([]);
	const due = await store.due(clock, [], 9);
	expect(due.filter(({ room }) => room === fresh)).toMatchObject([
		{ event: { content: { body: expect.stringContaining('Open a page.') } } },
	]);
});

test('reports a takeover by a replica once', async () => {
	await join(ops);
	await noteTakeOver(store.kept, clock);
	expect(await told()).toEqual([
		expect.stringMatching(
			/A replica took over 1 minute ago: the previous one died, hung, or lost its connection to the database/,
		),
	]);
	expect(await told()).toEqual([]);
});

test('reports a frozen event loop at most once an hour', async () => {
	await join(ops);
	await told();
	worst = 9_000;
	expect(await told()).toEqual([]);
	worst = 45_000;
	expect(await told()).toEqual([expect.stringContaining('blocked for 45 seconds')]);
	worst = 45_000;
	expect(await told()).toEqual([]);
	clock = new Date(clock.getTime() + 3600_000);
	worst = 45_000;
	expect(await told()).toHaveLength(1);
	// The clock was ahead, and has been set right.
	clock = new Date(clock.getTime() - 24 * 3600_000);
	worst = 45_000;
	expect(await told()).toHaveLength(1);
});

test('reports everything once after a clock that was ahead has been set right', async () => {
	const month = 30 * 24 * 3600_000;
	const rooms = ['!1:x', '!2:x', '!3:x', '!4:x'] as const;
	await join(ops, ...rooms);
	await told();
	clock = new Date(clock.getTime() + month);
	await store.leftRoom(rooms[0], clock);
	expect(await told()).toEqual([expect.stringContaining(rooms[0])]);
	await store.leftRoom(rooms[1], new Date(clock.getTime() + 1000));
	clock = new Date(clock.getTime() - month);
	await store.leftRoom(rooms[2], new Date(clock.getTime() + 30_000));
	const [missed, ...more] = await told();
	expect(more).toEqual([]);
	expect(missed).toContain(rooms[1]);
	expect(missed).toContain(rooms[2]);
	expect(missed).not.toContain(rooms[0]);
	expect(await told()).toEqual([]);
	await store.leftRoom(rooms[3], clock);
	expect(await told()).toEqual([expect.stringContaining(rooms[3])]);
	for (let days = 0; days < 32; days++, clock = new Date(clock.getTime() + 24 * 3600_000))
		expect(await told()).toEqual([]);
});

test('says nothing and loses nothing while the bot is not in the room', async () => {
	await join(other);
	condition = { ...condition, needs: 'Open a page.' };
	expect(await told()).toEqual([]);
	await join(ops);
	expect(await told()).toHaveLength(1);
});

test('reports exactly once, no matter at which write the process is killed', async () => {
	await join(ops);
	await told();
	for (let survives = 0; ; survives++) {
		condition = { sources: [], startedAt: clock };
		await told();
		condition = { ...condition, needs: `Open page ${survives}.` };
		let writes = 0;
		const counting =
			<Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
			async (...args: Args) => {
				if (writes++ >= survives) throw new Error('killed');
				return call(...args);
			};
		const dying: Store = { ...store, say: counting(store.say), kept: { ...store.kept, put: counting(store.kept.put) } };
		const killed = await told(dying).then(
			() => false,
			() => true,
		);
		const after = [...(await told()), ...(await told())];
		if (!killed) break;
		expect(after).toEqual([expect.stringContaining(`Open page ${survives}.`)]);
	}
});
