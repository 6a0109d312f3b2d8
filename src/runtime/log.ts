// The log: one event per line on standard error, as text on a terminal and as JSON for machines. Standard output is
// only for answers.
import { pino } from 'pino';

export type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
export type Format = 'auto' | 'text' | 'json';

export type Log = {
	error: (fields: Record<string, unknown>, text: string) => void;
	warn: (fields: Record<string, unknown>, text: string) => void;
	info: (fields: Record<string, unknown>, text: string) => void;
	debug: (fields: Record<string, unknown>, text: string) => void;
};

/** Secrets that a library's error may contain; we never log one on purpose. */
const secrets = ['password', 'accessToken', 'access_token', 'token', 'authorization', 'Authorization'];

/** Where lines go; standard error, except in tests. */
export type Sink = { write: (line: string) => void; isTerminal: boolean };

/** `auto`: text on a terminal, JSON otherwise. */
export function openLog(
	level: Level,
	format: Format = 'auto',
	sink?: Sink,
): Log & { setLevel: (level: Level) => void } {
	const paths = secrets.flatMap(name => [name, `*.${name}`, `*.*.${name}`]);
	const options = {
		level,
		base: null,
		redact: { paths, censor: '…' },
		formatters: { level: (label: string) => ({ level: label }) },
	};
	const isText = format === 'text' || (format === 'auto' && (sink ? sink.isTerminal : process.stderr.isTTY));
	const out = sink ?? standardError();
	// Not with pino-pretty, which adds thirteen packages.
	const log = pino(options, isText ? { write: (line: string) => out.write(textLine(line)) } : out);
	return {
		error: (fields, text) => log.error(fields, text),
		warn: (fields, text) => log.warn(fields, text),
		info: (fields, text) => log.info(fields, text),
		debug: (fields, text) => log.debug(fields, text),
		setLevel(to) {
			log.level = to;
		},
	};
}

/** Ignores write errors: a closed terminal accepts no more lines, but work in progress must still finish. */
function standardError() {
	const out = pino.destination({ fd: 2, sync: true });
	out.on('error', () => {});
	return out;
}

/** A JSON line as text: `2026-11-29 10:50:01 WARN the homeserver does not answer (tries: 2)`. */
function textLine(line: string): string {
	const { level, time, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
	const at = new Date(Number(time)).toISOString().slice(0, 19).replace('T', ' ');
	const more = Object.entries(fields).map(([name, value]) => `${name}: ${printable(value)}`);
	const stack = typeof err === 'object' && err !== null && 'stack' in err ? String(err.stack) : undefined;
	const error = stack === undefined ? '' : `\n${stack.split('\n').map(printable).join('\n')}`;
	return `${at} ${String(level).toUpperCase().padEnd(5)} ${msg}${more.length ? ` (${more.join(', ')})` : ''}${error}\n`;
}

/** Escapes what would move the cursor or start another line, since some values come from homeservers. */
function printable(value: unknown): string {
	const text = typeof value === 'string' ? value : JSON.stringify(value);
	return text.replace(/[\p{Cc}\p{Cf}]/gu, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export const silence: Log = { error: nothing, warn: nothing, info: nothing, debug: nothing };

function nothing(): void {}
