// Deletes expired rows of all tables.
import { setImmediate as others } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import type { Store } from '../../ports/store.ts';
import { maxMessages, pruneMatters } from './alerts.ts';
import { pruneSessions } from './guide-sessions.ts';
import type { Tables } from './schema.ts';

/** How much longer than the rest solved alerts are kept (ms), so that each is reported once per episode. */
const solvedStay = 365 * 24 * 3600_000;
/** Rows per statement. Other writers wait for it, so it must be short. */
const step = 500;

export function retentionOf(db: Kysely<Tables>): Pick<Store, 'prune'> {
	return {
		async prune(before) {
			const moment = before.getTime();
			await inSteps(() => pruneInbox(db, moment));
			// There are at most a thousand of these.
			await db.deleteFrom('unreadable').where('received', '<', moment).execute();
			await inSteps(() => pruneSessions(db, moment, step));
			await pruneOutbox(db, moment);
			await inSteps(() => pruneMatters(db, moment - solvedStay, step));
			await inSteps(() => pruneInvitations(db, moment));
			await inSteps(() => pruneJoins(db, moment));
		},
	};
}

/** Repeats until a step deletes less than a full batch. `one` returns how many rows it deleted. */
async function inSteps(one: () => Promise<number>): Promise<void> {
	// SQLite answers synchronously: without a pause nothing else would run until the last row is gone.
	while ((await one()) >= step) await others();
}

async function pruneInbox(db: Kysely<Tables>, before: number): Promise<number> {
	const old = db
		.selectFrom('inbox')
		.select('event')
		.where('decided_at', 'is not', null)
		.where('decided_at', '<', before);
	const { numDeletedRows } = await db.deleteFrom('inbox').where('event', 'in', old.limit(step)).executeTakeFirst();
	return Number(numDeletedRows);
}

async function pruneInvitations(db: Kysely<Tables>, before: number): Promise<number> {
	const accepted = db.selectFrom('invitations').select('room').where('accepted_at', 'is not', null);
	const old = accepted.where('accepted_at', '<', before).limit(step);
	const { numDeletedRows } = await db.deleteFrom('invitations').where('room', 'in', old).executeTakeFirst();
	return Number(numDeletedRows);
}

/** These rows have no key, so all rows of one timestamp go together. */
async function pruneJoins(db: Kysely<Tables>, before: number): Promise<number> {
	const old = db.selectFrom('joins').select('at').where('at', '<', before).orderBy('at').limit(step);
	const { numDeletedRows } = await db.deleteFrom('joins').where('at', 'in', old).executeTakeFirst();
	return Number(numDeletedRows);
}

/**
 * Keeps thread roots and messages that people may still reply to, as long as their alert or session exists. Works in
 * pages, so that rows that stay are not read again in each step.
 */
async function pruneOutbox(db: Kysely<Tables>, before: number): Promise<void> {
	for (let after = { done_at: 0, id: 0 }; ; await others()) {
		const page = await db
			.selectFrom('outbox')
			.select(['id', 'done_at'])
			.where('done_at', 'is not', null)
			.where('done_at', '<', before)
			.where(sql<boolean>`(done_at, id) > (${after.done_at}, ${after.id})`)
			.orderBy('done_at')
			.orderBy('id')
			.limit(step)
			.execute();
		const last = page.at(-1);
		if (last === undefined) return;
		await db
			.deleteFrom('outbox')
			.where(
				'id',
				'in',
				page.map(({ id }) => id),
			)
			.where(({ not, exists, selectFrom }) =>
				not(exists(selectFrom('alerts').select('said').whereRef('alerts.said', '=', 'outbox.said'))),
			)
			// The further messages of an alert follow its first one, and were queued together with it.
			.where(({ not, exists, selectFrom, eb }) =>
				not(
					exists(
						selectFrom('outbox as first')
							.innerJoin('alerts', 'alerts.said', 'first.said')
							.select('first.id')
							.whereRef('first.id', '<', 'outbox.id')
							.where('first.id', '>=', eb('outbox.id', '-', maxMessages))
							.whereRef('first.room', '=', 'outbox.room')
							.whereRef('first.created', '=', 'outbox.created'),
					),
				),
			)
			.where(({ not, exists, selectFrom }) =>
				not(exists(selectFrom('session_sayings').select('said').whereRef('session_sayings.said', '=', 'outbox.said'))),
			)
			.execute();
		if (page.length < step) return;
		after = { done_at: last.done_at ?? 0, id: last.id };
	}
}
