// !leave: leave and forget the room.
import type { Command } from '../src/command.ts';

export const leave = {
	name: 'leave',
	usage: 'leave',
	summary: 'leave this room and forget what was said about it',
	examples: ['leave'],
	changes: true,
	run() {
		return {
			value: { format: 1, left: true },
			lead: 'I leave this room and forget what I know about it. Invite me again whenever you like.',
			sections: [],
			kind: 'answer',
			afterwards: { leave: true },
		};
	},
} satisfies Command;
