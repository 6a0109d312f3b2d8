// The servers that rooms watch: the results of polls, and when the next poll is due.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { LookRun } from '../../advice/watch/history.ts';
import type { WatchedServer } from '../../advice/watch/subscription.ts';
import type { WatchStore } from '../../ports/watch-store.ts';
import type { Tables } from './schema.ts';

type ServerStore = Pick<
	WatchStore,
	| 'server'
	| 'serversNamed'
	| 'serversOf'
	| 'dueServers'
	| 'nextLook'
	| 'lookedAtSince'
	| 'keepLook'
	| 'keepLooks'
	| 'looks'
>;

export function serversOf(db: Kysely<Tables>): ServerStore {
	return {
		async server(server) {
			const row = await db.selectFrom('servers').selectAll().where('server', '=', server).executeTakeFirst();
			return row && serverOf(row);
		},
		async serversNamed(names) {
			const rows = names.length
				? await db.selectFrom('servers').selectAll().where('server', 'in', names).execute()
				: [];
			return rows.map(serverOf);
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
		keepLooks: looks =>
			db.transaction().execute(async tx => {
				for (const look of looks) await keepLook(tx, look);
			}),
		async looks() {
			// Subqueries, so that each uses its index: selected together, both would scan the whole table.
			const { rows } = await sql<{ last: number | null; next: number | null }>`SELECT
				(SELECT max(looked) FROM servers) AS last, (SELECT min(next_look) FROM servers) AS next`.execute(db);
			const { last = null, next = null } = rows[0] ?? {};
			return { ...(last !== null && { last: new Date(last) }), ...(next !== null && { next: new Date(next) }) };
		},
	};
}

export async function keepLook(db: Kysely<Tables>, { server, history, looked, next }: WatchedServer): Promise<void> {
	await db
		.updateTable('servers')
		.set({ spells: JSON.stringify(history), looked: looked?.getTime() ?? null, next_look: next.getTime() })
		.where('server', '=', server)
		.execute();
}

export function serverOf(row: Tables['servers']): WatchedServer {
	return {
		server: row.server,
		history: JSON.parse(row.spells) as LookRun[],
		...(row.looked !== null && { looked: new Date(row.looked) }),
		next: new Date(row.next_look),
	};
}
