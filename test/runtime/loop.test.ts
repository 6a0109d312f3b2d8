// How late the event loop is, with a clock that the test controls.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Loop, openLoop } from '../../src/runtime/loop.ts';

let clock: number;
let loop: Loop;

beforeEach(() => {
	vi.useFakeTimers();
	clock = 0;
	loop = openLoop(() => clock);
});

afterEach(() => {
	loop.close();
	vi.useRealTimers();
});

/** Fires the timer when `after` ms have passed, whatever its delay. */
function tick(after: number): void {
	clock += after;
	vi.advanceTimersByTime(500);
}

test('reports no delay for a loop that is on time', () => {
	for (let i = 0; i < 5; i++) tick(500);
	expect(loop.lagMs()).toBe(0);
	expect(loop.takeWorst()).toBe(0);
});

test('remembers a delay for ten seconds, and the worst one until it is read', () => {
	tick(500);
	tick(30_500);
	expect(loop.lagMs()).toBe(30_000);
	for (let i = 0; i < 19; i++) tick(500);
	expect(loop.lagMs()).toBe(30_000);
	tick(500);
	expect(loop.lagMs()).toBe(0);
	expect(loop.takeWorst()).toBe(30_000);
	expect(loop.takeWorst()).toBe(0);
});

test('counts an ongoing delay before the timer fires', () => {
	tick(500);
	clock += 20_500;
	expect(loop.lagMs()).toBe(20_000);
});
