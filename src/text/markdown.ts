// How words that somebody else chose (a person, a server, upstream) are put into our Markdown: as words, never as markup.

// Zero-width and other invisible characters, except the two that choose between text and emoji.
const invisible = /(?![\uFE0E\uFE0F])\p{Default_Ignorable_Code_Point}/gu;
// What turns the direction of writing, and what a terminal obeys: everything below the space except line feed and tab,
// DEL, and the second set at 0x80.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to be found
const acting = /[\0-\x08\x0B-\x1F\x7F-\x9F\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g;
// Any of them, a line's end that is not a line feed, or half a character: most texts have none.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to be found
const suspect = /[\0-\x08\x0B-\x1F\x7F-\x9F\u2028\u2029\p{Cs}]|(?![\uFE0E\uFE0F])\p{Default_Ignorable_Code_Point}/u;

/**
 * The text without what acts instead of being read: controls and marks that turn the direction of writing become `�`,
 * invisible characters go. Line feeds and tabs stay.
 */
export function harmless(text: string): string {
	if (!suspect.test(text)) return text;
	return text
		.toWellFormed()
		.replace(/\r\n?|[\u2028\u2029]/g, '\n')
		.replace(acting, '\uFFFD')
		.replace(invisible, '');
}

/** Whether it holds nothing but visible ASCII without a backtick, so that as code it shows as it is. */
function isPlain(text: string): boolean {
	return /^[!-_a-~]+$/.test(text);
}

/**
 * Inline code that shows exactly this text on one line, whatever backticks it has. Put a space or a sign between two of
 * them: Markdown reads neighbouring backticks as one.
 */
export function code(text: string): string {
	// Nearly always it is one: an option, a path, an id.
	if (isPlain(text)) return `\`${text}\``;
	const line = harmless(text).replace(/[\n\t]/g, ' ');
	if (line.trim() === '') return '` `';
	// Not by Math.max over all runs: thousands of arguments exhaust the stack.
	const longest = (line.match(/`+/g) ?? []).reduce((most, run) => Math.max(most, run.length), 0);
	const fence = '`'.repeat(longest + 1);
	const pad = line.startsWith('`') || line.endsWith('`') || (line.startsWith(' ') && line.endsWith(' ')) ? ' ' : '';
	return `${fence}${pad}${line}${pad}${fence}`;
}

// Addresses, Matrix ids, host and file names: clients make links of them by themselves, except in code. No part of this
// looks further than the next letter, so that it stays quick however long a word is.
const linked = /@\S|\p{L}:\S|\S:\p{L}|:\/\/|www\.|[\p{L}\p{N}_-][.\u3002\uFF0E\uFF61]\p{L}/iu;

/**
 * The text as Markdown that shows it on one line and does nothing else: no emphasis, link, list, HTML or mention. What
 * a client would make a link of (an address, a Matrix id, a file's name) is shown as code.
 */
export function escapeMarkdown(text: string): string {
	return harmless(text)
		.split(/\s+/)
		.filter(word => word !== '')
		.map(word => {
			if (!linked.test(word)) return escapeWord(word);
			// The end of a sentence is no part of what stands before it.
			const length = lengthWithoutEnd(word);
			return `${code(word.slice(0, length))}${escapeWord(word.slice(length))}`;
		})
		.join(' ');
}

/** Not by a pattern with `$`: it would begin again at each of many full stops, which takes quadratic time. */
function lengthWithoutEnd(word: string): number {
	let length = word.length;
	while (length > 0 && '.,;:!?'.includes(word[length - 1] ?? ' ')) length--;
	return length;
}

function escapeWord(word: string): string {
	// Brackets as numbers: a long run of escaped brackets costs the Markdown reader quadratic time.
	return word.replace(/[!-/:-@[-`{-~]/g, sign => (sign === '[' ? '&#91;' : sign === ']' ? '&#93;' : `\\${sign}`));
}

/** What a person typed or a server said, as inline code of at most `longest` characters: quoted back, never obeyed. */
export function quoted(text: string, longest = 80): string {
	const line = text.replace(/\s+/g, ' ').trim();
	// A character has at most two UTF-16 units, so no more of a long text has to be split.
	const characters = [...line.slice(0, 2 * (longest + 1))];
	return code(characters.length > longest ? `${characters.slice(0, longest - 1).join('')}…` : characters.join(''));
}
