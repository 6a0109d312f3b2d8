// The log: JSON, one line an event, to standard error, so that standard output belongs to answers.
import { pino } from 'pino';

export type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

export type Log = {
	error: (fields: Record<string, unknown>, text: string) => void;
	warn: (fields: Record<string, unknown>, text: string) => void;
	info: (fields: Record<string, unknown>, text: string) => void;
	debug: (fields: Record<string, unknown>, text: string) => void;
};

/** Secrets that an error from a library might carry along; none of ours is ever logged on purpose. */
const secrets = ['password', 'accessToken', 'access_token', 'token', 'authorization', 'Authorization'];

export function openLog(level: Level): Log {
	const paths = secrets.flatMap(name => [name, `*.${name}`, `*.*.${name}`]);
	return pino({ level, base: null, redact: { paths, censor: '…' } }, pino.destination({ fd: 2, sync: true }));
}

export const silence: Log = { error: nothing, warn: nothing, info: nothing, debug: nothing };

function nothing(): void {}
