// Who watches what, what looks saw, and what was said about it.
import type { Kysely, Selectable, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { Alert } from '../../advice/watch/alerts.ts';
import type { About } from '../../advice/watch/conditions.ts';
import type { Spell, Told } from '../../advice/watch/history.ts';
import type { Settings, Subscription, WatchedServer } from '../../advice/watch/subscription.ts';
import { partOf } from '../../bot/said-id.ts';
import type { Heard, NumberedAlert, WatchDecision, WatchStore } from '../../ports/watch-store.ts';
import { insertSayings } from './outbox.ts';
import { type Tables, unknownRoom } from './schema.ts';

export function watchOf(db: Kysely<Tables>): Omit<WatchStore, 'uninvited'> {
	const heard = () =>
		db.selectFrom('matters').innerJoin('watches', 'watches.id', 'matters.watch').selectAll('matters').select('server');
	return {
		async watches(room) {
			const rows = await db.selectFrom('watches').selectAll().where('room', '=', room).orderBy('server').execute();
			return rows.map(subscriptionOf);
		},
		async watch(room, server) {
			const row = await db
				.selectFrom('watches')
				.selectAll()
				.where('room', '=', room)
				.where('server', '=', server)
				.executeTakeFirst();
			return row && subscriptionOf(row);
		},
		async watchesBegunBy(person) {
			const { count } = await db
				.selectFrom('watches')
				.select(({ fn }) => fn.countAll<number>().as('count'))
				.where('begun_by', '=', person)
				.executeTakeFirstOrThrow();
			return count;
		},
		async watchedBy(server, after, limit) {
			const rows = await db
				.selectFrom('watches')
				.leftJoin('rooms', 'rooms.room', 'watches.room')
				.selectAll('watches')
				.select('rooms.settings')
				.where('server', '=', server)
				.where('watches.id', '>', after)
				// A room that no sync brought is the terminal's.
				.where(({ or, eb }) => or([eb('membership', 'is', null), eb('membership', '!=', 'left')]))
				.orderBy('watches.id')
				.limit(limit)
				.execute();
			const said = rows.length
				? await heard()
						.where(
							'watch',
							'in',
							rows.map(({ id }) => id),
						)
						.orderBy('matters.id')
						.execute()
				: [];
			const byWatch = Map.groupBy(said.map(heardOf), ({ watch }) => watch);
			return rows.map(row => ({
				subscription: subscriptionOf(row),
				settings: JSON.parse(row.settings ?? '{}') as Settings,
				said: byWatch.get(row.id) ?? [],
			}));
		},
		keepWatch: (watch, now) =>
			db.transaction().execute(async tx => {
				const row = {
					facts: JSON.stringify(watch.facts),
					told: watch.told === undefined ? null : JSON.stringify(watch.told),
					changed: watch.changed.getTime(),
				};
				const { id, room, server } = watch;
				await tx
					.insertInto('watches')
					.values({ id, room, server, heard: watch.heard ?? null, begun_by: watch.by ?? null, ...row })
					.onConflict(conflict => conflict.columns(['room', 'server']).doUpdateSet(row))
					.execute();
				await tx
					.insertInto('servers')
					.values({ server, spells: '[]', looked: null, next_look: now.getTime() })
					.onConflict(conflict => conflict.doNothing())
					.execute();
			}),
		dropWatch: (room, server) =>
			db.transaction().execute(async tx => {
				const row = await tx
					.selectFrom('watches')
					.select('id')
					.where('room', '=', room)
					.where('server', '=', server)
					.executeTakeFirst();
				if (row) await forgetWatches(tx, [row.id]);
				return row !== undefined;
			}),
		async server(server) {
			const row = await db.selectFrom('servers').selectAll().where('server', '=', server).executeTakeFirst();
			return row && serverOf(row);
		},
		async serversOf(room) {
			const rows = await db
				.selectFrom('watches')
				.innerJoin('servers', 'servers.server', 'watches.server')
				.selectAll('servers')
				.where('room', '=', room)
				.orderBy('servers.server')
				.execute();
			return rows.map(serverOf);
		},
		async dueServers(now, horizon, limit) {
			const due = await db
				.selectFrom('servers')
				.selectAll()
				.where('next_look', '<=', now.getTime())
				.orderBy('next_look')
				.limit(limit)
				.execute();
			if (due.length >= limit) return due.map(serverOf);
			const beyond = await db
				.selectFrom('servers')
				.selectAll()
				.where('next_look', '>', horizon.getTime())
				.orderBy('next_look')
				.limit(limit - due.length)
				.execute();
			return [...due, ...beyond].map(serverOf);
		},
		async nextLook() {
			const row = await db
				.selectFrom('servers')
				.select(({ fn }) => fn.min('next_look').as('at'))
				.executeTakeFirst();
			return row?.at == null ? undefined : new Date(row.at);
		},
		async lookedAtSince(since, limit) {
			const rows = await db
				.selectFrom('servers')
				.selectAll()
				.where('looked', '>=', since.getTime())
				.orderBy('looked', 'desc')
				.limit(limit)
				.execute();
			return rows.map(serverOf);
		},
		keepLook: look => keepLook(db, look),
		async looks() {
			// Each by its index: in one statement over the table, both would be sought in every row.
			const { rows } = await sql<{ last: number | null; next: number | null }>`SELECT
				(SELECT max(looked) FROM servers) AS last, (SELECT min(next_look) FROM servers) AS next`.execute(db);
			const { last = null, next = null } = rows[0] ?? {};
			return { ...(last !== null && { last: new Date(last) }), ...(next !== null && { next: new Date(next) }) };
		},
		async heard(watch) {
			return (await heard().where('watch', '=', watch).orderBy('matters.id').execute()).map(heardOf);
		},
		async open(room) {
			const rows = await heard()
				.where('watches.room', '=', room)
				.where('solved_at', 'is', null)
				.orderBy('number')
				.execute();
			return rows.map(heardOf);
		},
		async saidIn(room, event) {
			const rows = await heard()
				.where('watches.room', '=', room)
				.where('solved_at', 'is', null)
				.where('matters.id', 'in', ({ selectFrom }) =>
					selectFrom('alerts')
						.innerJoin('outbox', 'outbox.said', 'alerts.said')
						.select('alerts.matter')
						.where('outbox.event', '=', event)
						.where('outbox.room', '=', room),
				)
				.orderBy('number')
				.execute();
			return rows.map(heardOf);
		},
		keepDecided: (decisions, now, look) =>
			db.transaction().execute(async tx => {
				for (const decision of decisions) await give(tx, decision, now.getTime());
				if (look) await keepLook(tx, look);
			}),
		async ack(ids, by, now) {
			await db.updateTable('matters').set({ acked_at: now.getTime(), acked_by: by }).where('id', 'in', ids).execute();
		},
		async snooze(ids, until) {
			const set =
				'until' in until
					? { snoozed_until: until.until, snoozed_version: null }
					: { snoozed_until: null, snoozed_version: until.version };
			await db
				.updateTable('matters')
				.set({ ...set, acked_at: null, acked_by: null })
				.where('id', 'in', ids)
				.execute();
		},
		async settings(room) {
			const row = await db.selectFrom('rooms').select('settings').where('room', '=', room).executeTakeFirst();
			return JSON.parse(row?.settings ?? '{}') as Settings;
		},
		async keepSettings(room, settings, now) {
			// Without a sync there is no room yet: the terminal is one, as long as the conversation lasts.
			await db
				.insertInto('rooms')
				.values({
					...unknownRoom,
					room,
					membership: 'joined',
					since: now.getTime(),
					settings: JSON.stringify(settings),
					greeted: 1,
				})
				.onConflict(conflict => conflict.column('room').doUpdateSet({ settings: JSON.stringify(settings) }))
				.execute();
		},
	};
}

async function keepLook(db: Kysely<Tables>, { server, spells, looked, next }: WatchedServer): Promise<void> {
	await db
		.updateTable('servers')
		.set({ spells: JSON.stringify(spells), looked: looked?.getTime() ?? null, next_look: next.getTime() })
		.where('server', '=', server)
		.execute();
}

/** Remembers what was decided for one watch, and puts into the outbox what is said about it. */
async function give(tx: Transaction<Tables>, { watch, alerts, say }: WatchDecision, now: number): Promise<void> {
	// The room may have unsubscribed, and been told so, while this was being decided.
	const still = await tx.selectFrom('watches').select('room').where('id', '=', watch.id).executeTakeFirst();
	if (!still) return;
	const heard = alerts.findLast(alert => alert.heard !== undefined)?.heard;
	if (heard !== undefined) await tx.updateTable('watches').set({ heard }).where('id', '=', watch.id).execute();
	const fresh: Fresh[] = [];
	let last: number | undefined;
	for (const alert of alerts) {
		const known = await knownMatter(tx, alert);
		if (known && (await wasGiven(tx, known.id, alert.stage))) continue;
		const numbered = known ? known.number : isOnce(alert) ? null : await next();
		fresh.push({
			alert,
			...(numbered !== null && { number: numbered }),
			...(known && { known }),
			...(known?.root != null && { root: known.root }),
		});
	}
	const spoken = fresh.filter(({ alert }) => !alert.unsaid);
	const sayings = say(spoken).map(one => ({ ...one, saying: { ...one.saying, room: still.room } }));
	await insertSayings(
		tx,
		sayings.map(({ saying }) => saying),
		now,
	);
	const saidBy = new Map(sayings.flatMap(({ saying, says }) => says.map(place => [spoken[place], saying.said])));
	for (const one of fresh) await remember(tx, one, saidBy.get(one), now);

	/** The next number in the room; of those given just now too, which are not written yet. */
	async function next(): Promise<number> {
		last ??= await lastNumber(tx, still?.room ?? '');
		last++;
		return last;
	}
}

type Fresh = NumberedAlert & { known?: Selectable<Tables['matters']> };

async function knownMatter(tx: Transaction<Tables>, { watch, rule, subject, episode }: Alert) {
	return tx
		.selectFrom('matters')
		.selectAll()
		.where('watch', '=', watch)
		.where('rule', '=', rule)
		.where('subject', '=', subject)
		.where('episode', '=', episode)
		.executeTakeFirst();
}

async function wasGiven(tx: Transaction<Tables>, matter: number, stage: string): Promise<boolean> {
	const row = await tx
		.selectFrom('alerts')
		.select('at')
		.where('matter', '=', matter)
		.where('stage', '=', stage)
		.executeTakeFirst();
	return row !== undefined;
}

async function lastNumber(tx: Transaction<Tables>, room: string): Promise<number> {
	const { number } = await tx
		.selectFrom('matters')
		.innerJoin('watches', 'watches.id', 'matters.watch')
		.where('watches.room', '=', room)
		.select(({ fn }) => fn.max('number').as('number'))
		.executeTakeFirstOrThrow();
	return number ?? 0;
}

/** What happened once is over as soon as it is said, and needs no number. */
function isOnce({ rule }: Alert): boolean {
	return rule === 'first' || rule === 'change';
}

/** The matter that an alert is about, kept up to date, and the alert itself with what said it. */
async function remember(
	tx: Transaction<Tables>,
	{ alert, number, known }: Fresh,
	said: string | undefined,
	now: number,
): Promise<void> {
	const { watch, rule, subject, episode, stage, severity } = alert;
	const about = JSON.stringify(alert.about);
	let matter = known?.id;
	if (known) {
		const changes =
			alert.kind === 'solved'
				? { solved_at: now }
				: alert.kind === 'reminder'
					? { at: now, reminders: known.reminders + 1, snoozed_until: null, snoozed_version: null }
					: { at: now, stage, severity, about, reminders: 0, snoozed_until: null, snoozed_version: null };
		const rooted = said !== undefined && known.root === null ? ({ root: said, unsaid: 0 } as const) : {};
		await tx
			.updateTable('matters')
			.set({ ...changes, ...rooted })
			.where('id', '=', known.id)
			.execute();
	} else {
		const { insertId } = await tx
			.insertInto('matters')
			.values({
				watch,
				rule,
				subject,
				episode,
				number: number ?? null,
				stage,
				at: now,
				reminders: 0,
				severity,
				about,
				acked_at: null,
				acked_by: null,
				snoozed_until: null,
				snoozed_version: null,
				solved_at: isOnce(alert) ? now : null,
				unsaid: alert.unsaid ? 1 : 0,
				root: said ?? null,
			})
			.executeTakeFirstOrThrow();
		matter = Number(insertId);
	}
	if (matter === undefined) throw new Error(`the matter ${rule} ${subject} got no id`);
	await tx
		.insertInto('alerts')
		.values({ matter, stage, at: now, said: said ?? null })
		.execute();
}

/** Forgets subscriptions, and servers that nobody watches any more. */
export async function forgetWatches(tx: Transaction<Tables>, ids: readonly string[]): Promise<void> {
	for (const id of ids) {
		const matters = tx.selectFrom('matters').select('id').where('watch', '=', id);
		await tx.deleteFrom('alerts').where('matter', 'in', matters).execute();
		await tx.deleteFrom('matters').where('watch', '=', id).execute();
		const row = await tx.selectFrom('watches').select('server').where('id', '=', id).executeTakeFirst();
		await tx.deleteFrom('watches').where('id', '=', id).execute();
		if (!row) continue;
		const other = await tx.selectFrom('watches').select('id').where('server', '=', row.server).executeTakeFirst();
		if (!other) await tx.deleteFrom('servers').where('server', '=', row.server).execute();
	}
}

/**
 * Alerts of a room that will not be said, since we are no longer there: they were never given. Back in the room, they are
 * decided again.
 */
export async function unsay(tx: Transaction<Tables>, room: string): Promise<void> {
	const waiting = tx.selectFrom('outbox').select('said').where('room', '=', room).where('done_at', 'is', null);
	const given = await tx
		.selectFrom('alerts')
		.select(['matter', 'stage', 'said'])
		.where('said', 'in', waiting)
		.execute();
	for (const { matter, stage, said } of given) {
		await tx.deleteFrom('alerts').where('matter', '=', matter).where('stage', '=', stage).execute();
		const other = await tx.selectFrom('alerts').select('stage').where('matter', '=', matter).executeTakeFirst();
		if (!other) await tx.deleteFrom('matters').where('id', '=', matter).execute();
		await dropMessages(tx, said ?? '');
	}
}

/** The messages of a saying about alerts that wait: said again some day, they must not be taken for said. */
async function dropMessages(tx: Transaction<Tables>, said: string): Promise<void> {
	const all = [said, ...Array.from({ length: maxMessages }, (_, part) => partOf(said, part + 1))];
	await tx.deleteFrom('outbox').where('said', 'in', all).where('done_at', 'is', null).execute();
}

/** An answer has at most two messages, one of alerts may have some more; beyond that it is a file. */
const maxMessages = 10;

/** What of a room's alerts waits to be said in a room that watches the same server: that one hears of it by itself. */
export async function dropDoubles(tx: Transaction<Tables>, from: string, to: string): Promise<void> {
	const there = tx.selectFrom('watches').select('server').where('room', '=', to);
	const doubles = tx.selectFrom('watches').select('id').where('room', '=', from).where('server', 'in', there);
	const given = await tx
		.selectFrom('alerts')
		.innerJoin('matters', 'matters.id', 'alerts.matter')
		.select('said')
		.where('watch', 'in', doubles)
		.where('said', 'is not', null)
		.execute();
	for (const { said } of given) await dropMessages(tx, said ?? '');
}

/** The subscriptions of a room go with it to the one that replaces it; threads begin anew there. */
export async function moveWatches(tx: Transaction<Tables>, from: string, to: string): Promise<void> {
	const there = await tx.selectFrom('watches').select('server').where('room', '=', to).execute();
	const servers = there.map(({ server }) => server);
	const rows = await tx.selectFrom('watches').select(['id', 'server']).where('room', '=', from).execute();
	await forgetWatches(
		tx,
		rows.filter(({ server }) => servers.includes(server)).map(({ id }) => id),
	);
	// Each room counts from 1: what comes to one that has counted already goes on from there.
	const last = await lastNumber(tx, to);
	await tx
		.updateTable('matters')
		.set({ root: null, number: sql`number + ${last}` })
		.where('watch', 'in', tx.selectFrom('watches').select('id').where('room', '=', from))
		.execute();
	await tx.updateTable('watches').set({ room: to }).where('room', '=', from).execute();
}

export async function forgetWatchesIn(tx: Transaction<Tables>, room: string): Promise<void> {
	const rows = await tx.selectFrom('watches').select('id').where('room', '=', room).execute();
	await forgetWatches(
		tx,
		rows.map(({ id }) => id),
	);
}

/** Matters that were solved before that moment, and what was said about them. */
export async function pruneMatters(db: Kysely<Tables>, before: number): Promise<void> {
	const old = db.selectFrom('matters').select('id').where('solved_at', '<', before);
	await db.deleteFrom('alerts').where('matter', 'in', old).execute();
	await db.deleteFrom('matters').where('solved_at', '<', before).execute();
}

function subscriptionOf(row: Tables['watches']): Subscription {
	return {
		id: row.id,
		room: row.room,
		server: row.server,
		facts: JSON.parse(row.facts) as string[],
		...(row.told !== null && { told: JSON.parse(row.told) as Told }),
		changed: new Date(row.changed),
		...(row.heard !== null && { heard: row.heard }),
		...(row.begun_by !== null && { by: row.begun_by }),
	};
}

function serverOf(row: Tables['servers']): WatchedServer {
	return {
		server: row.server,
		spells: JSON.parse(row.spells) as Spell[],
		...(row.looked !== null && { looked: new Date(row.looked) }),
		next: new Date(row.next_look),
	};
}

function heardOf(row: Selectable<Tables['matters']> & { server: string }): Heard {
	return {
		id: row.id,
		number: row.number ?? 0,
		watch: row.watch,
		server: row.server,
		rule: row.rule as Heard['rule'],
		subject: row.subject,
		episode: row.episode,
		stage: row.stage,
		at: new Date(row.at).toISOString(),
		reminders: row.reminders,
		severity: row.severity,
		about: JSON.parse(row.about) as About,
		...(row.acked_at !== null && { acked: true as const }),
		...(row.snoozed_until !== null && { snoozed: { until: row.snoozed_until } }),
		...(row.snoozed_version !== null && { snoozed: { version: row.snoozed_version } }),
		...(row.solved_at !== null && { solved: new Date(row.solved_at).toISOString() }),
		...(row.unsaid === 1 && { unsaid: true as const }),
		...(row.root !== null && { root: row.root }),
	};
}

/** How the tables of the watch came to be. */
export async function watchTables(db: Kysely<unknown>): Promise<void> {
	await db.schema
		.createTable('servers')
		.addColumn('server', 'text', column => column.primaryKey())
		.addColumn('spells', 'text', column => column.notNull())
		.addColumn('looked', 'integer')
		.addColumn('next_look', 'integer', column => column.notNull())
		.execute();
	await sql`CREATE INDEX servers_next ON servers (next_look)`.execute(db);
	await sql`CREATE INDEX servers_looked ON servers (looked)`.execute(db);
	await db.schema
		.createTable('watches')
		.addColumn('id', 'text', column => column.primaryKey())
		.addColumn('room', 'text', column => column.notNull())
		.addColumn('server', 'text', column => column.notNull())
		.addColumn('facts', 'text', column => column.notNull())
		.addColumn('told', 'text')
		.addColumn('changed', 'integer', column => column.notNull())
		.addColumn('heard', 'text')
		.addUniqueConstraint('watches_once', ['room', 'server'])
		.execute();
	await sql`CREATE INDEX watches_server ON watches (server)`.execute(db);
	await db.schema
		.createTable('matters')
		.addColumn('id', 'integer', column => column.primaryKey().autoIncrement())
		.addColumn('watch', 'text', column => column.notNull())
		.addColumn('rule', 'text', column => column.notNull())
		.addColumn('subject', 'text', column => column.notNull())
		.addColumn('episode', 'text', column => column.notNull())
		.addColumn('number', 'integer')
		.addColumn('stage', 'text', column => column.notNull())
		.addColumn('at', 'integer', column => column.notNull())
		.addColumn('reminders', 'integer', column => column.notNull())
		.addColumn('severity', 'text', column => column.notNull())
		.addColumn('title', 'text', column => column.notNull())
		.addColumn('acked_at', 'integer')
		.addColumn('acked_by', 'text')
		.addColumn('snoozed_until', 'text')
		.addColumn('snoozed_version', 'text')
		.addColumn('solved_at', 'integer')
		.addColumn('unsaid', 'integer', column => column.notNull())
		.addColumn('root', 'text')
		.addUniqueConstraint('matters_identity', ['watch', 'rule', 'subject', 'episode'])
		.execute();
	await sql`CREATE INDEX matters_solved ON matters (solved_at) WHERE solved_at IS NOT NULL`.execute(db);
	await db.schema
		.createTable('alerts')
		.addColumn('matter', 'integer', column => column.notNull())
		.addColumn('stage', 'text', column => column.notNull())
		.addColumn('at', 'integer', column => column.notNull())
		.addColumn('said', 'text')
		.addPrimaryKeyConstraint('alerts_identity', ['matter', 'stage'])
		.execute();
	await sql`CREATE INDEX alerts_said ON alerts (said) WHERE said IS NOT NULL`.execute(db);
	await sql`CREATE INDEX outbox_event ON outbox (event) WHERE event IS NOT NULL`.execute(db);
}

/** Who began a watch: a person may begin only so many. */
export async function watchBeginners(db: Kysely<unknown>): Promise<void> {
	await db.schema.alterTable('watches').addColumn('begun_by', 'text').execute();
	await sql`CREATE INDEX watches_beginner ON watches (begun_by) WHERE begun_by IS NOT NULL`.execute(db);
}
