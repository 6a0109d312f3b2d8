// The tables as types, and the initial values of a new room. Times are milliseconds since 1970, booleans 0 and 1,
// JSON is text.
import type { Generated } from 'kysely';
import type { GuideSession } from '../../advice/guide/session.ts';
import type { Severity } from '../../advice/watch/severity.ts';

/** A room about which nothing is known yet. */
export const unknownRoom = {
	inviter: null,
	create_event: null,
	power_levels: null,
	encryption: null,
	join_rule: null,
	history_visibility: null,
	tombstone: null,
	predecessor: null,
	last_event: null,
	last_at: null,
	told_encrypted: 0,
	told_public: 0,
	stay: '',
	moved_to: null,
	lost: 0,
} satisfies Partial<Tables['rooms']>;

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
		/** When the membership last changed. */
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
		/** Identifies this stay in the room; empty for stays that began before it was recorded. */
		stay: string;
		/** The room that took over everything from this one. */
		moved_to: string | null;
		/** Whether the room must still be told that its watches are lost. */
		lost: 0 | 1;
	};
	/** Rooms that were ever encrypted, by `roomKey`. */
	encrypted: { room: string };
	inbox: {
		event: string;
		room: string;
		sender: string;
		at: number;
		body: string;
		mentioned: 0 | 1;
		replies_to: string | null;
		thread: string | null;
		/** The order in the room: the batch, and the place in it. Messages that fill a gap have negative places. */
		batch: number;
		place: number;
		decided_at: number | null;
		/** Whether it came encrypted, or is a reaction. */
		sealed: 0 | 1;
		/** Whether its text was not stored; `raw` is then the encrypted event as received, if it was encrypted. */
		unread: 0 | 1;
		raw: string | null;
		/** Whether it asks for a file that its sender may send next. */
		wants: 0 | 1;
	};
	/** Encrypted messages received, oldest first: the message's place in its Megolm session, and its event. */
	heard: { id: Generated<number>; once: string; event: string };
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
		/** When the session was explained, or found not to need another notice. */
		explained_at: number | null;
		/** Whether the notice was sent. */
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
		/** The decision, and the exact event as sent if it differs; both null once it has been delivered. */
		decided: string | null;
		sealed: string | null;
		tries: number;
		next_try: number;
		created: number;
		event: string | null;
		done_at: number | null;
		outcome: 'sent' | 'given up' | 'dropped' | null;
		why: string | null;
		/** The command that a ✅ on it runs. */
		confirms: string | null;
	};
	invitations: {
		room: string;
		inviter: string;
		received: number;
		tries: number;
		next_try: number;
		/** When we accepted it; kept for a while to count invitations per person. */
		accepted_at: number | null;
		/** The room that the new one says it replaces: '' for none, null if the invitation does not say. */
		predecessor: string | null;
	};
	moves: {
		from_room: string;
		to_room: string;
		via: string;
		since: number;
		tries: number;
		next_try: number;
		/** Whether the new room refused us because we were not invited, and no invitation has come since. */
		uninvited: 0 | 1;
		/** Who replaced the room. */
		sender: string;
		/** Whether we are in the new room only because of this move, or are about to be. */
		joined: 0 | 1;
	};
	/** Rooms that people brought us into without an invitation, counted for a while. */
	joins: { person: string; at: number };
	servers: { server: string; spells: string; looked: number | null; next_look: number };
	watches: {
		id: string;
		room: string;
		server: string;
		facts: string;
		told: string | null;
		changed: number;
		heard: string | null;
		begun_by: string | null;
		/** The results of checking its configuration, as JSON. */
		checks: string | null;
	};
	/** The conditions reported for a watch; `number` is their number in the room, null for one-off events. */
	matters: {
		id: Generated<number>;
		watch: string;
		rule: string;
		subject: string;
		episode: string;
		number: number | null;
		stage: string;
		at: number;
		reminders: number;
		severity: Severity;
		/** The condition as JSON. */
		about: string;
		acked_at: number | null;
		acked_by: string | null;
		snoozed_until: string | null;
		snoozed_version: string | null;
		solved_at: number | null;
		unsaid: 0 | 1;
		/** `said` of the root of its thread. */
		root: string | null;
	};
	/** The log of alerts: which stage of a condition was reported when, and in which message. */
	alerts: { matter: number; stage: string; at: number; said: string | null };
	/** Rooms told that upstream is unreachable; `said` is null if the room does not want such notices. */
	silences: { room: string; said: string | null };
	/** Guide sessions offered to or started in rooms; `session` is the rest of the session as JSON. */
	guide_sessions: {
		id: string;
		room: string;
		state: GuideSession['is'];
		/** `said` of the thread's root, or the root event of a thread that existed before. */
		root: string | null;
		thread: string | null;
		changed: number;
		session: string;
	};
	/** Messages about a guide session; without a stage, about its plan. */
	session_sayings: { said: string; session: string; stage: string | null; gate: 0 | 1 };
	/** Texts by key: the last responses of upstream's sources. */
	kept: { key: string; text: string };
};
