// What came in and what is decided about it.
import type { ExpressionBuilder, Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Incoming } from '../../ports/homeserver.ts';
import type { InHand, Room, Store } from '../../ports/store.ts';
import { keepSession } from './guide-sessions.ts';
import { insertSayings } from './outbox.ts';
import type { Tables } from './schema.ts';
import { take } from './sync-batch.ts';

/** Written out: SQLite plans a statement anew whenever a limit is bound to it, which costs more than running it. */
const one = sql.lit(1);

type InboxStore = Pick<Store, 'take' | 'unread' | 'nextMessage' | 'settle' | 'note' | 'load'>;

export function inboxOf(db: Kysely<Tables>): InboxStore {
	return {
		take: (batch, now) => db.transaction().execute(tx => take(tx, batch, now.getTime())),
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
		settle: (event, sayings, now, session) =>
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
				if (session) await keepSession(tx, session, now.getTime());
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
		load: sender => loadOf(db, sender),
	};
}

/** What waits to be delivered of a person, and whether they were told that it is too much. */
async function loadOf(db: Kysely<Tables>, sender: string): Promise<{ waiting: number; told: boolean }> {
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
