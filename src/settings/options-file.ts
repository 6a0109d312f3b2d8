// Reads the text of a configuration file. Its mistakes never quote a value, which may be a secret.
import { type Document, LineCounter, parseDocument, visit, type YAMLError } from 'yaml';
import type { Mistake } from './mistakes.ts';

/** `options` is undefined if the text has mistakes, or nothing in it. */
export type OptionsFile = { document: Document; lines: LineCounter; options: unknown; mistakes: Mistake[] };

export function readOptions(text: string): OptionsFile {
	const lines = new LineCounter();
	const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
	const mistake = (text: string, offset = 0): Mistake => ({ line: lines.linePos(offset).line || 1, text });
	const mistakes = [...document.errors, ...document.warnings].map(error =>
		mistake(whatIsWrong(error, text), error.pos[0]),
	);
	if (mistakes.length === 0)
		visit(document, {
			Alias(_, node) {
				if (node.resolve(document) === undefined) mistakes.push(mistake(unquoted('*'), node.range?.[0]));
			},
		});
	if (mistakes.length > 0) return { document, lines, options: undefined, mistakes };
	try {
		return { document, lines, options: document.toJS() ?? undefined, mistakes };
	} catch {
		return { document, lines, options: undefined, mistakes: [mistake('its aliases expand to too many values')] };
	}
}

function unquoted(sign: string): string {
	return `not YAML: a value that begins with ${sign} must be in quotes`;
}

/** The library's message, without the text that it quotes. */
function whatIsWrong({ code, message, pos: [offset] }: YAMLError, text: string): string {
	if (code === 'DUPLICATE_KEY') {
		const [, key] = /^\W?(\w+)/.exec(text.slice(offset)) ?? [];
		return key ? `the key ${key} occurs twice` : 'a key occurs twice';
	}
	if (code === 'MULTIPLE_DOCS') return 'the file must not contain several documents, separated by ---';
	if (code === 'TAG_RESOLVE_FAILED') return unquoted('!');
	if (/^Invalid escape sequence/.test(message))
		return 'not YAML: Invalid escape sequence; put the value in single quotes, or write the backslash twice';
	if (/^Alias cannot be/.test(message)) return unquoted('*');
	if (/^Block scalar header/.test(message)) return unquoted('> or |');
	const said = message.replace(/(?<=\w): .*$/s, '');
	const quotes = /cannot start with/.test(said)
		? '; put it in quotes'
		: /^Nested/.test(said)
			? '; put the value in quotes'
			: '';
	return `not YAML: ${said}${quotes}`;
}
