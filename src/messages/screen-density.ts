// How much a first screen shows, and how much room that takes.
import type { Answer } from '../answer.ts';

/** At most this many lines of a kind, and whether each first thing says why; the folds have the rest. */
export type Density = {
	first: number;
	why: boolean;
	faults: number;
	before: number;
	after: number;
	people: number;
	/** What was taken for granted: releases, which the title says too, and checks; else the last fold says it. */
	taken: boolean;
};

/** From generous to bare: the first that fits is taken. */
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
/** What comes first is never left out: up to five by their titles. */
export const barest: Density = { first: 5, why: false, faults: 0, before: 0, after: 0, people: 0, taken: false };

/** Whether room is so short that what has no line of its own shares one. */
export function isTight({ first }: Pick<Density, 'first'>): boolean {
	return first > 4;
}

/**
 * Words, and pixels in a client that is 900 px wide: a line has 22, a paragraph 16 more, a fold 38; 105 are what stands
 * around the text: the name, the question that it replies to, the title. A line has room for 70 characters or a few more.
 */
const limits = { words: 245, height: 900 };

type ScreenText = Pick<Answer, 'title' | 'lead' | 'sections'>;

/** Whether what stands outside the folds is read in three seconds. */
export function fits(answer: ScreenText): boolean {
	const { words, height } = sizeOf(answer);
	return words <= limits.words && height <= limits.height;
}

/** Words, and about how many pixels. */
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
	// The two fences of a block of code stand for the space around it.
	const fences = paragraphs.filter(text => text.startsWith('```')).length;
	const rows = lines.reduce((sum, rows) => sum + rows, 0);
	const height = 105 + 22 * rows + 16 * paragraphs.length + 38 * folds.length - 17 * fences;
	return { words, height };
}
