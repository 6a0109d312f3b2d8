// What the operator sees: rooms, pending messages and those given up. Ids and times, never their content.
import type { Kysely } from 'kysely';
import type { OperatorStore } from '../../ports/operator.ts';
import { insertSayings } from './outbox.ts';
import type { Tables } from './schema.ts';

export function operatorOf(db: Kysely<Tables>): OperatorStore {
	return {
		async operatedRooms() {
			const rows = await db
				.selectFrom('rooms')
				.select(({ selectFrom, fn }) => [
					'room',
					'inviter',
					'since',
					'encryption',
					'moved_to',
					selectFrom('watches')
						.select(fn.countAll<number>().as('count'))
						.whereRef('watches.room', '=', 'rooms.room')
						.as('watches'),
				])
				.where('membership', '=', 'joined')
				.orderBy('since')
				.execute();
			return rows.map(({ room, inviter, since, encryption, watches, moved_to: replacedBy }) => ({
				room,
				...(inviter !== null && { inviter }),
				since: new Date(Number(since)),
				encrypted: encryption !== null,
				watches: Number(watches),
				...(replacedBy !== null && { replacedBy }),
			}));
		},
		async waitingDeliveries(limit) {
			const rows = await db
				.selectFrom('outbox')
				.select(['room', 'created', 'tries', 'next_try'])
				.where('done_at', 'is', null)
				.orderBy('id')
				.limit(limit)
				.execute();
			return rows.map(({ room, created, tries, next_try: next }) => ({
				room,
				since: new Date(Number(created)),
				tries: Number(tries),
				next: new Date(Number(next)),
			}));
		},
		async givenUpSince(since) {
			const rows = await db
				.selectFrom('outbox')
				.select(['id', 'room', 'why', 'done_at'])
				.where('outcome', '=', 'given up')
				.where('done_at', '>', since.getTime())
				.orderBy('done_at')
				.execute();
			return rows.map(row => ({
				id: Number(row.id),
				room: row.room,
				why: wordOf(row.why),
				at: new Date(Number(row.done_at)),
			}));
		},
		async lostRoomsSince(since) {
			const rows = await db
				.selectFrom('rooms')
				.select(['room', 'since'])
				.where('membership', '=', 'left')
				.where('since', '>', since.getTime())
				// A room left through `!leave` gets a greeting if we return, so its `greeted` is 0. One that moved lives on.
				.where('greeted', '=', 1)
				.where('moved_to', 'is', null)
				.orderBy('since')
				.execute();
			return rows.map(row => ({ room: row.room, since: new Date(Number(row.since)) }));
		},
		async replacementOf(room) {
			const row = await db.selectFrom('rooms').select('moved_to').where('room', '=', room).executeTakeFirst();
			return row?.moved_to ?? undefined;
		},
		say: (sayings, now) => db.transaction().execute(tx => insertSayings(tx, sayings, now.getTime())),
	};
}

/** Failures are stored as JSON. */
function wordOf(why: string | null): string {
	if (why === null) return 'no reason was given';
	try {
		const { why: word, kind } = JSON.parse(why) as { why?: unknown; kind?: unknown };
		return String(word ?? kind ?? why);
	} catch {
		return why;
	}
}
