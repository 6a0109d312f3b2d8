// What came in: one transaction for all that a sync brought and the token after it, and what is done with it later.
import type { Kysely, Transaction } from 'kysely';
import type { Batch, Gap, Incoming, Page, Room, RoomState, Store } from '../../ports.ts';
import { insertSayings } from './outbox.ts';
import type { Tables } from './schema.ts';

/** More invitations than this at a time are not even noted: a flood of them fills no disk. */
const mostInvitations = 1000;

type InboxStore = Pick<Store, 'take' | 'gaps' | 'fill' | 'postponeGap' | 'unread' | 'nextMessage' | 'settle' | 'load'>;

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
		fill: (gap, page) => db.transaction().execute(tx => fill(tx, gap, page)),
		async postponeGap({ room, batch }, until) {
			await db
				.updateTable('gaps')
				.set({ next_try: until.getTime() })
				.where('room', '=', room)
				.where('batch', '=', batch)
				.execute();
		},
		async unread() {
			const rows = await db
				.selectFrom('inbox')
				.select('room')
				.distinct()
				.where('decided_at', 'is', null)
				.where('room', 'not in', db.selectFrom('gaps').select('room'))
				.execute();
			return rows.map(({ room }) => room);
		},
		async nextMessage(room) {
			const row = await db
				.selectFrom('inbox')
				.selectAll()
				.where('decided_at', 'is', null)
				.where('room', '=', room)
				.orderBy('batch')
				.orderBy('place')
				.limit(1)
				.executeTakeFirst();
			return row && incomingOf(row);
		},
		settle: (event, sayings, now) =>
			db.transaction().execute(async tx => {
				// A command that was redacted while it was being decided is no longer in the inbox: then nothing is said.
				const { numUpdatedRows } = await tx
					.updateTable('inbox')
					.set({ decided_at: now.getTime(), body: '' })
					.where('event', '=', event)
					.where('decided_at', 'is', null)
					.executeTakeFirst();
				if (numUpdatedRows > 0) await insertSayings(tx, sayings, now.getTime());
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
				.limit(1)
				.executeTakeFirst();
			return { waiting, told: before !== undefined };
		},
	};
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
	};
}

function rowOf(message: Incoming, batch: number, place: number): Tables['inbox'] {
	return {
		event: message.event,
		room: message.room,
		sender: message.sender,
		at: message.at.getTime(),
		body: message.body,
		mentioned: message.mentioned ? 1 : 0,
		replies_to: message.repliesTo ?? null,
		thread: message.thread ?? null,
		batch,
		place,
		decided_at: null,
	};
}

async function insertMessages(tx: Transaction<Tables>, rows: Tables['inbox'][]): Promise<void> {
	// One statement a row, prepared once: SQLite takes only so many values in one statement.
	for (const row of rows) {
		await tx
			.insertInto('inbox')
			.values(row)
			.onConflict(conflict => conflict.doNothing())
			.execute();
	}
}

async function take(tx: Transaction<Tables>, batch: Batch, now: number): Promise<void> {
	const before = await tx.selectFrom('sync').selectAll().executeTakeFirst();
	const number = (before?.batch ?? 0) + 1;
	for (const { room } of batch.left) await leave(tx, room, now);
	for (const { room, inviter } of batch.invited) await noteInvitation(tx, room, inviter, now);
	for (const news of batch.joined) await takeRoom(tx, news, batch.token, number, before === undefined, now);
	const sync = { token: batch.token, batch: number };
	await tx
		.insertInto('sync')
		.values({ id: 1, ...sync })
		.onConflict(conflict => conflict.column('id').doUpdateSet(sync))
		.execute();
}

async function leave(tx: Transaction<Tables>, room: string, now: number): Promise<void> {
	await tx
		.updateTable('rooms')
		.set({ membership: 'left', since: now })
		.where('room', '=', room)
		.where('membership', '=', 'joined')
		.execute();
	await tx.deleteFrom('inbox').where('room', '=', room).where('decided_at', 'is', null).execute();
	await tx.deleteFrom('gaps').where('room', '=', room).execute();
	await tx.deleteFrom('invitations').where('room', '=', room).where('accepted_at', 'is', null).execute();
	await tx
		.updateTable('outbox')
		.set({ done_at: now, outcome: 'dropped', why: 'we are no longer in the room', decided: null, sealed: null })
		.where('room', '=', room)
		.where('done_at', 'is', null)
		.execute();
}

async function noteInvitation(tx: Transaction<Tables>, room: string, inviter: string, now: number): Promise<void> {
	const { waiting } = await tx
		.selectFrom('invitations')
		.select(({ fn }) => fn.countAll<number>().as('waiting'))
		.where('accepted_at', 'is', null)
		.executeTakeFirstOrThrow();
	if (waiting >= mostInvitations) return;
	const row = { inviter, received: now, tries: 0, next_try: now, accepted_at: null };
	await tx
		.insertInto('invitations')
		.values({ room, ...row })
		.onConflict(conflict => conflict.column('room').doUpdateSet(row))
		.execute();
	// An invitation to the room that takes over another's: now it may let us in.
	await tx.updateTable('moves').set({ next_try: now }).where('to_room', '=', room).execute();
}

