// The terminal: a conversation, including guide sessions.
import { createInterface } from 'node:readline/promises';
import type { GuideSession } from '../advice/guide/session.ts';
import type { Offer } from '../answer.ts';
import { begun, heard, offeredAs, type SessionTurn } from '../bot/guide-session.ts';
import { refusal } from '../bot/respond.ts';
import { answersTo, exitOf, print, type Speaking } from './console.ts';
import { typedInto } from './typed.ts';

const person = { sender: 'console', mayChange: () => undefined };

/** Passes a line to the current session, whose thread is the whole conversation; undefined if the line is a command. */
function turnBy(line: string, session: GuideSession, { commands, ports }: Speaking): SessionTurn | undefined {
	const [first = ''] = line.trim().replace(/^! */, '').split(/\s+/);
	if (commands.some(({ name }) => name === first.toLowerCase())) return undefined;
	return heard(session, { ...person, at: ports.now(), body: line }, [], { ...person, ports });
}

function begunBy(offer: Offer, { ports }: Speaking): SessionTurn | undefined {
	const session = offeredAs('console', 'console', offer);
	const next = begun(session, { ...person, at: ports.now(), body: '' }, [], { ...person, ports });
	return typeof next === 'string' ? undefined : next;
}

const another = 'Another guide is in progress. Say `stop` first.';

/** Runs a conversation until the input ends. Resolves to the exit status. */
export async function converse(speaking: Speaking): Promise<number> {
	const interactive = Boolean(process.stdin.isTTY && process.stdout.isTTY);
	if (interactive) process.stdout.write('Glia. Try !upgrade 1.56 1.69 or !help; end with Ctrl-D.\n');
	const lines = createInterface({
		input: process.stdin,
		output: interactive ? process.stdout : undefined,
		prompt: '> ',
	});
	let worst = 0;
	let session: GuideSession | undefined;
	if (interactive) lines.prompt();
	const terminal = { input: process.stdin, output: process.stdout, isDumb: process.env.TERM === 'dumb' };
	for await (const line of interactive ? typedInto(lines, terminal) : lines) {
		const turn = session && turnBy(line, session, speaking);
		const answered = turn ? [turn.answer] : line.trim() === '' ? [] : await answersTo(line, speaking, () => undefined);
		const isOpen = session?.is === 'open';
		const said = answered.map(answer => (isOpen && answer.session?.begin ? refusal(another) : answer));
		const begins = said.find(answer => answer.session?.begin)?.session;
		const next = turn ?? (begins && begunBy(begins.offer, speaking));
		const answers = turn || !next ? said : [...said, next.answer];
		session = next?.session ?? session;
		for (const answer of answers) await print(answer, false);
		worst = Math.max(worst, exitOf(answers));
		if (answers.some(({ afterwards }) => afterwards?.leave)) break;
		if (interactive) lines.prompt();
	}
	lines.close();
	return interactive ? 0 : worst;
}
