// The parts of a guide with their paths, for rules that report positions.
import type { GuideFile, Stage } from '../schema/guide.ts';
import type { Files, KnowledgeRule } from './rule.ts';
export type GuideAt = { value: GuideFile; at: (...path: PropertyKey[]) => string };
export type StageAt = { stage: Stage; path: readonly PropertyKey[] };

/** Every string in a value, with its path. */
export function textsOf(
	value: unknown,
	path: readonly PropertyKey[] = [],
): { text: string; path: readonly PropertyKey[] }[] {
	if (typeof value === 'string') return [{ text: value, path }];
	if (typeof value !== 'object' || value === null) return [];
	return Object.entries(value).flatMap(([key, inner]) =>
		textsOf(inner, [...path, Array.isArray(value) ? Number(key) : key]),
	);
}

export function stagesOf({ stages, cleanUp, wayBack }: GuideFile): StageAt[] {
	const lists: [Stage[], PropertyKey[]][] = [
		[stages, ['stages']],
		[cleanUp, ['cleanUp']],
		[wayBack.before, ['wayBack', 'before']],
		[wayBack.again, ['wayBack', 'again']],
		[wayBack.after, ['wayBack', 'after']],
	];
	return lists.flatMap(([list, path]) => list.map((stage, index) => ({ stage, path: [...path, index] })));
}

export function eachGuide(rule: (guide: GuideAt) => string[]): KnowledgeRule {
	return ({ guides }: Files) => guides.flatMap(rule);
}
