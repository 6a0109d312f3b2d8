// Counting starts in the store and on the homeserver: an old copy is noticed, and no homeserver keeps the bot waiting
// forever.
import { beforeEach, describe, expect, test } from 'vitest';
import { openRestoreGuard } from '../../../src/edges/matrix/restore-guard.ts';
import type { KeyStore } from '../../../src/ports/keys.ts';
import { silence } from '../../../src/runtime/log.ts';

const device = { user: '@glia:example.org', device: 'DEVICE' };
const refusal = (statusCode: number, errcode?: string, body = {}) =>
	Object.assign(new Error('no'), { statusCode, errcode, body });

let here: number | undefined;
let putAway: number;
let there: number | undefined;
let loud: string[];
let pauses: number[];
/** How many writes to the store fail. */
let storeAway: number;
/** The error with which the homeserver fails the n-th request. */
let trouble: (n: number) => Error | undefined;
/** Whether the error is the response to requests for anything else, too. */
let isForAll: boolean;
/** What the n-th request waits for. */
let delay: (n: number) => Promise<unknown> | undefined;
/** What each write of the mark waits for. */
let slowMark: Promise<unknown> | undefined;
/** What the key store did, in order. */
let done: string[];

beforeEach(() => {
	[here, there, loud, pauses, putAway, storeAway] = [3, 3, [], [], 0, 0];
	trouble = () => undefined;
	isForAll = false;
	delay = () => undefined;
	slowMark = undefined;
	done = [];
});

function open() {
	let asked = 0;
	let behind = 0;
	const guard = openRestoreGuard({
		...device,
		keys: {
			starts: async () => here,
			async keepStarts(_: string, count: number) {
				if (storeAway-- > 0) throw new Error('the database is away');
				await slowMark;
				here = count;
				done.push('marked');
			},
			async putAway() {
				putAway++;
				done.push('put away');
			},
		} as unknown as KeyStore,
		async ask(method: string, path: string, body?: unknown) {
			const isOther = !path.includes('/account_data/');
			if (!isOther) await delay(++asked);
			const error = trouble(asked);
			if (error && (!isOther || isForAll)) throw error;
			if (isOther) return {};
			if (method === 'PUT') there = (body as { count: number }).count;
			else if (there === undefined) throw refusal(404, 'M_NOT_FOUND');
			return { count: there };
		},
		log: { ...silence, error: (_, text) => void loud.push(text ?? '') },
		behind: () => void behind++,
		pause: async ms => {
			pauses.push(ms);
			// Stop here if the guard would wait forever.
			if (pauses.length > 100) await new Promise(() => undefined);
		},
	});
	return { guard, behind: () => behind };
}

test('counts each start in both places', async () => {
	there = undefined;
	here = 0;
	expect(await open().guard.counted).toBe(true);
	expect([here, there]).toEqual([1, 1]);
	expect(await open().guard.counted).toBe(true);
	expect([here, there]).toEqual([2, 2]);
});

test('does not use an old copy, and reports it once', async () => {
	there = 7;
	const { guard, behind } = open();
	expect(await guard.counted).toBe(false);
	expect([behind(), here, there]).toEqual([1, 3, 7]);
});

test('does not use a copy of a store that was in use, even if the homeserver has counted no start', async () => {
	here = undefined;
	there = undefined;
	const { guard, behind } = open();
	expect(await guard.counted).toBe(false);
	await guard.putAway();
	expect([behind(), here, there, putAway]).toEqual([1, undefined, undefined, 0]);
});

test('puts away keys whose start was counted, and no others', async () => {
	const { guard } = open();
	await guard.counted;
	await guard.putAway();
	expect(putAway).toBe(1);
	there = 9;
	const old = open().guard;
	await old.counted;
	await old.putAway();
	expect(putAway).toBe(1);
});

const never = new Promise(() => undefined);
const settled = () => new Promise(resolve => setImmediate(resolve));

