// Events that cannot be decrypted yet, kept until their key comes, in limited numbers.
import type { Kysely, Transaction } from 'kysely';
import type { Unreadable } from '../../ports/homeserver.ts';
import type { Store } from '../../ports/store.ts';
import { insertSayings } from './outbox.ts';
import type { Tables } from './schema.ts';

/** At most this many events are kept per sender and room, and in total. */
const max = { sender: 50, all: 1000 };
/** At most this many notices a day per sender and room. */
const maxExplained = 3;
const day = 24 * 3600_000;

export function unreadableOf(db: Kysely<Tables>): Pick<Store, 'unreadable' | 'unexplained' | 'explain' | 'passOver'> {
	return {
		async unreadable() {
			const rows = await db.selectFrom('unreadable').selectAll().orderBy('received').orderBy('at').execute();
			return rows.map(eventOf);
		},
		async unexplained(before) {
			const rows = await db
				.selectFrom('unreadable')
				.leftJoin('rooms', 'rooms.room', 'unreadable.room')
				.selectAll('unreadable')
				.select('stay')
				.where('explained_at', 'is', null)
				.where('received', '<=', before.getTime())
				.orderBy('received')
				.orderBy('at')
				.execute();
			const first = new Map<string, Unreadable & { stay: string }>();
			for (const { stay, ...row } of rows) {
				const session = JSON.stringify([row.room, row.sender, row.session]);
				if (!first.has(session)) first.set(session, { ...eventOf(row), stay: stay ?? '' });
			}
			return [...first.values()];
		},
		async passOver(room, until, now) {
			await db
				.updateTable('unreadable')
				.set({ explained_at: now.getTime(), said: 0 })
				.where('room', '=', room)
				.where('at', '<=', until.getTime())
				.where('explained_at', 'is', null)
				.execute();
		},
		explain: ({ room, sender, session }, saying, now) =>
			db.transaction().execute(async tx => {
				const { count } = await tx
					.selectFrom('unreadable')
					.select(({ fn }) => fn.count<number>('session').distinct().as('count'))
					.where('room', '=', room)
					.where('sender', '=', sender)
					.where('said', '=', 1)
					.where('explained_at', '>', now.getTime() - day)
					.executeTakeFirstOrThrow();
				const enough = count >= maxExplained;
				const { numUpdatedRows } = await tx
					.updateTable('unreadable')
					.set({ explained_at: now.getTime(), said: enough ? 0 : 1 })
					.where('room', '=', room)
					.where('sender', '=', sender)
					.where('session', '=', session)
					.where('explained_at', 'is', null)
					.executeTakeFirst();
				// It may have been decrypted or redacted since it was selected.
				if (numUpdatedRows > 0 && !enough) await insertSayings(tx, [saying], now.getTime());
			}),
	};
}

function eventOf({ received, explained_at, said, at, ...row }: Tables['unreadable']): Unreadable {
	return { ...row, at: new Date(at) };
}

export async function insertUnreadable(
	tx: Transaction<Tables>,
	events: readonly Unreadable[],
	now: number,
): Promise<void> {
	for (const { at, ...event } of events) {
		const { all } = await tx
			.selectFrom('unreadable')
			.select(({ fn }) => fn.countAll<number>().as('all'))
			.executeTakeFirstOrThrow();
		const { mine } = await tx
			.selectFrom('unreadable')
			.select(({ fn }) => fn.countAll<number>().as('mine'))
			.where('room', '=', event.room)
			.where('sender', '=', event.sender)
			.executeTakeFirstOrThrow();
		if (all >= max.all || mine >= max.sender) continue;
		const known = await tx
			.selectFrom('unreadable')
			.select(['explained_at'])
			.where('room', '=', event.room)
			.where('sender', '=', event.sender)
			.where('session', '=', event.session)
			.where('explained_at', 'is not', null)
			.limit(1)
			.executeTakeFirst();
		await tx
			.insertInto('unreadable')
			.values({
				...event,
				at: at.getTime(),
				received: now,
				explained_at: known?.explained_at ?? null,
				said: 0,
			})
			.onConflict(conflict => conflict.column('event').doNothing())
			.execute();
	}
}

export async function dropUnreadable(tx: Transaction<Tables>, events: readonly string[]): Promise<void> {
	for (const event of events) await tx.deleteFrom('unreadable').where('event', '=', event).execute();
}
