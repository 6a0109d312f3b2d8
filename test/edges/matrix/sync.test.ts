import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Session } from '../../../src/edges/matrix/session.ts';
import { openSync, type Sync } from '../../../src/edges/matrix/sync.ts';

/** The timeouts of the syncs, in milliseconds. */
let times: number[];
/** How long each sync asks the homeserver to wait for new events, in milliseconds. */
let waits: unknown[];
/** How long the homeserver takes to respond, in milliseconds. */
let takes: number;
let refuses: boolean;

beforeEach(() => {
	vi.useFakeTimers({ toFake: ['performance', 'Date', 'setTimeout'] });
	[times, waits, takes, refuses] = [[], [], 0, false];
});

afterEach(() => vi.useRealTimers());

function open(): Sync {
	const client = {
		async doRequest(_method: string, _path: string, query: { timeout: number }, _body: unknown, time: number) {
			waits.push(query.timeout);
			times.push(time);
			vi.advanceTimersByTime(Math.min(time, takes));
			if (takes >= time) throw new DOMException('no response in time', 'TimeoutError');
			if (refuses) throw new Error('the connection was refused');
			return { next_batch: 'next' };
		},
	};
	const session = {
		user: '@bot:example.org',
		async call(read: (answer: unknown) => unknown, ask: (with_: unknown) => Promise<unknown>) {
			return ask(client).then(
				answer => ({ value: read(answer) }),
				(error: Error) => ({ failure: { kind: 'away', why: error.message } }),
			);
		},
		guarded: async (work: () => Promise<unknown>) => ({ value: await work() }),
	} as unknown as Session;
	return openSync({
		session,
		profile: { names: () => [], learn: async () => undefined },
		states: { of: async () => ({ value: {} }), noteEncrypted: () => undefined, isPlain: () => true },
		encryption: undefined,
		store: { unreadable: async () => [] },
		now: () => new Date(),
	});
}

test('waits longer each time for a homeserver that does not respond in time, up to five minutes', async () => {
	const { sync } = open();
	takes = Number.POSITIVE_INFINITY;
	for (let i = 0; i < 5; i++) expect(await sync('since')).toHaveProperty('failure');
	expect(times).toEqual([45_000, 90_000, 180_000, 300_000, 300_000]);
});

test('receives a response that takes two minutes', async () => {
	const { sync } = open();
	takes = 120_000;
	const outcomes = [await sync('since'), await sync('since'), await sync('since')];
	expect(outcomes.map(outcome => 'value' in outcome)).toEqual([false, false, true]);
	takes = 10;
	await sync('next');
	expect(times.at(-1)).toBe(45_000);
});

test('does not wait longer after an immediate failure', async () => {
	const { sync } = open();
	for (const each of [Number.POSITIVE_INFINITY, 'refused', 10] as const) {
		takes = each === 'refused' ? 10 : each;
		refuses = each === 'refused';
		await sync('since');
	}
	expect(times).toEqual([45_000, 90_000, 45_000]);
});

test('does not wait for new events in the first sync, after sending something, and after a failure', async () => {
	const { sync, sent } = open();
	await sync(undefined);
	await sync('since');
	sent();
	await sync('since');
	await sync('since');
	refuses = true;
	await sync('since');
	refuses = false;
	await sync('since');
	expect(waits).toEqual([0, 30_000, 0, 30_000, 30_000, 0]);
});
