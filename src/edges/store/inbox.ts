// Incoming messages, and what was decided about them.
import type { ExpressionBuilder, Kysely, Transaction } from 'kysely';
import { sql } from 'kysely';
import { fileWindow, type Incoming } from '../../ports/homeserver.ts';
import type { InHand, Room, Store } from '../../ports/store.ts';
import { keepSession } from './guide-sessions.ts';
import { insertSayings } from './outbox.ts';
import { prepared } from './prepared.ts';
import type { Tables } from './schema.ts';
import type { AsyncCommit } from './sqlite.ts';
import { take } from './sync-batch.ts';

/** A literal, because SQLite plans a statement again whenever a bound limit changes, which costs more than running it. */
const one = sql.lit(1);

type InboxStore = Pick<Store, 'take' | 'unread' | 'nextMessage' | 'settle' | 'note' | 'load' | 'awaitsFile'>;

export function inboxOf(db: Kysely<Tables>, asyncCommit: AsyncCommit): InboxStore {
	return {
		take(batch, now) {
			const write = (connection: Kysely<Tables>) =>
				connection.transaction().execute(tx => take(tx, batch, now.getTime()));
			// If messages are lost, so is the token, and the homeserver sends them again. An invitation that has been
			// accepted in the meantime would not come again.
			return batch.invited.length > 0 ? write(db) : asyncCommit(write);
		},
		async unread(inHand) {
			const rows = inHand ? await roomsUnread(db).where(notIn(inHand)).execute() : (await allRoomsUnread(db, {})).rows;
			return rows.map(({ room }) => room);
		},
		async nextMessage(room, inHand) {
			const [row] = inHand
				? await messagesOf(db, room).where(notIn(inHand)).execute()
				: (await firstMessageOf(db, { room })).rows;
			return row && incomingOf(row);
		},
		settle: (event, sayings, now, session, together = []) =>
			db.transaction().execute(async tx => {
				// If the command was redacted in the meantime, it is already marked as decided, and nothing is said.
				const { numAffectedRows } = await settleOne(tx, { event, now: now.getTime() });
				if (numAffectedRows === 0n) return;
				await settleTogether(tx, event, together, now);
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
		awaitsFile: message => awaitsFile(db, message),
	};
}

/** Messages covered by another one's answer get no answer of their own, even if a sync brings them later. */
async function settleTogether(
	tx: Transaction<Tables>,
	event: string,
	together: readonly string[],
	now: Date,
): Promise<void> {
	if (together.length === 0) return;
	const row = await tx.selectFrom('inbox').selectAll().where('event', '=', event).executeTakeFirst();
	for (const other of row ? together : [])
		await tx
			.insertInto('inbox')
			.values({ ...(row as Tables['inbox']), event: other, wants: 0, ...decided(now.getTime()) })
			.onConflict(conflict =>
				conflict.column('event').doUpdateSet(decided(now.getTime())).where('inbox.decided_at', 'is', null),
			)
			.execute();
}

/** The columns of a message once it is decided. */
function decided(now: number) {
	return { decided_at: now, body: '', raw: null };
}

/**
 * A file belongs to a command that its sender gave shortly before, or that it replies to, directly or through our
 * answer.
 */
async function awaitsFile(db: Kysely<Tables>, { room, sender, at, repliesTo }: Incoming): Promise<boolean> {
	const wanting = db.selectFrom('inbox').select('event').where('room', '=', room).where('wants', '=', 1);
	const before = await wanting
		.where('sender', '=', sender)
		.where('at', '<=', at.getTime())
		.where('at', '>=', at.getTime() - fileWindow)
		.limit(one)
		.executeTakeFirst();
	if (before || repliesTo === undefined) return before !== undefined;
	const answered = db.selectFrom('outbox').select('answers').where('event', '=', repliesTo).where('room', '=', room);
	const meant = await wanting
		.where(({ or, eb }) =>
			or([eb('event', '=', repliesTo), eb('event', 'in', answered.$castTo<{ answers: string }>())]),
		)
		.limit(one)
		.executeTakeFirst();
	return meant !== undefined;
}

/** How many answers a person is waiting for, and whether they were told that there are too many. */
async function loadOf(db: Kysely<Tables>, sender: string): Promise<{ waiting: number; told: boolean }> {
	const [{ waiting } = { waiting: 0 }] = (await waitingFor(db, { sender })).rows;
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

const waitingFor = prepared((db, { sender }: { sender: string }) =>
	db
		.selectFrom('outbox')
		.select(({ fn }) => fn.countAll<number>().as('waiting'))
		.where('sender', '=', sender)
		.where('done_at', 'is', null),
);

const allRoomsUnread = prepared(roomsUnread);

function roomsUnread(db: Kysely<Tables>) {
	return db
		.selectFrom('inbox')
		.select('room')
		.distinct()
		.where('decided_at', 'is', null)
		.where('room', 'not in', db.selectFrom('gaps').select('room'));
}

const firstMessageOf = prepared((db, { room }: { room: string }) => messagesOf(db, room));

function messagesOf(db: Kysely<Tables>, room: string) {
	return db
		.selectFrom('inbox')
		.selectAll()
		.where('decided_at', 'is', null)
		.where('room', '=', room)
		.orderBy('batch')
		.orderBy('place')
		.limit(one);
}

const settleOne = prepared((db, { event, now }: { event: string; now: number }) =>
	db.updateTable('inbox').set(decided(now)).where('event', '=', event).where('decided_at', 'is', null),
);

/** Excludes messages in hand, and those that wait for them. */
function notIn({ events, senders }: InHand) {
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
		...(row.unread === 1 && { unread: true as const }),
		...(row.raw !== null && { raw: row.raw }),
		...(row.wants === 1 && { wants: true as const }),
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
