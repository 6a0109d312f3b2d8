// Answers each command in a message: checks rights, handles unknown commands and turns errors into words.
import { randomUUID } from 'node:crypto';
import type { Answer } from '../answer.ts';
import { Refusal } from '../answer.ts';
import { nearest } from '../arguments/nearest.ts';
import type { Asked, Command, Ports } from '../command.ts';
import { code, quoted } from '../text/markdown.ts';
import type { Call, CallOutcome, Message, Respondent } from './calls.ts';
import { callsIn, maxCalls, maxCommand } from './calls.ts';

/** Commands that change something are not carried out if they are older than this (24 hours, in ms). */
const staleAfter = 24 * 3600 * 1000;

/** The answers to the commands in a message, in order; empty if nothing was asked of the bot. Never throws. */
export async function respond(message: Message, to: Respondent): Promise<Answer[]> {
	const calls = callsIn(message, to);
	if (calls.length > maxCalls) {
		return [refusal(`That is too many commands for one message: I answer at most ${maxCalls} at once.`)];
	}
	const answers: Answer[] = [];
	for (const call of calls) {
		const begun = performance.now();
		const given = await answer(call, message, to);
		const name = to.commands.some(({ name }) => name === call.name) ? call.name : 'unknown';
		to.answered?.(name, outcomeOf(given), performance.now() - begun);
		answers.push(given);
	}
	return answers;
}

/** Asks for help with the command that it follows. */
export const helpWord = /^(-{0,2}help|-h|\?)$/i;

/** The `help` command, if the call asks for help with its command, as in `!upgrade help`. */
function helpAsked({ name, words }: Call, { commands }: Respondent): Command | undefined {
	const asked = commands.find(command => command.name === name);
	const asks = words.length === 1 && helpWord.test(words[0] ?? '');
	return asks && asked && !asked.takesText ? commands.find(command => command.name === 'help') : undefined;
}

function outcomeOf({ kind }: Answer): CallOutcome {
	if (kind === 'fault') return 'failed';
	return kind === 'refusal' ? 'refused' : 'answered';
}

async function answer(call: Call, message: Message, to: Respondent): Promise<Answer> {
	try {
		if (call.long !== undefined)
			throw new Refusal(
				`This command has ${call.long} characters, but I read at most ${maxCommand}. Please shorten it.`,
			);
		const command = helpAsked(call, to) ?? to.commands.find(({ name }) => name === call.name);
		if (!command) throw new Refusal(unknownCommand(call.name, to.commands));
		const refuseChange = () => {
			const no = mayNotChange(message, to);
			if (no)
				throw new Refusal(
					no.old ? `${no.why} Please say it again if you still want it: ${code(`!${command.usage}`)}` : no.why,
				);
		};
		if (command.changes && !command.asks?.(call.words)) refuseChange();
		if (message.trouble !== undefined && (command.takesText || command.takesFile)) throw new Refusal(message.trouble);
		const asked: Asked = {
			words: command.name === call.name ? call.words : [call.name],
			text: call.text,
			room: message.room,
			sender: message.sender,
			at: message.at,
			mayNotChange: () => mayNotChange(message, to)?.why,
			...(message.files && { files: message.files }),
			...(message.quoted !== undefined && { quoted: message.quoted }),
			...(message.taken && { taken: message.taken }),
			...(message.session && { session: message.session }),
			...(message.repliesTo && { repliesTo: message.repliesTo }),
			...(message.thread && { thread: message.thread }),
		};
		const answer = await command.run(asked, to.ports);
		if (answer.session?.begin) refuseChange();
		return answer;
	} catch (error) {
		if (error instanceof Refusal) return refusal(error.message);
		const isPrivate = to.commands.some(
			({ name, takesText, takesFile }) => name === call.name && (takesText || takesFile),
		);
		return fault(isPrivate ? placesOf(error) : error, { command: call.name }, to.log);
	}
}

/** Logs an internal error; the answer refers to it. */
function fault(err: unknown, about: Record<string, unknown>, log: Respondent['log']): Answer {
	const reference = randomUUID().slice(0, 8);
	log.error({ err, reference, ...about }, 'a command failed');
	const lead = `Something went wrong on my side. My log has the details under ${code(reference)}.`;
	return { value: { format: 1, error: `internal error, reference ${reference}` }, lead, sections: [], kind: 'fault' };
}

/** Replaces an answer that cannot be put into a message. Logs where that failed, but not what was said. */
export function unrenderable({ cause }: Error, room: string, log: Respondent['log']): Answer {
	return fault(placesOf(cause), { room }, log);
}

/** Where an error happened, without its message, which may contain a person's text. */
function placesOf(error: unknown): unknown {
	if (!(error instanceof Error)) return typeof error;
	const places = (error.stack ?? '').split('\n').filter(line => /^ {4}at /.test(line));
	return Object.assign(new Error(error.name), { stack: [error.name, ...places].join('\n') });
}

/** Why a message may not change anything here: its sender has too low a power level, or it is too old. */
export function mayNotChange(
	{ at }: Pick<Message, 'at'>,
	{ mayChange, ports }: Pick<Respondent, 'mayChange'> & { ports: Pick<Ports, 'now'> },
): { why: string; old: boolean } | undefined {
	const why = mayChange();
	if (why) return { why, old: false };
	if (ports.now().getTime() - at.getTime() <= staleAfter) return undefined;
	return {
		why: 'You said that more than 24 hours ago, while I was offline, and it would change something.',
		old: true,
	};
}

/** A refusal as an answer. `markdown` is the text; the JSON has the same sentence without code marks. */
export function refusal(markdown: string): Answer {
	const value = { format: 1, refused: markdown.replace(/(`+)( ?)(.*?)\2\1/g, '$3') };
	return { value, lead: markdown, sections: [], kind: 'refusal' };
}

/** What other programs call the same commands. */
const alike: ReadonlyMap<string, string> = new Map([
	...['changelog', 'changes', 'release', 'whatsnew'].map((word): [string, string] => [word, 'notes']),
	...['downgrade', 'revert', 'back'].map((word): [string, string] => [word, 'rollback']),
	...['plan', 'cve', 'security'].map((word): [string, string] => [word, 'upgrade']),
	...['version', 'versions', 'ping', 'info'].map((word): [string, string] => [word, 'status']),
	...['error', 'log', 'logs', 'traceback', 'debug'].map((word): [string, string] => [word, 'why']),
	...['config', 'lint', 'validate'].map((word): [string, string] => [word, 'check']),
	...['monitor', 'subscribe', 'add'].map((word): [string, string] => [word, 'watch']),
	...['unsubscribe', 'remove'].map((word): [string, string] => [word, 'unwatch']),
	...['settings', 'set', 'mute', 'timezone'].map((word): [string, string] => [word, 'room']),
	...['commands', 'start', 'hi', 'hello', 'usage', 'man'].map((word): [string, string] => [word, 'help']),
	...['eol', 'deprecations'].map((word): [string, string] => [word, 'deadlines']),
]);

function unknownCommand(name: string, commands: readonly Command[]): string {
	const same = alike.get(name);
	const near = commands.some(command => command.name === same)
		? same
		: nearest(
				name,
				commands.map(command => command.name),
			);
	const meant = near ? `Did you mean ${code(`!${near}`)}? ` : '';
	return `I do not recognise the command ${quoted(name)}. ${meant}${code('!help')} lists what I can do.`;
}
