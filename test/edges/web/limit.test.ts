// Limited concurrency: at most a few turns at a time, in order, and every wait ends.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Observation } from '../../../src/advice/watch/observation.ts';
import { turns, turnsBy } from '../../../src/edges/web/limit.ts';
import { looksPerPerson, openShares } from '../../../src/edges/web/shares.ts';

test('serves in order of arrival', async () => {
	const queue = turns(1);
	const end = await queue.take(1000);
	const order: number[] = [];
	const waiting = [1, 2, 3].map(async number => {
		const done = await queue.take(1000);
		order.push(number);
		done?.();
	});
	expect(queue.load()).toEqual({ active: 1, waiting: 3 });
	end?.();
	await Promise.all(waiting);
	expect(order).toEqual([1, 2, 3]);
	expect(queue.load()).toEqual({ active: 0, waiting: 0 });
});

test('gives up waiting in time, without losing a turn', async () => {
	const queue = turns(1);
	const end = await queue.take(1000);
	const late = queue.take(5);
	const patient = queue.take(60_000);
	expect(await late).toBeUndefined();
	expect(await queue.take(0)).toBeUndefined();
	expect(queue.load()).toEqual({ active: 1, waiting: 1 });
	end?.();
	const next = await patient;
	expect(next).toBeTypeOf('function');
	expect(queue.load()).toEqual({ active: 1, waiting: 0 });
	next?.();
	expect(queue.load()).toEqual({ active: 0, waiting: 0 });
});

test('keeps no memory for an unused key, even after a wait was given up', async () => {
	const byKey = turnsBy(1);
	const end = await byKey.take('a', 1000);
	expect(await byKey.take('a', 5)).toBeUndefined();
	end?.();
	expect(byKey.size()).toBe(0);
});

test('gives each person a share, so that their checks only wait for each other', async () => {
	const hanging = Promise.withResolvers<void>();
	const begun: string[] = [];
	const observe = async (server: string): Promise<Observation> => {
		begun.push(server);
		if (server.startsWith('hanging')) await hanging.promise;
		return { server, at: '', kind: 'excluded' };
	};
	const shared = openShares(observe, () => new Date(0));
	const looks = Array.from({ length: 90 }, (_, i) => shared(`hanging${i}.example`, '@mallory:example.org'));
	expect((await shared('example.org', '@alice:example.org')).kind).toBe('excluded');
	expect(begun).toEqual([...Array.from({ length: looksPerPerson }, (_, i) => `hanging${i}.example`), 'example.org']);
	hanging.resolve();
	await Promise.all(looks);
	await sleep(0);
	expect(begun).toHaveLength(91);
});
