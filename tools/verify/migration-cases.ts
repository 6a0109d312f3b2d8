// The cases to measure: releases whose migrations or background updates scan a large table, and the rows they find
// there.
import {
	edges,
	event,
	events,
	graph,
	keyVersions,
	many,
	member,
	members,
	pokes,
	pushActions,
	queue,
	receipts,
	roomKeys,
	thumbnails,
	user,
} from './migration-fillings.ts';

export type Database = 'sqlite' | 'postgres';

export type Filling = {
	/** How many of the rows change: `most` and `few` are the two ends of the range. */
	affects: 'most' | 'few';
	/** Statements for both SQLite and PostgreSQL. */
	sql: string[];
	/** More statements, only for PostgreSQL. */
	postgres?: string[];
};

export type Case = {
	/** Unique: `1.85-push-actions`. */
	id: string;
	/** The release that creates the tables, and the one that migrates them. */
	before: string;
	at: string;
	databases: Database[];
	/** The table whose rows are counted. */
	table: string;
	/** Prefixes of the migrations whose time counts. The others are too fast. */
	deltas: string[];
	/** Background updates whose time counts, and the migration that queues them. */
	updates?: Partial<Record<Database, { queuedBy: string; names: string[] }>>;
	/**
	 * The PostgreSQL sequence that numbers the rows: Synapse does not start if it is behind the table.
	 * https://github.com/element-hq/synapse/blob/v1.64.0/synapse/storage/util/sequence.py
	 */
	sequence?: string;
	fillings: Filling[];
};

const populated = {
	queuedBy: 'main 72/03bg_populate_events_columns.py',
	names: ['events_populate_state_key_rejections'],
};
const uniqueReceipts = (queuedBy: string) => ({
	queuedBy,
	names: ['receipts_linearized_unique_index', 'receipts_graph_unique_index'],
});

