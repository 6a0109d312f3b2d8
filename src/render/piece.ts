// The parts of a message, each in two forms: HTML for Matrix clients, plain text for everything else.

import type { Answer, Section } from '../answer.ts';
import { foldHtml, htmlOf, inlineHtml } from './html.ts';
import { type Block, blocksOf, type List, type Span, spansOf, titleOf } from './markdown.ts';
import { inlineText, linesOf, unstyled } from './plain.ts';

/** `bytes` is what the part adds to the JSON of a message's content. */
export type Piece = { html: string; body: string; bytes: number };

/** Separates two parts of a body. */
export const between = '\n\n';

function piece(html: string, body: string): Piece {
	// The JSON size of a text is the sum of its parts, so a split can be found without writing each one out.
	return { html, body, bytes: jsonBytes(html) + jsonBytes(body) + jsonBytes(between) };
}

/** The size of a value as JSON, in bytes. */
export function jsonBytes(value: unknown): number {
	return Buffer.byteLength(JSON.stringify(value));
}

/**
 * The title is above the lead in the HTML, but after it in the body, because notifications show only the first
 * characters.
 */
export function headPiece(answer: Answer): Piece {
	const lead = blocksOf(answer.lead);
	const title = spansOf(answer.title ?? '');
	const texts = [linesOf(lead, unstyled).join('\n'), inlineText(title, unstyled)];
	return piece(
		(title.length ? `<h3>${inlineHtml(title)}</h3>` : '') + htmlOf(lead, false),
		texts.filter(text => text !== '').join(between),
	);
}

/** The start of the second message: clients show it without the sender's name. */
export function againPiece(answer: Answer): Piece {
	const title = spansOf(answer.title ?? '');
	const line: Span[] = [...title, { is: 'text', text: title.length ? ', part 2 of 2' : 'Part 2 of 2' }];
	return piece(`<h3>${inlineHtml(line)}</h3>`, inlineText(line, unstyled));
}

/**
 * How a section is shown: `continued` from the previous message; `brief`: only the titles of folded sections in
 * the body.
 */
export type Manner = { continued?: boolean; brief?: boolean };

export function sectionPiece(section: Section, blocks: readonly Block[], { continued, brief }: Manner): Piece {
	const more: Span = { is: 'text', text: ' (continued)' };
	const title = [...titleOf(section), ...(continued ? [more] : [])];
	const fold = section.fold && title.length > 0 && blocks.length > 0;
	const name = inlineHtml(title);
	const inside = htmlOf(blocks, fold);
	const heading = title.length ? `<h4>${name}</h4>` : '';
	const lines = [inlineText(title, unstyled), ...(fold && brief ? [] : linesOf(blocks, unstyled))];
	return piece(
		fold ? foldHtml(name, inside) : heading + inside,
		lines.filter((line, index) => index || line !== '').join('\n'),
	);
}

export function paragraphPiece(spans: Span[]): Piece {
	return piece(`<p>${inlineHtml(spans)}</p>`, inlineText(spans, unstyled));
}

export function listPiece(lines: readonly Span[][]): Piece {
	const list: List = { is: 'list', loose: false, items: lines.map(spans => [{ is: 'paragraph', spans }]) };
	return piece(htmlOf([list], false), linesOf([list], unstyled).join('\n'));
}
