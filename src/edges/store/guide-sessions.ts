// Guide sessions of rooms: how far each has got, and which messages are about it.
import type { Kysely, Selectable, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { GuideSession } from '../../advice/guide/session.ts';
import type { KeptSession, Move, PlacedSession, Resumed, Store } from '../../ports/store.ts';
import { insertSayings } from './outbox.ts';
import type { Tables } from './schema.ts';

/** Open sessions are kept this much longer than the others (ms). */
const gracePeriod = 365 * 24 * 3600_000;

export function sessionsOf(
	db: Kysely<Tables>,
): Pick<Store, 'sessionIn' | 'sessionOfSaying' | 'sessions' | 'stoppedSessions' | 'isThreadOurs'> {
	const placed = () =>
		db
			.selectFrom('guide_sessions')
			.leftJoin('outbox', 'outbox.said', 'guide_sessions.root')
			.selectAll('guide_sessions')
			.select('outbox.event');
	const inState = (room: string, state: GuideSession['is']) =>
		db.selectFrom('guide_sessions').selectAll().where('room', '=', room).where('state', '=', state);
	return {
		async sessionIn(room, event) {
			const row = await placed()
				.where('guide_sessions.room', '=', room)
				.where('guide_sessions.state', '!=', 'offered')
				.where(({ or, eb }) => or([eb('guide_sessions.thread', '=', event), eb('outbox.event', '=', event)]))
				.orderBy(sql`guide_sessions.state = 'open'`, 'desc')
				.orderBy('guide_sessions.changed', 'desc')
				.limit(1)
				.executeTakeFirst();
			return row && placedOf(row);
		},
		async sessionOfSaying(room, event) {
			const said = await db
				.selectFrom('session_sayings')
				.innerJoin('outbox', 'outbox.said', 'session_sayings.said')
				.select(['session', 'stage', 'gate'])
				.where('outbox.room', '=', room)
				.where('outbox.event', '=', event)
				.executeTakeFirst();
			if (!said) return undefined;
			const row = await placed()
				.where('guide_sessions.room', '=', room)
				.where('guide_sessions.id', '=', said.session)
				.executeTakeFirst();
			if (!row) return undefined;
			return { ...placedOf(row), ...(said.stage !== null && { place: { stage: said.stage, gate: said.gate === 1 } }) };
		},
		async isThreadOurs(room, thread) {
			const session = await placed()
				.where('guide_sessions.room', '=', room)
				.where(({ or, eb }) => or([eb('guide_sessions.thread', '=', thread), eb('outbox.event', '=', thread)]))
				.executeTakeFirst();
			if (session) return true;
			// An undecided message there may start one.
			const asked = await db
				.selectFrom('inbox')
				.select('event')
				.where('room', '=', room)
				.where('thread', '=', thread)
				.where('decided_at', 'is', null)
				.executeTakeFirst();
			if (asked) return true;
			// The root of a thread may be read and answered before we hear that it was sent.
			const leaving = await db
				.selectFrom('outbox')
				.innerJoin('session_sayings', 'session_sayings.said', 'outbox.said')
				.select('outbox.id')
				.where('room', '=', room)
				.where('done_at', 'is', null)
				.executeTakeFirst();
			return leaving !== undefined;
		},
		async sessions(room) {
			const rows = await inState(room, 'open').orderBy('changed').execute();
			return rows.map(sessionOf);
		},
		async stoppedSessions(room, limit) {
			const latest = inState(room, 'stopped').orderBy('changed', 'desc').orderBy('id').limit(limit);
			return (await latest.execute()).map(sessionOf).reverse();
		},
	};
}

/** Stored together with the answer that reports the change. */
export async function keepSession(
	tx: Transaction<Tables>,
	{ session, thread, says }: KeptSession,
	now: number,
): Promise<void> {
	const { id, room, is: state, ...rest } = session;
	const row = {
		room,
		state,
		root: 'root' in thread ? thread.root : null,
		thread: 'event' in thread ? thread.event : null,
		changed: now,
		session: JSON.stringify(rest),
	};
	await tx
		.insertInto('guide_sessions')
		.values({ id, ...row })
		.onConflict(conflict => conflict.column('id').doUpdateSet(row))
		.execute();
	await keepSays(tx, id, says);
}

async function keepSays(tx: Transaction<Tables>, session: string, says: KeptSession['says']): Promise<void> {
	for (const { said, place } of says) {
		await tx
			.insertInto('session_sayings')
			.values({ said, session, stage: place?.stage ?? null, gate: place?.gate ? 1 : 0 })
			.onConflict(conflict => conflict.doNothing())
			.execute();
	}
}

/** Open sessions, and those in `resumed`, continue in the new room; the others are deleted. */
export async function moveSessions(
	tx: Transaction<Tables>,
	{ from, to }: Pick<Move, 'from' | 'to'>,
	resumed: readonly Resumed[],
	now: number,
): Promise<void> {
	const kept = resumed.map(({ session }) => session.session.id);
	const left = tx
		.selectFrom('guide_sessions')
		.select('id')
		.where('room', '=', from)
		.where('state', '!=', 'open')
		.$if(kept.length > 0, query => query.where('id', 'not in', kept));
	await tx.deleteFrom('session_sayings').where('session', 'in', left).execute();
	await tx.deleteFrom('guide_sessions').where('id', 'in', left).execute();
	await tx.updateTable('guide_sessions').set({ room: to, root: null, thread: null }).where('room', '=', from).execute();
	for (const { sayings, session } of resumed) {
		await insertSayings(tx, sayings, now);
		await keepSession(tx, session, now);
	}
}

export async function forgetSessionsIn(tx: Transaction<Tables>, room: string): Promise<void> {
	const those = tx.selectFrom('guide_sessions').select('id').where('room', '=', room);
	await tx.deleteFrom('session_sayings').where('session', 'in', those).execute();
	await tx.deleteFrom('guide_sessions').where('room', '=', room).execute();
}

/**
 * Deletes at most `limit` sessions that last changed before that moment, and open ones that did so more than
 * `gracePeriod` before it; returns how many.
 */
export function pruneSessions(db: Kysely<Tables>, before: number, limit: number): Promise<number> {
	return db.transaction().execute(async tx => {
		const old = await tx
			.selectFrom('guide_sessions')
			.select('id')
			.where('changed', '<', before)
			.where(({ or, eb }) => or([eb('state', '!=', 'open'), eb('changed', '<', before - gracePeriod)]))
			.limit(limit)
			.execute();
		const ids = old.map(({ id }) => id);
		if (ids.length === 0) return 0;
		await tx.deleteFrom('session_sayings').where('session', 'in', ids).execute();
		await tx.deleteFrom('guide_sessions').where('id', 'in', ids).execute();
		return ids.length;
	});
}

function sessionOf({ id, room, state, session }: Selectable<Tables['guide_sessions']>): GuideSession {
	return { ...(JSON.parse(session) as Omit<GuideSession, 'id' | 'room' | 'is'>), id, room, is: state };
}

function placedOf(row: Selectable<Tables['guide_sessions']> & { event: string | null }): PlacedSession {
	const event = row.thread ?? row.event;
	const thread = row.thread === null ? { root: row.root ?? '' } : { event: row.thread };
	return { session: sessionOf(row), thread, ...(event !== null && { event }) };
}
