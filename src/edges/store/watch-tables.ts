// Migrations of the watch's tables.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';

export async function watchTables(db: Kysely<unknown>): Promise<void> {
	await db.schema
		.createTable('servers')
		.addColumn('server', 'text', column => column.primaryKey())
		.addColumn('spells', 'text', column => column.notNull())
		.addColumn('looked', 'integer')
		.addColumn('next_look', 'integer', column => column.notNull())
		.execute();
	await sql`CREATE INDEX servers_next ON servers (next_look)`.execute(db);
	await sql`CREATE INDEX servers_looked ON servers (looked)`.execute(db);
	await db.schema
		.createTable('watches')
		.addColumn('id', 'text', column => column.primaryKey())
		.addColumn('room', 'text', column => column.notNull())
		.addColumn('server', 'text', column => column.notNull())
		.addColumn('facts', 'text', column => column.notNull())
		.addColumn('told', 'text')
		.addColumn('changed', 'integer', column => column.notNull())
		.addColumn('heard', 'text')
		.addUniqueConstraint('watches_once', ['room', 'server'])
		.execute();
	await sql`CREATE INDEX watches_server ON watches (server)`.execute(db);
	await db.schema
		.createTable('matters')
		.addColumn('id', 'integer', column => column.primaryKey().autoIncrement())
		.addColumn('watch', 'text', column => column.notNull())
		.addColumn('rule', 'text', column => column.notNull())
		.addColumn('subject', 'text', column => column.notNull())
		.addColumn('episode', 'text', column => column.notNull())
		.addColumn('number', 'integer')
		.addColumn('stage', 'text', column => column.notNull())
		.addColumn('at', 'integer', column => column.notNull())
		.addColumn('reminders', 'integer', column => column.notNull())
		.addColumn('severity', 'text', column => column.notNull())
		.addColumn('title', 'text', column => column.notNull())
		.addColumn('acked_at', 'integer')
		.addColumn('acked_by', 'text')
		.addColumn('snoozed_until', 'text')
		.addColumn('snoozed_version', 'text')
		.addColumn('solved_at', 'integer')
		.addColumn('unsaid', 'integer', column => column.notNull())
		.addColumn('root', 'text')
		.addUniqueConstraint('matters_identity', ['watch', 'rule', 'subject', 'episode'])
		.execute();
	await sql`CREATE INDEX matters_solved ON matters (solved_at) WHERE solved_at IS NOT NULL`.execute(db);
	await db.schema
		.createTable('alerts')
		.addColumn('matter', 'integer', column => column.notNull())
		.addColumn('stage', 'text', column => column.notNull())
		.addColumn('at', 'integer', column => column.notNull())
		.addColumn('said', 'text')
		.addPrimaryKeyConstraint('alerts_identity', ['matter', 'stage'])
		.execute();
	await sql`CREATE INDEX alerts_said ON alerts (said) WHERE said IS NOT NULL`.execute(db);
	await sql`CREATE INDEX outbox_event ON outbox (event) WHERE event IS NOT NULL`.execute(db);
}

/** Who started a watch: the number per person is limited. */
export async function watchBeginners(db: Kysely<unknown>): Promise<void> {
	await db.schema.alterTable('watches').addColumn('begun_by', 'text').execute();
	await sql`CREATE INDEX watches_beginner ON watches (begun_by) WHERE begun_by IS NOT NULL`.execute(db);
}
