// What came in and what is decided about it.
import type { ExpressionBuilder, Kysely, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { Incoming, Page } from '../../ports/homeserver.ts';
import type { Gap, InHand, Room, Store } from '../../ports/store.ts';
import { keepWalk } from './guide-sessions.ts';
import { unheard } from './heard.ts';
import { insertSayings } from './outbox.ts';
import type { Tables } from './schema.ts';
import { insertMessages, rowOf, take } from './sync-batch.ts';
import { insertUnreadable } from './undecryptable.ts';

/** Written out: SQLite plans a statement anew whenever a limit is bound to it, which costs more than running it. */
const one = sql.lit(1);

type InboxStore = Pick<
	Store,
	'take' | 'gaps' | 'fill' | 'postponeGap' | 'unread' | 'nextMessage' | 'note' | 'settle' | 'load'
>;

export function inboxOf(db: Kysely<Tables>): InboxStore {
	return {
		take: (batch, now) => db.transaction().execute(tx => take(tx, batch, now.getTime())),
		async gaps(now) {
			const rows = await db
				.selectFrom('gaps')
				.selectAll()
				.where('next_try', '<=', now.getTime())
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
		fill: (gap, page, now) => db.transaction().execute(tx => fill(tx, gap, page, now.getTime())),
		async postponeGap({ room, batch }, until) {
			await db
				.updateTable('gaps')
				.set({ next_try: until.getTime() })
				.where('room', '=', room)
				.where('batch', '=', batch)
				.execute();
		},
		async unread(inHand) {
			const rows = await db
				.selectFrom('inbox')
				.select('room')
				.distinct()
				.where('decided_at', 'is', null)
				.$if(Boolean(inHand), query => query.where(notIn(inHand)))
				.where('room', 'not in', db.selectFrom('gaps').select('room'))
				.execute();
			return rows.map(({ room }) => room);
		},
		async nextMessage(room, inHand) {
			const row = await db
				.selectFrom('inbox')
				.selectAll()
				.where('decided_at', 'is', null)
				.where('room', '=', room)
				.$if(Boolean(inHand), query => query.where(notIn(inHand)))
				.orderBy('batch')
				.orderBy('place')
				.limit(one)
				.executeTakeFirst();
			return row && incomingOf(row);
		},
		settle: (event, sayings, now, walk) =>
			db.transaction().execute(async tx => {
				// A command that was redacted while it was being decided is no longer in the inbox: then nothing is said.
				const { numUpdatedRows } = await tx
					.updateTable('inbox')
					.set({ decided_at: now.getTime(), body: '' })
					.where('event', '=', event)
					.where('decided_at', 'is', null)
					.executeTakeFirst();
				if (numUpdatedRows === 0n) return;
				await insertSayings(tx, sayings, now.getTime());
				if (walk) await keepWalk(tx, walk, now.getTime());
			}),
		note: (event, sayings, now) =>
			db.transaction().execute(async tx => {
				const open = await tx
					.selectFrom('inbox')
					.select('event')
					.where('event', '=', event)
					.where('decided_at', 'is', null)
					.executeTakeFirst();
				if (open) await insertSayings(tx, sayings, now.getTime());
			}),
		async load(sender) {
			const { waiting } = await db
				.selectFrom('outbox')
				.select(({ fn }) => fn.countAll<number>().as('waiting'))
				.where('sender', '=', sender)
				.where('done_at', 'is', null)
				.executeTakeFirstOrThrow();
			if (waiting === 0) return { waiting, told: false };
			const limit = await db
				.selectFrom('outbox')
				.select(({ fn }) => fn.max('id').as('id'))
				.where('sender', '=', sender)
				.where('kind', '=', 'limit')
				.executeTakeFirst();
			if (limit?.id == null) return { waiting, told: false };
			const before = await db
				.selectFrom('outbox')
				.select('id')
				.where('sender', '=', sender)
				.where('done_at', 'is', null)
				.where('id', '<=', limit.id)
				.limit(one)
				.executeTakeFirst();
			return { waiting, told: before !== undefined };
		},
	};
}

/** Leaves out the messages in hand, and those that wait for them. */
function notIn({ events, senders }: InHand = { events: [], senders: [] }) {
	return (eb: ExpressionBuilder<Tables, 'inbox'>) =>
		eb.and([
			...(events.length ? [eb('event', 'not in', events)] : []),
			...senders.map(({ room, sender }) => eb.not(eb.and([eb('room', '=', room), eb('sender', '=', sender)]))),
		]);
}

function incomingOf(row: Tables['inbox']): Incoming {
	return {
		event: row.event,
		room: row.room,
		sender: row.sender,
		at: new Date(row.at),
		body: row.body,
		mentioned: row.mentioned === 1,
		...(row.replies_to !== null && { repliesTo: row.replies_to }),
		...(row.thread !== null && { thread: row.thread }),
		...(row.sealed === 1 && { sealed: true as const }),
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
		// From the oldest: of two events with the same ciphertext the first one counts.
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

export function roomOf(row: Tables['rooms']): Room {
	return {
		room: row.room,
		state: {
			...(row.create_event !== null && { create: JSON.parse(row.create_event) }),
			...(row.power_levels !== null && { power: JSON.parse(row.power_levels) }),
			...(row.encryption !== null && { encryption: JSON.parse(row.encryption) }),
			...(row.join_rule !== null && { joinRule: row.join_rule }),
			...(row.history_visibility !== null && { visibility: row.history_visibility }),
			...(row.tombstone !== null && { tombstone: JSON.parse(row.tombstone) }),
		},
		settings: JSON.parse(row.settings),
	};
}
