import { Kysely } from 'kysely';
import { afterEach, expect, test, vi } from 'vitest';
import { prepared } from '../../../src/edges/store/prepared.ts';
import type { Tables } from '../../../src/edges/store/schema.ts';
import { dialect, openSqlite } from '../../../src/edges/store/sqlite.ts';

const db = new Kysely<Tables>({ dialect: dialect(openSqlite(':memory:')) });
await db.schema.createTable('heard').addColumn('once', 'text').addColumn('event', 'text').execute();
let built = 0;
const keep = prepared((on, row: { once: string; event: string }) => {
	built++;
	return on.insertInto('heard').values(row);
});
const eventOf = prepared((on, { once }: { once: string }) =>
	on.selectFrom('heard').select('event').where('once', '=', once).where('event', '!=', 'never'),
);

afterEach(async () => {
	await db.deleteFrom('heard').execute();
	built = 0;
});

test('is built once, and runs with the values of each call', async () => {
	await keep(db, { once: 'a', event: '$1' });
	await keep(db, { event: '$2', once: 'b' });
	expect(await Promise.all(['a', 'b', 'c'].map(async once => (await eventOf(db, { once })).rows))).toEqual([
		[{ event: '$1' }],
		[{ event: '$2' }],
		[],
	]);
	expect(built).toBeLessThanOrEqual(1);
});

test('is the SQL that Kysely would build for the call', async () => {
	const ran = vi.spyOn(db, 'executeQuery');
	await eventOf(db, { once: 'a' });
	const plain = db.selectFrom('heard').select('event').where('once', '=', 'a').where('event', '!=', 'never').compile();
	expect(ran.mock.lastCall?.[0]).toMatchObject({ sql: plain.sql, parameters: plain.parameters });
});

test('runs inside the given transaction, and returns how many rows it changed', async () => {
	const failed = db.transaction().execute(async tx => {
		expect(await keep(tx, { once: 'a', event: '$1' })).toMatchObject({ numAffectedRows: 1n });
		throw new Error('no');
	});
	await expect(failed).rejects.toThrow('no');
	expect((await eventOf(db, { once: 'a' })).rows).toEqual([]);
});
