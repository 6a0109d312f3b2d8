// !leave: leave the room once someone has confirmed it. The room's data is kept for a while.

import type { Answer } from '../src/answer.ts';
import { Refusal } from '../src/answer.ts';
import type { Command, Ports } from '../src/command.ts';
import { code } from '../src/text/markdown.ts';

export const leave = {
	name: 'leave',
	usage: 'leave [yes]',
	summary: 'leave this room',
	examples: ['leave'],
	help: 'What the room watches is kept for a few days.',
	changes: true,
	run({ words, room }, { limits }: Pick<Ports, 'limits'>): Answer {
		const [word, more] = words;
		// A conversation in the terminal stores nothing that could be lost, and has no reactions.
		const terminal = room === 'console';
		if (word === undefined && !terminal) {
			return {
				value: { format: 1, left: false, confirm: 'leave yes' },
				lead: `Should I leave this room? React with ✅ to this message, or say ${code('!leave yes')}.`,
				sections: [],
				kind: 'progress',
				confirms: '!leave yes',
			};
		}
		if (more !== undefined || (word !== undefined && word.toLowerCase() !== 'yes')) {
			throw new Refusal(
				`I am staying. ${code('!leave')} only makes me leave this room, and the only word it accepts is ${code('yes')}: ${code('!leave yes')}.`,
			);
		}
		return {
			value: { format: 1, left: true },
			lead: terminal ? 'Goodbye.' : `I am leaving this room. ${kept(limits.keepDays)}`,
			sections: [],
			kind: 'answer',
			afterwards: { leave: true },
		};
	},
} satisfies Command;

function kept(days: number): string {
	if (days < 1) return 'I forget what it watches and its settings.';
	const time = days === 1 ? 'one day' : `${Math.floor(days)} days`;
	return `I keep what it watches and its settings for ${time}: invite me again within that time and they are back. After that I forget them.`;
}
