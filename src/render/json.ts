// A value → the one line that `--json` prints.

/**
 * JSON on exactly one line: a reader of lines, or a terminal that shows it, finds no control characters in it.
 * Throws a TypeError for what JSON cannot say (undefined, functions, bigints, circles).
 */
export function jsonLine(value: unknown): string {
	const line = JSON.stringify(value);
	if (line === undefined) throw new TypeError('JSON has no word for this value');
	// JSON.stringify escapes what is below the space. It leaves DEL, the controls above it, marks of direction and the
	// two separators that some readers take for the end of a line.
	return line.replace(/[\x7F-\x9F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/g, sign => {
		return `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;
	});
}
