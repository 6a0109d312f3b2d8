// Who watches what, what looks saw, and what was said about it.
import type { Kysely, Selectable, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { Alert } from '../../advice/alert.ts';
import type { Spell, Told } from '../../advice/spell.ts';
import type { Settings, Subscription, WatchedServer } from '../../advice/subscription.ts';
import type { Heard, Numbered, WatchStore } from '../../ports.ts';
import { insertSayings } from './outbox.ts';
import type { Tables } from './schema.ts';

export function watchOf(db: Kysely<Tables>): WatchStore {
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
		async watchesOn(server) {
			const rows = await db
				.selectFrom('watches')
				.selectAll()
				.where('server', '=', server)
				.where(({ not, exists, selectFrom }) =>
					not(
						exists(
							selectFrom('rooms')
								.select('rooms.room')
								.whereRef('rooms.room', '=', 'watches.room')
								.where('membership', '=', 'left'),
						),
					),
				)
				.orderBy('id')
				.execute();
			return rows.map(subscriptionOf);
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
					.values({ id, room, server, heard: watch.heard ?? null, ...row })
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
		async keepLook({ server, spells, looked, next }) {
			await db
				.updateTable('servers')
				.set({ spells: JSON.stringify(spells), looked: looked?.getTime() ?? null, next_look: next.getTime() })
				.where('server', '=', server)
				.execute();
		},
		async looks() {
			const { servers, last, next } = await db
				.selectFrom('servers')
				.select(({ fn }) => [
					fn.countAll<number>().as('servers'),
					fn.max('looked').as('last'),
					fn.min('next_look').as('next'),
				])
				.executeTakeFirstOrThrow();
			return {
				servers,
				...(last !== null && { last: new Date(last) }),
				...(next !== null && { next: new Date(next) }),
			};
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
		alert: (watch, alerts, say, now) =>
			db.transaction().execute(async tx => {
				// The room may have unsubscribed, and been told so, while this was being decided.
				const still = await tx.selectFrom('watches').select('room').where('id', '=', watch.id).executeTakeFirst();
				if (!still) return;
				const fresh: (Numbered & { matter?: number })[] = [];
				for (const alert of alerts) {
					const remembered = await remember(tx, watch, still.room, alert, now.getTime());
					if (remembered) fresh.push(remembered);
				}
				const spoken = fresh.filter(({ alert }) => !alert.unsaid);
				const sayings = say(spoken).map(one => ({ ...one, saying: { ...one.saying, room: still.room } }));
				await insertSayings(
					tx,
					sayings.map(({ saying }) => saying),
					now.getTime(),
				);
				for (const { saying, says } of sayings) {
					for (const place of says) {
						const { matter, alert, root } = spoken[place] ?? {};
						if (matter === undefined || alert === undefined) continue;
						await tx
							.updateTable('alerts')
							.set({ said: saying.said })
							.where('matter', '=', matter)
							.where('stage', '=', alert.stage)
							.execute();
						if (root === undefined) {
							await tx.updateTable('matters').set({ root: saying.said, unsaid: 0 }).where('id', '=', matter).execute();
						}
					}
				}
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
					room,
					membership: 'joined',
					since: now.getTime(),
					inviter: null,
					create_event: null,
					power_levels: null,
					encryption: null,
					join_rule: null,
					history_visibility: null,
					tombstone: null,
					predecessor: null,
					last_event: null,
					last_at: null,
					settings: JSON.stringify(settings),
					greeted: 1,
					told_encrypted: 0,
					told_public: 0,
				})
				.onConflict(conflict => conflict.column('room').doUpdateSet({ settings: JSON.stringify(settings) }))
				.execute();
		},
	};
}

/** The matter that an alert is about, kept up to date; undefined when this alert was given before. */
async function remember(
	tx: Transaction<Tables>,
	watch: Subscription,
	room: string,
	alert: Alert,
	now: number,
): Promise<(Numbered & { matter?: number }) | undefined> {
	if (alert.heard !== undefined) {
		await tx.updateTable('watches').set({ heard: alert.heard }).where('id', '=', watch.id).execute();
	}
	const { rule, subject, stage, episode, title, severity } = alert;
	const known = await tx
		.selectFrom('matters')
		.selectAll()
		.where('watch', '=', watch.id)
		.where('rule', '=', rule)
		.where('subject', '=', subject)
		.where('episode', '=', episode)
		.executeTakeFirst();
	const oneTime = rule === 'first' || rule === 'change';
	if (!known) {
		const { number } = await tx
			.selectFrom('matters')
			.innerJoin('watches', 'watches.id', 'matters.watch')
			.where('watches.room', '=', room)
			.select(({ fn }) => fn.max('number').as('number'))
			.executeTakeFirstOrThrow();
		const row = {
			watch: watch.id,
			rule,
			subject,
			episode,
			number: oneTime ? null : (number ?? 0) + 1,
			stage,
			at: now,
			reminders: 0,
			severity,
			title,
			acked_at: null,
			acked_by: null,
			snoozed_until: null,
			snoozed_version: null,
			// What happened once is over as soon as it is said.
			solved_at: oneTime ? now : null,
			unsaid: alert.unsaid ? 1 : 0,
			root: null,
		} as const;
		const { insertId } = await tx.insertInto('matters').values(row).executeTakeFirstOrThrow();
		const matter = Number(insertId);
		await tx.insertInto('alerts').values({ matter, stage, at: now, said: null }).execute();
		return { alert, matter, ...(row.number !== null && { number: row.number }) };
	}
	const before = await tx
		.selectFrom('alerts')
		.select('at')
		.where('matter', '=', known.id)
		.where('stage', '=', stage)
		.executeTakeFirst();
	if (before) return undefined;
	await tx.insertInto('alerts').values({ matter: known.id, stage, at: now, said: null }).execute();
	const changes =
		alert.kind === 'solved'
			? { solved_at: now }
			: alert.kind === 'reminder'
				? { at: now, reminders: known.reminders + 1, snoozed_until: null, snoozed_version: null }
				: { at: now, stage, severity, title, reminders: 0, snoozed_until: null, snoozed_version: null };
	await tx.updateTable('matters').set(changes).where('id', '=', known.id).execute();
	return {
		alert,
		matter: known.id,
		...(known.number !== null && { number: known.number }),
		...(known.root !== null && { root: known.root }),
	};
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

/** The subscriptions of a room go with it to the one that replaces it; threads begin anew there. */
export async function moveWatches(tx: Transaction<Tables>, from: string, to: string): Promise<void> {
	const there = await tx.selectFrom('watches').select('server').where('room', '=', to).execute();
	const servers = there.map(({ server }) => server);
	const rows = await tx.selectFrom('watches').select(['id', 'server']).where('room', '=', from).execute();
	await forgetWatches(
		tx,
		rows.filter(({ server }) => servers.includes(server)).map(({ id }) => id),
	);
	await tx
		.updateTable('matters')
		.set({ root: null })
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
		title: row.title,
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
