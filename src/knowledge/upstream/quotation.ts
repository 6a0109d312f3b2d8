// Turns upstream's Markdown into Markdown that is safe in an answer: the same words, without anything active.
import { Marked, type MarkedToken, type Token } from 'marked';
import { code, escapeMarkdown, harmless } from '../../text/markdown.ts';

const marked = new Marked();

/** Deeper lists and quotes are flattened; nobody reads them on a phone. */
const maxDepth = 4;

/** A text with more markup characters than this is not genuine: twelve thousand brackets take the parser a second. */
const maxSigns = 1500;

/**
 * The text with its links resolved against `base` (an https address), at most `maxCharacters` long, cut between
 * paragraphs and then marked with `…`. HTML tags are dropped and their text kept; images become their alt text.
 */
export function quotation(text: string, base: string, maxCharacters = 3000): string {
	// Do not parse what could not be shown anyway.
	const clean = harmless(text.slice(0, 4 * maxCharacters));
	const signs = clean.match(/[[*_`<>~|]/g)?.length ?? 0;
	const blocks =
		signs > maxSigns ? [escapeMarkdown(clean)] : orWords(clean, () => blocksOf(marked.lexer(clean), base, 0));
	const kept: string[] = [];
	let length = 0;
	for (const block of blocks) {
		const room = maxCharacters - length;
		if (block.length > room) {
			// If the first block is too long, it is cut as plain words: truncated Markdown could mean anything.
			if (!kept.length) kept.push(cut(wordsIn(block), room));
			kept.push('…');
			break;
		}
		kept.push(block);
		length += block.length + 2;
	}
	return kept.join('\n\n');
}

/** Thousands of nested lists overflow the parser's stack; such a text is shown as plain text. */
function orWords(text: string, read: () => string[]): string[] {
	try {
		return read();
	} catch (error) {
		if (error instanceof RangeError) return [escapeMarkdown(text)];
		throw error;
	}
}

/** The beginning of the text, short enough to fit once it is escaped. */
function cut(words: string, room: number): string {
	let length = room;
	while (length > 1 && escapeMarkdown(words.slice(0, length)).length > room) length = Math.floor(length / 2);
	return escapeMarkdown(words.slice(0, length));
}

function wordsIn(markdown: string): string {
	return markdown.replace(/[\\`*_>#]|&#\d+;/g, '').replace(/\s+/g, ' ');
}

function blocksOf(tokens: readonly Token[], base: string, depth: number): string[] {
	return tokens.flatMap(token => blockOf(token as MarkedToken, base, depth)).filter(block => block.trim() !== '');
}

function blockOf(token: MarkedToken, base: string, depth: number): string[] {
	switch (token.type) {
		case 'heading':
			return [`**${inline(token.tokens, base)}**`];
		case 'paragraph':
			return [inline(token.tokens, base)];
		case 'text':
			return [inline(token.tokens ?? [token], base)];
		case 'code': {
			const longest = Math.max(2, ...(token.text.match(/`+/g) ?? []).map(run => run.length));
			const fence = '`'.repeat(longest + 1);
			const language = /^[A-Za-z0-9+-]{1,20}/.exec(token.lang ?? '')?.[0] ?? '';
			return [`${fence}${language}\n${token.text}\n${fence}`];
		}
		case 'blockquote': {
			const inner = blocksOf(token.tokens, base, depth + 1);
			return depth < maxDepth ? [prefixed(inner.join('\n\n'), '> ', '> ')] : inner;
		}
		case 'list': {
			const items = token.items.map(item => blocksOf(item.tokens, base, depth + 1));
			if (depth >= maxDepth) return items.flat();
			const start = Number(token.start) || 1;
			const lines = items.map((blocks, at) => {
				const mark = token.ordered ? `${start + at}. ` : '- ';
				return prefixed(blocks.join(token.loose ? '\n\n' : '\n'), mark, ' '.repeat(mark.length));
			});
			return [lines.join('\n')];
		}
		case 'table': {
			const rows = [token.header, ...token.rows].map(cells => cells.map(cell => inline(cell.tokens, base)).join(' · '));
			return [rows.map(row => `- ${row}`).join('\n')];
		}
		case 'html': {
			const words = withoutTags(token.text);
			// The content between the tags of a block is still Markdown.
			return words.trim() && depth < maxDepth ? blocksOf(marked.lexer(words), base, depth + 1) : [];
		}
		default:
			return [];
	}
}

function prefixed(text: string, first: string, rest: string): string {
	return text
		.split('\n')
		.map((line, at) => (at === 0 ? `${first}${line}` : line === '' ? rest.trimEnd() : `${rest}${line}`))
		.join('\n');
}

/** Scripts, styles and comments are not part of the text. */
function withoutTags(html: string): string {
	return html
		.replace(/<!--[\s\S]*?(?:-->|$)/g, '')
		.replace(/<(script|style)\b[\s\S]*?(?:<\/\1\s*>|$)/gi, '')
		.replace(/<\/?[a-z][^<>]*>/gi, '');
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", nbsp: ' ' };

function inline(tokens: readonly Token[], base: string): string {
	return tokens
		.map(token => span(token as MarkedToken, base))
		.join('')
		.trim();
}

function span(token: MarkedToken, base: string): string {
	switch (token.type) {
		case 'text':
		case 'escape':
			return 'tokens' in token && token.tokens ? inline(token.tokens, base) : words(token.text);
		case 'codespan':
			return code(token.text);
		case 'strong':
		case 'em': {
			const inner = inline(token.tokens, base);
			const mark = token.type === 'strong' ? '**' : '_';
			// Around code or a space, the marks would show literally or swallow what follows.
			return /^[\p{L}\p{N}].*[\p{L}\p{N}.]$/su.test(inner) ? `${mark}${inner}${mark}` : inner;
		}
		case 'del':
			return inline(token.tokens, base);
		case 'br':
			return ' ';
		case 'image':
			return words(token.text);
		case 'link': {
			const inner = inline(token.tokens, base);
			const href = resolved(token.href, base);
			const label = words(plainOf(token.tokens));
			return href === undefined || label === '' ? inner : `[${label}](<${href}>)`;
		}
		default:
			return '';
	}
}

/** A link's text as plain characters, without the links and code inside it. */
function plainOf(tokens: readonly Token[]): string {
	return tokens
		.map(token => {
			if ('tokens' in token && token.tokens) return plainOf(token.tokens);
			if (token.type === 'html') return '';
			return token.type === 'codespan' ? token.text : token.raw.replace(/\\([^\w\s])/g, '$1');
		})
		.join('');
}

/** Plain words, keeping the spaces at both ends, which separate them from their neighbours. */
function words(text: string): string {
	const plain = text.replace(/&(amp|lt|gt|quot|#39|nbsp);/g, (_, name: string) => entities[name] ?? '');
	const inner = escapeMarkdown(plain);
	if (inner === '') return /\s/.test(plain) ? ' ' : '';
	return `${/^\s/.test(plain) ? ' ' : ''}${inner}${/\s$/.test(plain) ? ' ' : ''}`;
}

/** An https address; undefined for anything else, and for mentions (matrix.to). */
function resolved(href: string, base: string): string | undefined {
	if (!URL.canParse(href, base)) return undefined;
	const url = new URL(href, base);
	if (url.protocol !== 'https:' || url.username || url.hostname === 'matrix.to' || url.href.length > 1000)
		return undefined;
	return url.href.replace(/[<>\s]/g, '');
}
