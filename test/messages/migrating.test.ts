import { describe, expect, test } from 'vitest';
import type { Migration, QueuedUpdates } from '../../src/knowledge/schema/migrations.ts';
import { migrationsWords, queuedWords } from '../../src/messages/migrating.ts';

const migration = (release: string, tables: Record<string, string>, more: Partial<Migration> = {}): Migration => ({
	release,
	delta: `main ${release}`,
	work: 'reads',
	tables,
	...more,
});
const alters = (release: string, table: string) => migration(release, { [table]: 'events' }, { work: 'alters' });

describe('before the port opens', () => {
	test('mentions column changes together with slow work, but not alone', () => {
		expect(migrationsWords([alters('1.62.0', 'event_edges')])).toBe('');
		const text = migrationsWords([alters('1.62.0', 'event_edges'), migration('1.68.0', { receipts: 'read receipts' })]);
		expect(text).toContain('* 1.68.0: `receipts` (grows with read receipts)');
		expect(text).toContain('Columns in `event_edges` change too');
	});
	test('shows no time if none was measured', () => {
		const text = migrationsWords([migration('1.68.0', { receipts: 'read receipts' })]);
		expect(text).toContain('Nobody has measured how long they take.');
		expect(text).not.toMatch(/\d+ (s|min|minutes|hours)\b/);
	});
	test('shows the time measured on a million rows, and says which migrations were not measured', () => {
		const text = migrationsWords([
			migration('1.68.0', { a: 'as', b: 'bs' }, { took: { postgres: [3, 20.4], sqlite: [90, 150] }, tookFor: 'b' }),
			migration('1.69.0', { c: 'cs' }),
			migration('1.70.0', { d: 'ds' }, { database: 'sqlite', took: { sqlite: [0.2, 0.4] }, tookFor: 'd' }),
			migration('1.71.0', { e: 'es' }, { took: { sqlite: [0, 7.2] }, tookFor: 'e' }),
			migration('1.72.0', { f: 'fs' }, { took: { sqlite: [7.1, 7.2] }, tookFor: 'f' }),
		]);
		expect(text.split('\n').slice(2)).toEqual([
			'* 1.68.0: `a` (grows with as), `b` (grows with bs): 3 to 20 s on PostgreSQL, 1.5 to 2.5 min on SQLite',
			'* 1.69.0: `c` (grows with cs); not measured',
			'* 1.70.0 on SQLite: `d` (grows with ds): under 1 s on SQLite',
			'* 1.71.0: `e` (grows with es): 0 to 7 s on SQLite',
			'* 1.72.0: `f` (grows with fs): about 7 s on SQLite',
		]);
		expect(text).toContain(
			'for a million rows in that table, on two cores that were also doing other work; yours may take longer',
		);
	});
	test('lists at most eight, and counts the rest', () => {
		const many = Array.from({ length: 11 }, (_, i) => migration(`1.${i}.0`, { a: 'as' }));
		expect(migrationsWords(many).split('\n').at(-1)).toBe('* and 3 more');
	});
});

test('names up to two background updates per release, with their table and duration', () => {
	const queued: QueuedUpdates = {
		release: '1.38.0',
		delta: 'main 60/01x.sql.postgres',
		names: ['one', 'two', 'three'],
		table: 'events',
		grows: 'events',
		took: { postgres: [130, 790] },
	};
	expect(queuedWords([])).toBe('');
	const text = queuedWords([queued, { ...queued, release: '1.39.0', names: ['four'] }]);
	expect(text).toContain(
		'* 1.38.0: `one`, `two` and 1 more, which go through `events` (grows with events): 2.2 to 13 min on PostgreSQL',
	);
	expect(text).toContain('* 1.39.0: `four`, which goes through `events`');
	expect(text).toContain('while nobody was using the server');
	expect(text).toContain('yours may take longer');
});
