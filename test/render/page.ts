// A strict parser for the HTML that we send: it accepts only our few tags, closed in order, with everything else
// escaped.

const plain = new Set('p strong em code pre ul ol li h3 h4 details summary a blockquote'.split(' '));
const withAttributes = /^(?:a href="[^"<>]+"|ol start="\d+"|code class="language-[A-Za-z0-9+#.-]+")$/;
const blocks = new Set('p pre ul ol blockquote details'.split(' '));

export type Page = {
	/** The names of all opened tags, in order. */
	tags: string[];
	/** What a reader sees, without markup. */
	text: string;
	/** The visible content of each tag of this name, in order. */
	inside: (tag: string) => string[];
	hrefs: string[];
	/** The text outside of code, in which clients turn anything like a link into one. */
	outsideCode: string;
};

/** Throws unless the HTML has only our few tags, balanced, with every other special character escaped. */
export function pageOf(html: string): Page {
	const open: { tag: string; text: string }[] = [];
	const done: { tag: string; text: string }[] = [];
	const tags: string[] = [];
	const hrefs: string[] = [];
	let text = '';
	let outsideCode = '';
	let afterSummary = false;
	for (const [part] of html.matchAll(/<[^>]*>?|[^<]+/g)) {
		const name = /^<(\/?)([a-z0-9]+)/.exec(part);
		if (!part.startsWith('<')) {
			if (afterSummary) throw new Error(`text after </summary>: ${part.slice(0, 40)}`);
			if (/>|&(?!amp;|lt;|gt;)/.test(part)) throw new Error(`unescaped: ${part.slice(0, 80)}`);
			const shown = part.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
			text += shown;
			if (!open.some(({ tag }) => tag === 'code')) outsideCode += shown;
			for (const element of open) element.text += shown;
			continue;
		}
		if (part === '<br />') {
			tags.push('br');
			text += '\n';
			outsideCode += '\n';
			continue;
		}
		const tag = name?.[2] ?? '';
		if (!plain.has(tag)) throw new Error(`a tag that is not ours: ${part}`);
		if (name?.[1]) {
			const closed = open.pop();
			if (closed?.tag !== tag || part !== `</${tag}>`) throw new Error(`${part} closes ${closed?.tag}`);
			done.push(closed);
			afterSummary = tag === 'summary';
		} else {
			if (part !== `<${tag}>` && !withAttributes.test(part.slice(1, -1))) throw new Error(`attributes: ${part}`);
			if (afterSummary && !blocks.has(tag)) throw new Error(`not a block after </summary>: ${part}`);
			if (tag === 'a' && open.some(element => element.tag === 'a')) throw new Error('a link in a link');
			const href = /href="([^"]*)"/.exec(part)?.[1];
			if (href !== undefined) hrefs.push(href.replaceAll('&amp;', '&'));
			afterSummary = false;
			tags.push(tag);
			open.push({ tag, text: '' });
		}
		if (blocks.has(tag) || ['li', 'h3', 'h4', 'summary'].includes(tag)) {
			text += '\n';
			outsideCode += '\n';
		}
	}
	if (open.length) throw new Error(`never closed: ${open.map(({ tag }) => tag).join(' ')}`);
	if (afterSummary) throw new Error('nothing after </summary>');
	return {
		tags,
		text,
		hrefs,
		outsideCode,
		inside: wanted => done.filter(({ tag }) => tag === wanted).map(element => element.text),
	};
}
