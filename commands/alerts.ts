// !alerts: the open alerts in this room.

import { isSnoozed } from '../src/advice/watch/alerts.ts';
import type { Command, Ports } from '../src/command.ts';
import { openWords } from '../src/messages/watch.ts';
export const alerts = {
	name: 'alerts',
	usage: 'alerts',
	summary: 'open alerts for the watched servers',
	examples: ['alerts'],
	changes: false,
	async run({ room }, { store, knowledge, now }: Pick<Ports, 'store' | 'knowledge' | 'now'>) {
		const watches = await store.watches(room);
		// A snooze is stored until the next reminder, which may come later or never.
		const open = (await store.open(room)).map(({ snoozed, ...alert }) =>
			snoozed && isSnoozed({ ...alert, snoozed }, knowledge, now()) ? { ...alert, snoozed } : alert,
		);
		return openWords(open, watches.length);
	},
} satisfies Command;
