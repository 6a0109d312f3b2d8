// Finds the commands in a message.

import { isLog } from '../advice/why/log-lines.ts';
import type { Command, Ports } from '../command.ts';
import type { GivenFile } from '../configuration/files.ts';
import type { Incoming } from '../ports/homeserver.ts';

/** What someone said, with everything that belongs to it. */
export type Message = Omit<Incoming, 'event' | 'file' | 'raw' | 'unread' | 'wants'> & {
	files?: readonly GivenFile[];
	/** The text of the message that this one replies to, or whose thread it is in. */
	quoted?: string;
	/** Sentences that say where files and texts came from. */
	taken?: readonly string[];
	/** The guide session of the thread, and its current stage. */
	session?: { guide: string; stage?: string };
	/** A sentence saying why the file or text meant by the command cannot be read. */
	trouble?: string;
};

/**
 * A command as called. `addressed`: the bot was named, so even an unknown command gets an answer. `text` is what
 * follows the name as typed, including further lines if the command accepts a text. `long`: the length of a call
 * that is too long; its words are not parsed.
 */
export type Call = { name: string; words: string[]; text: string; addressed: boolean; long?: number };

/** Characters of ordinary talk that are searched. Commands further on in a message are ignored. */
const maxTalk = 1024;

/** Invisible characters that may follow a command's name. */
const maxInvisible = 16;

