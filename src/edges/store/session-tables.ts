// The tables of guide sessions, under their original and their current names.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';

export async function walkTables(db: Kysely<unknown>): Promise<void> {
	await db.schema
		.createTable('walks')
		.addColumn('id', 'text', column => column.primaryKey())
		.addColumn('room', 'text', column => column.notNull())
		.addColumn('state', 'text', column => column.notNull())
		.addColumn('root', 'text')
		.addColumn('thread', 'text')
		.addColumn('changed', 'integer', column => column.notNull())
		.addColumn('walk', 'text', column => column.notNull())
		.execute();
	await sql`CREATE INDEX walks_room ON walks (room)`.execute(db);
	await db.schema
		.createTable('walk_sayings')
		.addColumn('said', 'text', column => column.primaryKey())
		.addColumn('walk', 'text', column => column.notNull())
		.addColumn('stage', 'text')
		.addColumn('gate', 'integer', column => column.notNull())
		.execute();
	await sql`CREATE INDEX walk_sayings_walk ON walk_sayings (walk)`.execute(db);
}

/** Sessions used to be called walks. */
export async function walksToSessions(db: Kysely<unknown>): Promise<void> {
	await db.schema.alterTable('walks').renameTo('guide_sessions').execute();
	await db.schema.alterTable('guide_sessions').renameColumn('walk', 'session').execute();
	await db.schema.alterTable('walk_sayings').renameTo('session_sayings').execute();
	await db.schema.alterTable('session_sayings').renameColumn('walk', 'session').execute();
	await sql`DROP INDEX walks_room`.execute(db);
	await sql`DROP INDEX walk_sayings_walk`.execute(db);
	await sql`CREATE INDEX guide_sessions_room ON guide_sessions (room)`.execute(db);
	await sql`CREATE INDEX session_sayings_session ON session_sayings (session)`.execute(db);
}
