// A store in which guide sessions were still called walks: its session is found and continues.
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { expect, test } from 'vitest';
import { forgetSessionsIn, keepSession, pruneSessions, sessionsOf } from '../../../src/edges/store/guide-sessions.ts';
import { migrations } from '../../../src/edges/store/migrations.ts';
import type { Tables } from '../../../src/edges/store/schema.ts';
import { dialect } from '../../../src/edges/store/sqlite.ts';

const room = '!room:example.org';
const rest = { guide: 'postgres', args: '15 17 docker', by: '@alice:example.org', since: '2026-11-01T08:30:00.000Z' };

/** The tables of the previous version: one running session in a thread, and one that was only offered. */
async function oldStore(): Promise<Kysely<Tables>> {
	const db = new Kysely<Tables>({ dialect: dialect(new DatabaseSync(':memory:')) });
	await migratorOf(db).migrateTo('0013-words');
	const old = db as unknown as Kysely<Record<string, Record<string, unknown>>>;
	const walk = { room, root: null, changed: 5, walk: JSON.stringify(rest) };
	await old
		.insertInto('walks')
		.values([
			{ ...walk, id: 'under-way', state: 'open', thread: '$thread' },
			{ ...walk, id: 'offered', state: 'offered', thread: null },
		])
		.execute();
	const saying = { room, kind: 'answer', tries: 0, next_try: 0, created: 1, done_at: 2 };
	await old
		.insertInto('outbox')
		.values({ ...saying, said: 'stage', event: '$stage' })
		.execute();
	await old.insertInto('walk_sayings').values({ said: 'stage', walk: 'under-way', stage: 'backup', gate: 1 }).execute();
	return db;
}

function migratorOf(db: Kysely<Tables>): Migrator {
	return new Migrator({ db, provider: { getMigrations: async () => migrations } });
}

test('finds, continues and deletes a session from the old table', async () => {
	const db = await oldStore();
	const { error } = await migratorOf(db).migrateToLatest();
	expect(error).toBeUndefined();
	const store = sessionsOf(db);

	const underWay = { ...rest, id: 'under-way', room, is: 'open' };
	expect(await store.sessions(room)).toEqual([underWay]);
	expect(await store.sessionIn(room, '$thread')).toMatchObject({ session: underWay });
	const about = await store.sessionOfSaying(room, '$stage');
	expect(about).toMatchObject({ session: underWay, place: { stage: 'backup', gate: true } });

	if (!about) throw new Error('no session');
	const { session, thread } = about;
	const next = { session: { ...session, is: 'ended' as const }, thread, says: [{ said: 'end' }] };
	await db.transaction().execute(tx => keepSession(tx, next, 10));
	expect(await store.sessions(room)).toEqual([]);
	expect(await store.sessionIn(room, '$thread')).toMatchObject({ session: { is: 'ended' } });

	await pruneSessions(db, 6, 100);
	expect(await db.selectFrom('guide_sessions').select('id').execute()).toEqual([{ id: 'under-way' }]);
	await db.transaction().execute(tx => forgetSessionsIn(tx, room));
	expect(await db.selectFrom('session_sayings').selectAll().execute()).toEqual([]);
	await db.destroy();
});
