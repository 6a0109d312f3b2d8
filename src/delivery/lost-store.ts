// Detects that the store is empty although the bot has run before, and tells its rooms that their watches are gone.
import { randomUUID } from 'node:crypto';
import type { Homeserver } from '../ports/homeserver.ts';
import type { Store } from '../ports/store.ts';
import type { Log } from '../runtime/log.ts';
import { backoff } from '../runtime/retry.ts';

const day = 24 * 3600_000;
/** How long `!status` mentions a lost store (ms). */
const toldFor = 30 * day;
const idKey = 'store id';
const lostKey = 'store lost';

type StoreSearch = {
	store: Pick<Store, 'kept' | 'token'>;
	homeserver: Pick<Homeserver, 'marker' | 'mark'>;
	/** Whether keys of an earlier session were found, although the database has no login. */
	keysAlone: boolean;
	now: () => Date;
	random: () => number;
	log: Log;
	stopping: () => boolean;
	pause: (ms: number) => Promise<void>;
};

/**
 * Distinguishes a first start from a lost store by a marker in the bot's account data, and sets the marker.
 * Resolves to the time when the store was lost, if that was recent. Call it before the first sync.
 */
export async function noticeLoss(looking: StoreSearch): Promise<Date | undefined> {
	const { store, keysAlone, now, log } = looking;
	const { kept } = store;
	const id = await kept.get(idKey);
	const fresh = id === undefined && (await store.token()) === undefined;
	if (fresh) {
		const marker = keysAlone ? 'keys' : await markerOf(looking);
		// The process is ending. Whatever is written now would keep the next start from finding out.
		if (marker === unknown) return undefined;
		const lost = marker !== undefined;
		// Before the marker: if the process is killed in between, the next start reaches the same conclusion.
		if (lost) await kept.put(lostKey, now().toISOString());
	}
	const mine = id ?? randomUUID();
	if (id === undefined) await kept.put(idKey, mine);
	// It is not awaited, so nothing else would handle its failure.
	markAs(mine, looking).catch((error: unknown) => log.warn({ err: error }, 'could not leave the marker'));
	const at = await kept.get(lostKey);
	if (at === undefined || now().getTime() - Date.parse(at) > toldFor) return undefined;
	const text = 'the store was lost or emptied: earlier watches and settings are gone; each room will be told once';
	if (fresh) log.error({ at }, text);
	else log.warn({ at }, text);
	return new Date(at);
}

/** Whether the store was lost at or after `since`. */
export async function lostSince(kept: Store['kept'], since: Date): Promise<boolean> {
	const at = await kept.get(lostKey);
	return at !== undefined && Date.parse(at) >= since.getTime();
}

/** The end came before the homeserver's response. */
const unknown = Symbol('unknown');

/** The marker; undefined if there is none. Retries until the homeserver responds, or the process must end. */
async function markerOf({
	homeserver,
	random,
	log,
	stopping,
	pause,
}: StoreSearch): Promise<string | undefined | typeof unknown> {
	for (let tries = 0; !stopping(); tries++) {
		const marker = await homeserver.marker();
		if ('value' in marker) return marker.value;
		const { failure } = marker;
		if (failure.kind === 'refused') return undefined;
		if (failure.kind === 'token' || failure.kind === 'stopped') return unknown;
		const wait = failure.kind === 'limited' ? failure.waitMs : backoff(tries, random());
		log.warn({ why: failure }, 'cannot tell yet from the homeserver whether this is a first start');
		await pause(wait);
	}
	return unknown;
}

/** Sets the marker, retrying in the background for as long as it takes. */
async function markAs(id: string, { homeserver, random, log, stopping, pause }: StoreSearch): Promise<void> {
	for (let tries = 0; !stopping(); tries++) {
		const there = await homeserver.marker();
		if ('value' in there && there.value === id) return;
		const done = 'value' in there ? await homeserver.mark(id) : there;
		if ('value' in done) return;
		const { failure } = done;
		if (failure.kind === 'refused') {
			log.warn(
				{ why: failure },
				'the homeserver does not store the marker: a lost store would look like a first start',
			);
			return;
		}
		if (failure.kind === 'token' || failure.kind === 'stopped') return;
		await pause(failure.kind === 'limited' ? failure.waitMs : backoff(tries, random()));
	}
}
