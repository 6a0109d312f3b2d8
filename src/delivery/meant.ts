// What may be meant for the bot. All else that people say in its rooms is never written down.

import type { Respondent } from '../bot/calls.ts';
import { callsIn } from '../bot/calls.ts';
import { signs } from '../bot/decide.ts';
import type { Homeserver, Incoming } from '../ports/homeserver.ts';
import type { Store } from '../ports/store.ts';

export type Listening = {
	store: Pick<Store, 'isThreadOurs'>;
	homeserver: Pick<Homeserver, 'names'>;
	commands: Respondent['commands'];
};

/**
 * Commands, mentions, the reactions that stand for commands, and what is said in the threads of guides; in the order
 * given. Whether a room wants commands without our name is decided later, so all of them are kept.
 */
export async function meantForUs(
	messages: readonly Incoming[],
	{ store, homeserver, commands }: Listening,
): Promise<Incoming[]> {
	const to = { commands, names: homeserver.names(), bare: true };
	const direct = messages.map(
		message =>
			message.mentioned ||
			(message.repliesTo !== undefined && signs.includes(message.body)) ||
			callsIn(message, to).length > 0,
	);
	// A guide may be begun in a thread and answered there before anything of it is decided.
	const threads = new Set(
		messages.flatMap(({ room, thread }, place) => (direct[place] && thread ? room + thread : [])),
	);
	const meant: Incoming[] = [];
	for (const [place, message] of messages.entries()) {
		const { room, thread } = message;
		const ours =
			direct[place] ||
			(thread !== undefined && (threads.has(room + thread) || (await store.isThreadOurs(room, thread))));
		if (ours) meant.push(message);
	}
	return meant;
}
