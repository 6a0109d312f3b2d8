// What a trial of a guide was a trial of: a hash of a stage or a failure, so that what was changed since counts as untried.
import { createHash } from 'node:crypto';
import { allStages } from './guide-stages.ts';
import type { Guide, GuideFailure, GuideStep, Stage } from './schema/guide.ts';

/** What a trial says of itself: the stage or the failure, and the parameters that it speaks for, `way` among them. */
export type TrialOf = { of: string; with: Readonly<Record<string, string>> };

/** The hash of what such a trial executes, or provokes, as the guide is now; undefined where it has no such part. */
export function recipeOf(guide: Guide, { of, with: by }: TrialOf): string | undefined {
	for (const stage of allStages(guide)) {
		if (stage.id === of) return stageRecipe(stage, by);
		const failure = stage.failures.find(({ id }) => id === of);
		if (failure) return failureRecipe(failure);
	}
	return undefined;
}

/** What is executed and what must be seen; a reworded sentence is no other procedure, nor is a step of another layout. */
function stageRecipe({ applies, ways, steps }: Stage, by: TrialOf['with']): string {
	const executed = steps.filter(step => !isElsewhere(step, by)).map(({ text: _, see: __, ...step }) => step);
	return hash([applies, ways, executed]);
}

/** Whether the trial cannot have come to this step. In doubt it has: only plain words on its own parameters decide. */
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
