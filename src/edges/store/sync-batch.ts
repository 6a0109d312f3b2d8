// Stores everything a sync brought, and its token, in one transaction.
import type { Transaction } from 'kysely';
import { sql } from 'kysely';
import type { Batch, Incoming, Invited, RoomState } from '../../ports/homeserver.ts';
import { unsay } from './alerts.ts';
import { rememberEncrypted, usualEncryption, wasEncrypted } from './encrypted.ts';
import { unheard } from './heard.ts';
import { prepared } from './prepared.ts';
import { type Tables, unknownRoom } from './schema.ts';
import { dropUnreadable, insertUnreadable } from './undecryptable.ts';

/** Further invitations are not even stored, so that a flood cannot fill the disk. */
const maxInvitations = 1000;

export async function take(tx: Transaction<Tables>, batch: Batch, now: number): Promise<void> {
	const { token } = batch;
	const [row] = (await countBatch(tx, { token })).rows;
	if (!row) throw new Error('the row of the sync token is missing');
	const number = row.batch;
	for (const { room } of batch.left) {
		await leaveRoom(tx, room, now);
		await tx.deleteFrom('invitations').where('room', '=', room).where('accepted_at', 'is', null).execute();
	}
	for (const invited of batch.invited) await noteInvitation(tx, invited, now);
	for (const news of batch.joined) await takeRoom(tx, news, token, number, number === 1, now);
	// The first sync of a store that replaces a lost one: these rooms had watches, or may have had.
	const lost =
		number === 1 && (await tx.selectFrom('kept').select('key').where('key', '=', 'store lost').executeTakeFirst());
	if (lost) await tx.updateTable('rooms').set({ lost: 1 }).where('membership', '=', 'joined').execute();
}

/** Cancels what was queued for the room. Alerts among it are decided again if we return. */
export async function leaveRoom(tx: Transaction<Tables>, room: string, now: number): Promise<void> {
	await tx
		.updateTable('rooms')
		.set({ membership: 'left', since: now })
		.where('room', '=', room)
		.where('membership', '=', 'joined')
		.execute();
	await tx.deleteFrom('inbox').where('room', '=', room).where('decided_at', 'is', null).execute();
	await tx.deleteFrom('gaps').where('room', '=', room).execute();
	await tx.deleteFrom('unreadable').where('room', '=', room).execute();
	await unsay(tx, room);
	await tx
		.updateTable('outbox')
		.set({ done_at: now, outcome: 'dropped', why: 'we are no longer in the room', decided: null, sealed: null })
		.where('room', '=', room)
		.where('done_at', 'is', null)
		.execute();
}

const countBatch = prepared((db, { token }: { token: string }) =>
	db
		.insertInto('sync')
		.values({ id: 1, token, batch: 1 })
		.onConflict(conflict => conflict.column('id').doUpdateSet({ token, batch: sql`sync.batch + 1` }))
		.returning('batch'),
);

export const roomRow = prepared((db, { room }: { room: string }) =>
	db.selectFrom('rooms').selectAll().where('room', '=', room),
);

const noteLast = prepared((db, { room, ...last }: { room: string; last_event: string; last_at: number }) =>
	db.updateTable('rooms').set(last).where('room', '=', room),
);

async function noteInvitation(
	tx: Transaction<Tables>,
	{ room, inviter, predecessor }: Invited,
	now: number,
): Promise<void> {
	const { waiting } = await tx
		.selectFrom('invitations')
		.select(({ fn }) => fn.countAll<number>().as('waiting'))
		.where('accepted_at', 'is', null)
		.executeTakeFirstOrThrow();
	if (waiting >= maxInvitations) return;
	const replaces = predecessor === undefined ? null : (predecessor ?? '');
	const row = { inviter, received: now, tries: 0, next_try: now, accepted_at: null, predecessor: replaces };
	await tx
		.insertInto('invitations')
		.values({ room, ...row })
		.onConflict(conflict => conflict.column('room').doUpdateSet(row))
		.execute();
	// If the room replaces another one, we may be able to join it now.
	await tx.updateTable('moves').set({ next_try: now, uninvited: 0 }).where('to_room', '=', room).execute();
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
	const [known] = (await roomRow(tx, { room })).rows;
	if (state.encryption) await rememberEncrypted(tx, room);
	const columns = stateColumns(state);
	const last = news.last && { last_event: news.last.event, last_at: news.last.at.getTime() };
	if (known?.membership === 'joined') {
		if (last && Object.keys(columns).length === 0) await noteLast(tx, { room, ...last });
		else if (last || Object.keys(columns).length) {
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
			(await unheard(tx, news.messages)).map((message, place) => rowOf(message, batch, place)),
		);
		if (news.unreadable) await insertUnreadable(tx, news.unreadable, now);
		if (news.opened) await dropUnreadable(tx, news.opened);
	} else {
		await enter(tx, news, known, token, batch, first, now);
	}
	if (state.tombstone) await noteMove(tx, room, state.tombstone, now);
	for (const event of news.redacted) await redact(tx, event, now);
	if (news.redacted.length > 0) await dropUnreadable(tx, news.redacted);
}

