// Which rooms were told that upstream is unreachable.
import type { Kysely, Transaction } from 'kysely';
import type { Settings } from '../../advice/watch/subscription.ts';
import type { Store } from '../../ports/store.ts';
import { insertSayings } from './outbox.ts';
import type { Tables } from './schema.ts';

export async function silencesTable(db: Kysely<unknown>): Promise<void> {
	await db.schema
		.createTable('silences')
		.addColumn('room', 'text', column => column.primaryKey())
		.addColumn('said', 'text')
		.execute();
}

export function silencesOf(db: Kysely<Tables>): Pick<Store, 'untoldOfSilence' | 'toldOfSilence' | 'tellOfSilence'> {
	return {
		async untoldOfSilence(after, limit) {
			const rows = await db
				.selectFrom('rooms')
				.select(['room', 'settings', 'stay'])
				.where('membership', '=', 'joined')
				.where('room', '>', after)
				.where(({ and, exists, not, selectFrom }) =>
					and([
						exists(selectFrom('watches').select('id').whereRef('watches.room', '=', 'rooms.room')),
						not(exists(selectFrom('silences').select('said').whereRef('silences.room', '=', 'rooms.room'))),
					]),
				)
				.orderBy('room')
				.limit(limit)
				.execute();
			return rows.map(({ settings, ...row }) => ({ ...row, settings: JSON.parse(settings) as Settings }));
		},
		async toldOfSilence(after, limit) {
			const rows = await db
				.selectFrom('silences')
				.innerJoin('rooms', 'rooms.room', 'silences.room')
				.select(['silences.room', 'said', 'settings'])
				.where('membership', '=', 'joined')
				.where('silences.room', '>', after)
				.orderBy('silences.room')
				.limit(limit)
				.execute();
			return rows.map(({ room, said, settings }) => ({
				room,
				settings: JSON.parse(settings) as Settings,
				...(said !== null && { said }),
			}));
		},
		tellOfSilence: (silent, rooms, now) =>
			db.transaction().execute(async tx => {
				for (const { room, saying } of rooms) {
					if (saying) await insertSayings(tx, [saying], now.getTime());
					if (!silent) await tx.deleteFrom('silences').where('room', '=', room).execute();
					else {
						await tx
							.insertInto('silences')
							.values({ room, said: saying?.said ?? null })
							.onConflict(conflict => conflict.doNothing())
							.execute();
					}
				}
			}),
	};
}

/** What the old room was told counts as told to its replacement, where the thread starts over. */
export async function moveSilence(tx: Transaction<Tables>, from: string, to: string): Promise<void> {
	const row = await tx.selectFrom('silences').select('said').where('room', '=', from).executeTakeFirst();
	if (!row) return;
	await tx.deleteFrom('silences').where('room', '=', from).execute();
	await tx
		.insertInto('silences')
		.values({ room: to, said: row.said })
		.onConflict(conflict => conflict.doNothing())
		.execute();
}
