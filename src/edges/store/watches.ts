// Which room watches which server.
import type { Kysely, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { CheckRecord } from '../../advice/check/record.ts';
import type { ToldVersion } from '../../advice/watch/history.ts';
import type { Settings, Subscription } from '../../advice/watch/subscription.ts';
import type { WatchStore } from '../../ports/watch-store.ts';
import { forgetLastNumber, keepLastNumber, lastNumber } from './alert-numbers.ts';
import { dropMessages, heardIn, heardOf } from './alerts.ts';
import type { Tables } from './schema.ts';

type SubscriptionStore = Pick<
	WatchStore,
	'watches' | 'watch' | 'watchesBegunBy' | 'watchedBy' | 'keepWatch' | 'dropWatch'
>;

export function watchesOf(db: Kysely<Tables>): SubscriptionStore {
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
		watchedBy: (server, after, limit) => watchedBy(db, server, { after, limit }),
		keepWatch: (watch, now) =>
			db.transaction().execute(async tx => {
				const row = {
					facts: JSON.stringify(watch.facts),
					told: watch.told === undefined ? null : JSON.stringify(watch.told),
					changed: watch.changed.getTime(),
					checks: watch.checks?.length ? JSON.stringify(watch.checks) : null,
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
				if (!row) return false;
				await keepLastNumber(tx, room, await lastNumber(tx, room));
				await forgetWatches(tx, [row.id]);
				return true;
			}),
	};
}

/** A page of the rooms that watch a server, with what each was told about it. */
async function watchedBy(
	db: Kysely<Tables>,
	server: string,
	{ after, limit }: { after: string; limit: number },
): ReturnType<WatchStore['watchedBy']> {
	const rows = await db
		.selectFrom('watches')
		.leftJoin('rooms', 'rooms.room', 'watches.room')
		.selectAll('watches')
		.select('rooms.settings')
		.where('server', '=', server)
		.where('watches.id', '>', after)
		// The terminal's room has no row, since no sync brings it.
		.where(({ or, eb }) => or([eb('membership', 'is', null), eb('membership', '!=', 'left')]))
		.orderBy('watches.id')
		.limit(limit)
		.execute();
	const said = rows.length
		? await heardIn(db)
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
}

/** Deletes subscriptions, and servers that nobody watches any more. */
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

/** Drops pending alerts about servers that the new room watches too: that room gets its own. */
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

/** Moves a room's subscriptions to its replacement; threads start over there. */
export async function moveWatches(tx: Transaction<Tables>, from: string, to: string): Promise<void> {
	const there = await tx.selectFrom('watches').select('server').where('room', '=', to).execute();
	const servers = there.map(({ server }) => server);
	const rows = await tx.selectFrom('watches').select(['id', 'server']).where('room', '=', from).execute();
	const lastInOld = await lastNumber(tx, from);
	await forgetWatches(
		tx,
		rows.filter(({ server }) => servers.includes(server)).map(({ id }) => id),
	);
	// Numbers start at 1 in each room. Conditions that move to a room with its own numbers continue after them.
	const last = await lastNumber(tx, to);
	await keepLastNumber(tx, to, last + lastInOld);
	await forgetLastNumber(tx, from);
	await tx
		.updateTable('matters')
		.set({ root: null, number: sql`number + ${last}` })
		.where('watch', 'in', tx.selectFrom('watches').select('id').where('room', '=', from))
		.execute();
	await tx.updateTable('watches').set({ room: to }).where('room', '=', from).execute();
}

export async function forgetWatchesIn(tx: Transaction<Tables>, room: string): Promise<void> {
	await forgetLastNumber(tx, room);
	const rows = await tx.selectFrom('watches').select('id').where('room', '=', room).execute();
	await forgetWatches(
		tx,
		rows.map(({ id }) => id),
	);
}

function subscriptionOf(row: Tables['watches']): Subscription {
	return {
		id: row.id,
		room: row.room,
		server: row.server,
		facts: JSON.parse(row.facts) as string[],
		...(row.told !== null && { told: JSON.parse(row.told) as ToldVersion }),
		changed: new Date(row.changed),
		...(row.heard !== null && { heard: row.heard }),
		...(row.begun_by !== null && { by: row.begun_by }),
		...(row.checks !== null && { checks: JSON.parse(row.checks) as CheckRecord[] }),
	};
}