/** A room we were not in before. Its messages are read from the history, which shows which came after we joined. */
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
	const move = await tx.selectFrom('moves').select('from_room').where('to_room', '=', room).executeTakeFirst();
	const isPublic = state.joinRule === 'public' || state.visibility === 'world_readable';
	const row: Omit<Tables['rooms'], 'room'> = {
		...unknownRoom,
		membership: 'joined',
		since: now,
		inviter: invitation?.inviter ?? known?.inviter ?? null,
		predecessor: known?.predecessor ?? null,
		moved_to: known?.moved_to ?? null,
		lost: 0,
		settings: known?.settings ?? '{}',
		// Rooms found by the first sync of an empty store know us from before, and so do rooms that replace another.
		greeted: first || move || known?.greeted === 1 ? 1 : 0,
		told_encrypted: known?.told_encrypted ?? 0,
		told_public: isPublic ? 1 : 0,
		// The batch number alone would start over with a new store, and the time alone could repeat.
		stay: `${batch} ${now}`,
		// Once encrypted, a room stays encrypted, whatever the homeserver says now.
		...((await wasEncrypted(tx, room)) && { encryption: JSON.stringify(usualEncryption) }),
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
		.where(({ or, and, eb }) =>
			or([
				and([eb('room', '=', replacement), eb('predecessor', '=', room)]),
				and([eb('room', '=', room), eb('moved_to', '=', replacement)]),
			]),
		)
		.executeTakeFirst();
	if (done || replacement === room) return;
	const via = sender.slice(sender.indexOf(':') + 1);
	const row = { to_room: replacement, via, sender, since: now, tries: 0, next_try: now };
	// The same move, if it names the same room again; otherwise another one.
	const same = (column: 'uninvited' | 'joined') =>
		sql<0 | 1>`CASE WHEN moves.to_room = ${replacement} THEN ${sql.ref(`moves.${column}`)} ELSE 0 END`;
	await tx
		.insertInto('moves')
		.values({ from_room: room, ...row, uninvited: 0, joined: 0 })
		.onConflict(conflict =>
			conflict.column('from_room').doUpdateSet({ ...row, uninvited: same('uninvited'), joined: same('joined') }),
		)
		.execute();
}

/** A redacted command gets no answer if it is undecided, or if we have not tried to send its answer yet. */
async function redact(tx: Transaction<Tables>, event: string, now: number): Promise<void> {
	await tx
		.updateTable('inbox')
		.set({ decided_at: now, body: '', raw: null, wants: 0 })
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

export function rowOf(message: Incoming, batch: number, place: number): Tables['inbox'] {
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
		sealed: message.sealed ? 1 : 0,
		unread: message.unread ? 1 : 0,
		raw: message.unread ? (message.raw ?? null) : null,
		wants: message.wants ? 1 : 0,
	};
}

export async function insertMessages(tx: Transaction<Tables>, rows: Tables['inbox'][]): Promise<void> {
	// One statement per row, prepared once: SQLite limits the number of bound values.
	for (const row of rows) await insertMessage(tx, row);
}

const insertMessage = prepared((db, row: Tables['inbox']) =>
	db
		.insertInto('inbox')
		.values(row)
		.onConflict(conflict => conflict.doNothing()),
);

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
