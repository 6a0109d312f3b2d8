// Combines the answers to several commands in one message into one Answer.

import type { Answer, Section } from '../answer.ts';
import { code, escapeMarkdown } from '../text/markdown.ts';
import { blocksOf, type Span, spansOf } from './markdown.ts';
import { inlineText, unstyled } from './plain.ts';

/** The width of a fold's line on a phone, in characters. */
const maxTitle = 40;

/**
 * Each answer becomes an open section: its lead, followed by what must not be folded, under small headings. Its
 * folded sections follow unchanged. A single answer is returned unchanged; an empty list throws a TypeError.
 */
export function joined(answers: readonly Answer[]): Answer {
	const [only, second] = answers;
	if (!only) throw new TypeError('no answers to join');
	if (!second) return only;
	const files = distinct(answers.flatMap(answer => answer.files ?? []));
	const mention = [...new Set(answers.flatMap(answer => answer.mention ?? []))];
	const effect = answers.find(answer => answer.afterwards)?.afterwards;
	return {
		value: { format: 1, answers: answers.map(answer => answer.value) },
		lead: count(answers),
		sections: answers.flatMap((answer, index) => sectionsOf(answer, index + 1)),
		...(files.length ? { files } : {}),
		kind: kindOf(answers),
		...(mention.length ? { mention } : {}),
		...(effect ? { afterwards: effect } : {}),
	};
}

function count(answers: readonly Answer[]): string {
	const many = (kind: Answer['kind']) => answers.filter(answer => answer.kind === kind).length;
	const results = [
		{ number: many('answer'), word: 'answered' },
		{ number: many('refusal'), word: 'refused' },
		{ number: many('fault'), word: 'failed' },
		{ number: many('progress'), word: 'in progress' },
	].filter(({ number }) => number > 0);
	const [one, other] = results;
	const said = one && !other ? `all ${one.word}` : results.map(({ number, word }) => `${number} ${word}`).join(', ');
	return `**${answers.length} commands: ${said}.**`;
}

/** The most important kind: anything meant to be read makes the message a text. */
function kindOf(answers: readonly Answer[]): Answer['kind'] {
	const order = ['answer', 'fault', 'refusal', 'progress'] as const;
	return order.find(kind => answers.some(answer => answer.kind === kind)) ?? 'answer';
}

function sectionsOf(answer: Answer, number: number): Section[] {
	const title = titleFor(answer, maxTitle - `${number}. `.length);
	const open = answer.sections.filter(section => !section.fold);
	const head: Section = {
		title: `${number}. ${title}`,
		markdown: [...(title === answer.lead ? [] : [answer.lead]), ...open.map(under)].join('\n\n'),
		fold: false,
	};
	return [head, ...answer.sections.filter(section => section.fold)];
}

function under({ mark, title, markdown }: Section): string {
	const heading = `${mark ?? ''} ${title}`.trim();
	return heading ? `#### ${heading}\n\n${markdown}` : markdown;
}

/** The answer's title, or the start of its lead. */
function titleFor(answer: Answer, characters: number): string {
	const written = answer.title ?? answer.lead;
	const [first] = blocksOf(written);
	const words = first && 'spans' in first ? wordsOf(first.spans) : [];
	const whole = inlineText(spansOf(written), bare).length <= characters && !written.includes('\n');
	return whole ? written : cut(words, characters - 1);
}

const bare = { ...unstyled, code: (text: string) => text };

type RenderedWord = { characters: number; markdown: string };

/** The words of the lead, names still in code, each with the space that follows it. */
function wordsOf(spans: readonly Span[]): RenderedWord[] {
	return spans.flatMap((span): RenderedWord[] => {
		if (span.is === 'break') return [];
		if (span.is === 'code') return [{ characters: span.text.length, markdown: code(span.text) }];
		if (span.is !== 'text') return wordsOf(span.spans);
		return (span.text.match(/\S+\s*|\s+/g) ?? []).map(word => {
			return { characters: word.length, markdown: escapeMarkdown(word) + (/\s$/.test(word) ? ' ' : '') };
		});
	});
}

function cut(words: readonly RenderedWord[], characters: number): string {
	let start = '';
	let used = 0;
	for (const word of words) {
		used += word.characters;
		if (used > characters + 1) break;
		start += (start.endsWith('`') && word.markdown.startsWith('`') ? ' ' : '') + word.markdown;
	}
	return `${start.trimEnd().replace(/(?<!\\[,;:.])(\\[,;:.])+$/, '')}…`;
}

function numbered(name: string, number: number): string {
	const dot = name.lastIndexOf('.');
	return dot < 0 ? `${name}-${number}` : `${name.slice(0, dot)}-${number}${name.slice(dot)}`;
}

/** Two different files cannot both be kept under the same name. */
function distinct(files: NonNullable<Answer['files']>): NonNullable<Answer['files']> {
	const kept: NonNullable<Answer['files']> = [];
	for (const file of files) {
		if (kept.some(other => other.name === file.name && other.text === file.text)) continue;
		let name = file.name;
		for (let number = 2; kept.some(other => other.name === name); number++) {
			name = numbered(file.name, number);
		}
		kept.push({ ...file, name });
	}
	return kept;
}
