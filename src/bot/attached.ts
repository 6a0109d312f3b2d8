// Collects what belongs to a command in addition to its own words: an attached file, the message it replies to, and
// files its sender sent directly before or after.
import { isLog } from '../advice/why/log-lines.ts';
import type { GivenFile } from '../configuration/files.ts';
import { type AttachmentTrouble, takenWords, troubleWords } from '../messages/attached.ts';
import {
	fileWindow,
	type Homeserver,
	type Incoming,
	type Outcome,
	type Quoted,
	type SentFile,
} from '../ports/homeserver.ts';
import { decoded } from '../text/decoded.ts';
import type { Call, Message, Respondent } from './calls.ts';
import { callsIn } from './calls.ts';

/** The limit for all files of one command together, in bytes. */
export const maxFileBytes = 10_000_000;
/** Files directly before a command, and directly after it, that count as its own: at most this many each. */
const maxFiles = 20;
/** How many times a file is requested before we conclude that it is unavailable. */
const fetchTries = 6;

export type AttachmentReader = {
	homeserver: Pick<Homeserver, 'user' | 'quoted' | 'around' | 'fetch'>;
	/** Asks until there is a value or a refusal, at most `tries` times. */
	withRetries: <T>(ask: () => Promise<Outcome<T>>, tries?: number) => Promise<Outcome<T>>;
};

/** A message with everything that belongs to it. */
export type WholeMessage = {
	message: Message & Pick<Incoming, 'event'>;
	/** Ids of other messages that the same answer covers. */
	together: readonly string[];
};

type AttachmentQuery = { message: Incoming; to: Respondent; reader: AttachmentReader };

/** A file and the message that carried it, if that is a different one. */
type BroughtFile = { file: SentFile; event?: string };
type Attachments = {
	files?: readonly BroughtFile[];
	quoted?: string;
	trouble?: AttachmentTrouble;
	taken?: readonly string[];
	/** Replaces a body that is not a command. */
	body?: string;
};

/** Fetches everything that belongs to a message; undefined if the message turns out not to be meant for us. */
export async function wholeOf(
	message: Incoming,
	to: Respondent,
	reader: AttachmentReader,
): Promise<WholeMessage | undefined> {
	const query = { message, to, reader };
	const found = await belonging(query, callsIn(message, to));
	if (found === 'not ours') return undefined;
	const { files = [], quoted, taken = [], body } = found;
	const texts = found.trouble ?? (await textsOf(files, reader));
	const trouble = Array.isArray(texts) ? undefined : troubleWords(texts, maxFileBytes / 1_000_000);
	const { file: _, raw: __, unread: ___, wants: ____, ...rest } = message;
	const whole: WholeMessage['message'] = {
		...rest,
		...(body !== undefined && { body }),
		...(Array.isArray(texts) && texts.length > 0 && { files: texts }),
		...(quoted !== undefined && { quoted }),
		...(taken.length > 0 && { taken }),
		...(trouble !== undefined && { trouble }),
	};
	const together = files.flatMap(({ event }) => (event === undefined || event === message.event ? [] : [event]));
	return { message: body === undefined ? unspoken(whole, message, to) : whole, together };
}

/** A file addressed to the bot without a command. If it is clearly a log, it is passed to `!why`. */
function unspoken(whole: WholeMessage['message'], { file }: Incoming, to: Respondent): WholeMessage['message'] {
	const calls = callsIn(whole, to);
	if (!file || calls.some(({ name }) => isKnown(name, to))) return whole;
	if (whole.files?.some(({ text }) => isLog(text))) return { ...whole, body: why(to) };
	if (calls.length > 0) return whole;
	return {
		...whole,
		body: why(to),
		trouble: whole.trouble ?? troubleWords({ is: 'unknown' }, maxFileBytes / 1_000_000),
	};
}

/** `why` with the bot's name, so that it works in rooms where bare commands do not. */
function why({ names }: Respondent): string {
	return `!${names[0] ?? 'glia'} why`;
}

function isKnown(name: string, { commands }: Respondent): boolean {
	return commands.some(command => command.name === name);
}

