// Counts starts in the store and at the homeserver. A store restored from a backup has counted fewer, and its keys must
// not be used. A PostgreSQL store that was copied without our help recognises by itself that it is a copy.
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyStore } from '../../ports/keys.ts';
import type { Log } from '../../runtime/log.ts';
import { backoff } from '../../runtime/retry.ts';
import { failureOf } from './failure.ts';
import { isRecord } from './json.ts';
import type { Ask } from './outgoing-requests.ts';

type Counting = { ask: Ask; keys: KeyStore; user: string; device: string };

/**
 * Counts this start. False if the homeserver has counted more than the store, or if the store is a copy of one that was in
 * use: its keys may be old. One-time keys would only reveal that when new ones are due; until then messages would be
 * encrypted with keys that were used before. Rejects with Uncountable if the store fails, and with what `ask` throws if the
 * homeserver does not respond.
 */
export async function countStart({ ask, keys, user, device }: Counting): Promise<boolean> {
	const here = await keys.starts(device).catch(uncountable);
	if (here === undefined) return false;
	const there = await startsOf(ask, user, device);
	if (there > here) return false;
	// Write to disk first: after a crash in between, the next start is ahead of the homeserver, never behind.
	await keys.keepStarts(device, here + 1).catch(uncountable);
	await ask('PUT', pathOf(user, device), { count: here + 1 });
	return true;
}

/** The store cannot read or write the count; the homeserver has nothing to do with it. */
class Uncountable extends Error {}

function uncountable(cause: unknown): never {
	throw new Uncountable(cause instanceof Error ? cause.message : String(cause), { cause });
}

/** How many starts of a device the homeserver has counted; 0 if the device is not Glia's. */
export async function startsOf(ask: Ask, user: string, device: string): Promise<number> {
	return ask('GET', pathOf(user, device)).then(countOf, (error: unknown) => {
		const failure = failureOf(error);
		if (failure.kind === 'refused' && failure.code === 'M_NOT_FOUND') return 0;
		throw error;
	});
}

function pathOf(user: string, device: string): string {
	const parts = [user, `io.glia.starts.${device}`].map(encodeURIComponent);
	return `/_matrix/client/v3/user/${parts[0]}/account_data/${parts[1]}`;
}

function countOf(answer: unknown): number {
	const count = isRecord(answer) ? answer.count : undefined;
	return typeof count === 'number' && Number.isSafeInteger(count) ? count : 0;
}

export type RestoreGuard = {
	/** Whether these keys may be used; resolves once that is known. */
	counted: Promise<boolean>;
	/** Why it is still unknown, and whose fault that is; undefined while there is nothing to report. */
	uncounted: () => { why: string; by: 'homeserver' | 'store' } | undefined;
	/** Counts once more, so that an earlier copy is older than this device. Rejects if the homeserver does not store it. */
	countAgain: () => Promise<void>;
	/** Call after `stop` and the last use of the keys: a copy made from then on may continue with them. */
	putAway: () => Promise<void>;
	stop: () => void;
};

/** Failed attempts to count a start before the operator is told. */
const quietAttempts = 4;

type Guarding = Counting & {
	log: Log;
	/** Called when these keys are outdated. */
	behind: () => void;
	/** A pause (ms) between two attempts. */
	pause?: (ms: number) => Promise<unknown>;
};

type Mark = {
	keys: KeyStore;
	/** Leaves the mark in place from now on. */
	leave: () => void;
	/** Removes the mark if this process has set it: a copy never has. */
	remove: (device: string) => Promise<void>;
};

/** Remembers whether this process has marked its keys as in use. */
function openMark(keys: KeyStore, stopped: () => boolean): Mark {
	let isOurs = false;
	/** The latest write; never rejects. */
	let writing: Promise<unknown> = Promise.resolve();
	return {
		keys: {
			...keys,
			async keepStarts(device, starts) {
				// Nothing would remove a mark that is set after the stop.
				if (stopped()) throw new Error('the bot is stopping');
				const marked = keys.keepStarts(device, starts).then(() => {
					isOurs = true;
				});
				writing = marked.catch(() => undefined);
				await marked;
			},
		},
		leave() {
			isOurs = false;
		},
		async remove(device) {
			// The homeserver's response does not matter: what was set in the store must be removed there.
			await writing;
			// If the database is gone or another replica leads, the mark stays: at worst a copy costs a session.
			if (isOurs) await keys.putAway(device).catch(() => undefined);
		},
	};
}

