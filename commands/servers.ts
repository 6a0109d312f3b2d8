// !servers: what this room watches.

import { code } from '../src/advice/markdown.ts';
import { serversWords } from '../src/advice/watch-words.ts';
import type { Command } from '../src/command.ts';
import { Refusal } from '../src/command.ts';
import type { Ports } from '../src/ports.ts';

export const servers = {
	name: 'servers',
	usage: 'servers',
	summary: 'what this room watches, and how it stands',
	examples: ['servers'],
	changes: false,
	async run({ room }, { store, knowledge, now }: Pick<Ports, 'store' | 'knowledge' | 'now'>) {
		const watches = await store.watches(room);
		if (!watches.length)
			throw new Refusal(
				`This room watches no server yet. An example: ${code('!watch example.org docker postgres=15')}`,
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
