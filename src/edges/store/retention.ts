// What is forgotten, and when: rows of all tables whose time is over.
import type { Kysely } from 'kysely';
import type { Store } from '../../ports/store.ts';
import { pruneMatters } from './alerts.ts';
import { pruneSessions } from './guide-sessions.ts';
import type { Tables } from './schema.ts';

/** How long solved alerts are remembered beyond the rest (ms), so that the same thing in the same episode is said once. */
const solvedStay = 365 * 24 * 3600_000;

export function retentionOf(db: Kysely<Tables>): Pick<Store, 'prune'> {
	return {
		async prune(before) {
			await db.deleteFrom('inbox').where('decided_at', '<', before.getTime()).execute();
			await db.deleteFrom('unreadable').where('received', '<', before.getTime()).execute();
			await pruneSessions(db, before.getTime());
			// What begins a thread, or may still be answered to, stays as long as what was said about it.
			await db
				.deleteFrom('outbox')
				.where('done_at', '<', before.getTime())
				.where('said', 'not in', ({ selectFrom }) =>
					selectFrom('alerts').select('said').where('said', 'is not', null).$castTo<{ said: string }>(),
				)
				.where('said', 'not in', ({ selectFrom }) => selectFrom('session_sayings').select('said'))
				.execute();
			await pruneMatters(db, before.getTime() - solvedStay);
			await db.deleteFrom('invitations').where('accepted_at', '<', before.getTime()).execute();
			await db.deleteFrom('joins').where('at', '<', before.getTime()).execute();
		},
	};
}
