// !snooze: no more reminders until a given time or release.

import { chosen, readNumbers, readSnooze } from '../src/arguments/alerts.ts';
import type { Command, Ports } from '../src/command.ts';
import { snoozeWords } from '../src/messages/watch.ts';
import { code } from '../src/text/markdown.ts';

export const snooze = {
	name: 'snooze',
	usage: 'snooze <7d | 2w | until 2027-01-15 | until 1.170> [number…]',
	summary: 'postpone an alert',
	examples: ['snooze 7d', 'snooze 2w 12', 'snooze until 1.170'],
	help: `Reply to the alert, use its thread, or give its number; the reaction 💤 means a week. ${code('!alerts')} shows the numbers.`,
	changes: true,
	async run({ words, room, repliesTo, thread }, { store, knowledge, now }: Pick<Ports, 'store' | 'knowledge' | 'now'>) {
		const { zone = 'UTC' } = await store.settings(room);
		const { until, rest } = readSnooze(words, now(), zone, knowledge.releases);
		const numbers = readNumbers(rest);
		const open = await store.open(room);
		const said = [repliesTo, thread].filter(event => event !== undefined);
		const here = numbers.length ? [] : (await Promise.all(said.map(event => store.saidIn(room, event)))).flat();
		const those = chosen(open, numbers, here, '!snooze 7d 12');
		await store.snooze(
			those.map(({ id }) => id),
			until,
		);
		return snoozeWords(those, until, zone);
	},
} satisfies Command;
