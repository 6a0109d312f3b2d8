// How much a first screen shows, and how much room that takes.
import type { Answer } from '../answer.ts';

/** At most this many lines of each kind, and whether to explain what comes first; the folds have the rest. */
export type Density = {
	first: number;
	why: boolean;
	faults: number;
	before: number;
	after: number;
	people: number;
	/**
	 * Whether to show assumptions: about releases, which the title shows too, and about checks; otherwise the last
	 * fold has them.
	 */
	taken: boolean;
};

/** From generous to bare: the first that fits is used. */
export const densities: readonly Density[] = [
	{ first: 4, why: true, faults: 2, before: 5, after: 3, people: 4, taken: true },
	{ first: 4, why: true, faults: 1, before: 5, after: 2, people: 3, taken: false },
	{ first: 4, why: true, faults: 1, before: 5, after: 1, people: 2, taken: false },
	{ first: 4, why: true, faults: 1, before: 3, after: 1, people: 2, taken: false },
	{ first: 6, why: false, faults: 0, before: 4, after: 1, people: 2, taken: false },
	{ first: 6, why: false, faults: 0, before: 3, after: 1, people: 1, taken: false },
	{ first: 6, why: false, faults: 0, before: 2, after: 0, people: 0, taken: false },
	{ first: 6, why: false, faults: 0, before: 1, after: 0, people: 0, taken: false },
];
/** What comes first is never omitted: up to five, by title. */
export const barest: Density = { first: 5, why: false, faults: 0, before: 0, after: 0, people: 0, taken: false };

/** Whether there is so little room that the items of a list share a line. */
export function isTight({ first }: Pick<Density, 'first'>): boolean {
	return first > 4;
}

/**
 * Words, and pixels in a client 900 px wide: a line takes 22, a paragraph 16 more, a fold 38, and 105 go to what
 * is around the text: the name, the message it replies to, the title. A line fits a little over 70 characters.
 */
const limits = { words: 245, height: 900 };

type ScreenText = Pick<Answer, 'title' | 'lead' | 'sections'>;

/** Whether what is outside the folds can be read in three seconds. */
export function fits(answer: ScreenText): boolean {
	const { words, height } = sizeOf(answer);
	return words <= limits.words && height <= limits.height;
}

/** The number of words, and the approximate height in pixels. */
export function sizeOf({ title = '', lead, sections }: ScreenText): { words: number; height: number } {
	const paragraphs = [lead, ...sections.flatMap(({ fold, markdown }) => (fold ? [] : [markdown]))].flatMap(text =>
		text.split('\n\n'),
	);
	const folds = sections.flatMap(({ fold, title }) => (fold ? [title] : []));
	const read = [title, ...paragraphs, ...folds].join(' ');
	const words = read.split(/\s+/).filter(word => /[\p{L}\p{N}]/u.test(word)).length;
	const lines = paragraphs
		.flatMap(text => text.split('\n'))
		.map(line => Math.ceil(line.replace(/[*\\`]/g, '').length / 70));
	// The two fences of a code block stand for the space around it.
	const fences = paragraphs.filter(text => text.startsWith('```')).length;
	const rows = lines.reduce((sum, rows) => sum + rows, 0);
	const height = 105 + 22 * rows + 16 * paragraphs.length + 38 * folds.length - 17 * fences;
	return { words, height };
}
