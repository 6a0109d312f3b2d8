// The tables, as types. Times are milliseconds since 1970, truth values 0 and 1, JSON is text.
import type { Generated } from 'kysely';

export type Tables = {
	account: {
		id: 1;
		user: string;
		homeserver: string;
		device: string;
		token: string | null;
		origin: string;
		since: number;
	};
	sync: { id: 1; token: string; batch: number };
	rooms: {
		room: string;
		membership: 'joined' | 'left';
		/** When it became so. */
		since: number;
		inviter: string | null;
		create_event: string | null;
		power_levels: string | null;
		encryption: string | null;
		join_rule: string | null;
		history_visibility: string | null;
		tombstone: string | null;
		predecessor: string | null;
		last_event: string | null;
		last_at: number | null;
		settings: string;
		greeted: 0 | 1;
		told_encrypted: 0 | 1;
		told_public: 0 | 1;
	};
	inbox: {
		event: string;
		room: string;
		sender: string;
		at: number;
		body: string;
		mentioned: 0 | 1;
		replies_to: string | null;
		thread: string | null;
		/** The order in the room: the batch it came with, and its place there; what fills a gap has places below zero. */
		batch: number;
		place: number;
		decided_at: number | null;
	};
	/** Encrypted events whose key has not come. */
	unreadable: {
		event: string;
		room: string;
		sender: string;
		session: string;
		at: number;
		why: string;
		raw: string;
		received: number;
		/** When the session was explained, or found not worth another word. */
		explained_at: number | null;
		/** Whether that was said in the room. */
		said: 0 | 1;
	};
	gaps: {
		room: string;
		batch: number;
		from_token: string;
		until_event: string | null;
		until_at: number | null;
		place: number;
		next_try: number;
	};
	outbox: {
		id: Generated<number>;
		said: string;
		room: string;
		kind: 'event' | 'file' | 'leave' | 'limit';
		answers: string | null;
		sender: string | null;
		/** What was decided, and the exact event as sent where that differs; both gone once it has arrived. */
		decided: string | null;
		sealed: string | null;
		tries: number;
		next_try: number;
		created: number;
		event: string | null;
		done_at: number | null;
		outcome: 'sent' | 'given up' | 'dropped' | null;
		why: string | null;
	};
	invitations: {
		room: string;
		inviter: string;
		received: number;
		tries: number;
		next_try: number;
		/** When we came in by it; kept for a while to see who invites too often. */
		accepted_at: number | null;
	};
	moves: { from_room: string; to_room: string; via: string; since: number; tries: number; next_try: number };
	/** Texts by key: what upstream's sources last said. */
	kept: { key: string; text: string };
};