describe('puts away the keys when it stops', () => {
	test('while the homeserver does not respond to the count', async () => {
		delay = n => (n === 2 ? never : undefined);
		const { guard } = open();
		await settled();
		guard.stop();
		await guard.putAway();
		expect(done).toEqual(['marked', 'put away']);
	});

	test('while the mark is being written', async () => {
		const slow = Promise.withResolvers<void>();
		slowMark = slow.promise;
		const { guard } = open();
		await settled();
		guard.stop();
		const stopped = guard.putAway();
		slow.resolve();
		await stopped;
		expect(done).toEqual(['marked', 'put away']);
	});

	test('while it waits for the next attempt', async () => {
		trouble = n => (n === 2 ? refusal(502) : undefined);
		delay = n => (n === 3 ? never : undefined);
		const { guard } = open();
		await settled();
		guard.stop();
		await guard.putAway();
		expect(done).toEqual(['marked', 'put away']);
	});

	test('but not keys that turn out to be old', async () => {
		trouble = n => {
			if (n === 2) there = 9;
			return n === 2 ? refusal(502) : undefined;
		};
		const { guard, behind } = open();
		expect(await guard.counted).toBe(false);
		guard.stop();
		await guard.putAway();
		expect([behind(), ...done]).toEqual([1, 'marked']);
	});

	test('but neither keys that it has not marked, nor marks any after the stop', async () => {
		const slow = Promise.withResolvers<void>();
		delay = () => slow.promise;
		const { guard } = open();
		guard.stop();
		await guard.putAway();
		slow.resolve();
		expect(await guard.counted).toBe(false);
		expect(done).toEqual([]);
	});
});

describe('does not blame the homeserver for a failure of the store', () => {
	test('if a start cannot be counted', async () => {
		storeAway = 1000;
		const { guard } = open();
		await settled();
		expect(guard.uncounted()).toEqual({ by: 'store', why: 'the database is away' });
		guard.stop();
	});

	test('if a copy cannot be counted', async () => {
		const { guard } = open();
		await guard.counted;
		storeAway = 1;
		await expect(guard.countAgain()).rejects.toThrow('this copy cannot be counted: the database is away');
	});
});

test('does not mistake a crash between store and homeserver for an old copy', async () => {
	here = 4;
	expect(await open().guard.counted).toBe(true);
	expect([here, there]).toEqual([5, 5]);
});

describe('does not wait for a homeserver without account data', () => {
	test.each([
		['forbids it', refusal(403, 'M_FORBIDDEN')],
		['does not know it', refusal(404, 'M_UNRECOGNIZED')],
		['has a proxy that forbids it', refusal(403)],
		['has a proxy that does not know it', refusal(404)],
	])('one that %s', async (_, error) => {
		trouble = () => error;
		const { guard, behind } = open();
		expect(await guard.counted).toBe(true);
		expect([guard.uncounted(), behind()]).toEqual([undefined, 0]);
		await guard.putAway();
		expect(putAway).toBe(1);
		expect(loud).toEqual([expect.stringContaining('a restored backup may go unnoticed')]);
		expect(pauses).toHaveLength(4);
	});
	test('but waits for a store that cannot be written', async () => {
		trouble = () => refusal(403, 'M_FORBIDDEN');
		storeAway = 3;
		const { guard } = open();
		expect(await guard.counted).toBe(true);
		expect(pauses).toHaveLength(7);
	});
});

describe('waits out a temporary problem, and logs it', () => {
	test.each([
		['rate-limits us', refusal(429, 'M_LIMIT_EXCEEDED', { retry_after_ms: 2500 })],
		['is away', refusal(502)],
		['is slow', refusal(408)],
		['has a proxy that is being set up', refusal(404)],
		['has a proxy that rejects everything', refusal(403)],
		['accepts nothing at the moment', refusal(403, 'M_RESOURCE_LIMIT_EXCEEDED')],
	])('one that %s', async (_, error) => {
		there = 7;
		isForAll = true;
		trouble = n => (n <= 20 ? error : undefined);
		const { guard, behind } = open();
		expect(await guard.counted).toBe(false);
		expect(behind()).toBe(1);
		expect(pauses).toHaveLength(20);
		expect(loud).toEqual([expect.stringContaining('staying silent in encrypted rooms')]);
		if (error.statusCode === 429) expect(new Set(pauses)).toEqual(new Set([2500]));
	});

	test('reports the reason for as long as the problem lasts', async () => {
		trouble = () => refusal(502);
		const { guard } = open();
		await new Promise(resolve => setTimeout(resolve, 20));
		expect(guard.uncounted()).toEqual({ by: 'homeserver', why: 'no' });
		guard.stop();
	});
});
