// Texts by key that survive restarts: the last good responses of upstream's sources.
import type { Kysely } from 'kysely';
import type { Kept } from '../../ports/web.ts';
import type { Tables } from './schema.ts';

export async function keptTable(db: Kysely<unknown>): Promise<void> {
	await db.schema
		.createTable('kept')
		.addColumn('key', 'text', column => column.primaryKey())
		.addColumn('text', 'text', column => column.notNull())
		.execute();
}

export function keptOf(db: Kysely<Tables>): Kept {
	return {
		async get(key) {
			const row = await db.selectFrom('kept').select('text').where('key', '=', key).executeTakeFirst();
			return row?.text;
		},
		async put(key, text) {
			await db
				.insertInto('kept')
				.values({ key, text })
				.onConflict(conflict => conflict.column('key').doUpdateSet({ text }))
				.execute();
		},
	};
}
