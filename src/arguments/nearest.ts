// Finds the known word most similar to a misspelt one.
import { distance } from 'fastest-levenshtein';

/** Longer words are not typos of known words, and comparing them would take time. */
export const maxWord = 40;

/** The word most similar to what was typed, if it is similar enough to be meant. */
export function nearest(typed: string, words: readonly string[]): string | undefined {
	if (typed.length > maxWord) return undefined;
	const ranked = words
		.map(word => ({ word, far: distance(typed.toLowerCase(), word) }))
		.sort((a, b) => a.far - b.far || a.word.localeCompare(b.word));
	const best = ranked[0];
	return best && best.far <= Math.max(1, Math.floor(Math.min(typed.length, best.word.length) / 2))
		? best.word
		: undefined;
}