export const cases: Case[] = [
	{
		id: '1.4-key-backups',
		before: '1.3.1',
		at: '1.4.1',
		databases: ['postgres', 'sqlite'],
		table: 'e2e_room_keys',
		deltas: ['main 56/fix_room_keys_index.sql'],
		fillings: [{ affects: 'most', sql: [keyVersions, roomKeys] }],
	},
	{
		id: '1.4-public-rooms',
		before: '1.3.1',
		at: '1.4.1',
		databases: ['postgres', 'sqlite'],
		table: 'users_in_public_rooms',
		deltas: ['main 56/users_in_public_rooms_idx.sql'],
		fillings: [
			{
				affects: 'most',
				sql: [
					many('users_in_public_rooms', {
						room_id: "'!room' || (i / 1000) || ':example.org'",
						user_id: member,
					}),
				],
			},
		],
	},
	{
		id: '1.4-redactions',
		before: '1.3.1',
		at: '1.4.1',
		databases: ['postgres', 'sqlite'],
		table: 'redactions',
		deltas: ['main 56/redaction_censor.sql', 'main 56/redaction_censor2.sql'],
		fillings: [
			{
				affects: 'most',
				sql: [many('redactions', { event_id: event, redacts: "'$redacted-event-of-a-usual-length' || i" })],
			},
		],
	},
	{
		id: '1.6-deleted-backups',
		before: '1.5.1',
		at: '1.6.1',
		databases: ['postgres', 'sqlite'],
		table: 'e2e_room_keys',
		deltas: ['main 56/delete_keys_from_deleted_backups.sql'],
		fillings: [
			{ affects: 'few', sql: [keyVersions, roomKeys] },
			{ affects: 'most', sql: [keyVersions.replace("'{}', 0 FROM n", "'{}', 1 FROM n"), roomKeys] },
		],
	},
	{
		id: '1.13-sent-pokes',
		before: '1.12.4',
		at: '1.13.0',
		databases: ['postgres', 'sqlite'],
		table: 'device_lists_outbound_pokes',
		deltas: ['main 57/remove_sent_outbound_pokes.sql'],
		fillings: [
			{ affects: 'few', sql: [pokes('false')] },
			{ affects: 'most', sql: [pokes('true')] },
		],
	},
	{
		id: '1.21-thumbnails',
		before: '1.20.1',
		at: '1.21.2',
		databases: ['sqlite'],
		table: 'local_media_repository_thumbnails',
		deltas: ['main 58/07add_method_to_thumbnail_constraint.sql.sqlite'],
		fillings: [{ affects: 'most', sql: thumbnails }],
	},
	{
		id: '1.26-access-tokens',
		before: '1.25.0',
		at: '1.26.0',
		databases: ['sqlite'],
		table: 'access_tokens',
		deltas: ['main 58/28drop_last_used_column.sql.sqlite'],
		fillings: [
			{
				affects: 'most',
				sql: [
					many('access_tokens', {
						id: 'i + 1000',
						user_id: user,
						device_id: "'DEVICE' || i",
						token: "'syt_a_token_of_a_usual_length_with_letters_' || i",
					}),
				],
			},
		],
	},
	{
		id: '1.38-stream-ordering',
		before: '1.37.1',
		at: '1.38.1',
		databases: ['postgres'],
		table: 'events',
		deltas: [],
		updates: {
			postgres: {
				queuedBy: 'main 60/01recreate_stream_ordering.sql.postgres',
				names: [
					'populate_stream_ordering2',
					'index_stream_ordering2',
					'index_stream_ordering2_room_order',
					'index_stream_ordering2_contains_url',
					'index_stream_ordering2_room_stream',
					'index_stream_ordering2_ts',
					'replace_stream_ordering_column',
				],
			},
		},
		sequence: 'events_stream_seq',
		fillings: [{ affects: 'most', sql: [events] }],
	},
	{
		id: '1.62-event-edges',
		before: '1.61.1',
		at: '1.62.0',
		databases: ['sqlite', 'postgres'],
		table: 'event_edges',
		deltas: ['main 71/01rebuild_event_edges.sql.sqlite'],
		updates: {
			postgres: {
				queuedBy: 'main 71/01rebuild_event_edges.sql.postgres',
				names: ['event_edges_drop_invalid_rows', 'event_edges_replace_index'],
			},
		},
		sequence: 'events_stream_seq',
		fillings: [
			{ affects: 'few', sql: [events, edges('false')] },
			{ affects: 'most', sql: [events, edges('true')] },
		],
	},
	{
		id: '1.64-event-columns',
		before: '1.63.1',
		at: '1.64.0',
		databases: ['postgres', 'sqlite'],
		table: 'events',
		deltas: [],
		updates: {
			postgres: populated,
			sqlite: populated,
		},
		sequence: 'events_stream_seq',
		fillings: [{ affects: 'most', sql: [events] }],
	},
	{
		id: '1.67-private-receipts',
		before: '1.66.0',
		at: '1.67.0',
		databases: ['postgres', 'sqlite'],
		table: 'receipts_linearized',
		deltas: ['main 72/05remove_unstable_private_read_receipts.sql'],
		sequence: 'receipts_sequence',
		fillings: [
			{ affects: 'few', sql: receipts("'m.read'") },
			{ affects: 'most', sql: receipts("'org.matrix.msc2285.read.private'") },
		],
	},
	{
		id: '1.68-memberships',
		before: '1.67.0',
		at: '1.68.0',
		databases: ['postgres', 'sqlite'],
		table: 'current_state_events',
		deltas: ['main 72/07force_update_current_state_events_membership.py'],
		fillings: [
			{ affects: 'few', sql: members },
			// This affects only servers on which an update from 2019 never finished.
			{ affects: 'most', sql: [...members, queue('current_state_events_membership')] },
		],
	},
	{
		id: '1.68-thread-receipts',
		before: '1.67.0',
		at: '1.68.0',
		databases: ['sqlite', 'postgres'],
		table: 'receipts_linearized',
		deltas: ['main 72/07thread_receipts.sql.sqlite'],
		updates: { postgres: uniqueReceipts('main 72/08thread_receipts.sql') },
		sequence: 'receipts_sequence',
		fillings: [
			{ affects: 'few', sql: receipts("'m.read'") },
			{ affects: 'most', sql: [...receipts("'m.read'"), graph] },
		],
	},
	{
		id: '1.70-thread-receipts',
		before: '1.69.0',
		at: '1.70.1',
		databases: ['sqlite'],
		table: 'receipts_linearized',
		deltas: ['main 73/08thread_receipts_non_null.sql.sqlite'],
		updates: { sqlite: uniqueReceipts('main 73/08thread_receipts_non_null.sql.sqlite') },
		fillings: [
			{ affects: 'few', sql: receipts("'m.read'") },
			{ affects: 'most', sql: [...receipts("'m.read'"), graph] },
		],
	},
	{
		id: '1.85-push-actions',
		before: '1.84.1',
		at: '1.85.2',
		databases: ['postgres', 'sqlite'],
		table: 'event_push_actions',
		deltas: ['main 77/05thread_notifications_backfill.sql', 'main 77/06thread_notifications_not_null.sql.sqlite'],
		updates: {
			postgres: {
				queuedBy: 'main 77/06thread_notifications_not_null_event_push_actions.sql.postgres',
				names: ['event_push_actions_thread_id'],
			},
			sqlite: {
				queuedBy: 'main 77/06thread_notifications_not_null.sql.sqlite',
				names: ['event_push_actions_stream_highlight_index'],
			},
		},
		fillings: [
			{ affects: 'few', sql: [pushActions("'main'")] },
			{ affects: 'most', sql: [pushActions('NULL')] },
		],
	},
	{
		id: '1.122-event-times',
		before: '1.121.1',
		at: '1.122.0',
		databases: ['postgres', 'sqlite'],
		table: 'events',
		deltas: [],
		updates: {
			postgres: { queuedBy: 'main 88/06_events_received_ts_index.sql', names: ['events_received_ts_index'] },
			sqlite: { queuedBy: 'main 88/06_events_received_ts_index.sql', names: ['events_received_ts_index'] },
		},
		sequence: 'events_stream_seq',
		fillings: [{ affects: 'most', sql: [events] }],
	},
	{
		id: '1.164-event-edges',
		before: '1.163.2',
		at: '1.164.0rc3',
		databases: ['postgres'],
		table: 'event_edges',
		deltas: ['main 95/01_foreground_event_edges_state_cleanup.py'],
		sequence: 'events_stream_seq',
		fillings: [
			{ affects: 'few', sql: [events, edges('false')] },
			{
				affects: 'most',
				sql: [queue('event_edges_drop_invalid_rows'), events, edges('true')],
				// As 1.62 left it: the update that is still queued would have validated it.
				postgres: [
					'ALTER TABLE event_edges DROP CONSTRAINT event_edges_event_id_fkey',
					'ALTER TABLE event_edges ADD CONSTRAINT event_edges_event_id_fkey FOREIGN KEY (event_id) REFERENCES events (event_id) NOT VALID',
				],
			},
		],
	},
];