/** Counts this start, retrying until the homeserver responds. */
export function openRestoreGuard(given: Guarding): RestoreGuard {
	const { log, behind, pause = (ms: number) => sleep(ms, undefined, { ref: false }) } = given;
	const { device } = given;
	let uncounted: ReturnType<RestoreGuard['uncounted']>;
	let stopped = false;
	const mark = openMark(given.keys, () => stopped);
	const { keys } = mark;
	const counting = { ...given, keys };

	/** Marks the keys as in use without a count, so that a store in a database recognises a copy. False if that fails. */
	async function isMarked(): Promise<boolean> {
		try {
			const starts = await keys.starts(device);
			if (starts === undefined) return false;
			await keys.keepStarts(device, starts);
			return true;
		} catch (error) {
			log.warn({ err: error }, 'cannot mark the keys as in use yet');
			return false;
		}
	}

	/** Reports a failure that lasts. Returns how long to wait before the next attempt (ms). */
	function failed(error: unknown, tries: number): number {
		const failure = failureOf(error);
		const why = 'why' in failure ? failure.why : 'it is rate-limiting us';
		const by = error instanceof Uncountable ? 'store' : 'homeserver';
		if (tries === quietAttempts)
			log.error({ by, why }, 'cannot count this start yet: staying silent in encrypted rooms until it is counted');
		if (tries >= quietAttempts) uncounted = { why, by };
		return failure.kind === 'limited' ? failure.waitMs : backoff(tries, Math.random());
	}

	async function count(): Promise<boolean> {
		for (let tries = 0; !stopped; tries++) {
			try {
				const newest = await countStart(counting);
				uncounted = undefined;
				if (!newest) {
					// The keys that an earlier attempt marked are outdated, so a copy must not look as if they were put away.
					mark.leave();
					behind();
				}
				return newest;
			} catch (error) {
				if (stopped) return false;
				if (tries >= quietAttempts && (await isRefusal(error, given.ask)) && (await isMarked())) {
					// The count is never stored there, so a restored backup is only noticed when one-time keys are due.
					uncounted = undefined;
					const why = Object(failureOf(error)).why;
					log.error({ why }, 'the homeserver does not accept account data: a restored backup may go unnoticed');
					return true;
				}
				await pause(failed(error, tries));
			}
		}
		return false;
	}

	return {
		counted: count(),
		uncounted: () => uncounted,
		async countAgain() {
			const newest = await countStart(counting).catch((error: unknown) => {
				if (error instanceof Uncountable) throw new Error(`this copy cannot be counted: ${error.message}`);
				const failure = failureOf(error);
				const why = 'why' in failure ? failure.why : 'it is rate-limiting us';
				throw new Error(`the homeserver must know about a copy before it is handed out, but does not respond: ${why}`);
			});
			if (newest) return;
			mark.leave();
			throw new Error('these keys are older than the device');
		},
		putAway: () => mark.remove(device),
		stop() {
			stopped = true;
		},
	};
}

/**
 * Whether the refusal is permanent: from a homeserver without account data, or from a proxy, which sends no code, if it
 * lets other requests through. While it is set up or restarted, it rejects everything.
 */
async function isRefusal(error: unknown, ask: Ask): Promise<boolean> {
	const failure = failureOf(error);
	const { statusCode, errcode } = Object(error);
	if (failure.kind === 'refused' || errcode === 'M_UNRECOGNIZED') return true;
	if (failure.kind !== 'away' || errcode !== undefined || !/^4(?!08)\d\d$/.test(String(statusCode))) return false;
	return ask('GET', '/_matrix/client/v3/account/whoami').then(
		() => true,
		() => false,
	);
}
