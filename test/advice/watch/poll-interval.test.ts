import { expect, test } from 'vitest';
import type { Observation } from '../../../src/advice/watch/observation.ts';
import { pauseAfter } from '../../../src/advice/watch/poll-interval.ts';

const hour = 3600_000;
const at = '2026-01-01T00:00:00.000Z';
const pace = { every: hour, random: 0.5 };
const well: Observation = {
	server: 'a.test',
	at,
	kind: 'running',
	version: '1.150.0',
	written: '1.150.0',
	through: 'federation',
};
const gone: Observation = { server: 'a.test', at, kind: 'unreached', trouble: { is: 'refused', at: 'a.test:8448' } };

test('checks every hour, give or take a tenth', () => {
	expect(pauseAfter(well, 0, { every: hour, random: 0 })).toBe(0.9 * hour);
	expect(pauseAfter(well, 0, { every: hour, random: 1 })).toBeCloseTo(1.1 * hour);
	expect(pauseAfter({ server: 'a.test', at, kind: 'hidden', status: 403 }, 0, pace)).toBe(hour);
});

test('confirms a failure soon, then doubles the pauses up to six hours', () => {
	const pauses = [1, 2, 3, 4, 5, 6, 7, 8, 1000].map(failures => pauseAfter(gone, failures, pace) / hour);
	expect(pauses).toEqual([1 / 6, 1, 2, 4, 6, 6, 6, 6, 6]);
});

test('never checks before the server allows it', () => {
	const limited: Observation = { server: 'a.test', at, kind: 'limited', waitSeconds: 4 * 3600 };
	expect(pauseAfter(limited, 0, pace)).toBe(4 * hour);
	expect(pauseAfter({ server: 'a.test', at, kind: 'limited' }, 0, pace)).toBe(hour);
	expect(pauseAfter({ server: 'a.test', at, kind: 'excluded' }, 0, pace)).toBe(hour);
	expect(pauseAfter({ server: 'a.test', at, kind: 'failing', status: 503, waitSeconds: 7200 }, 1, pace)).toBe(2 * hour);
});
