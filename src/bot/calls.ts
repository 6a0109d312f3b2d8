// Which commands stand in a message.

import { isLog } from '../advice/why/log-lines.ts';
import type { Command, Ports } from '../command.ts';
import type { GivenFile } from '../configuration/files.ts';
import type { Incoming } from '../ports/homeserver.ts';

/** A text that somebody said, as an edge hands it over, with what belongs to it. */
export type Message = Omit<Incoming, 'event' | 'file' | 'raw' | 'unread' | 'wants'> & {
	files?: readonly GivenFile[];
	/** What the message says that this one replies to, or in whose thread it stands. */
	quoted?: string;
	/** Where files and texts were taken from, as sentences. */
	taken?: readonly string[];
	/** The guide that is walked through in its thread, and the stage at hand. */
	session?: { guide: string; stage?: string };
	/** Why the text or the file that is meant cannot be read, as a sentence. */
	trouble?: string;
};

/**
 * One command as called. `addressed`: the bot was named, so an unknown name deserves an answer. `text` is what follows the
 * name as typed, of a command that takes a text with all its lines. `long`: the characters of a call that has too many;
 * its words are not read.
 */
export type Call = { name: string; words: string[]; text: string; addressed: boolean; long?: number };

/** Characters of talk that are read in a message. What begins after them is not a command. */
const maxTalk = 1024;

/** What phones and word processors make of plain characters, undone. */
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

/** The lines of a text, one by one: of a long text the rest need not be looked at. `at` is where the line begins. */
function* linesIn(body: string): Generator<{ at: number; line: string }> {
	const end = /\r\n|\r|\n/g;
	for (let at = 0; ; at = end.lastIndex) {
		const found = end.exec(body);
		yield { at, line: body.slice(at, found?.index) };
		if (!found) return;
	}
}

/**
 * The commands in a message. A quoted line is not a command; a command that wants words and stands alone in its line
 * takes them from the next. A command that takes a text takes all that follows it.
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
			if (commands.some(command => command.name === call.name && command.takesText)) {
				call.text = textAfter(call.name, body.slice(at));
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
	// A mention may stand anywhere in what somebody pasted.
	if (calls.length === 0 && mentioned && known('why') && isLog(body))
		return [{ name: 'why', words: [], text: body, addressed: true }];
	return calls;
}

/** What somebody said to the bot, from the word on that is no command. */
function afterAddress(body: string, names: readonly string[], word: string): string {
	const head = body.slice(0, maxCommand).toLowerCase();
	const ends = names
		.map(name => name.toLowerCase())
		.flatMap(name => (head.includes(name) ? head.indexOf(name) + name.length : []));
	const at = head.indexOf(word, Math.min(...ends, maxCommand));
	return at < 0 ? '' : body.slice(at);
}

/** Leaves out the words of a call that has too many characters. */
function shorten(call: Call, written: string): void {
	if (written.length <= maxCommand) return;
	call.long = written.length;
	call.words = [];
	call.text = '';
}

/** What follows the name of a command in the message, all lines of it. */
function textAfter(name: string, body: string): string {
	const at = body.slice(0, maxCommand).toLowerCase().indexOf(name);
	return body.slice(at + name.length).trim();
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
		if (names.some(name => name.toLowerCase() === first.toLowerCase())) return call(rest, true);
		return /^[a-z]/i.test(first) ? call([first, ...rest], false) : undefined;
	}
	const named = afterName(line, names);
	if (!named) return undefined;
	const words = named.rest.replace(/^! ?/, '').split(/ +/).filter(Boolean);
	// Without a colon or a mention, "Glia is nice" is talk, and only a real command after the name is meant for the bot.
	if (!named.colon && !mentioned && !known(words[0]?.toLowerCase() ?? '')) return undefined;
	return call(words, true);
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

/** Who answers: what it can do, what it is called here, and what this person may. */
export type Respondent = {
	commands: readonly Command[];
	ports: Ports;
	/** What the bot is called: localpart, whole id, display name. */
	names: readonly string[];
	/** Whether commands without the bot's name count in this room. */
	bare: boolean;
	/** Why this person may not change things here, or undefined. */
	mayChange: () => string | undefined;
	log: ErrorLog;
	/** Hears how each command went, and how long it took (ms). A name that nobody knows is `unknown`: it may be anything. */
	answered?: (command: string, outcome: CallOutcome, ms: number) => void;
};

export type CallOutcome = 'answered' | 'refused' | 'failed';

/** More commands than this in one message are refused together. */
export const maxCalls = 10;

/** Characters of one command. A text that a command takes (`takesText`) may be as long as the event that it came in. */
export const maxCommand = 4096;

export type ErrorLog = { error: (fields: Record<string, unknown>, text: string) => void };
