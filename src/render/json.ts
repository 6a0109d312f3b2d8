// Turns a value into the single line that `--json` prints.

/**
 * JSON on exactly one line, without control characters for line readers or terminals. Throws a TypeError for what
 * JSON cannot express (undefined, functions, bigints, cycles).
 */
export function jsonLine(value: unknown): string {
	const line = JSON.stringify(value);
	if (line === undefined) throw new TypeError('JSON cannot represent this value');
	// JSON.stringify escapes only characters below the space, not DEL, the C1 controls, bidirectional marks, or the
	// two separators that some readers treat as line ends.
	return line.replace(/[\x7F-\x9F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/g, sign => {
		return `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;
	});
}
