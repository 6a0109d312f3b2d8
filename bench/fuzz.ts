// Generated messages are parsed and answered: nothing throws, only commands are answered, and the slowest is reported.

import { commands } from '../commands/index.ts';
import type { Respondent } from '../src/bot/calls.ts';
import { callsIn } from '../src/bot/calls.ts';
import { respond } from '../src/bot/respond.ts';
import type { Command } from '../src/command.ts';
import { openKnowledge } from '../src/knowledge/compiled.ts';
import { known } from '../test/known.ts';
import { respondentOf } from '../test/respondent.ts';
import { randomFrom } from './random.ts';

const pieces = [
	...[
		'!',
		'! ',
		'！',
		'!!',
		'!glia',
		'glia:',
		'@glia:example.org',
		'Glia the bot,',
		'[Glia](https://matrix.to/#/@glia:example.org)',
	],
	...['upgrade', 'UPGRADE', 'notes', 'rollback', 'help', 'status', 'leave', 'deadlines', 'frobnicate', 'upgrad'],
	...['postgres', 'migrate', 'mdad', 'sqlite', '17', 'start', 'watch', 'profile', 'snooze', 'room', 'done', 'back'],
	...[
		'1.56',
		'v1.69',
		'1.56->1.69',
		'1.56→1.69',
		'1.56..1.69',
		'1.1.1.1.1.1.1.1',
		'9'.repeat(400),
		'1.57.0rc1',
		'1.57.1+dfsg-1',
	],
	...[
		'docker',
		'postgres=14',
		'no-workers',
		'postgres = 14',
		'workers=no',
		'__proto__',
		'constructor',
		'example.org:8448',
		'[::1]:8448',
	],
	...['\n', '\r\n', '\n> ', ' ', '\t', '\u00a0', '\u2028', '\u200b', '\u202e', '\u0000', '\ud800', '💤', 'é', '𝔊'],
	...['<b>', '@room', '`', '``', '**', '[x](javascript:1)', '\\', '"', "'", '“', '—', 'to', 'from', '=', '<', '>'],
	...[
		'a'.repeat(3000),
		'`'.repeat(500),
		'['.repeat(500),
		'('.repeat(500),
		'1.'.repeat(800),
		'-'.repeat(800),
		' '.repeat(2000),
	],
];

type Fuzzed = { messages: number; calls: number; answers: number; slowest: { ms: number; body: string } };

/** Runs this many messages, generated from the seed. Throws an error with the message at the first violation. */
export async function fuzz(messages: number, seed: number): Promise<Fuzzed> {
	const random = randomFrom(seed);
	// No command may be refused for lack of power: what matters here is whether it is reached.
	const quick: Command[] = commands.map(command => ({ ...command, changes: false }));
	const faults: unknown[] = [];
	const now = new Date();
	const { guides, lifecycles } = await openKnowledge(new URL('../knowledge/', import.meta.url));
	const to: Respondent = {
		// The real guides, because a command depends on them. Plans of the real knowledge would take all the time.
		...respondentOf(quick, now, known({ guides, lifecycles })),
		log: { error: fields => faults.push(fields.err) },
	};
	const result: Fuzzed = { messages, calls: 0, answers: 0, slowest: { ms: 0, body: '' } };
	for (let i = 0; i < messages; i++) {
		const length = 1 + Math.floor(random() ** 2 * 12);
		const begin = random() < 0.5 ? `!${commands[Math.floor(random() * commands.length)]?.name} ` : '';
		const words = Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)]);
		const body = begin + words.join(random() < 0.7 ? ' ' : '');
		const message = { room: '!r', sender: '@a:b', at: now, body, mentioned: random() < 0.05 };
		const begun = performance.now();
		const calls = callsIn(message, to);
		const answers = await respond(message, to);
		const ms = performance.now() - begun;
		if (faults.length) throw new Error(`internal error for ${JSON.stringify(body)}`, { cause: faults[0] });
		if (!calls.length && answers.length) throw new Error(`answered without a command: ${JSON.stringify(body)}`);
		if (calls.length && !answers.length) throw new Error(`command without an answer: ${JSON.stringify(body)}`);
		result.calls += calls.length;
		result.answers += answers.length;
		if (ms > result.slowest.ms && i > 1000) result.slowest = { ms, body };
	}
	return result;
}
