import { expect, test } from 'vitest';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';
import { type MigrationTime, migrationsOf } from '../../../src/knowledge/schema/migrations.ts';

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

test('what was measured stands beside it, for a million rows', () => {
	const time = {
		case: 'x',
		release: '1.5.0',
		table: 'events',
		rows: 500_000,
		seconds: [2, 10] as [number, number],
		runs: 4,
		date: '2026-11-29',
	};
	const times: MigrationTime[] = [
		{ ...time, delta: 'main 60/01x.sql', database: 'sqlite' },
		{ ...time, delta: 'main 60/02y.sql', database: 'postgres' },
	];
	expect(classed('main 60/01x.sql', { events: ['index'] }, { times })?.took).toEqual({ sqlite: [4, 20] });
	expect(classed('main 60/03z.sql', { events: ['index'] }, { times })).not.toHaveProperty('took');
});

test('the migrations that kept servers from starting are among those of the code', async () => {
	const { migrations } = await openKnowledge(new URL('../../../knowledge/', import.meta.url));
	const of = (delta: string) => migrations.find(migration => migration.delta === delta);
	expect(of('main 71/01rebuild_event_edges.sql.sqlite')).toMatchObject({ release: '1.62.0', work: 'reads' });
	expect(of('main 77/05thread_notifications_backfill.sql')).toMatchObject({ release: '1.85.0', work: 'reads' });
	expect(of('main 60/01recreate_stream_ordering.sql.postgres')).toMatchObject({ work: 'alters', background: true });
});
