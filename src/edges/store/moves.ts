// Room upgrades, and what moves along with them.
import type { Kysely, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { Invited } from '../../ports/homeserver.ts';
import type { Move, Resumed, Store } from '../../ports/store.ts';
import { moveSessions } from './guide-sessions.ts';
import { isDue, nextTry } from './next-try.ts';
import { type Tables, unknownRoom } from './schema.ts';
import { moveSilence } from './upstream-outages.ts';
import { dropDoubles, moveWatches } from './watches.ts';

type MoveStore = Pick<
	Store,
	| 'moves'
	| 'nextMove'
	| 'joining'
	| 'moved'
	| 'postponeMove'
	| 'awaitInvitation'
	| 'uninvited'
	| 'dropMove'
	| 'movingFrom'
>;

export function movesOf(db: Kysely<Tables>): MoveStore {
	return {
		async moves(now) {
			const rows = await db
				.selectFrom('moves')
				.leftJoin('invitations', join =>
					join.onRef('invitations.room', '=', 'moves.to_room').on('accepted_at', 'is', null),
				)
				.selectAll('moves')
				.select(['inviter', 'predecessor'])
				.where(isDue('moves', now.getTime()))
				.execute();
			return rows.map(row => ({
				from: row.from_room,
				to: row.to_room,
				via: row.via,
				sender: row.sender,
				since: new Date(row.since),
				tries: row.tries,
				joined: row.joined === 1,
				...(row.inviter !== null && { invitation: invitedOf(row.to_room, row.inviter, row.predecessor) }),
			}));
		},
		nextMove: () => nextTry(db, 'moves'),
		async joining(from, joined) {
			await db
				.updateTable('moves')
				.set({ joined: joined ? 1 : 0 })
				.where('from_room', '=', from)
				.execute();
		},
		moved: (move, now, { resumed = [], merge = false } = {}) =>
			db.transaction().execute(tx => follow(tx, move, now, { resumed, merge })),
		async postponeMove(from, until) {
			await db
				.updateTable('moves')
				.set({ next_try: until.getTime(), tries: sql`tries + 1` })
				.where('from_room', '=', from)
				.execute();
		},
		async awaitInvitation(from) {
			const { numUpdatedRows } = await db
				.updateTable('moves')
				.set({ uninvited: 1 })
				.where('from_room', '=', from)
				.where('uninvited', '=', 0)
				.executeTakeFirst();
			return numUpdatedRows > 0n;
		},
		uninvited: () =>
			db
				.selectFrom('moves')
				.innerJoin('rooms', 'rooms.room', 'moves.from_room')
				.select(['from_room as from', 'to_room as to'])
				.where('membership', '=', 'joined')
				.where('uninvited', '=', 1)
				.orderBy('from_room')
				.execute(),
		dropMove: from =>
			db.transaction().execute(async tx => {
				const to = tx.selectFrom('moves').select('to_room').where('from_room', '=', from);
				// The move did not happen, so the room gets a greeting like any other.
				await tx
					.updateTable('rooms')
					.set({ greeted: 0 })
					.where('room', 'in', to)
					.where('predecessor', 'is', null)
					.where('since', '>=', tx.selectFrom('moves').select('since').where('from_room', '=', from))
					.execute();
				await tx.deleteFrom('moves').where('from_room', '=', from).execute();
			}),
		async movingFrom(room) {
			const move = await db.selectFrom('moves').select('to_room').where('from_room', '=', room).executeTakeFirst();
			return move !== undefined;
		},
	};
}

/** Moves everything from the old room to the new one. */
async function follow(
	tx: Transaction<Tables>,
	move: Move,
	now: Date,
	{ resumed, merge }: { resumed: readonly Resumed[]; merge: boolean },
): Promise<void> {
	const old = await tx.selectFrom('rooms').selectAll().where('room', '=', move.from).executeTakeFirst();
	if (old && !merge) {
		const taken = {
			predecessor: move.from,
			settings: old.settings,
			inviter: old.inviter,
			greeted: old.greeted,
		};
		// If a sync brings the new room only later, it finds this row and keeps these values.
		await tx
			.insertInto('rooms')
			.values({
				...unknownRoom,
				room: move.to,
				membership: 'left',
				since: now.getTime(),
				...taken,
			})
			.onConflict(conflict => conflict.column('room').doUpdateSet(taken))
			.execute();
	}
	await dropDoubles(tx, move.from, move.to);
	await followed(tx, move, now.getTime());
	await moveWatches(tx, move.from, move.to);
	await moveSilence(tx, move.from, move.to);
	await moveSessions(tx, move, resumed, now.getTime());
	await tx.deleteFrom('moves').where('from_room', '=', move.from).execute();
	await tx.updateTable('rooms').set({ moved_to: move.to }).where('room', '=', move.from).execute();
	// Other moves to this room may now find us in it, and must not conclude that we joined because of them.
	await tx.updateTable('moves').set({ joined: 0 }).where('to_room', '=', move.to).execute();
	await tx.deleteFrom('invitations').where('room', '=', move.to).execute();
}

/** Moves queued messages to the new room. They are no longer replies, because the questions are in the old room. */
async function followed(tx: Transaction<Tables>, { from, to }: Move, now: number): Promise<void> {
	const rows = await tx
		.selectFrom('outbox')
		.select(['id', 'decided'])
		.where('room', '=', from)
		.where('done_at', 'is', null)
		.where('kind', '!=', 'leave')
		.execute();
	for (const { id, decided } of rows) {
		const { continues: _, ...saying } = JSON.parse(decided ?? '{}');
		for (const content of [saying.event?.content, saying.content]) {
			if (content) delete content['m.relates_to'];
		}
		await tx
			.updateTable('outbox')
			.set({ room: to, decided: JSON.stringify(saying), sealed: null, next_try: now })
			.where('id', '=', id)
			.execute();
	}
}

function invitedOf(room: string, inviter: string, predecessor: string | null): Invited {
	return { room, inviter, ...(predecessor !== null && { predecessor: predecessor || null }) };
}
