// How long we wait before the next attempt, and how long a server asks us to.
import { expect, test } from 'vitest';
import { backoff, retryAfter } from '../../src/runtime/retry.ts';

const noon = Date.parse('2026-11-21T12:00:00Z');

test.each([
	['5', 5000],
	[' 5 ', 5000],
	['1.5', 1500],
	['0', 0],
	['Sat, 21 Nov 2026 12:00:10 GMT', 10_000],
	['Sat, 21 Nov 2020 12:00:10 GMT', 0],
	['soon', undefined],
	['', undefined],
	[undefined, undefined],
])('reads Retry-After: %s as %s ms', (header, expected) => {
	expect(retryAfter(header, noon)).toBe(expected);
});

test("ignores a date if the server's own time is unknown", () => {
	expect(retryAfter('Sat, 21 Nov 2026 12:00:10 GMT', Number.NaN)).toBeUndefined();
});

test('doubles pauses up to a minute, with half of each at random', () => {
	expect([0, 1, 2, 20].map(tries => backoff(tries, 1))).toEqual([500, 1000, 2000, 60_000]);
	expect(backoff(20, 0)).toBe(30_000);
});
