// Encrypted messages that were taken in: someone who can send events but has no keys can only replay an old one.
import type { Kysely, Transaction } from 'kysely';
import type { Incoming } from '../../ports/homeserver.ts';
import type { Tables } from './schema.ts';

/** As many are remembered (100 bytes each). Older ones could be sent again by a homeserver: nobody else can. */
const maxHeard = 100_000;

/** Those of the messages whose ciphertext did not come before in another event; from now on they are remembered. */
export async function unheard(
	tx: Transaction<Tables>,
	messages: readonly Incoming[],
	most = maxHeard,
): Promise<Incoming[]> {
	const fresh: Incoming[] = [];
	let newest: number | undefined;
	for (const message of messages) {
		const { event, once, room } = message;
		if (once === undefined) {
			fresh.push(message);
			continue;
		}
		const key = `${room} ${once}`;
		const known = await tx.selectFrom('heard').select('event').where('once', '=', key).executeTakeFirst();
		if (!known || known.event === event) fresh.push(message);
		if (known) continue;
		const row = await tx.insertInto('heard').values({ once: key, event }).returning('id').executeTakeFirstOrThrow();
		newest = row.id;
	}
	if (newest !== undefined)
		await tx
			.deleteFrom('heard')
			.where('id', '<=', newest - most)
			.execute();
	return fresh;
}

/** Migration. What was taken in before counts as encrypted: nobody looked, and it was said long ago. */
export async function heardTable(db: Kysely<unknown>): Promise<void> {
	await db.schema
		.createTable('heard')
		.addColumn('id', 'integer', column => column.primaryKey().autoIncrement())
		.addColumn('once', 'text', column => column.notNull().unique())
		.addColumn('event', 'text', column => column.notNull())
		.execute();
	await db.schema
		.alterTable('inbox')
		.addColumn('sealed', 'integer', column => column.notNull().defaultTo(1))
		.execute();
}
