// Renders the tree as HTML that all Matrix clients display the same way.
import sanitizeHtml from 'sanitize-html';
import type { Block, List, Span } from './markdown.ts';

/** Code blocks with more lines would fill a phone's screen, so outside a fold they get one of their own. */
const maxLines = 12;

/** `folded`: whether these blocks are already in a fold. */
export function htmlOf(blocks: readonly Block[], folded: boolean): string {
	return blocks.map(block => blockHtml(block, folded)).join('');
}

export function inlineHtml(spans: readonly Span[]): string {
	return spans.map(spanHtml).join('');
}

/**
 * A closed fold. The content must begin with a block element, so that clients without folds do not run the title
 * into it.
 */
export function foldHtml(title: string, inside: string): string {
	return `<details><summary>${title}</summary>${inside}</details>`;
}

function blockHtml(block: Block, folded: boolean): string {
	switch (block.is) {
		case 'paragraph':
			return `<p>${inlineHtml(block.spans)}</p>`;
		case 'heading':
			return `<p><strong>${inlineHtml(block.spans)}</strong></p>`;
		case 'code': {
			const language = block.language ? ` class="language-${escapeAttribute(block.language)}"` : '';
			const pre = `<pre><code${language}>${escapeHtml(block.text)}\n</code></pre>`;
			const lines = block.text.split('\n').length;
			return folded || lines <= maxLines ? pre : foldHtml(`${lines} lines`, pre);
		}
		case 'list': {
			const inside = block.items.map(item => `<li>${itemHtml(item, block)}</li>`).join('');
			if (block.start === undefined) return `<ul>${inside}</ul>`;
			return `<ol${block.start === 1 ? '' : ` start="${block.start}"`}>${inside}</ol>`;
		}
		case 'quote':
			return `<blockquote>${htmlOf(block.blocks, true)}</blockquote>`;
	}
}

function itemHtml(item: readonly Block[], list: List): string {
	if (list.loose) return htmlOf(item, true);
	return item.map(block => (block.is === 'paragraph' ? inlineHtml(block.spans) : blockHtml(block, true))).join('');
}

function spanHtml(span: Span): string {
	switch (span.is) {
		case 'text':
			return escapeHtml(span.text);
		case 'code':
			return `<code>${escapeHtml(span.text)}</code>`;
		case 'strong':
		case 'em':
			return `<${span.is}>${inlineHtml(span.spans)}</${span.is}>`;
		case 'link':
			return `<a href="${escapeAttribute(span.href)}">${inlineHtml(span.spans)}</a>`;
		case 'break':
			return '<br />';
	}
}

export function escapeHtml(text: string): string {
	return text.replace(/[&<>]/g, sign => (sign === '&' ? '&amp;' : sign === '<' ? '&lt;' : '&gt;'));
}

function escapeAttribute(text: string): string {
	return escapeHtml(text).replace(/"/g, '&quot;');
}

// All the tags we send; the others in Matrix's list look different in every client, or break in one.
const tags = 'p br strong em code pre ul ol li h3 h4 details summary a blockquote'.split(' ');
const written = new RegExp(
	`^<(/?(${tags.join('|')})|br /|code class="language-[A-Za-z0-9+#.-]+"|ol start="\\d+"|a href="(https?:|mailto:)[^"<>]+")>$`,
);

/**
 * A second line of defence: if the functions above ever produce something unsafe, it is removed here. Sanitising
 * takes as long as the rest of rendering, so it only runs if the HTML contains something that they never
 * produce.
 */
export function allowed(html: string): string {
	for (const [tag] of html.matchAll(/<[^>]*>?|>/g)) if (!written.test(tag)) return cleaned(html);
	return html;
}

function cleaned(html: string): string {
	return sanitizeHtml(html, {
		allowedTags: tags,
		allowedAttributes: { a: ['href'], ol: ['start'] },
		allowedClasses: { code: ['language-*'] },
		allowedSchemes: ['https', 'http', 'mailto'],
		allowProtocolRelative: false,
		// Relative links lead nowhere in a room, but sanitize-html lets them pass.
		transformTags: {
			a: (tagName, { href = '' }) => ({ tagName, attribs: /^(https?|mailto):/i.test(href) ? { href } : {} }),
		},
	});
}
