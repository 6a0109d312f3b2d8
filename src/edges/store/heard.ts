// Encrypted messages already received. Someone who can send events but has no keys can only replay an old one.
import type { Kysely, Transaction } from 'kysely';
import type { Incoming } from '../../ports/homeserver.ts';
import { prepared } from './prepared.ts';
import type { Tables } from './schema.ts';

/** At most this many are remembered (100 bytes each). Only the homeserver could replay older ones. */
const maxHeard = 100_000;

/** Returns the messages whose ciphertext has not arrived before in another event, and remembers them. */
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
		const [known] = (await eventOf(tx, { once: key })).rows;
		if (!known || known.event === event) fresh.push(message);
		if (known) continue;
		const [row] = (await remember(tx, { once: key, event })).rows;
		newest = row?.id;
	}
	if (newest !== undefined && newest > most)
		await tx
			.deleteFrom('heard')
			.where('id', '<=', newest - most)
			.execute();
	return fresh;
}

const eventOf = prepared((db, { once }: { once: string }) =>
	db.selectFrom('heard').select('event').where('once', '=', once),
);

const remember = prepared((db, row: { once: string; event: string }) =>
	db.insertInto('heard').values(row).returning('id'),
);

/** Migration. Earlier messages count as encrypted: this was not checked then, and they were answered long ago. */
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
