// !alerts: the open alerts in this room.

import type { Command, Ports } from '../src/command.ts';
import { openWords } from '../src/messages/watch.ts';
export const alerts = {
	name: 'alerts',
	usage: 'alerts',
	summary: 'open alerts for the watched servers',
	examples: ['alerts'],
	changes: false,
	async run({ room }, { store }: Pick<Ports, 'store'>) {
		const watches = await store.watches(room);
		return openWords(await store.open(room), watches.length);
	},
} satisfies Command;
