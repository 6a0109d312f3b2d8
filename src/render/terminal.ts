// Renders an Answer as text for a terminal.

import type { Answer } from '../answer.ts';
import { harmless } from '../text/markdown.ts';
import { type Block, blocksOf, type Span, spansOf, titleOf } from './markdown.ts';
import { wholeName } from './markdown-file.ts';
import { indented, linesOf, narrower, type Style, unstyled } from './plain.ts';

export type TerminalOptions = {
	/** Whether to use bold and colour: the caller knows the terminal and NO_COLOR. */
	color: boolean;
	/** Columns, 80 by default. Code and addresses are never broken. */
	width?: number | undefined;
};

const bold = (text: string) => `\x1b[1m${text}\x1b[22m`;
const cyan = (text: string) => `\x1b[36m${text}\x1b[39m`;

/** The whole answer, without a final newline. The only escape sequences in it are our own bold and colour. */
export function terminalText(answer: Answer, { color, width }: TerminalOptions): string {
	const plain = { ...unstyled, width: width ?? 80 };
	const style = color ? { ...plain, strong: bold, code: cyan, codeLine: cyan } : plain;
	const last = answer.sections.findLast(({ fold }) => fold);
	const parts = [
		heading(answer.title ? spansOf(answer.title) : [], style),
		linesOf(blocksOf(answer.lead), style),
		...answer.sections.map(section =>
			answer.brief && section.fold
				? closed(titleOf(section), section === last, style)
				: part(titleOf(section), blocksOf(section.markdown), style),
		),
		...attached(answer).map(({ name, text }) => {
			return part([{ is: 'code', text: harmless(name) }], [{ is: 'code', text: harmless(text).trimEnd() }], style);
		}),
	];
	return parts
		.filter(lines => lines.length > 0)
		.map(lines => lines.join('\n'))
		.join('\n\n');
}

/** A terminal has no attachments, so their text is shown, unless it only repeats the answer. */
function attached(answer: Answer): NonNullable<Answer['files']> {
	return answer.files?.filter(({ name }) => name !== wholeName(answer)) ?? [];
}

/** A fold's title; the last one says how to open all of them. */
function closed(title: Span[], isLast: boolean, style: Style): string[] {
	const how: Span[] = isLast
		? [
				{ is: 'text', text: ' (to see everything, add ' },
				{ is: 'code', text: 'all' },
				{ is: 'text', text: ')' },
			]
		: [];
	return linesOf([{ is: 'paragraph', spans: [{ is: 'text', text: '▸ ' }, ...title, ...how] }], style);
}

function part(title: Span[], blocks: readonly Block[], style: Style): string[] {
	return [...heading(title, style), ...indented(linesOf(blocks, narrower(style, 2)), '  ')];
}

function heading(title: Span[], style: Style): string[] {
	return title.length ? linesOf([{ is: 'heading', spans: title }], style) : [];
}
