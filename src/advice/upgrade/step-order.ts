// Orders the steps of a plan, and inserts the paths of the stated type of installation.

import type { Profile } from '../../deployment/facts.ts';
import { compare } from '../../deployment/version.ts';
import type { Knowledge } from '../../knowledge/schema/synapse.ts';
import { locatedIn } from './paths.ts';
import { type Step, surely } from './step.ts';

const whenOrder = ['before', 'switch', 'after'];

/** How important a step is: what stops the start, then what must be done, then what is good to know. */
function weight(step: Step): number {
	const { refuses, must } = step;
	const sure = surely(step) ? 0 : 1;
	if (step.young && sure) return 6;
	return refuses ? sure : must ? 2 + sure : 4 + sure;
}

/**
 * The position of a step, before its release is considered. A switch comes at the end of its leg. A wait before the
 * first switch comes first in its phase, as do tests that the target works.
 */
function rank(step: Step): number {
	const leg = step.when === 'switch' ? step.leg : 0;
	const generated = step.generated ? (step.when === 'switch' || step.check ? 2 : 0) : 1;
	return ((whenOrder.indexOf(step.when) * 100 + leg) * 10 + generated) * 10 + (step.generated ? 0 : weight(step));
}

function inOrder(steps: readonly Step[]): Step[] {
	const ranked = steps.map(step => ({ step, rank: rank(step) }));
	ranked.sort((a, b) => a.rank - b.rank || compare(a.step.release, b.step.release));
	return ranked.map(({ step }) => step);
}

/** In order, with the paths of the stated type of installation. */
export function inPlace(steps: readonly Step[], profile: Profile, { installs }: Pick<Knowledge, 'installs'>): Step[] {
	const recipe = installs[String(profile.get('install')?.value)];
	const ordered = inOrder(steps);
	return recipe ? ordered.map(step => locatedStep(step, recipe)) : ordered;
}

function locatedStep(step: Step, recipe: Knowledge['installs'][string]): Step {
	const { task } = step;
	const there = task?.kind === 'outside' && { ...task, checks: task.checks.map(one => locatedIn(one, recipe)) };
	return { ...locatedIn(step, recipe), ...(there && { task: there }) };
}
