// Which rooms were ever encrypted. Encryption cannot be turned off, so this is never undone, whatever the
// homeserver says later, and even after the room is left and forgotten.
import { createHash } from 'node:crypto';
import type { Kysely, Transaction } from 'kysely';
import type { Content } from '../../ports/homeserver.ts';
import type { Store } from '../../ports/store.ts';
import type { Tables } from './schema.ts';

/** The encryption settings of a room whose own are unknown. */
export const usualEncryption: Content = { algorithm: 'm.megolm.v1.aes-sha2' };

/** Only a hash is kept, so that a forgotten room's id cannot be read from the store. */
function roomKey(room: string): string {
	return createHash('sha256').update(room).digest('base64url');
}

export function encryptedOf(db: Kysely<Tables>): Pick<Store, 'wasEncrypted'> {
	return { wasEncrypted: room => wasEncrypted(db, room) };
}

export async function wasEncrypted(db: Kysely<Tables>, room: string): Promise<boolean> {
	const row = await db.selectFrom('encrypted').select('room').where('room', '=', roomKey(room)).executeTakeFirst();
	return row !== undefined;
}

export async function rememberEncrypted(tx: Transaction<Tables>, room: string): Promise<void> {
	await tx
		.insertInto('encrypted')
		.values({ room: roomKey(room) })
		.onConflict(conflict => conflict.doNothing())
		.execute();
}

/** Migration: keeps the rooms that an older Glia knew to be encrypted. */
export async function encryptedTable(db: Kysely<unknown>): Promise<void> {
	await db.schema
		.createTable('encrypted')
		.addColumn('room', 'text', column => column.primaryKey())
		.execute();
	const known = db as Kysely<Tables>;
	const rows = await known.selectFrom('rooms').select('room').where('encryption', 'is not', null).execute();
	for (const { room } of rows)
		await known
			.insertInto('encrypted')
			.values({ room: roomKey(room) })
			.execute();
}
