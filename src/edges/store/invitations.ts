// Invitations, and how many rooms each person has brought the bot into.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Store } from '../../ports/store.ts';
import { isDue } from './next-try.ts';
import type { Tables } from './schema.ts';

type InvitationStore = Pick<
	Store,
	'invitations' | 'nextInvitation' | 'accepted' | 'closeInvitation' | 'postponeInvitation' | 'countJoin'
>;

export function invitationsOf(db: Kysely<Tables>): InvitationStore {
	return {
		async invitations(now) {
			const rows = await pending(db)
				.select(['room', 'inviter', 'received', 'tries'])
				.where(isDue('invitations', now.getTime()))
				.orderBy('received')
				.execute();
			return rows.map(row => ({ ...row, received: new Date(row.received) }));
		},
		async nextInvitation() {
			const row = await pending(db)
				.select(({ fn }) => fn.min('next_try').as('at'))
				.executeTakeFirst();
			return row?.at == null ? undefined : new Date(row.at);
		},
		async accepted(inviter, since) {
			const invited = await db
				.selectFrom('invitations')
				.select(({ fn }) => fn.countAll<number>().as('count'))
				.where('inviter', '=', inviter)
				.where('accepted_at', '>', since.getTime())
				.executeTakeFirstOrThrow();
			const joined = await db
				.selectFrom('joins')
				.select(({ fn }) => fn.countAll<number>().as('count'))
				.where('person', '=', inviter)
				.where('at', '>', since.getTime())
				.executeTakeFirstOrThrow();
			return invited.count + joined.count;
		},
		async closeInvitation(room, accepted, now) {
			if (!accepted) {
				await db.deleteFrom('invitations').where('room', '=', room).where('accepted_at', 'is', null).execute();
				return;
			}
			await db.updateTable('invitations').set({ accepted_at: now.getTime() }).where('room', '=', room).execute();
		},
		async postponeInvitation(room, until) {
			await db
				.updateTable('invitations')
				.set({ next_try: until.getTime(), tries: sql`tries + 1` })
				.where('room', '=', room)
				.execute();
		},
		async countJoin(person, now) {
			await db.insertInto('joins').values({ person, at: now.getTime() }).execute();
		},
	};
}

/** Invitations to answer; those to the replacement of a room are answered by following the move. */
function pending(db: Kysely<Tables>) {
	return db
		.selectFrom('invitations')
		.where('accepted_at', 'is', null)
		.where('room', 'not in', db.selectFrom('moves').select('to_room'));
}
