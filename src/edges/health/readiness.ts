// Whether the bot can work: the homeserver responds, the store accepts writes, and messages are delivered.
import type { Store } from '../../ports/store.ts';

export type Readiness = {
	store: Pick<Store, 'kept' | 'nextDue'>;
	/** Milliseconds since the homeserver last answered a sync; undefined before the first. */
	syncAge: () => number | undefined;
	/** The limit for that (ms). */
	maxSyncAge: number;
	now: () => Date;
	/** A monotonic clock (ms). */
	steady: () => number;
};

/** Deliveries take seconds; one overdue for longer than this (ms) is stuck. */
const stuckAfter = 5 * 60_000;
/** The same message must have been overdue for this long (ms): setting the clock ahead makes everything late. */
const seenFor = 30_000;
/** At most one test write in this time (ms), however often readiness is checked. */
const writePause = 10_000;

/** Returns a function that lists what is wrong, one sentence each. */
export function openReadiness({ store, syncAge, maxSyncAge, now, steady }: Readiness): () => Promise<string[]> {
	let wrote: number | undefined;
	let writing: Promise<string | undefined> | undefined;
	/** What was due at the last check, and since when we have seen it. */
	let seen: { due: number; since: number } | undefined;

	async function written(): Promise<string | undefined> {
		if (wrote !== undefined && steady() - wrote < writePause) return undefined;
		try {
			await store.kept.put('last ready', now().toISOString());
			wrote = steady();
			return undefined;
		} catch (error) {
			return `the store cannot be written: ${error instanceof Error ? error.message : error}`;
		}
	}

	return async () => {
		const found: string[] = [];
		const age = syncAge();
		if (age === undefined) found.push('not yet in sync with the homeserver');
		else if (age > maxSyncAge) found.push(`the homeserver has not responded for ${Math.round(age / 1000)} seconds`);
		writing ??= written().finally(() => {
			writing = undefined;
		});
		const trouble = await writing;
		if (trouble !== undefined) return [...found, trouble];
		const due = await store.nextDue();
		if (!due) seen = undefined;
		else if (seen?.due !== due.getTime()) seen = { due: due.getTime(), since: steady() };
		const late = due ? now().getTime() - due.getTime() : 0;
		if (late > stuckAfter && seen && steady() - seen.since >= seenFor)
			found.push(`a message should have been delivered ${Math.round(late / 1000)} seconds ago`);
		return found;
	};
}
