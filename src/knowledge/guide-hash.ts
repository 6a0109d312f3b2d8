// What a trial of a guide was a trial of: a hash of each stage and failure, so that what was changed since counts as untried.
import { createHash } from 'node:crypto';
import { allStages } from './guide-stages.ts';
import type { Guide, GuideFailure, Stage } from './schema/guide.ts';

/** The hash of every stage and every failure of a guide, by its id. */
export function recipesOf(guide: Guide): Map<string, string> {
	return new Map(
		allStages(guide).flatMap(stage => [
			[stage.id, stageRecipe(stage)] as const,
			...stage.failures.map(failure => [failure.id, failureRecipe(failure)] as const),
		]),
	);
}

/** What is executed and what must be seen; a reworded sentence is no other procedure. */
function stageRecipe({ applies, ways, steps }: Stage): string {
	const executed = steps.map(({ text: _, see: __, ...step }) => step);
	return hash([applies, ways, executed]);
}

function failureRecipe({ text, applies }: GuideFailure): string {
	return hash([text, applies]);
}

function hash(value: unknown): string {
	return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 6);
}
