// When something that failed is tried again.
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Tables } from './schema.ts';

/** Retries are at most an hour ahead. One that is further ahead than this (ms) was set before the clock went back. */
const furthest = 2 * 3600_000;

/** An SQL condition: the next attempt for a row of this table is due. `now`: ms. */
export function isDue(table: 'outbox' | 'gaps' | 'moves' | 'invitations', now: number): RawBuilder<boolean> {
	const column = sql.ref(`${table}.next_try`);
	return sql<boolean>`(${column} <= ${now} OR ${column} - ${sql.lit(furthest)} > ${now})`;
}

/** When the next attempt for any row of this table is due. */
export async function nextTry(db: Kysely<Tables>, table: 'gaps' | 'moves'): Promise<Date | undefined> {
	const row = await db
		.selectFrom(table)
		.select(({ fn }) => fn.min('next_try').as('at'))
		.executeTakeFirst();
	return row?.at == null ? undefined : new Date(row.at);
}
