// When something that failed is tried again.
import { type RawBuilder, sql } from 'kysely';

/** Retries are at most an hour ahead. One that is further ahead than this (ms) was set before the clock went back. */
const furthest = 2 * 3600_000;

/** An SQL condition: the next attempt for a row of this table is due. `now`: ms. */
export function isDue(table: 'outbox' | 'gaps' | 'moves' | 'invitations', now: number): RawBuilder<boolean> {
	const column = sql.ref(`${table}.next_try`);
	return sql<boolean>`(${column} <= ${now} OR ${column} - ${sql.lit(furthest)} > ${now})`;
}