/** Undoes the typographic replacements that phones and word processors make. */
export function plainly(body: string): string {
	return body
		.replace(/\r\n?/g, '\n')
		.replace(/[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u2028\u2029\t]/g, ' ')
		.replace(/[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, '')
		.replace(/[\u2018\u2019\u201a\u2032]/g, "'")
		.replace(/[\u201c\u201d\u201e\u2033\u00ab\u00bb]/g, '"')
		.replace(/[\u2010-\u2012\u2212]/g, '-')
		.replace(/\uff01/g, '!');
}

/** The lines of a text, lazily, so that the rest of a long text need not be scanned. `at` is where the line starts. */
function* linesIn(body: string): Generator<{ at: number; line: string }> {
	const end = /\r\n|\r|\n/g;
	for (let at = 0; ; at = end.lastIndex) {
		const found = end.exec(body);
		yield { at, line: body.slice(at, found?.index) };
		if (!found) return;
	}
}

/**
 * The commands in a message. Quoted lines do not count. If a command that needs words is alone on its line, they
 * come from the next line. A command that accepts a text, or all lines, gets everything after its name.
 */
export function callsIn(
	{ body, mentioned }: Pick<Message, 'body' | 'mentioned'>,
	{ commands, names, bare }: Pick<Respondent, 'commands' | 'names' | 'bare'>,
): Call[] {
	const known = (name: string) => commands.some(command => command.name === name);
	const wantsWords = (name: string) => commands.some(command => command.name === name && command.usage.includes('<'));
	const calls: Call[] = [];
	let open: Call | undefined;
	let talk = 0;
	for (const { at, line: written } of linesIn(body)) {
		if (talk > maxTalk || calls.length > maxCalls) break;
		const line = plainly(written.slice(0, maxCommand + 1)).trim();
		if (line.startsWith('>')) continue;
		const call = callOf(line, names, known, mentioned && calls.length === 0);
		const pasted = call?.addressed && !known(call.name) && afterAddress(body.slice(at), names, call.name);
		if (pasted && known('why') && isLog(pasted)) {
			calls.push({ name: 'why', words: [], text: pasted, addressed: true });
			break;
		}
		if (call && (call.addressed || (bare && known(call.name)))) {
			calls.push(call);
			const command = commands.find(({ name }) => name === call.name);
			if (command?.takesText || command?.takesLines?.(call.words)) {
				const parse = (start: string) => callOf(start, names, known, mentioned && calls.length === 1);
				call.text = textAfter(call, body.slice(at), parse);
				call.words = call.text.slice(0, maxCommand).split(/\s+/).filter(Boolean);
				break;
			}
			shorten(call, written);
			open = call.words.length === 0 && wantsWords(call.name) ? call : undefined;
		} else if (open && line && !call) {
			open.words = line.split(/ +/);
			open.text = line;
			shorten(open, written);
			open = undefined;
		} else {
			if (line) open = undefined;
			talk += written.length + 1;
		}
	}
	// A mention may be anywhere in a pasted log.
	if (calls.length === 0 && mentioned && known('why') && isLog(body))
		return [{ name: 'why', words: [], text: body, addressed: true }];
	return calls;
}

/** Everything from `word`, the first word after the bot's name. Empty if it is not found. */
function afterAddress(body: string, names: readonly string[], word: string): string {
	const head = body.slice(0, maxCommand).toLowerCase();
	const ends = names
		.map(name => name.toLowerCase())
		.flatMap(name => (head.includes(name) ? head.indexOf(name) + name.length : []));
	const at = head.indexOf(word, Math.min(...ends, maxCommand));
	return at < 0 ? '' : body.slice(at);
}

/** Drops the words of a call that is too long. */
function shorten(call: Call, written: string): void {
	if (written.length <= maxCommand) return;
	call.long = written.length;
	call.words = [];
	call.text = '';
}

/** Everything after the command's name, across lines. The bot's own name or address may contain the command's name. */
function textAfter(called: Call, body: string, parse: (start: string) => Call | undefined): string {
	for (const { index, 0: name } of body.slice(0, maxCommand).matchAll(new RegExp(called.name, 'gi'))) {
		const end = index + name.length;
		if (!/^(\s|$)/.test(plainly(body.slice(end, end + maxInvisible)))) continue;
		const found = parse(plainly(body.slice(0, end)).trim());
		if (found?.name === called.name && found.words.length === 0) return body.slice(end).trim();
	}
	// Invisible characters inside the name.
	const line = /^[^\r\n]*/.exec(body)?.[0] ?? '';
	return `${called.text}${body.slice(line.length)}`.trim();
}

function callOf(
	line: string,
	names: readonly string[],
	known: (name: string) => boolean,
	mentioned: boolean,
): Call | undefined {
	const sign = /^! ?(.+)$/.exec(line)?.[1];
	if (sign !== undefined) {
		const [first = '', ...rest] = sign.split(/ +/);
		if (names.some(name => name.toLowerCase() === first.toLowerCase())) return call(wordsOf(rest.join(' ')), true);
		return /^[a-z]/i.test(first) ? call([first, ...rest], false) : undefined;
	}
	const named = afterName(line, names);
	if (!named) return undefined;
	const words = wordsOf(named.rest);
	// Without a colon or a mention, "Glia is nice" is talk, so the name must be followed by a known command.
	if (!named.colon && !mentioned && !known(words[0]?.toLowerCase() ?? '')) return undefined;
	return call(words, true);
}

/** The words after the bot's name; people also write `!glia !upgrade`. */
function wordsOf(text: string): string[] {
	return text.replace(/^! ?/, '').split(/ +/).filter(Boolean);
}

export function call(words: string[], addressed: boolean): Call {
	const [name = 'help', ...rest] = words;
	return { name: name.toLowerCase(), words: rest, text: rest.join(' '), addressed };
}

/** What follows the bot's name at the start of a line (`glia: …`, `@glia:example.org …`, `[Glia](…) …`). */
function afterName(line: string, names: readonly string[]): { rest: string; colon: boolean } | undefined {
	const link = /^\[[^\]]*\]\(https:\/\/matrix\.to\/#\/([^)?]*)(?:\?[^)]*)?\)/.exec(line);
	if (link && names.includes(decoded(link[1] ?? ''))) return separated(line.slice(link[0].length));
	for (const name of [...names].sort((a, b) => b.length - a.length)) {
		for (const written of [name, `@${name}`]) {
			if (!written || line.slice(0, written.length).toLowerCase() !== written.toLowerCase()) continue;
			const rest = line.slice(written.length);
			if (/^([\s:,]|$)/.test(rest)) return separated(rest);
		}
	}
	return undefined;
}

function separated(rest: string): { rest: string; colon: boolean } {
	const text = rest.trimStart();
	const colon = /^[:,]/.test(text);
	return { rest: (colon ? text.slice(1) : text).trimStart(), colon };
}

function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

/** What is needed to answer a message: the commands, the bot's names, and what the sender may do. */
export type Respondent = {
	commands: readonly Command[];
	ports: Ports;
	/** The bot's localpart, user id and display name. */
	names: readonly string[];
	/** Whether this room accepts commands without the bot's name. */
	bare: boolean;
	/** Why this person may not change things here; undefined if they may. */
	mayChange: () => string | undefined;
	log: ErrorLog;
	/**
	 * Called after each command with its outcome and duration (ms). Unknown names are reported as `unknown`,
	 * because they can be anything.
	 */
	answered?: (command: string, outcome: CallOutcome, ms: number) => void;
};

export type CallOutcome = 'answered' | 'refused' | 'failed';

/** A message with more commands than this is refused as a whole. */
export const maxCalls = 10;

/** Characters of one command. What a command with `takesText` or `takesLines` accepts may be as long as its event. */
export const maxCommand = 4096;

export type ErrorLog = { error: (fields: Record<string, unknown>, text: string) => void };
