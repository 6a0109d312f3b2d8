// What rooms were told about the servers they watch: alerts, and what people did with them.
import type { Insertable, Kysely, Selectable, Transaction } from 'kysely';
import type { AlertSubject } from '../../advice/watch/alert-condition.ts';
import type { Alert } from '../../advice/watch/alerts.ts';
import { partOf } from '../../bot/said-id.ts';
import type { Heard, NumberedAlert, WatchDecision, WatchStore } from '../../ports/watch-store.ts';
import { keepLastNumber, lastNumber } from './alert-numbers.ts';
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
			const said = await reportedIn(db, room, event);
			if (said === undefined) return [];
			const rows = await heardIn(db)
				.where('watches.room', '=', room)
				.where('solved_at', 'is', null)
				.where('matters.id', 'in', ({ selectFrom }) =>
					selectFrom('alerts').select('alerts.matter').where('alerts.said', '=', said),
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
			// An acknowledged alert is reported when its date arrives, which a snooze would prevent.
			await db
				.updateTable('matters')
				.set({ acked_at: now.getTime(), acked_by: by, snoozed_until: null, snoozed_version: null })
				.where('id', 'in', ids)
				.execute();
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

/** The id of the message that this event carried, or of the first part if the message was split. */
async function reportedIn(db: Kysely<Tables>, room: string, event: string): Promise<string | undefined> {
	const told = await db
		.selectFrom('outbox')
		.select(['id', 'said'])
		.where('event', '=', event)
		.where('room', '=', room)
		.executeTakeFirst();
	if (!told) return undefined;
	const before = await db
		.selectFrom('outbox')
		.select('said')
		.where('id', '<', told.id)
		.where('id', '>=', told.id - maxMessages)
		.where('room', '=', room)
		.execute();
	return before.find(({ said }) => furtherParts(said).includes(told.said))?.said ?? told.said;
}

/** The conditions that rooms were told about, each with its server. */
export function heardIn(db: Kysely<Tables>) {
	return db
		.selectFrom('matters')
		.innerJoin('watches', 'watches.id', 'matters.watch')
		.selectAll('matters')
		.select('server');
}

/** Stores what was decided for one watch, and queues the messages about it. */
async function give(tx: Transaction<Tables>, { watch, alerts, say }: WatchDecision, now: number): Promise<void> {
	// The room may have unsubscribed, and been told so, while this was being decided.
	const still = await tx.selectFrom('watches').select('room').where('id', '=', watch.id).executeTakeFirst();
	if (!still) return;
	const heard = alerts.findLast(alert => alert.heard !== undefined)?.heard;
	if (heard !== undefined) await tx.updateTable('watches').set({ heard }).where('id', '=', watch.id).execute();
	const fresh: Fresh[] = [];
	let last: number | undefined;
	const { known: knownMatters, given } = await knownTo(tx, watch.id, alerts);
	for (const alert of alerts) {
		const known = knownMatters.get(matterKey(alert));
		if (known && given.has(stageKey(known.id, alert.stage))) continue;
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
	await remember(
		tx,
		fresh.map(one => ({ ...one, said: saidBy.get(one) })),
		now,
	);
	if (last !== undefined) await keepLastNumber(tx, still.room, last);

	/** The next number in the room, after those that were just assigned but not written yet. */
	async function next(): Promise<number> {
		last ??= await lastNumber(tx, still?.room ?? '');
		last++;
		return last;
	}
}

type Fresh = NumberedAlert & { known?: Selectable<Tables['matters']> };
type Remembered = Fresh & { said: string | undefined };

/** The key of a condition within its watch. */
function matterKey({ rule, subject, episode }: Record<'rule' | 'subject' | 'episode', string>): string {
	return JSON.stringify([rule, subject, episode]);
}

function stageKey(matter: number, stage: string): string {
	return `${matter} ${stage}`;
}

/** The conditions of a watch that these alerts are about, and which stages of them the room was told. */
async function knownTo(tx: Transaction<Tables>, watch: string, alerts: readonly Alert[]) {
	const none = { known: new Map<string, Selectable<Tables['matters']>>(), given: new Set<string>() };
	if (alerts.length === 0) return none;
	const subjects = [...new Set(alerts.map(({ subject }) => subject))];
	const rows = await tx
		.selectFrom('matters')
		.selectAll()
		.where('watch', '=', watch)
		.where('subject', 'in', subjects)
		.execute();
	if (rows.length === 0) return none;
	const ids = rows.map(({ id }) => id);
	const stages = await tx.selectFrom('alerts').select(['matter', 'stage']).where('matter', 'in', ids).execute();
	return {
		known: new Map(rows.map(row => [matterKey(row), row])),
		given: new Set(stages.map(({ matter, stage }) => stageKey(matter, stage))),
	};
}

/** A one-off event is over as soon as it has been reported, and needs no number. */
function isOnce({ rule }: Alert): boolean {
	return rule === 'first' || rule === 'change';
}

/**
 * Updates the conditions that the alerts are about, and inserts the alerts with the messages that reported them.
 * New conditions go in one statement, because each statement costs a round trip to a remote database.
 */
async function remember(tx: Transaction<Tables>, all: readonly Remembered[], now: number): Promise<void> {
	const given: Insertable<Tables['alerts']>[] = [];
	for (const { alert, known, said } of all) {
		if (!known) continue;
		await update(tx, known, alert, said, now);
		given.push({ matter: known.id, stage: alert.stage, at: now, said: said ?? null });
	}
	const fresh = all.filter(({ known }) => !known);
	const ids = await insertMatters(tx, fresh, now);
	for (const { alert, said } of fresh) {
		const matter = ids.get(matterKey(alert));
		if (matter === undefined) throw new Error(`the condition ${alert.rule} ${alert.subject} got no id`);
		given.push({ matter, stage: alert.stage, at: now, said: said ?? null });
	}
	if (given.length) await tx.insertInto('alerts').values(given).execute();
}

async function update(
	tx: Transaction<Tables>,
	known: Selectable<Tables['matters']>,
	{ kind, stage, severity, about }: Alert,
	said: string | undefined,
	now: number,
): Promise<void> {
	const changes =
		kind === 'solved'
			? { solved_at: now }
			: kind === 'reminder'
				? { at: now, reminders: known.reminders + 1, snoozed_until: null, snoozed_version: null }
				: {
						at: now,
						stage,
						severity,
						about: JSON.stringify(about),
						reminders: 0,
						snoozed_until: null,
						snoozed_version: null,
					};
	const rooted = said !== undefined && known.root === null ? ({ root: said, unsaid: 0 } as const) : {};
	await tx
		.updateTable('matters')
		.set({ ...changes, ...rooted })
		.where('id', '=', known.id)
		.execute();
}

/** Maps each new condition's key to its id: rows come back in no guaranteed order. */
async function insertMatters(
	tx: Transaction<Tables>,
	fresh: readonly Remembered[],
	now: number,
): Promise<Map<string, number>> {
	if (fresh.length === 0) return new Map();
	const rows = await tx
		.insertInto('matters')
		.values(
			fresh.map(({ alert, number, said }) => ({
				watch: alert.watch,
				rule: alert.rule,
				subject: alert.subject,
				episode: alert.episode,
				number: number ?? null,
				stage: alert.stage,
				at: now,
				reminders: 0,
				severity: alert.severity,
				about: JSON.stringify(alert.about),
				acked_at: null,
				acked_by: null,
				snoozed_until: null,
				snoozed_version: null,
				solved_at: isOnce(alert) ? now : null,
				unsaid: alert.unsaid ? (1 as const) : (0 as const),
				root: said ?? null,
			})),
		)
		.returning(['id', 'rule', 'subject', 'episode'])
		.execute();
	return new Map(rows.map(row => [matterKey(row), row.id]));
}

/**
 * Undoes alerts of a room that will not be sent because we left it. If we return, they are decided again. An undone
 * stage leaves its severity and its words, which are not stored per stage, until then.
 */
export async function unsay(tx: Transaction<Tables>, room: string): Promise<void> {
	const waiting = tx.selectFrom('outbox').select('said').where('room', '=', room).where('done_at', 'is', null);
	const given = await tx
		.selectFrom('alerts')
		.innerJoin('matters', 'matters.id', 'alerts.matter')
		.select(['alerts.matter', 'alerts.stage', 'alerts.said', 'rule', 'subject', 'watch', 'root'])
		.where('alerts.said', 'in', waiting)
		// The latest first, since each change of release is taken back to the one before.
		.orderBy('alerts.at', 'desc')
		.orderBy('alerts.matter', 'desc')
		.execute();
	for (const one of given) {
		const { matter, stage, said } = one;
		await tx.deleteFrom('alerts').where('matter', '=', matter).where('stage', '=', stage).execute();
		const left = await tx
			.selectFrom('alerts')
			.select(['stage', 'at', 'said'])
			.where('matter', '=', matter)
			.orderBy('at')
			.execute();
		const last = left.at(-1);
		// Only its end is left of what the room never heard of. Kept, it would stop the alert from being raised again.
		const isNews = left.some(other => other.stage !== 'solved');
		if (last && isNews) {
			const told = left.findLast(other => other.stage !== 'solved' && !isReminder(other))?.stage;
			await tx
				.updateTable('matters')
				.set({
					at: last.at,
					reminders: left.filter(isReminder).filter(other => other.stage.startsWith(`${told}+`)).length,
					...(told !== undefined && { stage: told }),
					...(stage === 'solved' && { solved_at: null }),
					...(one.root === said && {
						root: null,
						...(left.every(other => other.said === null) && { unsaid: 1 as const }),
					}),
				})
				.where('id', '=', matter)
				.execute();
		} else {
			await unhear(tx, one);
			await tx.deleteFrom('alerts').where('matter', '=', matter).execute();
			await tx.deleteFrom('matters').where('id', '=', matter).execute();
		}
		await dropMessages(tx, said ?? '');
	}
}

/** The stage of a reminder is that of the alert, with its number: `d30+1`. */
function isReminder({ stage }: { stage: string }): boolean {
	return /\+\d+$/.test(stage);
}

/** The room was not told after all which release is running. */
async function unhear(
	tx: Transaction<Tables>,
	{ rule, subject, watch }: Pick<Selectable<Tables['matters']>, 'rule' | 'subject' | 'watch'>,
): Promise<void> {
	if (rule !== 'first' && rule !== 'change') return;
	const [from = '', to = from] = subject.split('→');
	await tx
		.updateTable('watches')
		.set({ heard: rule === 'first' ? null : from })
		.where('id', '=', watch)
		.where('heard', '=', to)
		.execute();
}

/** Deletes the pending messages of an alert, so that repeating it later is not taken for a duplicate. */
export async function dropMessages(tx: Transaction<Tables>, said: string): Promise<void> {
	const all = [said, ...furtherParts(said)];
	await tx.deleteFrom('outbox').where('said', 'in', all).where('done_at', 'is', null).execute();
}

/** An answer has at most two messages and an alert a few more; anything longer becomes a file. */
export const maxMessages = 10;

/** The ids that the other messages have if this one was split. */
function furtherParts(said: string): string[] {
	return Array.from({ length: maxMessages }, (_, part) => partOf(said, part + 1));
}

/** Deletes some conditions that were solved before that moment, with their alerts; returns how many. */
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
