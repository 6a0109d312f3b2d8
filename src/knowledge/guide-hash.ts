// A hash of the stage or failure that a trial covered, so that it counts as untested once it changes.
import { createHash } from 'node:crypto';
import { allStages } from './guide-stages.ts';
import type { Guide, GuideFailure, GuideStep, Stage } from './schema/guide.ts';

/** The stage or failure that a trial covers, and its parameters, including `way`. */
export type TrialOf = { of: string; with: Readonly<Record<string, string>> };

/** The hash of what such a trial runs or reproduces in the current guide; undefined if the guide has no such part. */
export function recipeOf(guide: Guide, { of, with: by }: TrialOf): string | undefined {
	for (const stage of allStages(guide)) {
		if (stage.id === of) return stageRecipe(stage, by);
		const failure = stage.failures.find(({ id }) => id === of);
		if (failure) return failureRecipe(failure);
	}
	return undefined;
}

/**
 * What is run and what must be shown. Rewording a sentence does not change it, and neither does a step for
 * another layout.
 */
function stageRecipe({ applies, ways, steps }: Stage, by: TrialOf['with']): string {
	const executed = steps.filter(step => !isElsewhere(step, by)).map(({ text: _, see: __, ...step }) => step);
	return hash([applies, ways, executed]);
}

/** Whether the trial cannot have reached this step. If in doubt it has: only plain terms on its own parameters decide. */
function isElsewhere({ applies, ways }: GuideStep, by: TrialOf['with']): boolean {
	if (by.way !== undefined && ways && !ways.includes(by.way)) return true;
	return applies !== undefined && 'all' in applies && applies.all.some(term => isFalse(term, by));
}

function isFalse(term: string, by: TrialOf['with']): boolean {
	const [, name = '', operator, words = ''] = /^([a-z-]+)(!?=)([a-z0-9|-]+)$/.exec(term) ?? [];
	const value = by[name];
	return value !== undefined && words.split('|').includes(value) !== (operator === '=');
}

function failureRecipe({ text, applies }: GuideFailure): string {
	return hash([text, applies]);
}

function hash(value: unknown): string {
	return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 6);
}
