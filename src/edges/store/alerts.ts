// What rooms have heard of the servers they watch: alerts, with what people said about them.
import type { Kysely, Selectable, Transaction } from 'kysely';
import type { AlertSubject } from '../../advice/watch/alert-condition.ts';
import type { Alert } from '../../advice/watch/alerts.ts';
import { partOf } from '../../bot/said-id.ts';
import type { Heard, NumberedAlert, WatchDecision, WatchStore } from '../../ports/watch-store.ts';
import { insertSayings } from './outbox.ts';
import type { Tables } from './schema.ts';
import { keepLook } from './servers.ts';

type AlertStore = Pick<WatchStore, 'heard' | 'open' | 'saidIn' | 'keepDecided' | 'ack' | 'snooze'>;

export function alertsOf(db: Kysely<Tables>): AlertStore {
	return {
		async heard(watch) {
			return (await heardIn(db).where('watch', '=', watch).orderBy('matters.id').execute()).map(heardOf);
		},
		async open(room) {
			const rows = await heardIn(db)
				.where('watches.room', '=', room)
				.where('solved_at', 'is', null)
				.orderBy('number')
				.execute();
			return rows.map(heardOf);
		},
		async saidIn(room, event) {
			const rows = await heardIn(db)
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
	};
}

/** All that rooms have heard, each with the server that it is about. */
export function heardIn(db: Kysely<Tables>) {
	return db
		.selectFrom('matters')
		.innerJoin('watches', 'watches.id', 'matters.watch')
		.selectAll('matters')
		.select('server');
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

export async function lastNumber(tx: Transaction<Tables>, room: string): Promise<number> {
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
		const { id } = await tx
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
			.returning('id')
			.executeTakeFirstOrThrow();
		matter = id;
	}
	if (matter === undefined) throw new Error(`the matter ${rule} ${subject} got no id`);
	await tx
		.insertInto('alerts')
		.values({ matter, stage, at: now, said: said ?? null })
		.execute();
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
export async function dropMessages(tx: Transaction<Tables>, said: string): Promise<void> {
	const all = [said, ...Array.from({ length: maxMessages }, (_, part) => partOf(said, part + 1))];
	await tx.deleteFrom('outbox').where('said', 'in', all).where('done_at', 'is', null).execute();
}

/** An answer has at most two messages, one of alerts may have some more; beyond that it is a file. */
const maxMessages = 10;

/** Forgets some matters that were solved before that moment, and what was said about them; gives how many. */
export function pruneMatters(db: Kysely<Tables>, before: number, limit: number): Promise<number> {
	return db.transaction().execute(async tx => {
		const old = await tx
			.selectFrom('matters')
			.select('id')
			.where('solved_at', 'is not', null)
			.where('solved_at', '<', before)
			.limit(limit)
			.execute();
		const ids = old.map(({ id }) => id);
		if (ids.length === 0) return 0;
		await tx.deleteFrom('alerts').where('matter', 'in', ids).execute();
		await tx.deleteFrom('matters').where('id', 'in', ids).execute();
		return ids.length;
	});
}

export function heardOf(row: Selectable<Tables['matters']> & { server: string }): Heard {
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
		about: JSON.parse(row.about) as AlertSubject,
		...(row.acked_at !== null && { acked: true as const }),
		...(row.snoozed_until !== null && { snoozed: { until: row.snoozed_until } }),
		...(row.snoozed_version !== null && { snoozed: { version: row.snoozed_version } }),
		...(row.solved_at !== null && { solved: new Date(row.solved_at).toISOString() }),
		...(row.unsaid === 1 && { unsaid: true as const }),
		...(row.root !== null && { root: row.root }),
	};
}
