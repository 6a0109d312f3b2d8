// Rooms: their state, and what they were told.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Store } from '../../ports/store.ts';
import { forgetSessionsIn } from './guide-sessions.ts';
import { roomOf } from './inbox.ts';
import { insertSayings } from './outbox.ts';
import type { Tables } from './schema.ts';
import { leaveRoom, roomRow } from './sync-batch.ts';
import { forgetWatchesIn } from './watches.ts';

type RoomStore = Pick<
	Store,
	'room' | 'untold' | 'tell' | 'counts' | 'forget' | 'leftRoom' | 'joinedRooms' | 'leftBefore'
>;

export function roomsOf(db: Kysely<Tables>): RoomStore {
	return {
		async room(room) {
			const [row] = (await roomRow(db, { room })).rows;
			return row && roomOf(row);
		},
		untold: () => untold(db),
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
		forget: room =>
			db.transaction().execute(async tx => {
				await forgetWatchesIn(tx, room);
				await forgetSessionsIn(tx, room);
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

/** Rooms that are due a notice. A literal, so that both databases use their partial index for it. Never change it. */
export const isUntold = `membership = 'joined' AND (greeted = 0 OR lost = 1
	OR (encryption IS NOT NULL AND told_encrypted = 0)
	OR ((join_rule = 'public' OR history_visibility = 'world_readable') AND told_public = 0))`;

/** Rooms that are due a greeting, or a notice that they are encrypted or public or that the store was lost. */
async function untold(db: Kysely<Tables>): ReturnType<Store['untold']> {
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
		.where(sql<boolean>`${sql.raw(isUntold)}`)
		.orderBy('since')
		.orderBy('room')
		.execute();
	return rows.map(row => ({
		room: row.room,
		stay: row.stay,
		greeting: row.greeted === 0,
		lost: row.lost === 1,
		encrypted: row.encryption !== null && row.told_encrypted === 0,
		public: (row.join_rule === 'public' || row.history_visibility === 'world_readable') && row.told_public === 0,
	}));
}
