// Finds entries by a few words in people's own language (“bridges are silent since the upgrade”), with MiniSearch.
import MiniSearch from 'minisearch';
import type { CatalogueEntry } from './catalogue.ts';

/** Words that say nothing about the cause. */
const empty = new Set(
	'a about after all also an and any are as at be been but by can cannot cant did do does doesnt dont for from get gets got had has have how i if im in into is isnt it its just me my no not now of off on or our out since so some than that the them then there they this to up us was we what when where which who why will with wont you your since upgrade upgraded upgrading update updated updating synapse matrix server homeserver please help hi hello problem issue error errors new old version release'.split(
		' ',
	),
);

/** Anything longer is a log, not a few words. */
export const maxWords = 40;
/** An entry must match this share of the question's words, and at least two. */
const share = 0.6;

const stem = (term: string): string | null => {
	const small = term.toLowerCase().replace(/[’']/g, '');
	if (empty.has(small) || small.length < 2) return null;
	return small.length > 4 ? small.replace(/(?:ing|ies|es|ed|s|ly)$/, '') : small;
};

const tokens = (text: string): string[] => text.split(/[^\p{L}\p{N}_’']+/u).filter(Boolean);

export type SymptomMatch = { entry: CatalogueEntry; score: number };
export type SymptomSearch = (text: string) => SymptomMatch[];

export function symptomSearch(entries: readonly CatalogueEntry[]): SymptomSearch {
	const search = new MiniSearch<{ id: number; symptoms: string; title: string; text: string }>({
		fields: ['symptoms', 'title', 'text'],
		tokenize: tokens,
		processTerm: stem,
	});
	search.addAll(
		entries.flatMap((entry, id) => {
			if (entry.of !== 'fault' && entry.of !== 'symptom') return [];
			const { symptoms, title, text } = entry.of === 'fault' ? entry.fault : entry.symptom;
			return [{ id, symptoms: symptoms.join('. '), title, text }];
		}),
	);
	return text => {
		const words = new Set(tokens(text.slice(0, 2000)).flatMap(word => stem(word) ?? []));
		if (words.size === 0 || words.size > maxWords) return [];
		const found = search.search([...words].join(' '), {
			boost: { symptoms: 3, title: 2 },
			processTerm: term => term,
			prefix: term => term.length > 3,
			fuzzy: term => (term.length > 6 ? 1 : false),
		});
		return found.flatMap(({ id, score, queryTerms, match }): SymptomMatch[] => {
			const entry = entries[id as number];
			const told = new Set(queryTerms).size;
			// Words found only in the long text say little about what people would notice.
			const noticed = Object.values(match).filter(fields => fields.some(field => field !== 'text')).length;
			if (noticed < Math.min(2, words.size)) return [];
			if (!entry || told < Math.min(2, words.size) || told / words.size < share) return [];
			return [{ entry, score }];
		});
	};
}
