// Renders the tree as lines of text, for a message's body and for a terminal.
import { code } from '../text/markdown.ts';
import type { Block, List, Span } from './markdown.ts';

export type Style = {
	/** Columns; Infinity leaves line breaks to the client. */
	width: number;
	strong: (text: string) => string;
	code: (text: string) => string;
	/** A line of a code block. */
	codeLine: (text: string) => string;
};

/** Plain text, as in a message's body. */
export const unstyled: Style = { width: Number.POSITIVE_INFINITY, strong: text => text, code, codeLine: text => text };

/** Stands for a non-breaking space while lines are broken. No text contains it: control characters were replaced. */
const bound = '\x01';

export function linesOf(blocks: readonly Block[], style: Style): string[] {
	return blocks.flatMap((block, index) => [...(index ? [''] : []), ...blockLines(block, style)]);
}

/** One line, except for hard breaks in the Markdown. */
export function inlineText(spans: readonly Span[], style: Style): string {
	return spanText(spans, style).replaceAll(bound, ' ');
}

function blockLines(block: Block, style: Style): string[] {
	switch (block.is) {
		case 'paragraph':
			return wrapped(spanText(block.spans, style), style.width);
		case 'heading':
			// Nested bold would end the outer one.
			return wrapped(style.strong(spanText(block.spans, { ...style, strong: text => text })), style.width);
		case 'code':
			return indented(
				block.text.split('\n').map(line => line && style.codeLine(line)),
				'    ',
			);
		case 'list':
			return listLines(block, style);
		case 'quote':
			return linesOf(block.blocks, narrower(style, 2)).map(line => `> ${line}`.trimEnd());
	}
}

function listLines(list: List, style: Style): string[] {
	return list.items.flatMap((item, index) => {
		const marker = list.start === undefined ? '- ' : `${list.start + index}. `;
		const inner = narrower(style, marker.length);
		const lines = list.loose ? linesOf(item, inner) : item.flatMap(block => blockLines(block, inner));
		const rest = indented(lines.slice(1), ' '.repeat(marker.length));
		return [...(index && list.loose ? [''] : []), `${marker}${lines[0] ?? ''}`.trimEnd(), ...rest];
	});
}

export function indented(lines: readonly string[], by: string): string[] {
	return lines.map(line => (line === '' ? '' : by + line));
}

/** The same style, narrower by a margin of `by` columns, but at least 20 wide. */
export function narrower(style: Style, by: number): Style {
	return { ...style, width: Math.max(style.width - by, 20) };
}

function spanText(spans: readonly Span[], style: Style): string {
	return spans.map(span => textOf(span, style)).join('');
}

function textOf(span: Span, style: Style): string {
	switch (span.is) {
		case 'text':
			return span.text;
		case 'code':
			return style.code(span.text).replaceAll(' ', bound);
		case 'strong':
			return style.strong(spanText(span.spans, style));
		case 'em':
			return spanText(span.spans, style);
		case 'link': {
			const words = spanText(span.spans, style);
			const said = words === '' || [words, `${words}/`, `mailto:${words}`].includes(span.href);
			return said ? words || span.href : `${words} <${span.href}>`;
		}
		case 'break':
			return '\n';
	}
}

function wrapped(text: string, width: number): string[] {
	return text
		.split('\n')
		.flatMap(line =>
			(width === Number.POSITIVE_INFINITY || columns(line) <= width ? [line] : broken(line, width)).map(unbound),
		);
}

function broken(line: string, width: number): string[] {
	const lines: string[] = [];
	let current = '';
	let used = 0;
	for (const word of line.split(' ')) {
		const wide = columns(word);
		if (current !== '' && used + 1 + wide > width) {
			lines.push(current);
			current = '';
			used = 0;
		}
		used += (current === '' ? 0 : 1) + wide;
		current += (current === '' ? '' : ' ') + word;
	}
	return [...lines, current];
}

function unbound(line: string): string {
	return line.replaceAll(bound, ' ').trimEnd();
}

/** The terminal columns of a text; escape sequences for bold or colour take none. */
function columns(text: string): number {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: the only escapes here are our own styles
	const shown = text.replace(/\x1b\[\d+m/g, '');
	// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII, and the mark for a non-breaking space
	if (/^[\x01-\x7F]*$/.test(shown)) return shown.length;
	let sum = 0;
	for (const sign of shown.replace(/\p{M}/gu, '')) {
		sum += /[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u.test(sign)
			? 2
			: 1;
	}
	return sum;
}
