// Parses Markdown into a small tree that can only contain words, code, lists and safe links.
import { LRUCache } from 'lru-cache';
import { Marked, type MarkedToken, type Token, type Tokens } from 'marked';
import type { Section } from '../answer.ts';
import { harmless } from '../text/markdown.ts';

export type Span =
	| { is: 'text'; text: string }
	| { is: 'code'; text: string }
	| { is: 'strong' | 'em'; spans: Span[] }
	| { is: 'link'; href: string; spans: Span[] }
	| { is: 'break' };

export type List = {
	is: 'list';
	/** The first number; absent for an unordered list. */
	start?: number;
	/** Whether the items are separate paragraphs. */
	loose: boolean;
	items: Block[][];
};

export type Block =
	| { is: 'paragraph'; spans: Span[] }
	| { is: 'heading'; spans: Span[] }
	| { is: 'code'; text: string; language?: string }
	| List
	| { is: 'quote'; blocks: Block[] };

// HTML tags and strikethrough marks are not parsed: they stay literal, and what is between them is still parsed.
const marked = new Marked({
	tokenizer: { html: () => undefined, tag: () => undefined, del: () => undefined },
});

/** Matrix allows 100 levels of nesting, but nobody reads more than a few. */
const maxDepth = 8;

/** A cache of recently parsed texts, since many rooms get the same notes. */
const read = new LRUCache<string, readonly Block[]>({ max: 300 });

/** Parses a whole Markdown text. */
export function blocksOf(markdown: string): readonly Block[] {
	const known = read.get(markdown);
	if (known) return known;
	const found = orAsWritten(() => blocks(marked.lexer(harmless(markdown)), 0), asParagraph(markdown));
	read.set(markdown, found);
	return found;
}

function asParagraph(markdown: string): Block[] {
	return [{ is: 'paragraph', spans: [text(harmless(markdown))] }];
}

/** Parses one line of Markdown, such as a title. */
export function spansOf(markdown: string): Span[] {
	const line = harmless(markdown)
		.replace(/(?<!\s)\s*\n\s*/g, ' ')
		.trim();
	return orAsWritten(() => spans(marked.Lexer.lexInline(line, marked.defaults), 0), [text(line)]);
}

/** The section's mark and title, as for a heading or a fold. Empty without a title. */
export function titleOf(section: Section): Span[] {
	return spansOf(`${section.mark ?? ''} ${section.title}`);
}

/** Thousands of nested quotes overflow the parser's stack; such a text is shown as written. */
function orAsWritten<T>(reading: () => T, asWritten: T): T {
	try {
		return reading();
	} catch (error) {
		if (error instanceof RangeError) return asWritten;
		throw error;
	}
}

function blocks(tokens: readonly Token[], depth: number): Block[] {
	const found: Block[] = [];
	let loose: Token[] = [];
	const flush = () => {
		const line = spans(loose, depth);
		loose = [];
		if (line.length) found.push({ is: 'paragraph', spans: line });
	};
	for (const token of tokens) {
		if (token.type === 'checkbox') {
			loose.push(token);
			continue;
		}
		if (token.type === 'text') {
			loose.push(...(token.tokens ?? [token]));
			flush();
			continue;
		}
		flush();
		found.push(...block(token as MarkedToken, depth));
	}
	flush();
	return found;
}

function block(token: MarkedToken, depth: number): Block[] {
	switch (token.type) {
		case 'paragraph':
			return paragraph(spans(token.tokens, depth));
		case 'heading':
			return [{ is: 'heading', spans: spans(token.tokens, depth) }];
		case 'code': {
			const language = token.lang?.match(/^[A-Za-z0-9+#.-]+/)?.[0];
			return [{ is: 'code', text: token.text, ...(language ? { language } : {}) }];
		}
		case 'blockquote': {
			const inner = blocks(token.tokens, depth + 1);
			return depth < maxDepth ? [{ is: 'quote', blocks: inner }] : inner;
		}
		case 'list': {
			const items = token.items.map(item => blocks(item.tokens, depth + 1));
			if (depth >= maxDepth) return items.flat();
			return [{ is: 'list', ...(token.ordered ? { start: token.start || 1 } : {}), loose: token.loose, items }];
		}
		case 'table':
			return [rows(token, depth)];
		case 'space':
		case 'hr':
		case 'def':
			return [];
		default:
			return paragraph(spans([token], depth));
	}
}

function paragraph(line: Span[]): Block[] {
	return line.length ? [{ is: 'paragraph', spans: line }] : [];
}

/** Clients cut tables off or run their cells together, so rows become list items. */
function rows(table: Tokens.Table, depth: number): List {
	const line = (cells: Tokens.TableCell[]): Span[] =>
		cells.flatMap((cell, index) => [
			...(index ? [{ is: 'text' as const, text: ' · ' }] : []),
			...spans(cell.tokens, depth),
		]);
	const head: Span[] = [{ is: 'strong', spans: line(table.header) }];
	const items = [head, ...table.rows.map(line)].map((row): Block[] => [{ is: 'paragraph', spans: row }]);
	return { is: 'list', loose: false, items };
}

function spans(tokens: readonly Token[], depth: number): Span[] {
	const found: Span[] = [];
	for (const token of tokens) {
		for (const next of span(token as MarkedToken, depth)) {
			const last = found.at(-1);
			if (next.is === 'text' && last?.is === 'text') last.text += next.text;
			else found.push(next);
		}
	}
	return found;
}

function span(token: MarkedToken, depth: number): Span[] {
	switch (token.type) {
		case 'text':
			return token.tokens ? spans(token.tokens, depth) : [text(characters(token.text))];
		case 'escape':
			return [text(token.text)];
		case 'codespan':
			return [{ is: 'code', text: token.text.replace(/\n/g, ' ') }];
		case 'strong':
		case 'em': {
			const inner = spans(token.tokens, depth + 1);
			return depth < maxDepth ? [{ is: token.type, spans: inner }] : inner;
		}
		case 'link': {
			const inner = token.autolink ? [text(token.text)] : spans(token.tokens, depth + 1);
			return linkTo(token.autolink ? token.href : characters(token.href), inner);
		}
		case 'image':
			return linkTo(characters(token.href), [text(token.text || 'picture')]);
		case 'br':
			return [{ is: 'break' }];
		case 'checkbox':
			return [text(token.checked ? '☑ ' : '☐ ')];
		default:
			return [text(token.raw)];
	}
}

/** Soft line breaks become spaces. A keycap emoji, a black box in some clients, is reduced to its character. */
function text(words: string): Span {
	// Sanitise again: parsing turns `&#x202e;` in clean Markdown into the character it stands for.
	const line = harmless(words).replace(/(?<![\t ])[\t ]*[\n\t][\t ]*/g, ' ');
	return { is: 'text', text: line.replace(/\uFE0F?\u20E3/g, '') };
}

const schemes = new Set(['https:', 'http:', 'mailto:']);

/** Returns only the words if the address is relative or has a scheme that we do not allow. */
function linkTo(address: string, inner: Span[]): Span[] {
	const url = URL.parse(address);
	return url && schemes.has(url.protocol) ? [{ is: 'link', href: url.href, spans: inner }] : inner;
}

const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

/** `&amp;` → `&`. Uncommon entities stay as written. */
function characters(written: string): string {
	if (!written.includes('&')) return written;
	return written.replace(/&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|(\w+));/g, (whole, decimal, hex, name) => {
		if (name) return named[name] ?? whole;
		const point = decimal ? Number(decimal) : Number.parseInt(hex, 16);
		return point <= 0x10ffff ? String.fromCodePoint(point) : '\uFFFD';
	});
}
