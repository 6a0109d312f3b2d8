// Fills gaps that a limited sync left: reads the room's history backwards, page by page, before newer messages are
// handled.

import type { Homeserver, Incoming } from '../ports/homeserver.ts';
import type { Store } from '../ports/store.ts';
import { msUntil } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { backoff } from '../runtime/retry.ts';

type GapFill = {
	store: Pick<Store, 'gaps' | 'nextGap' | 'fill' | 'postponeGap'>;
	homeserver: Pick<Homeserver, 'history'>;
	now: () => Date;
	random: () => number;
	log: Log;
	/** Selects the messages that may be meant for us; only those are stored. */
	meant: (messages: readonly Incoming[]) => Promise<Incoming[]>;
	filled: () => void;
	/** Consecutive failures by room; empty at start. */
	failures: Map<string, ReadFailures>;
	/** Whether the homeserver responds to other requests. */
	hears: () => boolean;
	locked: (why: string) => void;
	/** Whether the process is about to end. */
	stopping: () => boolean;
};

/** `all` sets the pause; only `refused` and `broken` (only other requests get responses) lead to giving up. */
export type ReadFailures = { all: number; refused: number; broken: number };

/** At most this many pages of 100 events are read back, since a room's history can be endless. */
const maxPages = 1000;

/** A homeserver worker that does not know yet that we joined also refuses, so this many refusals are retried. */
const maxRefusals = 4;

/**
 * How many times we ask a homeserver that responds to everything except this request: enough for about half an hour.
 * Until then nobody in the room gets an answer.
 */
const maxBroken = 35;

/** Fills all gaps that are due; returns the time (ms) until more are due. */
export async function fillGaps(filling: GapFill): Promise<number | undefined> {
	const { store, homeserver, now, random, log, meant, filled, failures, hears, locked, stopping } = filling;
	for (const gap of await store.gaps(now())) {
		// What is due is left to the next start.
		if (stopping()) return undefined;
		let { from } = gap;
		for (let pages = 1; !stopping(); ) {
			const outcome = await homeserver.history(gap.room, from, gap.until);
			if ('failure' in outcome) {
				const { failure } = outcome;
				if (failure.kind === 'stopped') return undefined;
				if (failure.kind === 'token') {
					locked(failure.why);
					return undefined;
				}
				const failed = failures.get(gap.room) ?? { all: 0, refused: 0, broken: 0 };
				const isBroken = failure.kind === 'away' && hears();
				// Give up only on a failure that counts: even after refusals, a rate limit or an outage is worth waiting out.
				const isLast =
					(failure.kind === 'refused' && failed.refused >= maxRefusals) || (isBroken && failed.broken >= maxBroken);
				if (isLast) {
					failures.delete(gap.room);
					log.warn({ room: gap.room, why: failure }, 'cannot read messages sent while I was offline');
					await store.fill(gap, { messages: [] }, now());
					break;
				}
				// Back off for this room only, while the others go on.
				const wait = failure.kind === 'limited' ? failure.waitMs : backoff(failed.all, random());
				failures.set(gap.room, {
					all: failed.all + 1,
					refused: failure.kind === 'refused' ? failed.refused + 1 : 0,
					broken: failed.broken + (isBroken ? 1 : 0),
				});
				log.warn({ room: gap.room, why: failure, waitMs: Math.round(wait) }, 'reading missed messages failed');
				await store.postponeGap(gap, new Date(now().getTime() + wait));
				break;
			}
			failures.delete(gap.room);
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
	// Includes what was postponed before this run, and the next gap of a room whose first one is filled.
	return msUntil(await store.nextGap(), now());
}
