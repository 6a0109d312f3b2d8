// Orders a guide's open questions so that those with the most effect come first.

import { allStages } from '../../knowledge/guide-stages.ts';
import type { Guided } from './guide.ts';

/** The open questions, most effect first: a name counts once for each place in the stages that it fills or decides. */
export function questionsOf(guided: Guided): string[] {
	const stages = allStages(guided);
	const conditions = [...stages, ...stages.flatMap(({ steps }) => steps)].flatMap(one =>
		one.concerned === 'unknown' ? one.ask : [],
	);
	const text = JSON.stringify(stages);
	const weight = (name: string) => {
		const placeholders = text.split(new RegExp(`\\b${name.toUpperCase()}\\b`)).length - 1;
		return placeholders + conditions.filter(asked => asked === name).length;
	};
	return guided.ask
		.map(name => ({ name, weight: weight(name) }))
		.sort((a, b) => b.weight - a.weight)
		.map(({ name }) => name);
}
