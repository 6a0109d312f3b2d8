// Our login at the homeserver, and the sync token.
import type { Kysely } from 'kysely';
import type { Account } from '../../ports/homeserver.ts';
import type { Store } from '../../ports/store.ts';
import type { Tables } from './schema.ts';

export function accountOf(
	db: Kysely<Tables>,
): Pick<Store, 'account' | 'owner' | 'keepAccount' | 'dropToken' | 'token'> {
	return {
		async account() {
			const row = await db.selectFrom('account').selectAll().executeTakeFirst();
			if (row?.token == null) return undefined;
			const { user, homeserver, device, token, origin } = row;
			return { user, homeserver, device, token, origin, since: new Date(row.since) };
		},
		async owner() {
			return (await db.selectFrom('account').select('user').executeTakeFirst())?.user;
		},
		async keepAccount({ since, ...account }: Account) {
			const row = { ...account, since: since.getTime() };
			await db
				.insertInto('account')
				.values({ id: 1, ...row })
				.onConflict(conflict => conflict.column('id').doUpdateSet(row))
				.execute();
		},
		async dropToken() {
			await db.updateTable('account').set({ token: null }).execute();
		},
		async token() {
			return (await db.selectFrom('sync').select('token').executeTakeFirst())?.token;
		},
	};
}
