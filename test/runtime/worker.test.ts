import { expect, test } from 'vitest';
import { openWorker } from '../../src/runtime/worker.ts';

test('never runs twice at the same time, misses no wake-up, and starts nothing once stopped', async () => {
	let [under, most, runs] = [0, 0, 0];
	let end = () => {};
	const worker = openWorker(
		async () => {
			most = Math.max(most, ++under);
			runs++;
			await new Promise<void>(resolve => {
				end = resolve;
			});
			under--;
			return undefined;
		},
		error => {
			throw error;
		},
	);
	worker.wake();
	worker.wake();
	await expect.poll(() => runs).toBe(1);
	// Two wake-ups during a run lead to one more run.
	worker.wake();
	worker.wake();
	end();
	await expect.poll(() => runs).toBe(2);
	worker.wake();
	const stopped = worker.stop();
	end();
	await stopped;
	worker.wake();
	await worker.settled();
	expect([under, most, runs]).toEqual([0, 1, 2]);
});
