import { expect, test } from 'vitest';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';
import {
	deltasShape,
	type MigrationTime,
	migrationsOf,
	queuedUpdatesOf,
} from '../../../src/knowledge/schema/migrations.ts';

const large = { tables: { events: 'events', receipts: 'read receipts' } };

/** What comes of one migration that does this to its tables. */
function classed(
	key: string,
	tables: Record<string, string[]>,
	more: { background?: true; since?: string; times?: MigrationTime[] } = {},
) {
	const { since = '1.5.0', times = [], ...background } = more;
	return migrationsOf({ entries: [{ key, changes: [[since, { tables, ...background }]] }] }, large, times)[0];
}

test.each([
	['index', 'reads'],
	['update', 'reads'],
	['delete', 'reads'],
	['insert', 'reads'],
	['alter', 'alters'],
])('%s on a large table: %s', (action, work) => {
	expect(classed('main 60/01x.sql', { events: [action] })).toEqual({
		release: '1.5.0',
		delta: 'main 60/01x.sql',
		work,
		tables: { events: 'events' },
	});
});

test('a table that is new, small or given up takes no time', () => {
	expect(classed('main 60/01x.sql', { events: ['create', 'index'] })).toBeUndefined();
	expect(classed('main 60/01x.sql', { pushers: ['update'] })).toBeUndefined();
	expect(classed('main 60/01x.sql', { events: ['drop'] })).toBeUndefined();
});

test('what 1.0.0 brought has been done by everyone', () =>
	expect(classed('main 54/01x.sql', { events: ['update'] }, { since: '1.0.0' })).toBeUndefined());

test('an update beside queued work is a rule for new rows', () => {
	const touched = { events: ['alter', 'update'] };
	expect(classed('main 60/01x.sql', touched, { background: true })).toMatchObject({ work: 'alters', background: true });
	expect(classed('main 60/01x.sql', touched)).toMatchObject({ work: 'reads' });
});

test('the end of the name says which database it is for', () => {
	expect(classed('main 60/01x.sql.sqlite', { events: ['index'] })?.database).toBe('sqlite');
	expect(classed('main 60/01x.sql.postgres', { events: ['index'] })?.database).toBe('postgres');
	expect(classed('main 60/01x.py', { events: ['index'] })).not.toHaveProperty('database');
});

test('a table that gives way to a filled copy of its own is gone through', () => {
	const copied = { events_new: ['create', 'insert', 'alter'] };
	expect(classed('main 60/01x.sql', { events: ['drop'], ...copied })).toMatchObject({ work: 'reads' });
	expect(classed('main 60/01x.sql', { events: ['drop'], events_new: ['create', 'alter'] })).toBeUndefined();
	expect(classed('main 60/01x.sql', { events: ['drop'], pushers_new: copied.events_new })).toBeUndefined();
});

test('a table that the same release makes is empty', () => {
	const entries = (since: string) => [
		{ key: 'main 60/01x.sql', changes: [['1.5.0', { tables: { events: ['create'] } }]] },
		{ key: 'main 60/02y.sql', changes: [[since, { tables: { events: ['index'] } }]] },
	];
	const of = (since: string) => migrationsOf(deltasShape.parse({ entries: entries(since) }), large, []);
	expect(of('1.5.0')).toEqual([]);
	expect(of('1.6.0')).toMatchObject([{ delta: 'main 60/02y.sql', work: 'reads' }]);
});

const time: MigrationTime = {
	case: 'x',
	delta: 'main 60/01x.sql',
	release: '1.5.1',
	database: 'sqlite',
	server: 'SQLite 3.40',
	table: 'events',
	rows: 500_000,
	seconds: [2, 10],
	opens: [8, 16],
	runs: 4,
	load: [1, 3],
	date: '2026-11-29',
};

test('what was measured stands beside it, for a million rows', () => {
	const times: MigrationTime[] = [time, { ...time, delta: 'main 60/02y.sql', database: 'postgres' }];
	expect(classed('main 60/01x.sql', { events: ['index'] }, { times })).toMatchObject({
		took: { sqlite: [4, 20] },
		tookFor: 'events',
	});
	expect(classed('main 60/03z.sql', { events: ['index'] }, { times })).not.toHaveProperty('took');
});

test('the time of what is queued is not that of the migration that queues it', () => {
	const queues = { ...time, updates: ['index_events', 'drop_events'] };
	const times: MigrationTime[] = [queues, { ...queues, database: 'postgres', updates: ['index_events'] }];
	expect(classed('main 60/01x.sql', { events: ['index'] }, { times })).not.toHaveProperty('took');
	const entries: [string, { tables: Record<string, string[]> }][] = [['1.5.0', { tables: {} }]];
	expect(queuedUpdatesOf({ entries: [{ key: 'main 60/01x.sql', changes: entries }] }, large, times)).toEqual([
		{
			release: '1.5.0',
			delta: 'main 60/01x.sql',
			names: ['index_events', 'drop_events'],
			table: 'events',
			grows: 'events',
			took: { sqlite: [4, 20], postgres: [4, 20] },
		},
	]);
	expect(queuedUpdatesOf({ entries: [{ key: 'main 60/01x.sql', changes: entries }] }, large, [time])).toEqual([]);
});

test('the migrations that kept servers from starting are among those of the code', async () => {
	const { migrations } = await openKnowledge(new URL('../../../knowledge/', import.meta.url));
	const of = (delta: string) => migrations.find(migration => migration.delta === delta);
	expect(of('main 71/01rebuild_event_edges.sql.sqlite')).toMatchObject({ release: '1.62.0', work: 'reads' });
	expect(of('main 77/05thread_notifications_backfill.sql')).toMatchObject({ release: '1.85.0', work: 'reads' });
	expect(of('main 60/01recreate_stream_ordering.sql.postgres')).toMatchObject({ work: 'alters', background: true });
});

test('copies count, and tables that a release has just made do not', async () => {
	const { migrations } = await openKnowledge(new URL('../../../knowledge/', import.meta.url));
	const of = (delta: string) => migrations.find(migration => migration.delta === delta);
	expect(Object.keys(of('main 72/07thread_receipts.sql.sqlite')?.tables ?? {}).sort()).toEqual([
		'receipts_graph',
		'receipts_linearized',
	]);
	expect(of('main 73/02room_id_indexes_for_purging.sql')).toBeUndefined();
});
