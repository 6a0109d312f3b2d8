// A million realistic rows for one table, as SQL that both PostgreSQL and SQLite accept.

export const rows = 1_000_000;
/** Where the numbers of a stream begin: after the rows that a new server has written itself. */
const streamBegins = 10_000;
/** Above every number of a stream. */
export const streamEnds = rows + streamBegins;

/** One INSERT for all rows; `i` counts from 1. */
export function many(table: string, columns: Record<string, string>): string {
	const names = Object.keys(columns).join(', ');
	return `INSERT INTO ${table} (${names}) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) SELECT ${Object.values(columns).join(', ')} FROM n`;
}

/** As on real servers: a thousand rooms, a few thousand people. */
const room = "'!room' || (i % 1000) || ':example.org'";
export const user = "'@user' || (i % 5000) || ':example.org'";
/** One of a thousand in each of a thousand rooms, which are numbered i / 1000. */
export const member = "'@user' || (i % 1000) || ':example.org'";
export const event = "'$event-of-a-usual-length-with-a-hash-of-' || i";

export const events = many('events', {
	stream_ordering: `i + ${streamBegins}`,
	topological_ordering: 'i / 1000',
	event_id: event,
	type: "'m.room.message'",
	room_id: room,
	processed: 'true',
	outlier: 'false',
	depth: 'i / 1000',
	received_ts: '1600000000000 + i',
	origin_server_ts: '1600000000000 + i',
	sender: user,
	contains_url: 'false',
	instance_name: "'master'",
});

export const receipts = (type: string) => [
	many('receipts_linearized', {
		stream_id: 'i',
		room_id: "'!room' || (i / 1000) || ':example.org'",
		receipt_type: type,
		user_id: member,
		event_id: event,
		data: '\'{"ts": 1600000000000}\'',
	}),
];

export const graph = many('receipts_graph', {
	room_id: "'!room' || (i / 1000) || ':example.org'",
	receipt_type: "'m.read'",
	user_id: member,
	event_ids: `'["' || ${event} || '"]'`,
	data: '\'{"ts": 1600000000000}\'',
});

export const pushActions = (thread: string) =>
	many('event_push_actions', {
		room_id: room,
		event_id: event,
		user_id: user,
		actions: '\'["notify"]\'',
		topological_ordering: 'i / 1000',
		stream_ordering: 'i',
		notif: '1',
		highlight: '0',
		unread: '0',
		thread_id: thread,
	});

export const roomKeys = many('e2e_room_keys', {
	user_id: user,
	room_id: room,
	session_id: "'a session of a usual length, forty-three signs ' || i",
	version: '1',
	first_message_index: '0',
	forwarded_count: '0',
	is_verified: 'false',
	session_data: `'${'x'.repeat(400)}'`,
});
export const keyVersions =
	"INSERT INTO e2e_room_keys_versions (user_id, version, algorithm, auth_data, deleted) WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4999) SELECT '@user' || i || ':example.org', 1, 'm.megolm_backup.v1', '{}', 0 FROM n";

export const pokes = (sent: string) =>
	many('device_lists_outbound_pokes', {
		destination: "'server' || (i % 500) || '.example.org'",
		stream_id: 'i',
		user_id: user,
		device_id: "'DEVICE' || (i % 9)",
		sent,
		ts: '1600000000000 + i',
	});

export const edges = (isState: string) =>
	many('event_edges', {
		event_id: event,
		prev_event_id: "'$event-of-a-usual-length-with-a-hash-of-' || (i - 1)",
		room_id: room,
		is_state: isState,
	});

export const thumbnails = [
	many('local_media_repository_thumbnails', {
		media_id: "'media' || (i / 5)",
		thumbnail_width: '32 * (i % 5 + 1)',
		thumbnail_height: '32 * (i % 5 + 1)',
		thumbnail_type: "'image/png'",
		thumbnail_method: "'crop'",
		thumbnail_length: '1000',
	}),
];

export const members = ['current_state_events', 'room_memberships'].map(table =>
	many(table, {
		event_id: event,
		room_id: "'!room' || (i / 1000) || ':example.org'",
		...(table === 'room_memberships'
			? { user_id: member, sender: member, membership: "'join'" }
			: { type: "'m.room.member'", state_key: member }),
	}),
);

/** Like an update that an older release queued and that never finished. */
export const queue = (update: string) =>
	`INSERT INTO background_updates (update_name, progress_json) VALUES ('${update}', '{}')`;
