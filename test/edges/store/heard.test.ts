// Which encrypted messages have been received is remembered, up to a limit.
import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { unheard } from '../../../src/edges/store/heard.ts';
import { migrations } from '../../../src/edges/store/migrations.ts';
import type { Tables } from '../../../src/edges/store/schema.ts';
import { dialect, openSqlite } from '../../../src/edges/store/sqlite.ts';
import { incoming } from '../../contracts/store.ts';

let db: Kysely<Tables>;

beforeEach(async () => {
	db = new Kysely<Tables>({ dialect: dialect(openSqlite(':memory:')) });
	await new Migrator({ db, provider: { getMigrations: async () => migrations } }).migrateToLatest();
});
afterEach(() => db.destroy());

const heard = (event: string, once: string, most: number) =>
	db.transaction().execute(async tx => (await unheard(tx, [incoming(event, { once })], most)).length);

test('remembers the newest, up to a limit', async () => {
	for (let i = 0; i < 20; i++) expect(await heard(`$${i}`, `session ${i}`, 5)).toBe(1);
	expect(await heard('$again', 'session 19', 5)).toBe(0);
	expect(await heard('$again', 'session 15', 5)).toBe(0);
	expect(await heard('$again', 'session 14', 5)).toBe(1);
	const { count } = await db
		.selectFrom('heard')
		.select(({ fn }) => fn.countAll<number>().as('count'))
		.executeTakeFirstOrThrow();
	expect(count).toBe(5);
});