async function takeRoom(
	tx: Transaction<Tables>,
	news: Batch['joined'][number],
	token: string,
	batch: number,
	first: boolean,
	now: number,
): Promise<void> {
	const { room, state } = news;
	const known = await tx.selectFrom('rooms').selectAll().where('room', '=', room).executeTakeFirst();
	const columns = stateColumns(state);
	const last = news.last && { last_event: news.last.event, last_at: news.last.at.getTime() };
	if (known?.membership === 'joined') {
		if (last || Object.keys(columns).length) {
			await tx
				.updateTable('rooms')
				.set({ ...columns, ...last })
				.where('room', '=', room)
				.execute();
		}
		if (news.gap !== undefined) {
			await tx
				.insertInto('gaps')
				.values({
					room,
					batch,
					from_token: news.gap,
					until_event: known.last_event,
					until_at: known.last_at,
					place: 0,
					next_try: now,
				})
				.execute();
		}
		await insertMessages(
			tx,
			news.messages.map((message, place) => rowOf(message, batch, place)),
		);
	} else {
		await enter(tx, news, known, token, batch, first, now);
	}
	if (state.tombstone) await noteMove(tx, room, state.tombstone, now);
	for (const event of news.redacted) await redact(tx, event, now);
}

/** A room that we were not in before. What it heard before we came is not for us, and only its history tells. */
async function enter(
	tx: Transaction<Tables>,
	{ room, state, last }: Batch['joined'][number],
	known: Tables['rooms'] | undefined,
	token: string,
	batch: number,
	first: boolean,
	now: number,
): Promise<void> {
	const invitation = await tx.selectFrom('invitations').selectAll().where('room', '=', room).executeTakeFirst();
	const isPublic = state.joinRule === 'public' || state.visibility === 'world_readable';
	const row: Omit<Tables['rooms'], 'room'> = {
		membership: 'joined',
		since: now,
		inviter: invitation?.inviter ?? known?.inviter ?? null,
		create_event: null,
		power_levels: null,
		encryption: null,
		join_rule: null,
		history_visibility: null,
		tombstone: null,
		predecessor: known?.predecessor ?? null,
		settings: known?.settings ?? '{}',
		// The first sync of an empty store finds rooms of an earlier life: they know us.
		greeted: first || known?.greeted === 1 ? 1 : 0,
		told_encrypted: known?.told_encrypted ?? 0,
		told_public: isPublic ? 1 : 0,
		...stateColumns(state),
		last_event: last?.event ?? null,
		last_at: last?.at.getTime() ?? null,
	};
	await tx
		.insertInto('rooms')
		.values({ room, ...row })
		.onConflict(conflict => conflict.column('room').doUpdateSet(row))
		.execute();
	await tx
		.updateTable('invitations')
		.set({ accepted_at: now })
		.where('room', '=', room)
		.where('accepted_at', 'is', null)
		.execute();
	if (first) return;
	await tx.deleteFrom('gaps').where('room', '=', room).execute();
	await tx
		.insertInto('gaps')
		.values({ room, batch, from_token: token, until_event: null, until_at: null, place: 0, next_try: now })
		.execute();
}

async function noteMove(
	tx: Transaction<Tables>,
	room: string,
	{ sender, replacement }: { sender: string; replacement: string },
	now: number,
): Promise<void> {
	const done = await tx
		.selectFrom('rooms')
		.select('room')
		.where('room', '=', replacement)
		.where('predecessor', '=', room)
		.executeTakeFirst();
	if (done || replacement === room) return;
	const row = { to_room: replacement, via: sender.slice(sender.indexOf(':') + 1), since: now, tries: 0, next_try: now };
	await tx
		.insertInto('moves')
		.values({ from_room: room, ...row })
		.onConflict(conflict => conflict.column('from_room').doUpdateSet(row))
		.execute();
}

/** A command taken back: not decided, or decided and not yet tried, it stays unanswered. */
async function redact(tx: Transaction<Tables>, event: string, now: number): Promise<void> {
	await tx
		.updateTable('inbox')
		.set({ decided_at: now, body: '' })
		.where('event', '=', event)
		.where('decided_at', 'is', null)
		.execute();
	await tx
		.updateTable('outbox')
		.set({ done_at: now, outcome: 'dropped', why: 'the command was redacted', decided: null, sealed: null })
		.where('answers', '=', event)
		.where('done_at', 'is', null)
		.where('tries', '=', 0)
		.execute();
}

async function fill(tx: Transaction<Tables>, { room, batch }: Gap, { messages, next }: Page): Promise<void> {
	const gap = await tx
		.selectFrom('gaps')
		.select('place')
		.where('room', '=', room)
		.where('batch', '=', batch)
		.executeTakeFirst();
	if (!gap) return;
	await insertMessages(
		tx,
		messages.map((message, index) => rowOf(message, batch, gap.place - 1 - index)),
	);
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

type StateColumns = Partial<
	Pick<
		Tables['rooms'],
		'create_event' | 'power_levels' | 'encryption' | 'join_rule' | 'history_visibility' | 'tombstone'
	>
>;

function stateColumns(state: RoomState): StateColumns {
	return {
		...(state.create && { create_event: JSON.stringify(state.create) }),
		...(state.power && { power_levels: JSON.stringify(state.power) }),
		...(state.encryption && { encryption: JSON.stringify(state.encryption) }),
		...(state.joinRule !== undefined && { join_rule: state.joinRule }),
		...(state.visibility !== undefined && { history_visibility: state.visibility }),
		...(state.tombstone && { tombstone: JSON.stringify(state.tombstone) }),
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
