// Which release is running: what checks saw, and what a person said.
import { describe, expect, test } from 'vitest';
import type { LookRun, Saw, ToldVersion } from '../../../src/advice/watch/history.ts';
import { runningOf as runningAt, withLook } from '../../../src/advice/watch/history.ts';

const at = (hour: number) => new Date(Date.parse('2026-01-01T00:00:00Z') + hour * 3600_000).toISOString();
const seen = (...saws: Saw[]) => saws.reduce<LookRun[]>((history, saw, hour) => withLook(history, saw, at(hour)), []);
const synapse = (version: string, more = {}): Saw => ({ is: 'synapse', version, ...more });
const unreadable = (written: string): Saw => ({ is: 'unreadable', observed: { kind: 'unparsable', written } });
const runningOf = (history: readonly LookRun[], told: ToldVersion | undefined, hour = 1000) =>
	runningAt(history, told, new Date(at(hour)));
const hidden: Saw = { is: 'hidden', observed: { kind: 'hidden', status: 403 } };

describe('a version that cannot be read', () => {
	test('is not assumed to be the one seen before', () => {
		expect(runningOf(seen(synapse('1.0.0'), unreadable('latest')), undefined)).toBeUndefined();
		expect(runningOf(seen(synapse('1.0.0'), hidden), undefined)?.version).toBe('1.0.0');
	});

	test('can be stated by a person, before or after it was seen, until it changes', () => {
		const told = (hour: number) => ({ version: '1.1.0', at: at(hour) });
		const history = seen(synapse('1.0.0'), hidden, hidden, unreadable('latest'), unreadable('latest'), hidden);
		expect(runningOf(history, told(1))?.version).toBe('1.1.0');
		expect(runningOf(history, told(4.5))?.version).toBe('1.1.0');
		expect(runningOf(seen(unreadable('a'), unreadable('a')), told(-1))?.version).toBe('1.1.0');
		expect(runningOf(seen(unreadable('a'), unreadable('b')), told(-1))).toBeUndefined();
		expect(runningOf(seen(synapse('1.0.0'), unreadable('a')), told(-1))).toBeUndefined();
	});

	test('is taken for the one at the next check if an old store does not have its text', () => {
		const old: Saw = { is: 'unreadable' };
		expect(runningOf(seen(old, unreadable('a'), unreadable('a')), { version: '1.1.0', at: at(-1) })?.version).toBe(
			'1.1.0',
		);
		expect(runningOf(seen(old, unreadable('a'), unreadable('b')), { version: '1.1.0', at: at(-1) })).toBeUndefined();
	});

	test('is replaced as soon as one can be read again', () => {
		const history = seen(synapse('1.1.0'), unreadable('a'), synapse('1.0.0'));
		expect(runningOf(history, undefined)).toMatchObject({ version: '1.0.0', since: at(2) });
		expect(runningOf(history, undefined)?.lately).toBeUndefined();
	});
});

test('uses the build of the last check, and does not count another build as a change', () => {
	const branch = { build: { is: 'checkout' as const, branch: 'develop' }, written: '1.0.0 (b=develop)' };
	const history = seen(synapse('1.0.0'), synapse('1.0.0', branch));
	expect(history).toHaveLength(1);
	expect(runningOf(history, undefined)).toMatchObject({ version: '1.0.0', since: at(0), ...branch });
	const back = runningOf(seen(synapse('1.0.0', branch), synapse('1.0.0')), undefined);
	expect(back?.build).toBeUndefined();
	expect(back?.written).toBeUndefined();
});

describe('a version that a person stated when the clock was ahead', () => {
	const told = { version: '1.0.0', at: at(9000) };

	test('is replaced by what is seen after the clock was corrected', () => {
		expect(runningOf(seen(synapse('1.1.0')), told, 1)?.version).toBe('1.1.0');
		expect(runningOf(seen(synapse('1.1.0')), { ...told, at: at(1.5) }, 1)?.version).toBe('1.0.0');
		expect(runningOf(seen(hidden), told, 1)?.version).toBe('1.0.0');
	});

	test('is believed until then', () => {
		const before = withLook([], synapse('1.1.0'), at(8999));
		for (const hour of [1, 9001]) expect(runningOf(before, told, hour)?.version).toBe('1.0.0');
		expect(runningOf(withLook(before, synapse('1.1.0'), at(1)), told, 1)?.version).toBe('1.1.0');
	});
});
