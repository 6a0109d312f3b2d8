// The rooms: what is known of them, what they were told, how the bot came in and where they moved.
import type { Kysely, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { Invited } from '../../ports/homeserver.ts';
import type { Move, Store } from '../../ports/store.ts';
import { forgetWalksIn, moveWalks } from './guide-sessions.ts';
import { roomOf } from './inbox.ts';
import { insertSayings } from './outbox.ts';
import { type Tables, unknownRoom } from './schema.ts';
import { leaveRoom } from './sync-batch.ts';
import { moveSilence } from './upstream-outages.ts';
import { dropDoubles, forgetWatchesIn, moveWatches } from './watches.ts';

type RoomStore = Pick<
	Store,
	| 'room'
	| 'untold'
	| 'tell'
	| 'counts'
	| 'invitations'
	| 'accepted'
	| 'closeInvitation'
	| 'postponeInvitation'
	| 'moves'
	| 'moved'
	| 'postponeMove'
	| 'dropMove'
	| 'joining'
	| 'countJoin'
	| 'leftRoom'
	| 'joinedRooms'
	| 'movingFrom'
	| 'awaitInvitation'
	| 'uninvited'
	| 'forget'
	| 'leftBefore'
>;

export function roomsOf(db: Kysely<Tables>): RoomStore {
	return {
		async room(room) {
			const row = await db.selectFrom('rooms').selectAll().where('room', '=', room).executeTakeFirst();
			return row && roomOf(row);
		},
		async untold() {
			const rows = await db
				.selectFrom('rooms')
				.select([
					'room',
					'greeted',
					'told_encrypted',
					'told_public',
					'encryption',
					'join_rule',
					'history_visibility',
					'stay',
					'lost',
				])
				.where('membership', '=', 'joined')
				.where(({ or, and, eb }) =>
					or([
						eb('greeted', '=', 0),
						eb('lost', '=', 1),
						and([eb('encryption', 'is not', null), eb('told_encrypted', '=', 0)]),
						and([
							or([eb('join_rule', '=', 'public'), eb('history_visibility', '=', 'world_readable')]),
							eb('told_public', '=', 0),
						]),
					]),
				)
				.execute();
			return rows.map(row => ({
				room: row.room,
				stay: row.stay,
				greeting: row.greeted === 0,
				lost: row.lost === 1,
				encrypted: row.encryption !== null && row.told_encrypted === 0,
				public: (row.join_rule === 'public' || row.history_visibility === 'world_readable') && row.told_public === 0,
			}));
		},
		tell: (room, sayings, now) =>
			db.transaction().execute(async tx => {
				await insertSayings(tx, sayings, now.getTime());
				await tx
					.updateTable('rooms')
					.set({
						greeted: 1,
						lost: 0,
						told_encrypted: sql`CASE WHEN encryption IS NULL THEN told_encrypted ELSE 1 END`,
						told_public: sql`CASE WHEN join_rule = 'public' OR history_visibility = 'world_readable' THEN 1 ELSE told_public END`,
					})
					.where('room', '=', room)
					.execute();
			}),
		async counts() {
			const { rows } = await sql<{ rooms: number; inbox: number; outbox: number }>`SELECT
				(SELECT count(*) FROM rooms WHERE membership = 'joined') AS rooms,
				(SELECT count(*) FROM inbox WHERE decided_at IS NULL) AS inbox,
				(SELECT count(*) FROM outbox WHERE done_at IS NULL) AS outbox`.execute(db);
			const [counts] = rows;
			return { rooms: counts?.rooms ?? 0, inbox: counts?.inbox ?? 0, outbox: counts?.outbox ?? 0 };
		},
		async invitations(now) {
			const rows = await db
				.selectFrom('invitations')
				.select(['room', 'inviter', 'received', 'tries'])
				.where('accepted_at', 'is', null)
				.where('next_try', '<=', now.getTime())
				.where('room', 'not in', db.selectFrom('moves').select('to_room'))
				.orderBy('received')
				.execute();
			return rows.map(row => ({ ...row, received: new Date(row.received) }));
		},
		async accepted(inviter, since) {
			const invited = await db
				.selectFrom('invitations')
				.select(({ fn }) => fn.countAll<number>().as('count'))
				.where('inviter', '=', inviter)
				.where('accepted_at', '>', since.getTime())
				.executeTakeFirstOrThrow();
			const joined = await db
				.selectFrom('joins')
				.select(({ fn }) => fn.countAll<number>().as('count'))
				.where('person', '=', inviter)
				.where('at', '>', since.getTime())
				.executeTakeFirstOrThrow();
			return invited.count + joined.count;
		},
		async closeInvitation(room, accepted, now) {
			if (!accepted) {
				await db.deleteFrom('invitations').where('room', '=', room).where('accepted_at', 'is', null).execute();
				return;
			}
			await db.updateTable('invitations').set({ accepted_at: now.getTime() }).where('room', '=', room).execute();
		},
		async postponeInvitation(room, until) {
			await db
				.updateTable('invitations')
				.set({ next_try: until.getTime(), tries: sql`tries + 1` })
				.where('room', '=', room)
				.execute();
		},
		async moves(now) {
			const rows = await db
				.selectFrom('moves')
				.leftJoin('invitations', join =>
					join.onRef('invitations.room', '=', 'moves.to_room').on('accepted_at', 'is', null),
				)
				.selectAll('moves')
				.select(['inviter', 'predecessor'])
				.where('moves.next_try', '<=', now.getTime())
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
		async joining(from, joined) {
			await db
				.updateTable('moves')
				.set({ joined: joined ? 1 : 0 })
				.where('from_room', '=', from)
				.execute();
		},
		async countJoin(person, now) {
			await db.insertInto('joins').values({ person, at: now.getTime() }).execute();
		},
		moved: (move, now, { resumed = [], merge = false } = {}) =>
			db.transaction().execute(async tx => {
				const old = await tx.selectFrom('rooms').selectAll().where('room', '=', move.from).executeTakeFirst();
				if (old && !merge) {
					const taken = {
						predecessor: move.from,
						settings: old.settings,
						inviter: old.inviter,
						greeted: old.greeted,
					};
					// The sync may bring the new room only later: then it finds this row, and keeps what it says.
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
				await moveWalks(tx, move, resumed, now.getTime());
				await tx.deleteFrom('moves').where('from_room', '=', move.from).execute();
				await tx.updateTable('rooms').set({ moved_to: move.to }).where('room', '=', move.from).execute();
				// Others that lead here may find us here, and no longer say that it is by their doing.
				await tx.updateTable('moves').set({ joined: 0 }).where('to_room', '=', move.to).execute();
				await tx.deleteFrom('invitations').where('room', '=', move.to).execute();
			}),
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
				// What the move would have brought to the room, it has not: it hears hello like any other.
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
		forget: room =>
			db.transaction().execute(async tx => {
				await forgetWatchesIn(tx, room);
				await forgetWalksIn(tx, room);
				for (const table of ['inbox', 'unreadable', 'gaps', 'outbox', 'invitations', 'silences', 'rooms'] as const) {
					await tx.deleteFrom(table).where('room', '=', room).execute();
				}
				await tx.deleteFrom('moves').where('from_room', '=', room).execute();
			}),
		leftRoom: (room, now, { greetAgain } = { greetAgain: false }) =>
			db.transaction().execute(async tx => {
				await leaveRoom(tx, room, now.getTime());
				if (greetAgain) await tx.updateTable('rooms').set({ greeted: 0 }).where('room', '=', room).execute();
			}),
		async joinedRooms() {
			const rows = await db.selectFrom('rooms').select('room').where('membership', '=', 'joined').execute();
			return rows.map(({ room }) => room);
		},
		async leftBefore(moment) {
			const rows = await db
				.selectFrom('rooms')
				.select('room')
				.where('membership', '=', 'left')
				.where('since', '<', moment.getTime())
				.execute();
			return rows.map(({ room }) => room);
		},
	};
}

/** What is on its way follows to the new room. There it replies to nothing: that was said in the old one. */
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
