// The tables, as types, and what a new room begins with. Times are milliseconds since 1970, truth values 0 and 1, JSON is text.
import type { Generated } from 'kysely';
import type { GuideSession } from '../../advice/guide/session.ts';
import type { Severity } from '../../advice/watch/severity.ts';

/** A room of which nothing is known yet. */
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
		/** Tells this stay in the room from earlier and later ones; empty for those that began before it was kept. */
		stay: string;
		/** The room that took over all that this one had. */
		moved_to: string | null;
		/** Whether the room has yet to hear that its watches are lost. */
		lost: 0 | 1;
	};
	/** Rooms that were ever encrypted, as `roomKey` names them. */
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
		/** The order in the room: the batch it came with, and its place there; what fills a gap has places below zero. */
		batch: number;
		place: number;
		decided_at: number | null;
		/** Whether it came encrypted, or as a reaction. */
		sealed: 0 | 1;
		/** Whether its text was not kept; `raw` is then the encrypted event as it came, if it came encrypted. */
		unread: 0 | 1;
		raw: string | null;
		/** Whether its sender may send the file that it asks for next. */
		wants: 0 | 1;
	};
	/** Encrypted messages that were taken in, oldest first: which of their session they were, and in which event. */
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
		/** The command that a reaction to it stands for. */
		confirms: string | null;
	};
	invitations: {
		room: string;
		inviter: string;
		received: number;
		tries: number;
		next_try: number;
		/** When we came in by it; kept for a while to see who invites too often. */
		accepted_at: number | null;
		/** The room that the new one says it replaces: '' for none, null where the invitation does not tell. */
		predecessor: string | null;
	};
	moves: {
		from_room: string;
		to_room: string;
		via: string;
		since: number;
		tries: number;
		next_try: number;
		/** Whether the new room has refused us for want of an invitation, and none has come since. */
		uninvited: 0 | 1;
		/** Who replaced the room. */
		sender: string;
		/** Whether we are in the new room only because of this move, or are about to be. */
		joined: 0 | 1;
	};
	/** Rooms joined on somebody's word without an invitation, counted for a while. */
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
		/** What checks of its configuration left, as JSON. */
		checks: string | null;
	};
	/** What a watch has heard of; `number` is what the room calls it by, null for what happened once. */
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
		/** What it is, as JSON. */
		about: string;
		acked_at: number | null;
		acked_by: string | null;
		snoozed_until: string | null;
		snoozed_version: string | null;
		solved_at: number | null;
		unsaid: 0 | 1;
		/** `said` of the message that its thread begins with. */
		root: string | null;
	};
	/** The log: which stage of a matter was given when, and by which saying. */
	alerts: { matter: number; stage: string; at: number; said: string | null };
	/** Rooms that were told that upstream is silent; `said` is null where the room does not want to hear of it. */
	silences: { room: string; said: string | null };
	/** Guide sessions that rooms were offered or have begun; `session` is the rest of one as JSON. */
	guide_sessions: {
		id: string;
		room: string;
		state: GuideSession['is'];
		/** `said` of the message that its thread begins with, or the event of a thread that was there before. */
		root: string | null;
		thread: string | null;
		changed: number;
		session: string;
	};
	/** Sayings that are about a guide session: without a stage, its plan. */
	session_sayings: { said: string; session: string; stage: string | null; gate: 0 | 1 };
	/** Texts by key: what upstream's sources last said. */
	kept: { key: string; text: string };
};
