import { expect, test } from 'vitest';
import { readDeltas } from '../../../tools/verify/migration-time.ts';

const at = (time: string, logger: string, message: string) =>
	`2026-11-29 ${time} - ${logger} - 500 - INFO - main - ${message}`;
const prepare = 'synapse.storage.prepare_database';

test('measures a migration until the next line', () => {
	const log = [
		at('10:00:00,000', prepare, 'Applying schema deltas for v71'),
		at('10:00:00,500', prepare, 'Applying engine-specific schema 71/01rebuild_event_edges.sql.sqlite'),
		at('10:00:03,750', prepare, 'Applying schema 71/02event_push_summary_unique.sql'),
		at('10:00:03,800', prepare, 'Schema now up to date'),
		at('10:00:09,000', 'synapse.storage.databases', 'Database prepared'),
	];
	expect([...readDeltas(log.join('\n'))]).toEqual([
		['main 71/01rebuild_event_edges.sql.sqlite', 3.25],
		['main 71/02event_push_summary_unique.sql', 0.05],
	]);
});

test('adds up the two parts of a Python migration, whatever it logs itself', () => {
	const log = [
		at('10:00:00,000', prepare, 'Running 95/01_foreground.py:run_create'),
		at('10:00:01,000', 'synapse.storage.v95_01_foreground', 'Enabling foreign key'),
		'Traceback that nobody stamped',
		at('10:00:04,000', prepare, 'Running 95/01_foreground.py:run_upgrade'),
		at('10:00:04,500', prepare, 'Schema now up to date'),
	];
	expect([...readDeltas(log.join('\n'))]).toEqual([['main 95/01_foreground.py', 4.5]]);
});

test('reads the logs of old releases, without their background updates', () => {
	const log = [
		at('10:00:00,000', prepare, 'Running script delta/56/unique_user_filter_index.py'),
		at('10:00:02,000', prepare, 'Applying schema delta/56/fix_room_keys_index.sql'),
		at('10:00:03,000', prepare, 'Applying schema delta/56/users_in_public_rooms_idx.sql'),
		at('10:00:03,500', 'synapse.storage.background_updates', "Starting update batch on background update 'x'"),
		at(
			'10:00:09,500',
			'synapse.storage.background_updates',
			"Running background update 'x'. Processed 1 items in 6/7ms",
		),
	];
	expect([...readDeltas(log.join('\n'))]).toEqual([
		['main 56/unique_user_filter_index.py', 2],
		['main 56/fix_room_keys_index.sql', 1],
		['main 56/users_in_public_rooms_idx.sql', 0.5],
	]);
});
