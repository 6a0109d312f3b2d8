// The terminal: one answer per line for scripts, and what conversations share with them.
import type { Answer } from '../answer.ts';
import { plainly } from '../bot/calls.ts';
import { respond } from '../bot/respond.ts';
import type { Command, Ports } from '../command.ts';
import type { GivenFile } from '../configuration/files.ts';
import { jsonLine } from '../render/json.ts';
import { terminalText } from '../render/terminal.ts';

export type Speaking = {
	commands: readonly Command[];
	ports: Ports;
	files?: readonly GivenFile[];
	/** Whether to pass `all` to commands that accept it. */
	all?: boolean;
};

const log = {
	error(fields: Record<string, unknown>, text: string) {
		process.stderr.write(
			`${text}: ${JSON.stringify(fields, (_, value) => (value instanceof Error ? value.stack : value))}\n`,
		);
	},
};

/** The width of a stream, and whether it shows colours (https://no-color.org). */
function terminal(stream: NodeJS.WriteStream): { width: number; color: boolean } {
	// A terminal that does not know its width reports 0.
	return { width: Math.min(stream.columns || 80, 100), color: Boolean(stream.isTTY) && !process.env.NO_COLOR };
}

/** The answers to one input, which may have several lines. Only a command that accepts a text spans lines. */
export async function answersTo(
	body: string,
	{ commands, ports, files, all }: Speaking,
	mayChange: () => string | undefined,
): Promise<Answer[]> {
	// Everything typed in the terminal is meant for the bot, so it always gets an answer.
	const lines = plainly(body)
		.split('\n')
		.filter(line => line.trim() !== '');
	const address = (line: string) => {
		const addressed = line.replace(/^ *(! *)?(glia\b *[:,]? *!?)? */i, '!glia ');
		const name = addressed.split(' ')[1]?.toLowerCase();
		return all && commands.some(command => command.takesAll && command.name === name) ? `${addressed} all` : addressed;
	};
	const [first = '', ...rest] = lines;
	const called = address(first).split(' ')[1]?.toLowerCase();
	const takesText = commands.some(({ name, takesText }) => takesText && name === called);
	const addressed = [address(first), ...rest.map(line => (takesText ? line : address(line)))].join('\n');
	const message = {
		room: 'console',
		sender: 'console',
		at: ports.now(),
		body: addressed,
		mentioned: false,
		...(files && { files }),
	};
	return respond(message, { commands, ports, names: ['glia'], bare: true, mayChange, log });
}

/** 0: answered; 1: something was refused; 2: a target would not start; 3: internal error. The worst answer counts. */
export function exitOf(answers: readonly Answer[]): number {
	if (answers.some(({ kind }) => kind === 'fault')) return 3;
	if (answers.some(({ wouldRefuse }) => wouldRefuse)) return 2;
	return answers.some(({ kind }) => kind === 'refusal') ? 1 : 0;
}

/** The reader may stop early (`| head`); that is not an error. */
export function endWithReader(error: NodeJS.ErrnoException): void {
	if (error.code === 'EPIPE') process.exit();
	process.stderr.write(`Cannot write the answer: ${error.message}\n`);
	process.exit(3);
}

/** Answers the commands once (`-`: each line of standard input). Resolves to the exit status. */
export async function say(said: string, { json, ...speaking }: Speaking & { json: boolean }): Promise<number> {
	const readOnly = () =>
		'This command makes changes, but `say` is read-only. Use it in a chat (`npm start`) or in a room.';
	let worst = 0;
	for await (const line of said === '-' ? linesOfInput() : [said]) {
		if (said === '-' && line.trim() === '') continue;
		const answers = await answersTo(line, speaking, readOnly);
		for (const answer of answers) await print(answer, json);
		worst = Math.max(worst, exitOf(answers));
	}
	return worst;
}

/** Prints answers and JSON to standard output, everything else to standard error. Resolves once it is written. */
export async function print(answer: Answer, json: boolean): Promise<void> {
	const stream = json || answer.kind === 'answer' || answer.kind === 'progress' ? process.stdout : process.stderr;
	const text = json ? jsonLine(answer.value) : terminalText(answer, terminal(stream));
	// Write errors are reported to the stream's own listener.
	await new Promise<void>(done => stream.write(`${text}\n`, error => error || done()));
}

/** Splits scripts' input at line feeds only: readline would split at U+2028 too, and answer twice. */
async function* linesOfInput(): AsyncGenerator<string> {
	let begun: string[] = [];
	for await (const piece of process.stdin.setEncoding('utf8') as AsyncIterable<string>) {
		const [first = '', ...rest] = piece.split('\n');
		begun.push(first);
		for (const next of rest) {
			yield begun.join('');
			begun = [next];
		}
	}
	yield begun.join('');
}
