// !ack: someone is taking care of an alert, so reminders stop.

import { chosen, readNumbers } from '../src/arguments/alerts.ts';
import type { Command, Ports } from '../src/command.ts';
import { ackWords } from '../src/messages/watch.ts';
import { code } from '../src/text/markdown.ts';

export const ack = {
	name: 'ack',
	usage: 'ack [number… | all]',
	summary: "stop an alert's reminders",
	examples: ['ack', 'ack 12'],
	help: `I will still report when it is resolved, or when its date arrives. Reply to the alert, use its thread, or give its number; the reaction ✅ does the same. ${code('!alerts')} shows the numbers.`,
	changes: true,
	async run({ words, room, sender, repliesTo, thread }, { store, now }: Pick<Ports, 'store' | 'now'>) {
		const all = words.length === 1 && words[0]?.toLowerCase() === 'all';
		const open = await store.open(room);
		const numbers = all ? open.map(({ number }) => number) : readNumbers(words);
		const said = [repliesTo, thread].filter(event => event !== undefined);
		const here = numbers.length ? [] : (await Promise.all(said.map(event => store.saidIn(room, event)))).flat();
		const those = chosen(open, numbers, here, '!ack 12');
		await store.ack(
			those.map(({ id }) => id),
			sender,
			now(),
		);
		return ackWords(those);
	},
} satisfies Command;
