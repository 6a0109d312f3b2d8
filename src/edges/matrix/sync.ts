// Syncs. Not with matrix-bot-sdk's loop: it stores the token before events are handled, drops it when the filter
// changes, and reports no failures.
import { randomInt } from 'node:crypto';
import type { Homeserver } from '../../ports/homeserver.ts';
import type { Store } from '../../ports/store.ts';
import type { Encryption } from './encryption.ts';
import { addReading, batchOf, encryptedIn, syncFilter } from './events.ts';
import { firstSyncTimeout } from './http.ts';
import type { OwnProfile } from './profile.ts';
import type { RoomStates } from './room-states.ts';
import { objectOf, type Session, senseless } from './session.ts';

/** How long a sync waits for new events (ms), and how much longer its response may take. */
const waiting = 30_000;
const answering = 15_000;

type SyncSetup = {
	session: Session;
	profile: OwnProfile;
	states: RoomStates;
	encryption: Encryption | undefined;
	store: Pick<Store, 'unreadable'>;
	now: () => Date;
};

export type Sync = Pick<Homeserver, 'sync'> & {
	/** When the last sync was answered. */
	last: () => Date | undefined;
	/** Call after sending something in the clear: the next sync then does not wait for new events. */
	sent: () => void;
};

export function openSync({ session, profile, states, encryption, store, now }: SyncSetup): Sync {
	const { user } = session;
	let last: Date | undefined;
	let sent = false;
	/** Whether the last sync failed. The next one then only checks that the homeserver is there. */
	let failed = false;
	/** Changes with each start and after each failed sync. */
	let question = randomInt(1, 2 ** 31);
	let answered = true;
	/** How many syncs in a row were not answered in time. */
	let slow = 0;

	return {
		last: () => last,
		sent() {
			sent = true;
		},
		async sync(since) {
			if (!answered) question++;
			answered = false;
			const query = {
				filter: syncFilter(user, question),
				// Some syncs do not wait for new events. The first, because the operator wants to know whether the bot is in
				// sync. One after we sent something, because it advances the token past our own event, which the filter
				// leaves out; if it waited, the homeserver would have to compare three states of the room for each
				// incoming message. One after a failure, because a quiet homeserver would seem to be away for another
				// half minute.
				timeout: last === undefined || sent || failed ? 0 : waiting,
				...(since !== undefined && { since }),
			};
			sent = false;
			// After days away, or on a busy homeserver, a response can take minutes: with the same timeout, no retry would
			// ever succeed.
			const usual = since === undefined ? firstSyncTimeout : waiting + answering;
			const time = Math.min(firstSyncTimeout, usual * 2 ** Math.min(slow, 10));
			const begun = performance.now();
			// In parallel with the sync, so that the start does not wait for one after the other.
			const learned = profile.learn();
			const outcome = await session.call(objectOf, client =>
				client.doRequest('GET', '/_matrix/client/v3/sync', query, null, time),
			);
			failed = 'failure' in outcome;
			slow = failed && performance.now() - begun > time - 1000 ? slow + 1 : 0;
			if ('failure' in outcome) return outcome;
			states.noteEncrypted(encryptedIn(outcome.value));
			const read = await session.guarded(async () => encryption?.read(outcome.value, store.unreadable));
			if ('failure' in read) return read;
			const batch = batchOf(outcome.value, user, now());
			if (batch === undefined) return senseless;
			if (read.value) addReading(batch, read.value, user, now());
			last = now();
			answered = true;
			// Before messages are handled, since people may call us by that name.
			await learned;
			return { value: batch };
		},
	};
}
