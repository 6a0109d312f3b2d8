// One-time notices to rooms: the greeting, that the room became public, that a message could not be decrypted.

import { announcement } from '../bot/sayings.ts';
import { hello, madePublic, restored, storeLost, unreadableMessage } from '../messages/notices.ts';
import type { Homeserver, Unreadable } from '../ports/homeserver.ts';
import type { Saying } from '../ports/saying.ts';
import type { Store } from '../ports/store.ts';
import type { Log } from '../runtime/log.ts';
import { lostSince } from './lost-store.ts';

type Announcing = {
	store: Pick<Store, 'untold' | 'tell'>;
	now: () => Date;
	/** The bot's display name. */
	name: () => string;
	/** The server that people in this room most likely run. */
	server: string | undefined;
	/** Whether the bot has encryption keys at all. */
	reads: boolean;
	log: Log;
	said: () => void;
};

type Unexplained = Awaited<ReturnType<Store['unexplained']>>[number];

/** A key may arrive a little after its message, from another server, so we wait this long (ms) before a notice. */
const keyTimeout = 10_000;

/** Greets rooms, and tells them once that the store was lost or that they became public. */
export async function announce({ store, now, name, server, reads, log, said }: Announcing): Promise<undefined> {
	for (const untold of await store.untold()) {
		const { room } = untold;
		const sayings: Saying[] = [];
		// The notice would be sent unencrypted, which we never do in an encrypted room. Tell the operator instead.
		if (untold.encrypted && !reads)
			log.error(
				{ room },
				'this room is encrypted, but the access token does not belong to a device: I cannot speak there',
			);
		else if (untold.greeting) sayings.push(announcement('hello', untold, hello(name(), server)));
		if (untold.lost) sayings.push(announcement('lost', untold, storeLost()));
		if (untold.public) sayings.push(announcement('public', untold, madePublic()));
		await store.tell(room, sayings, now());
		said();
	}
}

type Explaining = {
	store: Pick<Store, 'unexplained' | 'explain' | 'unreadable' | 'passOver' | 'say' | 'kept'>;
	homeserver: Pick<Homeserver, 'replied'>;
	/** When this login began. */
	loginSince: () => Date;
	now: () => Date;
	said: () => void;
};

/** Sends one notice for each sender and session that cannot be decrypted; returns the time (ms) until more are due. */
export async function explain(explaining: Explaining): Promise<number | undefined> {
	const { store, now, said } = explaining;
	const all = await store.unexplained(now());
	if (all.some(({ at }) => at < explaining.loginSince()) && !(await passOverRead(all, explaining))) return keyTimeout;
	const due = all.length > 0 ? await store.unexplained(new Date(now().getTime() - keyTimeout)) : [];
	for (const closed of due) {
		const { sender, session, event, why } = closed;
		const saying = announcement('unreadable', closed, unreadableMessage(why), [sender, session]);
		if (saying.kind !== 'event') continue;
		saying.event.content['m.relates_to'] = { 'm.in_reply_to': { event_id: event } };
		await store.explain(closed, { ...saying, answers: event, sender }, now());
		said();
	}
	return all.length > due.length ? keyTimeout / 4 : undefined;
}

/**
 * Skips what an earlier session has read, since the store may be an older copy. Rooms are decided in order, so
 * that session had read everything up to the last message it replied to. False if the homeserver has to be asked again.
 */
async function passOverRead(unexplained: readonly Unexplained[], explaining: Explaining): Promise<boolean> {
	const { store, homeserver, loginSince, now } = explaining;
	const earlier = (await store.unreadable()).filter(({ at }) => at < loginSince());
	for (const [room, events = []] of Object.entries(Object.groupBy(earlier, ({ room }) => room))) {
		const times = events.map(({ at }) => at.getTime());
		const replied = await homeserver.replied(room, new Date(Math.min(...times)));
		if ('failure' in replied) return false;
		const answered = events.filter(({ event }) => replied.value.has(event));
		if (answered.length === 0) continue;
		// Before the marks: if the process is killed in between, the next start reaches the same conclusion.
		await tellRestored(answered, unexplained, explaining);
		await store.passOver(room, new Date(Math.max(...answered.map(({ at }) => at.getTime()))), now());
	}
	return true;
}

/**
 * Tells rooms that we answered a command this store never read: the store is an older copy, and what the command
 * changed is lost. Not if the reply was only the notice that the message could not be decrypted.
 */
async function tellRestored(
	answered: readonly Unreadable[],
	unexplained: readonly Unexplained[],
	{ store, loginSince, now, said }: Explaining,
): Promise<void> {
	const session = ({ room, sender, session }: Unreadable) => JSON.stringify([room, sender, session]);
	const open = new Map(unexplained.map(one => [session(one), one]));
	const unknown = answered.filter(one => open.has(session(one)));
	const [first] = unknown;
	const place = first && open.get(session(first));
	if (!place || (await lostSince(store.kept, loginSince()))) return;
	const since = new Date(Math.min(...unknown.map(({ at }) => at.getTime())));
	await store.say([announcement('restored', place, restored(since), [loginSince().toISOString()])], now());
	said();
}
