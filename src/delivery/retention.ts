// Deletes what is no longer needed: rooms the bot was removed from, and records of what was delivered.

import type { Homeserver } from '../ports/homeserver.ts';
import type { Store } from '../ports/store.ts';
import type { Log } from '../runtime/log.ts';

const day = 24 * 3600_000;
/** How long decided and delivered messages are remembered (ms). Nothing older is delivered to us again. */
const memory = 14 * day;

type Sweeping = {
	store: Pick<Store, 'leftBefore' | 'forget' | 'prune' | 'joinedRooms' | 'leftRoom'>;
	homeserver: Pick<Homeserver, 'forget' | 'joined'>;
	/** Days for which a room is remembered after we leave it. */
	graceDays: number;
	now: () => Date;
	log: Log;
	stopping: () => boolean;
};

/** Forgets rooms that the bot left more than `graceDays` ago, and prunes old records. */
export async function sweep({ store, homeserver, graceDays, now, log, stopping }: Sweeping): Promise<void> {
	await noticeLeaving({ store, homeserver, now, log });
	for (const room of await store.leftBefore(new Date(now().getTime() - graceDays * day))) {
		if (stopping()) return;
		const forgotten = await homeserver.forget(room);
		if ('failure' in forgotten && forgotten.failure.kind !== 'refused') continue;
		await store.forget(room);
		log.info({ room }, 'forgot a room that I was removed from');
	}
	await store.prune(new Date(now().getTime() - memory));
}

/**
 * Finds rooms that another session of the account left, since a sync leaves out our own events. The store is read
 * first, so that a room joined between the two requests does not look left.
 */
async function noticeLeaving({
	store,
	homeserver,
	now,
	log,
}: Pick<Sweeping, 'store' | 'homeserver' | 'now' | 'log'>): Promise<void> {
	const kept = await store.joinedRooms();
	const joined = await homeserver.joined();
	if ('failure' in joined) return;
	const there = new Set(joined.value);
	for (const room of kept.filter(room => !there.has(room))) {
		log.warn({ room }, 'no longer in a room: keeping its data for a while');
		await store.leftRoom(room, now());
	}
}
