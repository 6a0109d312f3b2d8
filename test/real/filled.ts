// A store in PostgreSQL, filled with watches by SQL: five on each server and ten in each room.
import type { TestServer } from './postgres.ts';

const hour = 3600_000;

/** What a check saw of each server. */
const history = JSON.stringify([
	{
		is: 'synapse',
		version: '1.160.0',
		since: '2026-10-01T00:00:00.000Z',
		until: '2026-10-01T00:00:00.000Z',
		looks: 9,
	},
]);

export type Filling = {
	watches: number;
	/** How many servers are due now; the others are within the next hour. */
	due: number;
	/** Delivered messages and sent alerts per thousand watches. */
	past?: number;
};

/** Fills the tables of an existing, empty store. */
export async function fill(server: TestServer, url: string, { watches, due, past = 0 }: Filling): Promise<void> {
	const now = Date.now();
	const old = Math.round((watches * past) / 1000);
	const statements = `
		SET search_path TO glia;
		SET synchronous_commit = off;
		INSERT INTO servers (server, spells, looked, next_look)
			SELECT 's' || i || '.example.org', '${history}', ${now - hour},
				CASE WHEN i < ${due} THEN ${now - 1000} ELSE ${now + hour / 2} + (i % 1000) * 1000 END
			FROM generate_series(0, ${Math.ceil(watches / 5) - 1}) AS i;
		INSERT INTO rooms (room, membership, since, inviter, settings, greeted, told_encrypted, told_public, last_event, last_at)
			SELECT '!r' || i || ':example.org', 'joined', ${now} - i, '@p' || i % 1000 || ':example.org', '{}', 1, 0, 0, '$e' || i, ${now}
			FROM generate_series(0, ${Math.ceil(watches / 10) - 1}) AS i;
		INSERT INTO watches (id, room, server, facts, changed, heard, begun_by)
			SELECT 'w' || i, '!r' || i % ${Math.ceil(watches / 10)} || ':example.org', 's' || i / 5 || '.example.org',
				'["docker"]', ${now}, '1.160.0', '@p' || i % 10000 || ':example.org'
			FROM generate_series(0, ${watches - 1}) AS i;
		INSERT INTO matters (watch, rule, subject, episode, number, stage, at, reminders, severity, about, unsaid, root)
			SELECT 'w' || i, 'lifecycle', 'x', 'e', 1, 'd90', ${now}, 0, 'info', '{"rule":"lifecycle","name":"x","of":"support","state":"soon"}', 0, 'a' || i
			FROM generate_series(0, ${old - 1}) AS i;
		INSERT INTO alerts (matter, stage, at, said) SELECT id, 'd90', ${now}, root FROM matters;
		INSERT INTO outbox (said, room, kind, answers, sender, tries, next_try, created, event, done_at, outcome)
			SELECT CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END || i, '!r' || i % 1000 || ':example.org', 'event', '$q' || i,
				'@p' || i % 1000 || ':example.org', 0, ${now}, ${now}, '$s' || i, ${now - 15 * 24 * hour} + i % 1000, 'sent'
			FROM generate_series(0, ${old - 1}) AS i;
		INSERT INTO inbox (event, room, sender, at, body, mentioned, thread, batch, place, decided_at, sealed)
			SELECT '$q' || i, '!r' || i % 1000 || ':example.org', '@p' || i % 1000 || ':example.org', ${now}, '', 0,
				CASE WHEN i % 10 = 0 THEN '$t' || i END, i, 0, ${now - 15 * 24 * hour} + i % 1000, 0
			FROM generate_series(0, ${old - 1}) AS i;
		INSERT INTO heard (once, event) SELECT 'o' || i, '$q' || i FROM generate_series(0, ${Math.min(old, 100_000) - 1}) AS i;
		INSERT INTO guide_sessions (id, room, state, root, changed, session)
			SELECT 'g' || i, '!r' || i % 1000 || ':example.org', CASE WHEN i % 50 = 0 THEN 'open' ELSE 'done' END,
				'b' || (2 * i + 1), ${now}, '{}' FROM generate_series(0, ${Math.round(old / 4) - 1}) AS i;
		INSERT INTO session_sayings (said, session, stage, gate)
			SELECT 'b' || (2 * i + 1), 'g' || i, NULL, 0 FROM generate_series(0, ${Math.round(old / 4) - 1}) AS i;
		INSERT INTO silences (room, said) SELECT room, NULL FROM rooms WHERE since % 2 = 0;
		INSERT INTO joins (person, at) SELECT '@p' || i % 1000, ${now - 15 * 24 * hour} + i % 1000 FROM generate_series(0, ${Math.round(old / 10) - 1}) AS i;
		INSERT INTO invitations (room, inviter, received, tries, next_try, accepted_at, predecessor)
			SELECT '!r' || i || ':example.org', '@p' || i % 1000 || ':example.org', ${now}, 0, ${now}, ${now - 15 * 24 * hour} + i % 1000, NULL
			FROM generate_series(0, ${Math.round(old / 10) - 1}) AS i;`;
	const name = new URL(url).pathname.slice(1);
	await server.query(statements, name);
	await server.query('VACUUM (ANALYZE)', name);
}
