// Picks out what may be meant for the bot. Nothing else that people say in its rooms is stored. Of a message that
// may hold a text (a log, a configuration), only what is needed to read it again is stored.

import { wordOf } from '../advice/guide/session.ts';
import { isLog } from '../advice/why/log-lines.ts';
import { type Call, callsIn, maxCommand, plainly, type Respondent } from '../bot/calls.ts';
import { signs } from '../bot/decide.ts';
import { fileWindow, type Homeserver, type Incoming } from '../ports/homeserver.ts';
import type { Store } from '../ports/store.ts';

export type Listening = {
	store: Pick<Store, 'isThreadOurs' | 'awaitsFile'>;
	homeserver: Pick<Homeserver, 'names' | 'people'>;
	commands: Respondent['commands'];
};

/**
 * Selects commands, mentions, reactions that stand for commands, messages in guide threads, and files a command
 * waits for; in a room with nobody else, also logs that do not mention the bot. Keeps the order. Commands without
 * our name are all kept: whether the room wants them is decided later.
 */
export async function meantForUs(
	messages: readonly Incoming[],
	{ store, homeserver, commands }: Listening,
): Promise<Incoming[]> {
	const to = { commands, names: homeserver.names(), bare: true };
	const called = messages.map(message => ({ message, calls: isSign(message) ? [] : callsIn(message, to) }));
	const direct = called.map(({ message, calls }) => message.mentioned || isSign(message) || calls.length > 0);
	// A guide may be started in a thread and answered there before any of it is decided.
	const threads = new Set(
		messages.flatMap(({ room, thread }, place) => (direct[place] && thread ? room + thread : [])),
	);
	const wanting = called.filter(({ message, calls }) => wantsFile(message, calls, commands)).map(one => one.message);
	const meant: Incoming[] = [];
	for (const [place, { message, calls }] of called.entries()) {
		const { room, thread } = message;
		const ours =
			direct[place] ||
			(thread !== undefined && (threads.has(room + thread) || (await store.isThreadOurs(room, thread)))) ||
			(message.file && (wanting.some(command => belongs(message, command)) || (await store.awaitsFile(message))));
		if (ours) meant.push(isPlain(message, calls, commands) ? plain(message) : private_(message, calls, commands));
		// The event does not mention us, so mark the message as ours: without its text nothing else would say so.
		else if (isLog(message.body) && (await isAlone(message.room, homeserver)))
			meant.push({ ...private_(message, calls, commands), mentioned: true });
	}
	return meant;
}

/** Whether we are alone in a room with one person. Only checked if a message is clearly a log; false if in doubt. */
async function isAlone(room: string, homeserver: Listening['homeserver']): Promise<boolean> {
	const people = await homeserver.people(room);
	return 'value' in people && people.value === 2;
}

function isSign({ repliesTo, body }: Incoming): boolean {
	return repliesTo !== undefined && signs.includes(body);
}

/** Whether a message is a command that can use its sender's next file. */
function wantsFile({ repliesTo, body }: Incoming, calls: readonly Call[], commands: Listening['commands']): boolean {
	const last = calls.at(-1);
	if (!last || repliesTo !== undefined || body.length > maxCommand) return false;
	return commands.some(({ name, lacksText }) => name === last.name && lacksText?.(last.text, false));
}

/** Whether a file belongs to a command received in the same batch. */
function belongs(file: Incoming, command: Incoming): boolean {
	const after = file.at.getTime() - command.at.getTime();
	const follows = file.sender === command.sender && after >= 0 && after <= fileWindow;
	return file.room === command.room && (follows || file.repliesTo === command.event);
}

/** Whether a message is only commands that accept no text, a word of a guide session, or a reaction. */
function isPlain(message: Incoming, calls: readonly Call[], commands: Listening['commands']): boolean {
	const { body, file, repliesTo } = message;
	if (isSign(message)) return true;
	if (file || body.length > maxCommand) return false;
	if (calls.length === 0) return wordOf(plainly(body)) !== undefined;
	const takesNone = calls.every(call =>
		commands.some(
			({ name, takesText, takesFile }) => name === call.name && !takesText && !(takesFile && repliesTo !== undefined),
		),
	);
	return takesNone && body.split(/\r\n|\r|\n/).filter(line => line.trim() !== '').length === calls.length;
}

function plain({ raw: _, ...message }: Incoming): Incoming {
	return message;
}

/** The message without anything its sender wrote. */
function private_(message: Incoming, calls: readonly Call[], commands: Listening['commands']): Incoming {
	const { file: _, ...rest } = message;
	return { ...rest, body: '', unread: true, ...(wantsFile(message, calls, commands) && { wants: true }) };
}
