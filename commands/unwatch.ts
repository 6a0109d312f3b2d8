// !unwatch: stops watching a server in this room.

import { Refusal } from '../src/answer.ts';
import type { Command, Ports } from '../src/command.ts';
import { code, quoted } from '../src/text/markdown.ts';

export const unwatch = {
	name: 'unwatch',
	usage: 'unwatch <server>',
	summary: 'stop watching a server',
	examples: ['unwatch example.org'],
	help: 'What this room was told about the server is forgotten.',
	changes: true,
	async run({ words, room }, { store }: Pick<Ports, 'store'>) {
		const [typed, extra] = words;
		if (typed === undefined || extra !== undefined)
			throw new Refusal(`Which server? For example: ${code('!unwatch example.org')}`);
		const server = typed.toLowerCase();
		if (!(await store.dropWatch(room, server)))
			throw new Refusal(`This room is not watching ${quoted(typed)}. ${code('!servers')} lists what it watches.`);
		return {
			value: { format: 1, unwatched: server },
			lead: `I am no longer watching ${quoted(server)} for this room, and have forgotten its facts and alerts.`,
			sections: [],
			kind: 'progress',
		};
	},
} satisfies Command;
