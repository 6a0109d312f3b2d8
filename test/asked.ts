// A request for a command, always from the same person in the same room.
import type { Asked } from '../src/command.ts';

export function asked(text: string): Asked {
	return {
		words: text.split(' ').filter(Boolean),
		text,
		room: '!room',
		sender: '@a:x',
		at: new Date('2026-11-29T12:00:00Z'),
	};
}
