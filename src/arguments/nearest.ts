// The nearest known word to a misspelt one.
import { distance } from 'fastest-levenshtein';

/** Longer words are no typing errors of ours, and comparing them would take its time. */
export const longestWord = 40;

/** The word nearest to what was typed, if it is near enough to be meant. */
export function nearest(typed: string, words: readonly string[]): string | undefined {
	if (typed.length > longestWord) return undefined;
	const ranked = words
		.map(word => ({ word, far: distance(typed.toLowerCase(), word) }))
		.sort((a, b) => a.far - b.far || a.word.localeCompare(b.word));
	const best = ranked[0];
	return best && best.far <= Math.max(1, Math.floor(Math.min(typed.length, best.word.length) / 2))
		? best.word
		: undefined;
}
