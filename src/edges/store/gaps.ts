// What limited syncs left out, and the pages read since.
import type { Kysely, Transaction } from 'kysely';
import type { Page } from '../../ports/homeserver.ts';
import type { Gap, Store } from '../../ports/store.ts';
import { unheard } from './heard.ts';
import { isDue, nextTry } from './next-try.ts';
import type { Tables } from './schema.ts';
import { insertMessages, rowOf } from './sync-batch.ts';
import { insertUnreadable } from './undecryptable.ts';

type GapStore = Pick<Store, 'gaps' | 'nextGap' | 'fill' | 'postponeGap'>;

export function gapsOf(db: Kysely<Tables>): GapStore {
	return {
		async gaps(now) {
			const rows = await db
				.selectFrom('gaps')
				.selectAll()
				.where(isDue('gaps', now.getTime()))
				.orderBy('room')
				.orderBy('batch')
				.execute();
			const first = new Map<string, Gap>();
			for (const row of rows) {
				const until =
					row.until_event === null ? undefined : { event: row.until_event, at: new Date(row.until_at ?? 0) };
				if (first.has(row.room)) continue;
				first.set(row.room, { room: row.room, batch: row.batch, from: row.from_token, ...(until && { until }) });
			}
			return [...first.values()];
		},
		nextGap: () => nextTry(db, 'gaps'),
		fill: (gap, page, now) => db.transaction().execute(tx => fill(tx, gap, page, now.getTime())),
		async postponeGap({ room, batch }, until) {
			await db
				.updateTable('gaps')
				.set({ next_try: until.getTime() })
				.where('room', '=', room)
				.where('batch', '=', batch)
				.execute();
		},
	};
}

async function fill(
	tx: Transaction<Tables>,
	{ room, batch }: Gap,
	{ messages, next, unreadable }: Page,
	now: number,
): Promise<void> {
	const gap = await tx
		.selectFrom('gaps')
		.select('place')
		.where('room', '=', room)
		.where('batch', '=', batch)
		.executeTakeFirst();
	if (!gap) return;
	await insertMessages(
		tx,
		// Oldest first: of two events with the same ciphertext, the first is genuine.
		(await unheard(tx, messages.toReversed()))
			.toReversed()
			.map((message, index) => rowOf(message, batch, gap.place - 1 - index)),
	);
	if (unreadable) await insertUnreadable(tx, unreadable, now);
	if (next === undefined) {
		await tx.deleteFrom('gaps').where('room', '=', room).where('batch', '=', batch).execute();
	} else {
		await tx
			.updateTable('gaps')
			.set({ from_token: next, place: gap.place - messages.length })
			.where('room', '=', room)
			.where('batch', '=', batch)
			.execute();
	}
}