/** What belongs to a message, judged by its last command. */
async function belonging(query: AttachmentQuery, calls: readonly Call[]): Promise<Attachments | 'not ours'> {
	const { message, to } = query;
	const { file, repliesTo } = message;
	const last = calls.at(-1);
	const command = to.commands.find(({ name }) => name === last?.name);
	if (file) {
		if (last && command?.lacksText?.(last.text, false)) return captioned(file, query);
		if (command?.takesText || command?.takesFile) return { files: [{ file }] };
		if (last || message.mentioned) return command ? {} : { files: [{ file }] };
		return following(file, query);
	}
	const lacks = last && command?.lacksText?.(last.text, repliesTo !== undefined);
	if (repliesTo !== undefined && (lacks || command?.takesFile || (last && !command))) {
		const found = await fromReply(repliesTo, query, command !== undefined);
		// A command that does not need a file is answered even if the message it replies to cannot be read.
		const isOptional =
			!command?.takesText && (found?.trouble || found?.files?.some(({ file }) => file.is === 'picture'));
		if (found || !lacks) return isOptional ? {} : (found ?? {});
	}
	return lacks ? nearby(query) : {};
}

/** What the replied-to message contributes; undefined if it is one of ours or irrelevant. */
async function fromReply(event: string, query: AttachmentQuery, isCommand: boolean): Promise<Attachments | undefined> {
	const { reader, to } = query;
	const asked = await reader.withRetries(() => reader.homeserver.quoted(query.message.room, event));
	if ('failure' in asked) return isCommand ? { trouble: { is: 'unseen' } } : undefined;
	const quoted = asked.value;
	if (quoted.sender === reader.homeserver.user) return undefined;
	if (isCommand) return fromQuoted(quoted, to);
	// Someone asks in their own words what a log means.
	const said = quoted.is === 'text' && isLog(quoted.text) ? fromQuoted(quoted, to) : undefined;
	return said && { ...said, body: why(to) };
}

function fromQuoted(quoted: Quoted, to: Respondent): Attachments {
	if (quoted.is === 'file') return { files: [{ file: quoted.file }] };
	if (quoted.is !== 'text') return { trouble: { is: quoted.is } };
	const call = callsIn({ body: quoted.text, mentioned: false }, { ...to, bare: true }).at(-1);
	const own = call && to.commands.some(({ name, takesText }) => name === call.name && takesText);
	return { quoted: own ? call.text : quoted.text };
}

/** The files directly before and after a command in its thread, or if there are none, the root of the thread. */
async function nearby({ message, to, reader }: AttachmentQuery): Promise<Attachments> {
	const { event, sender, thread } = message;
	const asked = await reader.withRetries(() => reader.homeserver.around(message.room, event, sender));
	if ('failure' in asked) return {};
	const { before, after } = besides(asked.value, message, to);
	if (before.length + after.length > 0) {
		const where = after.length > 0 ? 'after' : 'before';
		const files = [...before, ...after];
		return {
			files,
			taken: [
				takenWords(
					files.map(({ file }) => file.name),
					where,
				),
			],
		};
	}
	if (thread === undefined) return {};
	const root = await reader.withRetries(() => reader.homeserver.quoted(message.room, thread));
	if ('failure' in root || root.value.sender === reader.homeserver.user) return {};
	const found = fromQuoted(root.value, to);
	if (found.files)
		return {
			...found,
			taken: [
				takenWords(
					found.files.map(({ file }) => file.name),
					'thread',
				),
			],
		};
	// The root of a thread may well be ordinary talk.
	return found.quoted !== undefined && isLog(found.quoted) ? found : {};
}

/** A file captioned with a command, and the files its sender sent directly after it. */
async function captioned(file: SentFile, { message, to, reader }: AttachmentQuery): Promise<Attachments> {
	const { event, sender } = message;
	const asked = await reader.withRetries(() => reader.homeserver.around(message.room, event, sender));
	const after = 'failure' in asked ? [] : besides(asked.value, message, to).after;
	const files = [{ file }, ...after];
	return {
		files,
		...(after.length && {
			taken: [
				takenWords(
					files.map(one => one.file.name),
					'after',
				),
			],
		}),
	};
}

type AdjacentFiles = { before: BroughtFile[]; after: BroughtFile[] };

/**
 * The files adjacent to a command: no other message of its sender lies between them in its thread. A file with a
 * command of its own is not one of them, and neither is anything beyond it.
 */
function besides(
	{ before, after }: { before: Quoted[]; after: Quoted[] },
	command: Pick<Incoming, 'at' | 'thread'>,
	to: Respondent,
): AdjacentFiles {
	const isNear = ({ at }: Quoted) => Math.abs(at.getTime() - command.at.getTime()) <= fileWindow;
	const run = (quoted: readonly Quoted[]): BroughtFile[] => {
		const files: BroughtFile[] = [];
		for (const one of quoted) {
			if (one.thread !== command.thread || one.is === 'redacted') continue;
			if (one.is !== 'file' || one.file.is === 'picture' || callsOf(one, to).length > 0) break;
			if (!isNear(one) || files.length >= maxFiles) break;
			files.push({ file: one.file, event: one.event });
		}
		return files;
	};
	return { before: run(before.toReversed()).reverse(), after: run(after) };
}

