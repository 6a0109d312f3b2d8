// Why and where a text stops being YAML. The parser's own messages quote the line, which may contain a secret.
import type { Document, visit, YAMLParseError } from 'yaml';

type Read = { text: string; documents: readonly Document.Parsed[] };

const sentences: Readonly<Record<string, string>> = {
	TAB_AS_INDENT: 'There is a tab where YAML needs spaces.',
	BAD_INDENT: 'The indentation is wrong.',
	MISSING_CHAR: 'A quote, a bracket or a colon is missing.',
	BAD_SCALAR_START: 'A value starts with a character that YAML reserves; put the value in quotes.',
	BAD_DQ_ESCAPE: 'A backslash in double quotes is not an escape sequence; use single quotes.',
	DUPLICATE_KEY: 'A key occurs twice.',
	MULTILINE_IMPLICIT_KEY: 'A key spans several lines; a colon or a quote may be missing.',
	BLOCK_AS_IMPLICIT_KEY: 'A line is indented too far, or a value that contains a colon needs quotes.',
	BLOCK_IN_FLOW: 'A block is inside brackets.',
	BAD_ALIAS: 'An alias (`*name`) has no anchor (`&name`).',
	UNEXPECTED_TOKEN: 'There is unexpected text.',
};

/** The parser's error in our words, with the offset of the line to look at. `visit` is the parser's. */
export function breakIn(
	{ code, message, pos: [at] }: YAMLParseError,
	{ text, documents }: Read,
	walk: typeof visit,
): { why: string; offset: number } {
	if (message.startsWith('Missing closing'))
		return { why: 'A quote is opened here and never closed.', offset: openedBefore(at, documents, walk, 'quote') };
	if (/must (be sufficiently indented and )?end with a [\]}]/.test(message))
		return { why: 'A bracket is opened here and never closed.', offset: openedBefore(at, documents, walk, 'bracket') };
	if (code === 'BLOCK_AS_IMPLICIT_KEY') {
		if (message.includes('sequence')) return { why: 'A list element is among the keys of a mapping.', offset: at };
		// The error starts where the value above does, and PyYAML stops at the colon.
		const colon = /:\s/g;
		colon.lastIndex = at;
		return { why: sentences[code] ?? '', offset: colon.exec(text)?.index ?? at };
	}
	return { why: sentences[code] ?? 'It is not YAML.', offset: at };
}

/** Where the innermost quote or bracket around an offset is opened. */
function openedBefore(
	at: number,
	documents: readonly Document.Parsed[],
	walk: typeof visit,
	what: 'quote' | 'bracket',
): number {
	let opened: number | undefined;
	const consider = (range: readonly number[] | null | undefined) => {
		const [start = 0, , end = 0] = range ?? [];
		if (start < at && at <= end) opened = Math.max(opened ?? 0, start);
	};
	for (const document of documents)
		walk(document, {
			Scalar: (_, { type, range }) => {
				if (what === 'quote' && type?.startsWith('QUOTE_')) consider(range);
			},
			Collection: (_, { flow, range }) => {
				if (what === 'bracket' && flow) consider(range);
			},
		});
	return opened ?? at;
}
