// The guides that rooms walk through: where each stands, and which sayings are about it.
import type { Kysely, Selectable, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { Walk } from '../../advice/guide/session.ts';
import type { KeptWalk, Move, PlacedWalk, Resumed, Store } from '../../ports/store.ts';
import { insertSayings } from './outbox.ts';
import type { Tables } from './schema.ts';

/** A walk on which nobody said anything for so long (ms) is forgotten. */
const gracePeriod = 365 * 24 * 3600_000;

export function walksOf(db: Kysely<Tables>): Pick<Store, 'walkIn' | 'walkSaid' | 'walks' | 'isThreadOurs'> {
	const placed = () =>
		db.selectFrom('walks').leftJoin('outbox', 'outbox.said', 'walks.root').selectAll('walks').select('outbox.event');
	return {
		async walkIn(room, event) {
			const row = await placed()
				.where('walks.room', '=', room)
				.where('walks.state', '!=', 'offered')
				.where(({ or, eb }) => or([eb('walks.thread', '=', event), eb('outbox.event', '=', event)]))
				.orderBy(sql`walks.state = 'open'`, 'desc')
				.orderBy('walks.changed', 'desc')
				.limit(1)
				.executeTakeFirst();
			return row && placedOf(row);
		},
		async walkSaid(room, event) {
			const said = await db
				.selectFrom('walk_sayings')
				.innerJoin('outbox', 'outbox.said', 'walk_sayings.said')
				.select(['walk', 'stage', 'gate'])
				.where('outbox.room', '=', room)
				.where('outbox.event', '=', event)
				.executeTakeFirst();
			if (!said) return undefined;
			const row = await placed().where('walks.room', '=', room).where('walks.id', '=', said.walk).executeTakeFirst();
			if (!row) return undefined;
			return { ...placedOf(row), ...(said.stage !== null && { place: { stage: said.stage, gate: said.gate === 1 } }) };
		},
		async isThreadOurs(room, thread) {
			const walk = await placed()
				.where('walks.room', '=', room)
				.where(({ or, eb }) => or([eb('walks.thread', '=', thread), eb('outbox.event', '=', thread)]))
				.executeTakeFirst();
			if (walk) return true;
			// Something there may begin one, and has not been decided yet.
			const asked = await db
				.selectFrom('inbox')
				.select('event')
				.where('room', '=', room)
				.where('thread', '=', thread)
				.where('decided_at', 'is', null)
				.executeTakeFirst();
			if (asked) return true;
			// A thread's first message may be read and answered before we hear that it was sent.
			const leaving = await db
				.selectFrom('outbox')
				.innerJoin('walk_sayings', 'walk_sayings.said', 'outbox.said')
				.select('outbox.id')
				.where('room', '=', room)
				.where('done_at', 'is', null)
				.executeTakeFirst();
			return leaving !== undefined;
		},
		async walks(room) {
			const rows = await db
				.selectFrom('walks')
				.selectAll()
				.where('room', '=', room)
				.where('state', '=', 'open')
				.orderBy('changed')
				.execute();
			return rows.map(walkOf);
		},
	};
}

/** Written with the answer that says what became of it. */
export async function keepWalk(tx: Transaction<Tables>, { walk, thread, says }: KeptWalk, now: number): Promise<void> {
	const { id, room, is: state, ...rest } = walk;
	const row = {
		room,
		state,
		root: 'root' in thread ? thread.root : null,
		thread: 'event' in thread ? thread.event : null,
		changed: now,
		walk: JSON.stringify(rest),
	};
	await tx
		.insertInto('walks')
		.values({ id, ...row })
		.onConflict(conflict => conflict.column('id').doUpdateSet(row))
		.execute();
	await keepSays(tx, id, says);
}

async function keepSays(tx: Transaction<Tables>, walk: string, says: KeptWalk['says']): Promise<void> {
	for (const { said, place } of says) {
		await tx
			.insertInto('walk_sayings')
			.values({ said, walk, stage: place?.stage ?? null, gate: place?.gate ? 1 : 0 })
			.onConflict(conflict => conflict.doNothing())
			.execute();
	}
}

/** Those under way go on in the new room; what was only offered is offered there no more. */
export async function moveWalks(
	tx: Transaction<Tables>,
	{ from, to }: Pick<Move, 'from' | 'to'>,
	resumed: readonly Resumed[],
	now: number,
): Promise<void> {
	const left = tx.selectFrom('walks').select('id').where('room', '=', from).where('state', '!=', 'open');
	await tx.deleteFrom('walk_sayings').where('walk', 'in', left).execute();
	await tx.deleteFrom('walks').where('room', '=', from).where('state', '!=', 'open').execute();
	await tx.updateTable('walks').set({ room: to, root: null, thread: null }).where('room', '=', from).execute();
	for (const { sayings, walk } of resumed) {
		await insertSayings(tx, sayings, now);
		await keepWalk(tx, walk, now);
	}
}

export async function forgetWalksIn(tx: Transaction<Tables>, room: string): Promise<void> {
	const those = tx.selectFrom('walks').select('id').where('room', '=', room);
	await tx.deleteFrom('walk_sayings').where('walk', 'in', those).execute();
	await tx.deleteFrom('walks').where('room', '=', room).execute();
}

/** Walks that are over, and plans of which nobody made one, since before that moment; those under way much later. */
export async function pruneWalks(db: Kysely<Tables>, before: number): Promise<void> {
	for (const [over, moment] of [
		[true, before],
		[false, before - gracePeriod],
	] as const) {
		const old = db
			.selectFrom('walks')
			.select('id')
			.where('state', over ? '!=' : '=', 'open')
			.where('changed', '<', moment);
		await db.deleteFrom('walk_sayings').where('walk', 'in', old).execute();
		await db
			.deleteFrom('walks')
			.where('state', over ? '!=' : '=', 'open')
			.where('changed', '<', moment)
			.execute();
	}
}

function walkOf({ id, room, state, walk }: Selectable<Tables['walks']>): Walk {
	return { ...(JSON.parse(walk) as Omit<Walk, 'id' | 'room' | 'is'>), id, room, is: state };
}

function placedOf(row: Selectable<Tables['walks']> & { event: string | null }): PlacedWalk {
	const event = row.thread ?? row.event;
	const thread = row.thread === null ? { root: row.root ?? '' } : { event: row.thread };
	return { walk: walkOf(row), thread, ...(event !== null && { event }) };
}

export async function walkTables(db: Kysely<unknown>): Promise<void> {
	await db.schema
		.createTable('walks')
		.addColumn('id', 'text', column => column.primaryKey())
		.addColumn('room', 'text', column => column.notNull())
		.addColumn('state', 'text', column => column.notNull())
		.addColumn('root', 'text')
		.addColumn('thread', 'text')
		.addColumn('changed', 'integer', column => column.notNull())
		.addColumn('walk', 'text', column => column.notNull())
		.execute();
	await sql`CREATE INDEX walks_room ON walks (room)`.execute(db);
	await db.schema
		.createTable('walk_sayings')
		.addColumn('said', 'text', column => column.primaryKey())
		.addColumn('walk', 'text', column => column.notNull())
		.addColumn('stage', 'text')
		.addColumn('gate', 'integer', column => column.notNull())
		.execute();
	await sql`CREATE INDEX walk_sayings_walk ON walk_sayings (walk)`.execute(db);
}
