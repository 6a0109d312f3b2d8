// All migrations in order. A released one is never changed; new ones go at the end.
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { keptTable } from './documents.ts';
import { encryptedTable } from './encrypted.ts';
import { heardTable } from './heard.ts';
import { isUntold } from './rooms.ts';
import { walksToSessions, walkTables } from './session-tables.ts';
import { silencesTable } from './upstream-outages.ts';
import { watchBeginners, watchTables } from './watch-tables.ts';
import { wordsToData } from './worded-matters.ts';

export const migrations: Record<string, Migration> = {
	'0001-room': { up: room },
	'0002-unreadable': { up: unreadable },
	'0003-kept': { up: keptTable },
	'0004-watch': { up: watchTables },
	'0005-beginners': { up: watchBeginners },
	'0006-silences': { up: silencesTable },
	'0007-walks': { up: walkTables },
	'0008-stays': { up: stays },
	'0009-encrypted': { up: encryptedTable },
	'0010-heard': { up: heardTable },
	'0011-moves': { up: moves },
	'0012-lost': { up: lost },
	'0013-words': { up: wordsToData },
	'0014-sessions': { up: walksToSessions },
	'0015-texts': { up: texts },
	'0016-checks': { up: checks },
	'0017-growth': { up: growth },
};

/** Long because it is the first schema, one statement per table: a migration that has run is never changed. */
async function room(db: Kysely<unknown>): Promise<void> {
	const text = 'text';
	const integer = 'integer';
	await db.schema
		.createTable('account')
		.addColumn('id', integer, column => column.primaryKey())
		.addColumn('user', text, column => column.notNull())
		.addColumn('homeserver', text, column => column.notNull())
		.addColumn('device', text, column => column.notNull())
		.addColumn('token', text)
		.addColumn('origin', text, column => column.notNull())
		.addColumn('since', integer, column => column.notNull())
		.execute();
	await db.schema
		.createTable('sync')
		.addColumn('id', integer, column => column.primaryKey())
		.addColumn('token', text, column => column.notNull())
		.addColumn('batch', integer, column => column.notNull())
		.execute();
	await db.schema
		.createTable('rooms')
		.addColumn('room', text, column => column.primaryKey())
		.addColumn('membership', text, column => column.notNull())
		.addColumn('since', integer, column => column.notNull())
		.addColumn('inviter', text)
		.addColumn('create_event', text)
		.addColumn('power_levels', text)
		.addColumn('encryption', text)
		.addColumn('join_rule', text)
		.addColumn('history_visibility', text)
		.addColumn('tombstone', text)
		.addColumn('predecessor', text)
		.addColumn('last_event', text)
		.addColumn('last_at', integer)
		.addColumn('settings', text, column => column.notNull())
		.addColumn('greeted', integer, column => column.notNull())
		.addColumn('told_encrypted', integer, column => column.notNull())
		.addColumn('told_public', integer, column => column.notNull())
		.execute();
	await db.schema
		.createTable('inbox')
		.addColumn('event', text, column => column.primaryKey())
		.addColumn('room', text, column => column.notNull())
		.addColumn('sender', text, column => column.notNull())
		.addColumn('at', integer, column => column.notNull())
		.addColumn('body', text, column => column.notNull())
		.addColumn('mentioned', integer, column => column.notNull())
		.addColumn('replies_to', text)
		.addColumn('thread', text)
		.addColumn('batch', integer, column => column.notNull())
		.addColumn('place', integer, column => column.notNull())
		.addColumn('decided_at', integer)
		.execute();
	await sql`CREATE INDEX inbox_waiting ON inbox (room, batch, place) WHERE decided_at IS NULL`.execute(db);
	await sql`CREATE INDEX inbox_decided ON inbox (decided_at) WHERE decided_at IS NOT NULL`.execute(db);
	await db.schema
		.createTable('gaps')
		.addColumn('room', text, column => column.notNull())
		.addColumn('batch', integer, column => column.notNull())
		.addColumn('from_token', text, column => column.notNull())
		.addColumn('until_event', text)
		.addColumn('until_at', integer)
		.addColumn('place', integer, column => column.notNull())
		.addColumn('next_try', integer, column => column.notNull())
		.addPrimaryKeyConstraint('gaps_key', ['room', 'batch'])
		.execute();
	await db.schema
		.createTable('outbox')
		.addColumn('id', integer, column => column.primaryKey().autoIncrement())
		.addColumn('said', text, column => column.notNull().unique())
		.addColumn('room', text, column => column.notNull())
		.addColumn('kind', text, column => column.notNull())
		.addColumn('answers', text)
		.addColumn('sender', text)
		.addColumn('decided', text)
		.addColumn('sealed', text)
		.addColumn('tries', integer, column => column.notNull())
		.addColumn('next_try', integer, column => column.notNull())
		.addColumn('created', integer, column => column.notNull())
		.addColumn('event', text)
		.addColumn('done_at', integer)
		.addColumn('outcome', text)
		.addColumn('why', text)
		.execute();
	await sql`CREATE INDEX outbox_waiting ON outbox (room, id) WHERE done_at IS NULL`.execute(db);
	await sql`CREATE INDEX outbox_sender ON outbox (sender, id) WHERE done_at IS NULL`.execute(db);
	await sql`CREATE INDEX outbox_limit ON outbox (sender, id) WHERE kind = 'limit'`.execute(db);
	await sql`CREATE INDEX outbox_done ON outbox (done_at) WHERE done_at IS NOT NULL`.execute(db);
	await db.schema
		.createTable('invitations')
		.addColumn('room', text, column => column.primaryKey())
		.addColumn('inviter', text, column => column.notNull())
		.addColumn('received', integer, column => column.notNull())
		.addColumn('tries', integer, column => column.notNull())
		.addColumn('next_try', integer, column => column.notNull())
		.addColumn('accepted_at', integer)
		.execute();
	await db.schema
		.createTable('moves')
		.addColumn('from_room', text, column => column.primaryKey())
		.addColumn('to_room', text, column => column.notNull())
		.addColumn('via', text, column => column.notNull())
		.addColumn('since', integer, column => column.notNull())
		.addColumn('tries', integer, column => column.notNull())
		.addColumn('next_try', integer, column => column.notNull())
		.execute();
}

