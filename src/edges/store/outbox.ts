// Messages that have been decided but not yet delivered.
import type { Kysely, Transaction } from 'kysely';
import { sql } from 'kysely';
import { LRUCache } from 'lru-cache';
import type { Saying, Waiting } from '../../ports/saying.ts';
import type { Store } from '../../ports/store.ts';
import { isDue } from './next-try.ts';
import { prepared } from './prepared.ts';
import type { Tables } from './schema.ts';
import type { AsyncCommit } from './sqlite.ts';

/** How many senders' last turns are remembered. */
const maxServed = 1000;

type OutboxStore = Pick<
	Store,
	'due' | 'nextDue' | 'seal' | 'eventOf' | 'confirmation' | 'sent' | 'postpone' | 'giveUp' | 'hurry'
>;

export function outboxOf(db: Kysely<Tables>, asyncCommit: AsyncCommit): OutboxStore {
	const choose = openChooser(db);

	const dueAnywhere = dueAnywhereQueries();

	return {
		async due(now, except, limit) {
			// One row more than needed shows whether there is a choice to make.
			const most = limit + 1;
			const rows = except.length
				? await dueRows(db, now.getTime(), most).where('room', 'not in', except).execute()
				: (await dueAnywhere(most)(db, { now: now.getTime() })).rows;
			return (await choose.pick(rows, now, except, limit)).map(waitingOf);
		},
		async nextDue() {
			const [row] = (await nextTry(db, {})).rows;
			return row?.at == null ? undefined : new Date(row.at);
		},
		async seal(id, event) {
			// If it is lost, the message is encrypted again, with the next index, and sent with the same transaction ID.
			await asyncCommit(connection => keepSealed(connection, { id, sealed: JSON.stringify(event) }));
		},
		async eventOf(room, said) {
			const row = await db
				.selectFrom('outbox')
				.select('event')
				.where('said', '=', said)
				.where('room', '=', room)
				.executeTakeFirst();
			return row?.event ?? undefined;
		},
		async confirmation(room, event) {
			const row = await db
				.selectFrom('outbox')
				.select(['confirms', 'created'])
				.where('event', '=', event)
				.where('room', '=', room)
				.where('confirms', 'is not', null)
				.executeTakeFirst();
			return row?.confirms == null ? undefined : { command: row.confirms, at: new Date(row.created) };
		},
		async sent(id, event, now) {
			// Not asynchronous: reactions and replies that arrive after a power cut are recognised by this event's ID.
			await finish(db, { id, now: now.getTime(), outcome: 'sent', event: event ?? null, why: null });
		},
		async postpone(id, until) {
			choose.giveBack(id);
			await db
				.updateTable('outbox')
				.set({ next_try: until.getTime(), tries: sql`tries + 1` })
				.where('id', '=', id)
				.execute();
		},
		async giveUp(id, why, now) {
			await finish(db, { id, now: now.getTime(), outcome: 'given up', event: null, why });
		},
		hurry: now => db.transaction().execute(tx => hurry(tx, now)),
	};
}

const nextTry = prepared(db =>
	db
		.selectFrom('outbox')
		.select(({ fn }) => fn.min('next_try').as('at'))
		.where('id', 'in', firstOfRooms(db)),
);

const keepSealed = prepared((db, { id, sealed }: { id: number; sealed: string }) =>
	db.updateTable('outbox').set({ sealed }).where('id', '=', id),
);

type End = { id: number; now: number; outcome: 'sent' | 'given up'; event: string | null; why: string | null };

const finish = prepared((db, { id, now, outcome, event, why }: End) =>
	db
		.updateTable('outbox')
		.set({ done_at: now, outcome, event, why, decided: null, sealed: null })
		.where('id', '=', id)
		.where('done_at', 'is', null),
);

/** One query per limit. Limits are literals, because SQLite plans a statement again whenever a bound limit changes. */
function dueAnywhereQueries() {
	const ofLimit = (limit: number) => prepared((db, { now }: { now: number }) => dueRows(db, now, limit));
	const byLimit = new Map<number, ReturnType<typeof ofLimit>>();
	return (limit: number) => {
		const known = byLimit.get(limit) ?? ofLimit(limit);
		byLimit.set(limit, known);
		return known;
	};
}

function dueRows(db: Kysely<Tables>, now: number, limit: number) {
	return db
		.selectFrom('outbox')
		.selectAll()
		.where('id', 'in', firstOfRooms(db))
		.where(isDue('outbox', now))
		.orderBy('id')
		.limit(sql.lit(limit));
}

/** Makes everything that is waiting for a retry due now. */
async function hurry(tx: Transaction<Tables>, now: Date): Promise<void> {
	const due = { next_try: now.getTime() };
	await tx.updateTable('outbox').set(due).where('done_at', 'is', null).where('next_try', '>', now.getTime()).execute();
	for (const table of ['gaps', 'moves'] as const)
		await tx.updateTable(table).set(due).where('next_try', '>', now.getTime()).execute();
	await tx
		.updateTable('invitations')
		.set(due)
		.where('accepted_at', 'is', null)
		.where('next_try', '>', now.getTime())
		.execute();
}

