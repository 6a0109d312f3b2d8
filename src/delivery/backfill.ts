// Reads what a limited sync left out backwards from the room's history, page by page, before newer messages are handled.

import type { Homeserver, Incoming } from '../ports/homeserver.ts';
import type { Store } from '../ports/store.ts';
import type { Log } from '../runtime/log.ts';
import { backoff } from '../runtime/retry.ts';

type GapFill = {
	store: Pick<Store, 'gaps' | 'fill' | 'postponeGap'>;
	homeserver: Pick<Homeserver, 'history'>;
	now: () => Date;
	random: () => number;
	log: Log;
	/** Selects the messages that may be meant for us; only those are stored. */
	meant: (messages: readonly Incoming[]) => Promise<Incoming[]>;
	filled: () => void;
	/** Consecutive refusals by room; empty at start. */
	refusals: Map<string, number>;
	locked: (why: string) => void;
	/** Whether the process is about to end. */
	stopping: () => boolean;
};

/** At most this many pages of 100 events are read back, since a room's history can be endless. */
const maxPages = 1000;

/** A homeserver worker that does not know yet that we joined also refuses, so this many refusals are retried. */
const maxRefusals = 4;

/** Fills all gaps that are due; returns the time (ms) until more are due. */
export async function fillGaps(filling: GapFill): Promise<number | undefined> {
	const { store, homeserver, now, random, log, meant, filled, refusals, locked, stopping } = filling;
	let next: number | undefined;
	for (const gap of await store.gaps(now())) {
		let { from } = gap;
		for (let pages = 1, tries = 0; !stopping(); ) {
			const outcome = await homeserver.history(gap.room, from, gap.until);
			if ('failure' in outcome) {
				const { failure } = outcome;
				if (failure.kind === 'stopped') return undefined;
				if (failure.kind === 'token') {
					locked(failure.why);
					return undefined;
				}
				const refused = failure.kind === 'refused' ? (refusals.get(gap.room) ?? 0) : 0;
				if (failure.kind === 'refused' && refused >= maxRefusals) {
					refusals.delete(gap.room);
					log.warn({ room: gap.room, why: failure }, 'cannot read messages sent while I was offline');
					await store.fill(gap, { messages: [] }, now());
					break;
				}
				// Back off for this room only, while the others go on.
				if (failure.kind === 'refused') refusals.set(gap.room, refused + 1);
				const wait = failure.kind === 'limited' ? failure.waitMs : backoff(refused + tries++, random());
				log.warn({ room: gap.room, why: failure, waitMs: Math.round(wait) }, 'reading missed messages failed');
				await store.postponeGap(gap, new Date(now().getTime() + wait));
				next = Math.min(next ?? wait, wait);
				break;
			}
			refusals.delete(gap.room);
			const page = { ...outcome.value, messages: await meant(outcome.value.messages) };
			if (pages++ === maxPages && page.next !== undefined) {
				log.warn({ room: gap.room, pages }, 'missed too many messages to read them all');
				delete page.next;
			}
			await store.fill(gap, page, now());
			if (page.next === undefined) break;
			from = page.next;
		}
		filled();
	}
	return next;
}
