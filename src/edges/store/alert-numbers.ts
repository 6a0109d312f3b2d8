// The last number that a room gave to an alert.
import type { Transaction } from 'kysely';
import type { Tables } from './schema.ts';

/** Kept, because people may still refer to an alert by its number after its watch has been deleted. */
const numberKey = (room: string) => `last alert in ${room}`;

export async function lastNumber(tx: Transaction<Tables>, room: string): Promise<number> {
	const { number } = await tx
		.selectFrom('matters')
		.innerJoin('watches', 'watches.id', 'matters.watch')
		.where('watches.room', '=', room)
		.select(({ fn }) => fn.max('number').as('number'))
		.executeTakeFirstOrThrow();
	const kept = await tx.selectFrom('kept').select('text').where('key', '=', numberKey(room)).executeTakeFirst();
	return Math.max(number ?? 0, Number(kept?.text ?? 0));
}

export async function keepLastNumber(tx: Transaction<Tables>, room: string, number: number): Promise<void> {
	const text = String(number);
	await tx
		.insertInto('kept')
		.values({ key: numberKey(room), text })
		.onConflict(conflict => conflict.column('key').doUpdateSet({ text }))
		.execute();
}

export async function forgetLastNumber(tx: Transaction<Tables>, room: string): Promise<void> {
	await tx.deleteFrom('kept').where('key', '=', numberKey(room)).execute();
}
