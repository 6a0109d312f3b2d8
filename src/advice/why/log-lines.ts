// Finds where each line's own text begins in a paste, after what terminals, Compose, journald and quoting add.

/**
 * Colours as pagers, rsyslog, JSON and shells write them, or with the character before the bracket lost, as in many
 * copies. Without that character only what colours really are, because `[10m]` is also text.
 */
const writtenColors =
	/(?:\^\[|#033|\\{1,2}(?:x1b|033|e|u001b)|\u241B|ESC)\[[0-9;]{0,30}m|\[(?:\d{1,2}(?:;\d{1,3}){1,6}|[01247]|22|[34][0-79]|9[0-7])m(?!s?\])/gi;

/** Without terminal colours and titles. Offsets refer to the text this returns. */
export function withoutTerminal(text: string): string {
	if (!text.includes('\u001B')) return text.replace(writtenColors, '');
	return (
		text
			// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal sequences begin with one
			.replace(/\u001B\[[0-9;?]{0,30}[A-Za-z]/g, '')
			// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal sequences begin and end with one
			.replace(/\u001B\][^\u0007\u001B\n]{0,200}\u0007/g, '')
			.replace(writtenColors, '')
	);
}

/** No prefix is longer, so only this much of a line is examined. */
const maxPrefix = 240;

// Each quantifier is bounded, and adjacent ones cannot match the same character.
const prefixes: readonly RegExp[] = [
	// Quoted in a reply.
	/^[ \t]{0,8}>(?:[ \t]?>){0,7}[ \t]?/,
	// docker compose: `synapse-1  | `.
	/^[\w.-]{1,80}[ \t]{1,40}\|(?:[ \t]|$)/,
	// docker logs -t, journalctl -o short-iso, Kubernetes. Synapse's own lines continue with ` - `.
	/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?(?= (?!- ))(?: (?:stdout|stderr) [FP])? /,
	// journald and syslog.
	/^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d [\w.-]{1,64} [\w.@/-]{1,64}(?:\[\d{1,8}\])?: /,
	/^[\w.-]{1,64} [\w.@/-]{1,64}\[\d{1,8}\]: /,
	/^(?:systemd|python3?|synapse|matrix-synapse)\[\d{1,8}\]: /,
];

/** Where the text of the line from `at` to `end` begins. */
export function wordsAt(text: string, at: number, end: number): number {
	let from = at;
	if (at === end) return at;
	// A quoted line of Compose in journald has three prefixes.
	for (let depth = 0; depth < 4; depth++) {
		const head = text.slice(from, Math.min(end, from + maxPrefix));
		const found = prefixes.map(prefix => prefix.exec(head)?.[0].length ?? 0).find(length => length > 0);
		if (found === undefined) break;
		from += found;
	}
	return from;
}

/** A log record: the offsets of its start and end. */
export type LogRecord = { from: number; to: number; line: number; error: boolean };

// Applied to the start of a line only, and bounded like the prefixes.
const recordStart =
	/^(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,\d]{0,10} - |[\w.]{3,80} - (?:\d{1,6} - )?(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) - |\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d)/;
const quiet = / - (?:DEBUG|INFO|WARNING) - |\[(?:info|notice|warn(?:ing)?|debug)\]|\blevel=(?:info|debug|warn)/i;
const loud =
	/\b(?:ERROR|CRITICAL|FATAL|PANIC|error|fatal|panic)\b|^Traceback \(most recent|^[ \t]{0,8}(?:[A-Za-z_][\w.]{0,100})?(?:Error|Exception)\b/;

/** The records of a log in order, each with whether it is an error. A text without records is a single one. */
export function recordsIn(text: string): LogRecord[] {
	const records: LogRecord[] = [];
	let current: LogRecord | undefined;
	let calm = false;
	let line = 0;
	for (let at = 0; at <= text.length; line++) {
		const newline = text.indexOf('\n', at);
		const end = newline < 0 ? text.length : newline;
		if (at === end && current) {
			at = end + 1;
			continue;
		}
		const from = wordsAt(text, at, end);
		const head = text.slice(from, Math.min(end, from + 400));
		// What looked like a prefix may have been the record's own timestamp.
		const own = text.slice(at, Math.min(end, at + 60));
		if (!current || recordStart.test(head) || recordStart.test(own)) {
			current = { from: at, to: end, line: line + 1, error: false };
			records.push(current);
			calm = quiet.test(head);
		}
		current.to = end;
		if (!calm && !current.error) current.error = loud.test(head);
		// A warning followed by a traceback is an error too.
		else if (calm && head.startsWith('Traceback (most recent')) current.error = true;
		at = end + 1;
	}
	return records;
}

/** Lines of a message to examine before deciding that it is conversation. */
const maxLines = 60;
const plainlyLog =
	/^Traceback \(most recent call last\):|^Error in configuration\b|^ERROR: |^[\w.]{3,80} - (?:\d{1,6} - )?(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) - |^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - |^(?:[a-z_]\w{0,40}\.){0,8}[A-Z]\w{0,60}(?:Error|Exception): \S|^[\w.@-]{1,60}\.service: \S/;

/** Whether a text is plainly a traceback, an exception or log lines, rather than talk about one. */
export function isLog(text: string): boolean {
	let at = 0;
	for (let line = 0; line < maxLines && at <= text.length; line++) {
		const newline = text.indexOf('\n', at);
		const end = newline < 0 ? text.length : newline;
		const from = wordsAt(text, at, end);
		if (plainlyLog.test(text.slice(from, Math.min(end, from + 400)).trimStart())) return true;
		at = end + 1;
	}
	return false;
}
