// When what failed is tried again.
import { type RawBuilder, sql } from 'kysely';

/** Nobody postpones for longer than an hour (ms): what is further ahead was postponed before the clock was turned back. */
const furthest = 2 * 3600_000;

/** A condition: the next attempt of a row of this table is due. `now`: ms. */
export function isDue(table: 'outbox' | 'gaps' | 'moves' | 'invitations', now: number): RawBuilder<boolean> {
	const column = sql.ref(`${table}.next_try`);
	return sql<boolean>`(${column} <= ${now} OR ${column} - ${sql.lit(furthest)} > ${now})`;
}