/** The sender's own words in a message. */
function wordsOf(quoted: Quoted): string {
	return quoted.is === 'text' ? quoted.text : quoted.is === 'file' ? quoted.caption : '';
}

function callsOf(quoted: Quoted, to: Respondent): Call[] {
	return callsIn({ body: wordsOf(quoted), mentioned: false }, to);
}

/** Handles a file without a caption. It belongs to its sender's preceding command, or to the one it replies to. */
async function following(file: SentFile, query: AttachmentQuery): Promise<Attachments | 'not ours'> {
	const { message, to, reader } = query;
	const command = await commandOf(query);
	if (!command) return 'not ours';
	const body = wordsOf(command);
	if (file.is === 'picture')
		return message.repliesTo === undefined ? 'not ours' : { trouble: { is: 'picture', name: file.name }, body };
	if (command.sender !== message.sender) return { files: [{ file }], body };
	const asked = await reader.withRetries(() => reader.homeserver.around(message.room, command.event, command.sender));
	if ('failure' in asked) return { files: [{ file }], body };
	const { before, after } = besides(asked.value, command, to);
	const own = command.is === 'file' ? [{ file: command.file, event: command.event }] : before;
	const isAmong = after.some(({ event }) => event === message.event);
	return { files: isAmong ? [...own, ...after] : [{ file }], body };
}

/** The command without a text that a file belongs to. */
async function commandOf({ message, to, reader }: AttachmentQuery): Promise<Quoted | undefined> {
	const { homeserver, withRetries } = reader;
	const wants = (quoted: Quoted | undefined) => {
		const call = quoted && callsOf(quoted, to).at(-1);
		const command = to.commands.find(({ name }) => name === call?.name);
		return call !== undefined && command?.lacksText?.(call.text, false) === true;
	};
	const quoted = async (event: string | undefined) => {
		const asked = event === undefined ? undefined : await withRetries(() => homeserver.quoted(message.room, event));
		return asked && 'value' in asked ? asked.value : undefined;
	};
	if (message.repliesTo !== undefined) {
		const replied = await quoted(message.repliesTo);
		const meant = replied?.sender === homeserver.user ? await quoted(replied.repliesTo) : replied;
		return wants(meant) ? meant : undefined;
	}
	const asked = await withRetries(() => homeserver.around(message.room, message.event, message.sender));
	if ('failure' in asked) return undefined;
	const same = asked.value.before.filter(one => one.thread === message.thread && one.is !== 'redacted');
	const last = same.findLast(one => one.is !== 'file' || callsOf(one, to).length > 0);
	const near = last && message.at.getTime() - last.at.getTime() <= fileWindow;
	return near && wants(last) ? last : undefined;
}

/** Fetches all files, or says why one cannot be read, since half a configuration would be judged wrongly. */
async function textsOf(
	files: readonly BroughtFile[],
	{ homeserver, withRetries }: AttachmentReader,
): Promise<GivenFile[] | AttachmentTrouble> {
	const texts: GivenFile[] = [];
	let left = maxFileBytes;
	for (const [place, { file }] of files.entries()) {
		const { name } = file;
		if (file.is === 'picture') return { is: 'picture', name };
		const fetched = await withRetries(() => homeserver.fetch(file, left), fetchTries);
		if ('failure' in fetched) {
			const { failure } = fetched;
			const gone = failure.kind === 'refused' && failure.code === 'M_NOT_FOUND';
			return { is: gone ? 'gone' : 'unavailable', name };
		}
		if (typeof fetched.value === 'string') return { is: fetched.value, name };
		left -= fetched.value.bytes.length;
		const read = decoded(fetched.value.bytes);
		if ('no' in read) return { is: read.no, name };
		if (read.text.trim() === '') return { is: 'empty', name };
		const isTwice = files.some((other, at) => at < place && other.file.name === name);
		texts.push({ name: isTwice ? `${name} (${place + 1})` : name, text: read.text });
	}
	return texts;
}

/** The text of one file; undefined if it has no readable text. */
export async function textOf(file: SentFile, reader: AttachmentReader): Promise<string | undefined> {
	const texts = await textsOf([{ file }], reader);
	return Array.isArray(texts) ? texts[0]?.text : undefined;
}
