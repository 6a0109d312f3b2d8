import { expect, test } from 'vitest';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';
import {
	deltasShape,
	type MigrationTime,
	migrationsOf,
	queuedUpdatesOf,
} from '../../../src/knowledge/schema/migrations.ts';

const large = { tables: { events: 'events', receipts: 'read receipts' } };

/** How a migration with these actions on its tables is classified. */
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
])('classifies %s on a large table as %s', (action, work) => {
	expect(classed('main 60/01x.sql', { events: [action] })).toEqual({
		release: '1.5.0',
		delta: 'main 60/01x.sql',
		work,
		tables: { events: 'events' },
	});
});

test('ignores tables that are new, small or dropped', () => {
	expect(classed('main 60/01x.sql', { events: ['create', 'index'] })).toBeUndefined();
	expect(classed('main 60/01x.sql', { pushers: ['update'] })).toBeUndefined();
	expect(classed('main 60/01x.sql', { events: ['drop'] })).toBeUndefined();
});

test('ignores migrations up to 1.0.0, which everyone has already run', () =>
	expect(classed('main 54/01x.sql', { events: ['update'] }, { since: '1.0.0' })).toBeUndefined());

test('assumes that an update next to queued work only concerns new rows', () => {
	const touched = { events: ['alter', 'update'] };
	expect(classed('main 60/01x.sql', touched, { background: true })).toMatchObject({ work: 'alters', background: true });
	expect(classed('main 60/01x.sql', touched)).toMatchObject({ work: 'reads' });
});

test('recognises the database by the end of the name', () => {
	expect(classed('main 60/01x.sql.sqlite', { events: ['index'] })?.database).toBe('sqlite');
	expect(classed('main 60/01x.sql.postgres', { events: ['index'] })?.database).toBe('postgres');
	expect(classed('main 60/01x.py', { events: ['index'] })).not.toHaveProperty('database');
});

test('counts replacing a table with a filled copy as a scan', () => {
	const copied = { events_new: ['create', 'insert', 'alter'] };
	expect(classed('main 60/01x.sql', { events: ['drop'], ...copied })).toMatchObject({ work: 'reads' });
	expect(classed('main 60/01x.sql', { events: ['drop'], events_new: ['create', 'alter'] })).toBeUndefined();
	expect(classed('main 60/01x.sql', { events: ['drop'], pushers_new: copied.events_new })).toBeUndefined();
});

test('treats a table that the same release creates as empty', () => {
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

test('adds the measured time for a million rows', () => {
	const times: MigrationTime[] = [time, { ...time, delta: 'main 60/02y.sql', database: 'postgres' }];
	expect(classed('main 60/01x.sql', { events: ['index'] }, { times })).toMatchObject({
		took: { sqlite: [4, 20] },
		tookFor: 'events',
	});
	expect(classed('main 60/03z.sql', { events: ['index'] }, { times })).not.toHaveProperty('took');
});

test('does not add the time of queued updates to the migration', () => {
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

test('includes the migrations that kept real servers from starting', async () => {
	const { migrations } = await openKnowledge(new URL('../../../knowledge/', import.meta.url));
	const of = (delta: string) => migrations.find(migration => migration.delta === delta);
	expect(of('main 71/01rebuild_event_edges.sql.sqlite')).toMatchObject({ release: '1.62.0', work: 'reads' });
	expect(of('main 77/05thread_notifications_backfill.sql')).toMatchObject({ release: '1.85.0', work: 'reads' });
	expect(of('main 60/01recreate_stream_ordering.sql.postgres')).toMatchObject({ work: 'alters', background: true });
});

test('counts copies, but not tables that the release has just created', async () => {
	const { migrations } = await openKnowledge(new URL('../../../knowledge/', import.meta.url));
	const of = (delta: string) => migrations.find(migration => migration.delta === delta);
	expect(Object.keys(of('main 72/07thread_receipts.sql.sqlite')?.tables ?? {}).sort()).toEqual([
		'receipts_graph',
		'receipts_linearized',
	]);
	expect(of('main 73/02room_id_indexes_for_purging.sql')).toBeUndefined();
});