async function unreadable(db: Kysely<unknown>): Promise<void> {
	const text = 'text';
	const integer = 'integer';
	await db.schema
		.createTable('unreadable')
		.addColumn('event', text, column => column.primaryKey())
		.addColumn('room', text, column => column.notNull())
		.addColumn('sender', text, column => column.notNull())
		.addColumn('session', text, column => column.notNull())
		.addColumn('at', integer, column => column.notNull())
		.addColumn('why', text, column => column.notNull())
		.addColumn('raw', text, column => column.notNull())
		.addColumn('received', integer, column => column.notNull())
		.addColumn('explained_at', integer)
		.addColumn('said', integer, column => column.notNull())
		.execute();
	await sql`CREATE INDEX unreadable_sender ON unreadable (room, sender)`.execute(db);
}

async function stays(db: Kysely<unknown>): Promise<void> {
	await db.schema
		.alterTable('rooms')
		.addColumn('stay', 'text', column => column.notNull().defaultTo(''))
		.execute();
	await db.schema
		.alterTable('moves')
		.addColumn('uninvited', 'integer', column => column.notNull().defaultTo(0))
		.execute();
}

async function moves(db: Kysely<unknown>): Promise<void> {
	await db.schema
		.alterTable('moves')
		.addColumn('sender', 'text', column => column.notNull().defaultTo(''))
		.execute();
	await db.schema
		.alterTable('moves')
		.addColumn('joined', 'integer', column => column.notNull().defaultTo(0))
		.execute();
	await db.schema.alterTable('rooms').addColumn('moved_to', 'text').execute();
	await db.schema.alterTable('outbox').addColumn('confirms', 'text').execute();
	await db.schema.alterTable('invitations').addColumn('predecessor', 'text').execute();
	await db.schema
		.createTable('joins')
		.addColumn('person', 'text', column => column.notNull())
		.addColumn('at', 'integer', column => column.notNull())
		.execute();
	await sql`CREATE INDEX joins_person ON joins (person, at)`.execute(db);
}

async function lost(db: Kysely<unknown>): Promise<void> {
	await db.schema
		.alterTable('rooms')
		.addColumn('lost', 'integer', column => column.notNull().defaultTo(0))
		.execute();
}

/** People's texts are no longer stored, only what is needed to read them again. */
async function texts(db: Kysely<unknown>): Promise<void> {
	for (const column of ['unread', 'wants'])
		await db.schema
			.alterTable('inbox')
			.addColumn(column, 'integer', added => added.notNull().defaultTo(0))
			.execute();
	await db.schema.alterTable('inbox').addColumn('raw', 'text').execute();
	await sql`CREATE INDEX inbox_wants ON inbox (room, sender, at) WHERE wants = 1`.execute(db);
}

/** The result of checking a configuration belongs to the server's watch. */
async function checks(db: Kysely<unknown>): Promise<void> {
	await db.schema.alterTable('watches').addColumn('checks', 'text').execute();
}

/** Indexes for frequent queries, so that they do not slow down as the store grows. */
async function growth(db: Kysely<unknown>): Promise<void> {
	await sql`CREATE INDEX rooms_untold ON rooms (room) WHERE ${sql.raw(isUntold)}`.execute(db);
	await sql`CREATE INDEX rooms_left ON rooms (since) WHERE membership = 'left'`.execute(db);
	await sql`CREATE INDEX invitations_waiting ON invitations (received) WHERE accepted_at IS NULL`.execute(db);
	await sql`CREATE INDEX invitations_inviter ON invitations (inviter, accepted_at) WHERE accepted_at IS NOT NULL`.execute(
		db,
	);
	await sql`CREATE INDEX invitations_accepted ON invitations (accepted_at) WHERE accepted_at IS NOT NULL`.execute(db);
	await sql`CREATE INDEX joins_at ON joins (at)`.execute(db);
	await sql`CREATE INDEX inbox_room ON inbox (room)`.execute(db);
	await sql`CREATE INDEX outbox_room ON outbox (room)`.execute(db);
	await sql`DROP INDEX outbox_done`.execute(db);
	await sql`CREATE INDEX outbox_done ON outbox (done_at, id) WHERE done_at IS NOT NULL`.execute(db);
	await sql`CREATE INDEX guide_sessions_changed ON guide_sessions (changed)`.execute(db);
}
