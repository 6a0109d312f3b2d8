// Puts text from others (a person, a server, upstream) into our Markdown as plain words, never as markup.

// Zero-width and other invisible characters, except the two that select text or emoji presentation.
const invisible = /(?![\uFE0E\uFE0F])\p{Default_Ignorable_Code_Point}/gu;
// Bidirectional marks, and what terminals obey: control characters except newline and tab, DEL, and the C1 set.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to find
const acting = /[\0-\x08\x0B-\x1F\x7F-\x9F\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g;
// Any of these, a line end other than a newline, or an unpaired surrogate: most texts have none.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to find
const suspect = /[\0-\x08\x0B-\x1F\x7F-\x9F\u2028\u2029\p{Cs}]|(?![\uFE0E\uFE0F])\p{Default_Ignorable_Code_Point}/u;

/**
 * Sanitises a text: control characters and bidirectional marks become `�`, and invisible characters are removed.
 * Newlines and tabs stay.
 */
export function harmless(text: string): string {
	if (!suspect.test(text)) return text;
	return text
		.toWellFormed()
		.replace(/\r\n?|[\u2028\u2029]/g, '\n')
		.replace(acting, '\uFFFD')
		.replace(invisible, '');
}

/** Whether a text is only visible ASCII without backticks, and can be shown as code unchanged. */
function isPlain(text: string): boolean {
	return /^[!-_a-~]+$/.test(text);
}

/**
 * Inline code that shows exactly this text on one line, whatever backticks it contains. Separate two of them by a
 * space or punctuation: Markdown merges adjacent backticks.
 */
export function code(text: string): string {
	// The usual case: an option, a path, an id.
	if (isPlain(text)) return `\`${text}\``;
	const line = harmless(text).replace(/[\n\t]/g, ' ');
	if (line.trim() === '') return '` `';
	// Not Math.max over all runs: thousands of arguments overflow the stack.
	const longestRun = (line.match(/`+/g) ?? []).reduce((most, run) => Math.max(most, run.length), 0);
	const fence = '`'.repeat(longestRun + 1);
	const pad = line.startsWith('`') || line.endsWith('`') || (line.startsWith(' ') && line.endsWith(' ')) ? ' ' : '';
	return `${fence}${pad}${line}${pad}${fence}`;
}

// Addresses, Matrix ids, host and file names, which clients turn into links by themselves, except in code. No
// part looks beyond the next letter, so that it is fast however long a word is.
const linked = /@\S|\p{L}:\S|\S:\p{L}|:\/\/|www\.|[\p{L}\p{N}_-][.\u3002\uFF0E\uFF61]\p{L}/iu;

/**
 * The text as Markdown that shows it on one line and nothing else: no emphasis, links, lists, HTML or mentions.
 * What clients would turn into a link (an address, a Matrix id, a file name) is shown as code.
 */
export function escapeMarkdown(text: string): string {
	return harmless(text)
		.split(/\s+/)
		.filter(word => word !== '')
		.map(word => {
			if (!linked.test(word)) return escapeWord(word);
			// Punctuation at the end of a sentence is not part of the word.
			const length = lengthWithoutEnd(word);
			return `${code(word.slice(0, length))}${escapeWord(word.slice(length))}`;
		})
		.join(' ');
}

/** Not a pattern with `$`, which would restart at each of many full stops: quadratic time. */
function lengthWithoutEnd(word: string): number {
	let length = word.length;
	while (length > 0 && '.,;:!?'.includes(word[length - 1] ?? ' ')) length--;
	return length;
}

function escapeWord(word: string): string {
	// Brackets as entities: a long run of escaped brackets takes the Markdown parser quadratic time.
	return word.replace(/[!-/:-@[-`{-~]/g, sign => (sign === '[' ? '&#91;' : sign === ']' ? '&#93;' : `\\${sign}`));
}

/** What a person typed or a server said, as inline code of at most `maxLength` characters. */
export function quoted(text: string, maxLength = 80): string {
	const line = text.replace(/\s+/g, ' ').trim();
	// A character has at most two UTF-16 units, so only this much of a long text has to be split.
	const characters = [...line.slice(0, 2 * (maxLength + 1))];
	return code(characters.length > maxLength ? `${characters.slice(0, maxLength - 1).join('')}…` : characters.join(''));
}
