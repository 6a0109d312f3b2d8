// The terminal: a conversation, or one answer a line for scripts.
import { createInterface } from 'node:readline/promises';
import { respond } from '../bot.ts';
import type { Answer, Command } from '../command.ts';
import type { Ports } from '../ports.ts';
import { jsonLine } from '../render/json.ts';
import { terminalText } from '../render/terminal.ts';

type Speaking = { commands: readonly Command[]; ports: Ports };

const log = {
	error(fields: Record<string, unknown>, text: string) {
		process.stderr.write(
			`${text}: ${JSON.stringify(fields, (_, value) => (value instanceof Error ? value.stack : value))}\n`,
		);
	},
};

/** What the terminal is like: how wide, and whether it shows colours (https://no-color.org). */
function terminal(): { width: number; color: boolean } {
	const { stdout } = process;
	return { width: Math.min(stdout.columns ?? 80, 100), color: Boolean(stdout.isTTY) && !process.env.NO_COLOR };
}

async function answersTo(
	body: string,
	{ commands, ports }: Speaking,
	mayChange: () => string | undefined,
): Promise<Answer[]> {
	// All that is said on the terminal is meant for the bot, so nothing is left without an answer.
	const addressed = body.replace(
		/^[^\S\n]*([!！][^\S\n]*)?(glia\b[^\S\n:,]*[:,]?[^\S\n]*[!！]?)?[^\S\n]*/gim,
		'!glia ',
	);
	const message = { room: 'console', sender: 'console', at: ports.now(), body: addressed, mentioned: false };
	return respond(message, { commands, ports, names: ['glia'], bare: true, mayChange, log });
}

/** 0 answered, 1 any refused, 3 our fault; the worst of several counts. */
function exitOf(answers: readonly Answer[]): number {
	if (answers.some(({ kind }) => kind === 'fault')) return 3;
	return answers.some(({ kind }) => kind === 'refusal') ? 1 : 0;
}

/** Answers the commands once (`-`: each line of standard input). Resolves to the exit status. */
export async function say(said: string, { json, ...speaking }: Speaking & { json: boolean }): Promise<number> {
	const readOnly = () =>
		'This would change something, and `say` only reads. Say it in a conversation (`npm start`) or in a room.';
	let worst = 0;
	for await (const line of said === '-' ? linesOfInput() : [said]) {
		if (said === '-' && line.trim() === '') continue;
		const answers = await answersTo(line, speaking, readOnly);
		for (const answer of answers) await print(answer, json);
		worst = Math.max(worst, exitOf(answers));
	}
	return worst;
}

async function print(answer: Answer, json: boolean): Promise<void> {
	const text = json ? jsonLine(answer.value) : terminalText(answer, terminal());
	const stream = json || answer.kind === 'answer' || answer.kind === 'progress' ? process.stdout : process.stderr;
	await new Promise<void>((done, failed) => stream.write(`${text}\n`, error => (error ? failed(error) : done())));
}

async function* linesOfInput(): AsyncGenerator<string> {
	yield* createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
}

/** A conversation until the input ends. Resolves to the exit status. */
export async function converse(speaking: Speaking): Promise<number> {
	const interactive = Boolean(process.stdin.isTTY && process.stdout.isTTY);
	if (interactive) process.stdout.write('Glia. Try !upgrade 1.56 1.69 or !help; end with Ctrl-D.\n');
	const lines = createInterface({
		input: process.stdin,
		output: interactive ? process.stdout : undefined,
		prompt: '> ',
	});
	let worst = 0;
	if (interactive) lines.prompt();
	for await (const line of lines) {
		const answers = line.trim() === '' ? [] : await answersTo(line, speaking, () => undefined);
		for (const answer of answers) await print(answer, false);
		worst = Math.max(worst, exitOf(answers));
		if (answers.some(({ afterwards }) => afterwards?.leave)) break;
		if (interactive) lines.prompt();
	}
	lines.close();
	return interactive ? 0 : worst;
}
