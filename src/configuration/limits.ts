// Limits against hostile text, checked before parsing.

/**
 * Why and where a text is not a configuration, in a sentence without any of its words. `limit`: our limit, not
 * Synapse's.
 */
export type UnreadableYaml = { why: string; line?: number; limit?: true };

/** Larger texts are refused before parsing: the parser needs a second and 100 MB for each megabyte. */
export const maxBytes = 1_000_000;
export const maxDepth = 100;
/**
 * At most this many values, estimated before parsing: the parser needs ten microseconds and half a kilobyte for each.
 */
const maxSeparators = 30_000;

/** Why a text is not parsed at all; undefined if it is. Expects plain line breaks. */
export function refusalOf(text: string): UnreadableYaml | undefined {
	if (Buffer.byteLength(text) > maxBytes) return { why: `It is larger than ${maxBytes / 1_000_000} MB.`, limit: true };
	// biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for control characters
	const control = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\uFFFE\uFFFF]/.exec(text);
	if (control)
		return {
			why: 'It has characters that YAML does not allow, as a binary file does.',
			line: lineAt(text, control.index),
		};
	if (separatorsIn(text) > maxSeparators)
		return { why: `It has more than ${maxSeparators.toLocaleString('en')} values.`, limit: true };
	const deep = nestingOf(text);
	if (deep !== undefined)
		return { why: `It is nested more deeply than ${maxDepth} levels.`, line: lineAt(text, deep), limit: true };
	return undefined;
}

/** Lines that are not comments, commas, and marks that cost as much: at least as many as there are values. */
function separatorsIn(text: string): number {
	let count = 0;
	for (const line of text.split('\n')) {
		if (/^\s*(#|$)/.test(line)) continue;
		count++;
		// Anchors, tags and aliases cost the parser as much as values.
		for (const sign of ['&', '!', '*']) if (line.includes(sign)) count += line.split(sign).length - 1;
		for (let at = line.indexOf(','); at >= 0 && count <= maxSeparators; at = line.indexOf(',', at + 1)) count++;
		if (count > maxSeparators) return count;
	}
	return count;
}

/**
 * The offset where flow collections become nested too deeply; undefined if they do not. The parser would overflow its
 * stack, or take seconds, before it noticed.
 */
function nestingOf(text: string): number | undefined {
	let depth = 0;
	for (let at = 0; at < text.length; at++) {
		const char = text[at];
		if (char === '[' || char === '{') {
			if (++depth > maxDepth) return at;
		} else if (char === ']' || char === '}') depth = Math.max(0, depth - 1);
		else if (char === '\n' && /^[A-Za-z_]/.test(text.slice(at + 1, at + 2))) depth = 0;
	}
	return undefined;
}

function lineAt(text: string, index: number): number {
	return text.slice(0, index).split('\n').length;
}
