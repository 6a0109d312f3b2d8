// Counts for metrics, in a few queries that stay fast in a large store.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Severity } from '../../advice/watch/severity.ts';
import type { Store } from '../../ports/store.ts';
import type { Tables } from './schema.ts';
import { serverOf } from './servers.ts';

export function figuresOf(db: Kysely<Tables>): Pick<Store, 'figures' | 'serversAfter'> {
	return {
		figures: now => figures(db, now),
		async serversAfter(after, limit) {
			const rows = await db
				.selectFrom('servers')
				.selectAll()
				.where('server', '>', after)
				.orderBy('server')
				.limit(limit)
				.execute();
			return rows.map(serverOf);
		},
	};
}

async function figures(db: Kysely<Tables>, now: Date): ReturnType<Store['figures']> {
	const { rows } = await sql<FigureRow>`SELECT
		(SELECT count(*) FROM rooms WHERE membership = 'joined') AS rooms,
		(SELECT count(*) FROM watches) AS watches,
		(SELECT count(*) FROM servers) AS servers,
		(SELECT count(*) FROM inbox WHERE decided_at IS NULL) AS inbox,
		(SELECT min(at) FROM inbox WHERE decided_at IS NULL) AS inbox_at,
		(SELECT count(*) FROM gaps) AS gaps,
		(SELECT count(*) FROM outbox WHERE done_at IS NULL AND tries = 0) AS waiting,
		(SELECT count(*) FROM outbox WHERE done_at IS NULL AND tries > 0) AS retrying,
		(SELECT min(created) FROM outbox WHERE done_at IS NULL) AS outbox_at,
		(SELECT count(*) FROM outbox WHERE done_at IS NOT NULL AND outcome = 'given up') AS given_up`.execute(db);
	const row = rows[0] as FigureRow;
	const alerts = await db
		.selectFrom('matters')
		.select(({ fn }) => ['severity', fn.countAll<number>().as('open')])
		.where('solved_at', 'is', null)
		.where('number', 'is not', null)
		.groupBy('severity')
		.execute();
	const open = (severity: Severity) => Number(alerts.find(row => row.severity === severity)?.open ?? 0);
	// PostgreSQL may return times as strings.
	const age = (at: number | null) => (at === null ? {} : { oldest: Math.max(0, (now.getTime() - Number(at)) / 1000) });
	return {
		rooms: Number(row.rooms),
		watches: Number(row.watches),
		servers: Number(row.servers),
		inbox: { waiting: Number(row.inbox), gaps: Number(row.gaps), ...age(row.inbox_at) },
		outbox: {
			waiting: Number(row.waiting),
			retrying: Number(row.retrying),
			givenUp: Number(row.given_up),
			...age(row.outbox_at),
		},
		alerts: { info: open('info'), warning: open('warning'), severe: open('severe') },
	};
}

type FigureRow = Record<
	'rooms' | 'watches' | 'servers' | 'inbox' | 'gaps' | 'waiting' | 'retrying' | 'given_up',
	number
> &
	Record<'inbox_at' | 'outbox_at', number | null>;