/** The oldest pending message of each room: order within a room is preserved. */
function firstOfRooms(db: Kysely<Tables>) {
	return db
		.selectFrom('outbox')
		.select(({ fn }) => fn.min('id').as('id'))
		.where('done_at', 'is', null)
		.groupBy('room');
}

type Chooser = {
	pick: (due: readonly Row[], now: Date, except: readonly string[], limit: number) => Promise<readonly Row[]>;
	/** Undoes a turn: the message was not delivered. */
	giveBack: (id: number) => void;
};

/** Chooses what to send first if more is due than may be sent: senders take turns. */
function openChooser(db: Kysely<Tables>): Chooser {
	/** When each sender was last served, as a counter. The one not served for longest goes first. */
	const served = new LRUCache<string, number>({ max: maxServed });
	let count = 0;
	const lastServed = (sender: string | null) => served.peek(sender ?? '') ?? 0;

	/** The first due message of each sender, longest unserved first, then the rest by age. */
	async function fair(now: Date, except: readonly string[], limit: number): Promise<number[]> {
		const query = db
			.selectFrom('outbox')
			.select(['sender', ({ fn }) => fn.min('id').as('id')])
			.where('id', 'in', firstOfRooms(db))
			.where(isDue('outbox', now.getTime()))
			.groupBy('sender');
		const rows = await (except.length ? query.where('room', 'not in', except) : query).execute();
		return rows
			.sort((a, b) => lastServed(a.sender) - lastServed(b.sender) || a.id - b.id)
			.slice(0, limit)
			.map(({ id }) => id);
	}

	async function among(oldest: readonly Row[], ids: readonly number[], limit: number): Promise<Row[]> {
		const others = ids.filter(id => !oldest.some(row => row.id === id));
		const more = others.length ? await db.selectFrom('outbox').selectAll().where('id', 'in', others).execute() : [];
		const all = [...oldest, ...more];
		const firsts = ids.flatMap(id => all.find(row => row.id === id) ?? []);
		return [...firsts, ...oldest.filter(({ id }) => !ids.includes(id))].slice(0, limit);
	}

	/** Recent turns by message id, with the sender's counter before. */
	const turns = new LRUCache<number, { sender: string; turn: number; before: number }>({ max: maxServed });

	return {
		async pick(due, now, except, limit) {
			const chosen = due.length > limit ? await among(due, await fair(now, except, limit), limit) : due;
			for (const { id, sender } of chosen) {
				turns.set(id, { sender: sender ?? '', turn: ++count, before: lastServed(sender) });
				served.set(sender ?? '', count);
			}
			return chosen;
		},
		giveBack(id) {
			const taken = turns.get(id);
			if (taken && served.peek(taken.sender) === taken.turn) served.set(taken.sender, taken.before);
		},
	};
}

export async function insertSayings(tx: Transaction<Tables>, sayings: readonly Saying[], now: number): Promise<void> {
	for (const saying of sayings) {
		await insertOne(tx, {
			said: saying.said,
			room: saying.room,
			kind: saying.limit ? 'limit' : saying.kind,
			answers: saying.answers ?? null,
			sender: saying.sender ?? null,
			decided: JSON.stringify(decidedOf(saying)),
			now,
			confirms: saying.confirms ?? null,
		});
	}
}

type NewSaying = Pick<Row, 'said' | 'room' | 'kind' | 'answers' | 'sender' | 'decided' | 'confirms'> & { now: number };

const insertOne = prepared((db, { now, ...saying }: NewSaying) =>
	db
		.insertInto('outbox')
		.values({
			...saying,
			sealed: null,
			tries: 0,
			next_try: now,
			created: now,
			event: null,
			done_at: null,
			outcome: null,
			why: null,
		})
		.onConflict(conflict => conflict.column('said').doNothing()),
);

/** The part of a message that depends on its kind. */
function decidedOf(saying: Saying): unknown {
	const { kind, continues, asked } = saying;
	const of = { kind, ...(continues !== undefined && { continues }), ...(asked && { asked: asked.getTime() }) };
	if (kind === 'event') return { ...of, event: saying.event };
	if (kind === 'file') return { ...of, file: saying.file, content: saying.content };
	return of;
}

type Row = Omit<Tables['outbox'], 'id'> & { id: number };

function waitingOf(row: Row): Waiting {
	const { asked, ...decided } = JSON.parse(row.decided ?? '{}');
	return {
		...decided,
		...(asked !== undefined && { asked: new Date(asked) }),
		id: row.id,
		said: row.said,
		room: row.room,
		...(row.answers !== null && { answers: row.answers }),
		...(row.sender !== null && { sender: row.sender }),
		...(row.kind === 'limit' && { limit: true }),
		...(row.confirms !== null && { confirms: row.confirms }),
		...(row.sealed !== null && { sealed: JSON.parse(row.sealed) }),
		tries: row.tries,
		created: new Date(row.created),
	};
}
