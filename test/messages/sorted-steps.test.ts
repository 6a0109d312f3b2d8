import { expect, test } from 'vitest';
import { type Plan, plan } from '../../src/advice/upgrade/plan.ts';
import type { Step } from '../../src/advice/upgrade/step.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { sortedSteps } from '../../src/messages/sorted-steps.ts';
import { deployed } from '../deployed.ts';

const whole = await openKnowledge(new URL('../../knowledge/', import.meta.url));

/** The IDs of the notes about a long first start that the first screen shows, after applying `change` to each. */
function shown(facts: string, change: Partial<Step> = {}): string[] {
	const planned = plan({ from: '1.61.0', to: '1.85.2', profile: deployed(facts), today: '2026-11-29' }, whole);
	const steps = planned.steps.map(step => (step.longStart ? { ...step, id: '1.85.0/another', ...change } : step));
	const sorted = sortedSteps({ ...planned, steps } satisfies Plan);
	const lists = [...Object.values(sorted.sure), sorted.checks, sorted.settings, sorted.uses, sorted.informing];
	return lists.flat().flatMap(({ id, longStart }) => (longStart ? [id] : []));
}

test('the step about systemd covers a long first start, whichever note is about it', () => {
	expect(shown('debian sqlite')).toEqual([]);
	expect(shown('docker sqlite')).toEqual(['1.85.0/another']);
});

test('a long first start that a database query decides has its own step besides the one about systemd', () => {
	expect(shown('debian sqlite', { onlyIf: 'it is queued', query: true, check: true, when: 'before' })).toEqual([
		'1.85.0/another',
	]);
});
