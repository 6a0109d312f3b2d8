// !servers: the servers that this room watches.

import { Refusal } from '../src/answer.ts';
import type { Command, Ports } from '../src/command.ts';
import { serversWords } from '../src/messages/watch.ts';
import { code } from '../src/text/markdown.ts';

export const servers = {
	name: 'servers',
	usage: 'servers',
	summary: 'watched servers and their state',
	examples: ['servers'],
	changes: false,
	async run({ room }, { store, knowledge, now }: Pick<Ports, 'store' | 'knowledge' | 'now'>) {
		const watches = await store.watches(room);
		if (!watches.length)
			throw new Refusal(
				`This room is not watching any servers yet. For example: ${code('!watch example.org docker postgres=15')}`,
			);
		const settings = await store.settings(room);
		const open = await store.open(room);
		const lines = [];
		for (const subscription of watches) {
			const server = await store.server(subscription.server);
			lines.push({ subscription, server, open: open.filter(({ watch }) => watch === subscription.id).length });
		}
		return serversWords(lines, { knowledge, zone: settings.zone ?? 'UTC', now: now() });
	},
} satisfies Command;
