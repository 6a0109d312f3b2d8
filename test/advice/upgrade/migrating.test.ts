import { expect, test } from 'vitest';
import { migrating } from '../../../src/advice/upgrade/migrating.ts';
import { switchesAndWaits } from '../../../src/advice/upgrade/planned-steps.ts';
import type { Migration, QueuedUpdates } from '../../../src/knowledge/schema/migrations.ts';
import { deployed } from '../../deployed.ts';
import { known, releases } from '../../known.ts';

const took = { sqlite: [1, 2], postgres: [3, 4] } as const;
const migration: Migration = {
	release: '1.40.0',
	delta: 'main 64/01x.sql',
	work: 'reads',
	tables: { events: 'events' },
	took,
	tookFor: 'events',
};
const queued: QueuedUpdates = {
	release: '1.40.0',
	delta: 'main 64/02y.sql',
	names: ['index_events'],
	table: 'events',
	grows: 'events',
	took,
};

const between = (from: string, to: string, facts = 'docker') =>
	migrating({ from, to, profile: deployed(facts) }, { migrations: [migration], queued: [queued] });

test('keeps only the times of the stated database', () => {
	const of = (facts: string) => {
		const { migrations, queued } = between('1.39.0', '1.40.0', facts);
		return [migrations[0]?.took, queued[0]?.took];
	};
	expect(of('debian')).toEqual([took, took]);
	expect(of('debian postgres=15')).toEqual([{ postgres: [3, 4] }, { postgres: [3, 4] }]);
	expect(of('debian sqlite')).toEqual([{ sqlite: [1, 2] }, { sqlite: [1, 2] }]);
});

test('keeps a migration measured only on the other database, without its time, but drops such updates', () => {
	const measured = { took: { sqlite: [1, 2] } } as const;
	const given = { migrations: [{ ...migration, ...measured }], queued: [{ ...queued, ...measured }] };
	const { tookFor: _for, took: _took, ...bare } = migration;
	expect(migrating({ from: '1.39.0', to: '1.40.0', profile: deployed('postgres') }, given)).toEqual({
		migrations: [bare],
		queued: [],
	});
});

test('counts background updates after the start and up to the target', () => {
	expect(between('1.39.0', '1.40.0').queued).toHaveLength(1);
	expect(between('1.40.0', '1.41.0').queued).toEqual([]);
	expect(between('1.38.0', '1.39.0').queued).toEqual([]);
});

test('lists at each switch the migrations of its own leg, and background updates at the wait if there is one', () => {
	const known_ = known({
		releases: releases('1.30.0', '1.39.0', '1.40.0', '1.41.0'),
		migrations: [migration],
		queued: [queued],
	});
	const legs = [
		{ from: '1.39.0', to: '1.40.0' },
		{ from: '1.40.0', to: '1.41.0' },
	];
	const calendar = { today: '2026-11-29', known: known_, waited: false };
	const tasks = (facts: string, stops: Parameters<typeof switchesAndWaits>[1]) =>
		switchesAndWaits(legs, stops, deployed(facts), calendar).map(({ task }) => task);
	const one = { ...migration, took };
	const nothing = { migrations: [], queued: [] };
	expect(tasks('docker', [])).toMatchObject([
		{ kind: 'switch', migrating: { migrations: [one], queued: [queued] } },
		{ kind: 'switch', migrating: nothing },
	]);
	const halt = { from: '1.39.0', to: '1.40.0', best: '1.40.0', required: true, ruins: false, sticks: true } as const;
	const waiting = tasks('docker', [halt]);
	expect(waiting).toMatchObject([
		{ kind: 'switch', migrating: { migrations: [one] } },
		{ kind: 'wait', queued: [queued] },
		{ kind: 'switch', migrating: nothing },
	]);
	expect(waiting[0]).not.toHaveProperty('migrating.queued');
	// The step that raises systemd's limit mentions the migrations.
	const [limited] = tasks('debian', []);
	expect(limited).toMatchObject({ migrating: { queued: [queued] } });
	expect(limited).not.toHaveProperty('migrating.migrations');
});
