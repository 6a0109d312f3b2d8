// The sync loop. Stores what comes in, together with the sync token, before anything acts on it.

import type { Batch, Homeserver, Incoming } from '../ports/homeserver.ts';
import type { Store } from '../ports/store.ts';
import type { Log } from '../runtime/log.ts';
import { backoff } from '../runtime/retry.ts';

type Taking = {
	store: Pick<Store, 'token' | 'take'>;
	homeserver: Pick<Homeserver, 'sync'>;
	now: () => Date;
	random: () => number;
	log: Log;
	/** Selects the messages that may be meant for us; only those are stored. */
	meant: (messages: readonly Incoming[]) => Promise<Incoming[]>;
	/** Called after each batch has been stored. `back`: the homeserver had been away. */
	taken: (batch: Batch, back: boolean) => void;
	/** Called when a sync failed. Until the next batch, nobody knows what changed in the rooms. */
	missed: () => void;
	/** Called when the start cannot continue, because the homeserver never responded. */
	unreachable: (why: string) => void;
	locked: (why: string) => void;
	stopping: () => boolean;
	/** A pause (ms) that ends early when the process stops. */
	pause: (ms: number) => Promise<void>;
	/** Waits until everything decided has been sent, or for this long (ms). */
	untilSent: (ms: number) => Promise<void>;
};

/** Failed first syncs that a start tolerates. */
const startTries = 3;

/** The longest pause (ms) between attempts while the homeserver is away, so that its return is noticed soon. */
const maxPause = 5000;

/**
 * After messages, the next sync waits for our answers, but at most this long (ms). A single-process homeserver
 * handles requests in order: if asked at once, it would look for new events while our answer waits.
 */
const answersFirst = 100;

/** Resolves when told to stop. Rejects if a batch cannot be stored, in which case the process must end. */
export async function takeIn(taking: Taking): Promise<void> {
	const { store, homeserver, now, random, log } = taking;
	let since = await store.token();
	let heard = false;
	for (let tries = 0; !taking.stopping(); ) {
		const outcome = await homeserver.sync(since);
		if (taking.stopping()) return;
		if ('value' in outcome) {
			const batch = outcome.value;
			for (const news of batch.joined) news.messages = await taking.meant(news.messages);
			// A sync token is only worth writing along with new events: repeating an empty sync after a restart does no harm.
			if (!heard || bringsNews(batch)) await store.take(batch, now());
			since = batch.token;
			taking.taken(batch, tries > 0);
			if (!heard) log.info({ rooms: batch.joined.length }, 'in sync with the homeserver');
			heard = true;
			tries = 0;
			if (batch.joined.some(({ messages }) => messages.length > 0)) await taking.untilSent(answersFirst);
			continue;
		}
		const { failure } = outcome;
		taking.missed();
		if (failure.kind === 'stopped') return;
		if (failure.kind === 'token') return taking.locked(failure.why);
		const why = failure.kind === 'limited' ? 'it is rate-limiting us' : failure.why;
		tries++;
		if (!heard && tries >= startTries) return taking.unreachable(why);
		const wait = failure.kind === 'limited' ? failure.waitMs : Math.min(maxPause, backoff(tries, random()));
		log.warn({ why, tries, waitMs: Math.round(wait) }, 'the homeserver does not respond');
		await taking.pause(wait);
	}
}

function bringsNews({ joined, invited, left }: Batch): boolean {
	return joined.length + invited.length + left.length > 0;
}
