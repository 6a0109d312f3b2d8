// Text of others inside our Markdown: never markup, never a mention, never longer than it should be.

/** The text in one line without control, bidirectional or invisible characters, at most so many letters long. */
export function oneLine(text: string, longest = 80): string {
	const line = text.replace(/\s+/g, ' ').replace(/\p{C}/gu, '').trim();
	const letters = [...line];
	return letters.length > longest ? `${letters.slice(0, longest - 1).join('')}…` : line;
}

/** The text as inline code, whatever it contains: names of files, options, commands, hosts, and what people typed. */
export function code(text: string): string {
	const line = oneLine(text);
	const longest = Math.max(0, ...(line.match(/`+/g) ?? []).map(run => run.length));
	const fence = '`'.repeat(longest + 1);
	const pad = longest > 0 || line === '' ? ' ' : '';
	return `${fence}${pad}${line}${pad}${fence}`;
}
