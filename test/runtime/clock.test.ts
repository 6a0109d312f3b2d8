import { expect, test } from 'vitest';
import { hasCome, steady } from '../../src/runtime/clock.ts';

test('continues from the latest time if the clock is turned back', () => {
	let at = 1000;
	const now = steady(() => at);
	at = 1500;
	expect(now()).toBe(1500);
	at = 200;
	expect(now()).toBe(1500);
	at = 300;
	expect(now()).toBe(1600);
	at = 5000;
	expect(now()).toBe(6300);
});

test.each([
	[-1, true],
	[0, true],
	[1, false],
	[1000, false],
	[1001, true],
])('a time that is %i ms ahead, and was set at most 1000 ms ahead, has come: %s', (left, expected) => {
	const now = new Date('2026-11-30T00:00:00Z');
	expect(hasCome(new Date(now.getTime() + left), now, 1000)).toBe(expected);
});
