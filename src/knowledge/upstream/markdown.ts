// Splits upstream's documents into sections and blocks: enough Markdown to find where a passage begins and ends.

/** A heading with the lines below it, up to the next heading of any level. */
export type MarkdownSection = { level: number; title: string; lines: string[] };

/** A paragraph or a top-level list item, with everything indented or fenced below it. */
export type MarkdownBlock = { kind: 'paragraph' | 'item'; text: string };

const fence = /^\s*(```|~~~)/;

/** The sections of a document in order; what comes before the first heading is dropped. */
export function sectionsOf(document: string): MarkdownSection[] {
	const lines = document.split(/\r?\n/);
	const sections: MarkdownSection[] = [];
	let fenced = false;
	for (let at = 0; at < lines.length; at++) {
		const line = lines[at] ?? '';
		if (fence.test(line)) fenced = !fenced;
		const heading = fenced ? undefined : headingAt(lines, at);
		if (heading) {
			sections.push({ ...heading, lines: [] });
			if (!line.startsWith('#')) at++;
		} else sections.at(-1)?.lines.push(line);
	}
	return sections;
}

/** Both styles of heading. An underlined one is a single line with no text directly above it. */
function headingAt(lines: readonly string[], at: number): Omit<MarkdownSection, 'lines'> | undefined {
	const line = lines[at] ?? '';
	const [, marks, title] = /^(#{1,6})\s+(.*)$/.exec(line) ?? [];
	if (marks !== undefined && title !== undefined) return { level: marks.length, title: unclosed(title.trimEnd()) };
	if (!/^\S/.test(line) || !/^(\s*$|#{1,6}\s)/.test(lines[at - 1] ?? '')) return undefined;
	const below = lines[at + 1] ?? '';
	if (/^={3,}\s*$/.test(below)) return { level: 1, title: line.trim() };
	return /^-{3,}\s*$/.test(below) ? { level: 2, title: line.trim() } : undefined;
}

/** The title without closing marks. Not a regular expression, because a long line would take hours. */
function unclosed(title: string): string {
	let end = title.length;
	while (title[end - 1] === '#') end--;
	return end < title.length && (end === 0 || /\s/.test(title[end - 1] ?? '')) ? title.slice(0, end).trimEnd() : title;
}

/** The blocks of a section, in order. */
export function blocksOf(lines: readonly string[]): MarkdownBlock[] {
	const blocks: { kind: MarkdownBlock['kind']; lines: string[] }[] = [];
	let fenced = false;
	let gap = true;
	for (const line of lines) {
		const last = blocks.at(-1);
		const fences = fence.test(line);
		const starts =
			!fenced && !fences && line.trim() !== '' && (/^ ?[-*+]\s+\S/.test(line) || (gap && /^ ?\S/.test(line)));
		if (!last || starts) {
			if (line.trim()) blocks.push({ kind: /^ ?[-*+]\s+\S/.test(line) ? 'item' : 'paragraph', lines: [line] });
		} else last.lines.push(line);
		if (fences) fenced = !fenced;
		gap = line.trim() === '';
	}
	return blocks.map(({ kind, lines: own }) => {
		const text = own.join('\n').trim();
		return { kind, text: kind === 'item' ? text.replace(/^[-*+]\s+/, '') : text };
	});
}

// The bounds in these expressions are far above what upstream writes. Without them, thousands of brackets take hours.
/** The visible text of a line of Markdown: no link targets, emphasis or escapes; code keeps its backticks. */
export function wordsOf(text: string): string {
	return text
		.replace(/!?\[((?:\\.|[^\]\\]){0,500})\](?:\([^)]{0,1000}\)|\[[^\]]{0,200}\])/g, '$1')
		.replace(/<(https?:[^>]{0,1000})>/g, '$1')
		.replace(/\\([^\w\s])/g, '$1')
		.replace(/(`[^`]*`)|\*+|\b__|__\b/g, '$1')
		.replace(/\s+/g, ' ')
		.trim();
}

/** Anchors as mdBook assigns them to the headings of a page, in order: a repeated one gets -1, -2 … */
export function anchorsOf(titles: readonly string[]): string[] {
	const seen = new Map<string, number>();
	return titles.map(title => {
		const anchor = wordsOf(title)
			.toLowerCase()
			.replace(/[^\p{L}\p{N}\s_-]/gu, '')
			.replace(/\s/g, '-');
		const times = seen.get(anchor) ?? 0;
		seen.set(anchor, times + 1);
		return times ? `${anchor}-${times}` : anchor;
	});
}

/** The address of a heading, or of its page if that would be unreasonably long. */
export function addressOf(page: string, anchor: string | undefined): string {
	const address = `${page}#${anchor ?? ''}`;
	return address.length <= 400 ? address : page;
}
