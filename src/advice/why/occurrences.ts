// Where the messages of an entry occur in a text, and which errors in it nothing explains.
import type { LogRecord } from './log-lines.ts';
import type { FoundPlaces, TemplateMatch } from './template.ts';

/** Offsets in the text. */
export type Occurrence = { from: number; to: number };

/** Every match of the templates of these places, by offset. Several messages of one entry may match the same words. */
export function occurrencesOf(places: readonly TemplateMatch[], spans: FoundPlaces['spans']): Occurrence[] {
	const found: Occurrence[] = [];
	for (const template of new Set(places.map(place => place.template))) {
		const own = spans[template] ?? [];
		for (let i = 0; i < own.length; i += 2) found.push({ from: own[i] ?? 0, to: own[i + 1] ?? 0 });
	}
	return found.sort((a, b) => a.from - b.from || a.to - b.to);
}

/** How often an entry occurs: overlapping matches are one. */
export function countOf(occurrences: readonly Occurrence[]): number {
	let [many, reached] = [0, Number.NEGATIVE_INFINITY];
	for (const { from, to } of occurrences) {
		if (from >= reached) many++;
		reached = Math.max(reached, to);
	}
	return many;
}

/** The first record of an error in which nothing recognised begins. */
export function firstWithout(
	recognised: readonly { occurrences: readonly Occurrence[] }[],
	records: readonly LogRecord[],
): LogRecord | undefined {
	const all = recognised.flatMap(({ occurrences }) => occurrences.map(({ from }) => from));
	const starts = all.sort((a, b) => a - b);
	let next = 0;
	return records.find(({ error, from, to }) => {
		while ((starts[next] ?? Number.POSITIVE_INFINITY) < from) next++;
		return error && (starts[next] ?? Number.POSITIVE_INFINITY) > to;
	});
}
