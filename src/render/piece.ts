// The parts of a message, each in its two forms: HTML for people's clients, plain text for everything else.

import type { Answer, Section } from '../answer.ts';
import { foldHtml, htmlOf, inlineHtml } from './html.ts';
import { type Block, blocksOf, type List, type Span, spansOf, titleOf } from './markdown.ts';
import { inlineText, linesOf, unstyled } from './plain.ts';

/** `bytes` is what the part adds to the JSON of a message's content. */
export type Piece = { html: string; body: string; bytes: number };

/** Between two parts of a body. */
export const between = '\n\n';

function piece(html: string, body: string): Piece {
	// The JSON of a text is as long as that of its parts: so a division is found without writing every one out.
	return { html, body, bytes: jsonBytes(html) + jsonBytes(body) + jsonBytes(between) };
}

export function jsonBytes(value: unknown): number {
	return Buffer.byteLength(JSON.stringify(value));
}

/** The title stands above in the HTML; in the body after the lead, whose first characters are all that notifications show. */
export function headPiece(answer: Answer): Piece {
	const lead = blocksOf(answer.lead);
	const title = spansOf(answer.title ?? '');
	const texts = [linesOf(lead, unstyled).join('\n'), inlineText(title, unstyled)];
	return piece(
		(title.length ? `<h3>${inlineHtml(title)}</h3>` : '') + htmlOf(lead, false),
		texts.filter(text => text !== '').join(between),
	);
}

/** How the second message begins: clients show it without the sender's name. */
export function againPiece(answer: Answer): Piece {
	const title = spansOf(answer.title ?? '');
	const line: Span[] = [...title, { is: 'text', text: title.length ? ', part 2 of 2' : 'Part 2 of 2' }];
	return piece(`<h3>${inlineHtml(line)}</h3>`, inlineText(line, unstyled));
}

/** How a section is shown: `continued` from the last message; `brief`: in the body only the title of what is folded. */
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
