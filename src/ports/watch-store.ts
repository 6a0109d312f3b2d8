// What the watch keeps.
import type { Alert, SaidAlert } from '../advice/watch/alerts.ts';
import type { Severity } from '../advice/watch/severity.ts';
import type { Settings, Subscription, WatchedServer } from '../advice/watch/subscription.ts';
import type { Version } from '../deployment/version.ts';
import type { Saying } from './saying.ts';

// The watch: what commands and the tick may ask the store for.

/** A condition that a room has heard of, under the number that the room knows it by. */
export type Heard = SaidAlert & {
	id: number;
	number: number;
	watch: string;
	server: string;
	severity: Severity;
	root?: string;
};

/** An alert with the number that its condition has in the room, and what its thread begins with, if it is one. */
export type NumberedAlert = { alert: Alert; number?: number; root?: string };

export type WatchStore = {
	watches: (room: string) => Promise<Subscription[]>;
	watch: (room: string, server: string) => Promise<Subscription | undefined>;
	/** How many watches this person has begun. */
	watchesBegunBy: (person: string) => Promise<number>;
	/** At most this many of those in rooms we are in, by id, after `after` (`''`: from the first). */
	watchedBy: (server: string, after: string, limit: number) => Promise<Watched[]>;
	keepWatch: (watch: Subscription, now: Date) => Promise<void>;
	/** Ends a subscription and forgets all about it; false if there was none. */
	dropWatch: (room: string, server: string) => Promise<boolean>;

	server: (server: string) => Promise<WatchedServer | undefined>;
	/** The servers that a room watches, by name. */
	serversOf: (room: string) => Promise<WatchedServer[]>;
	/** Those whose time has come, the longest waiting first; also those that a clock turned back put beyond `horizon`. */
	dueServers: (now: Date, horizon: Date, limit: number) => Promise<WatchedServer[]>;
	nextLook: () => Promise<Date | undefined>;
	/** Those looked at since then, the latest first. */
	lookedAtSince: (since: Date, limit: number) => Promise<WatchedServer[]>;
	/** Says nothing about a server that nobody watches. */
	keepLook: (server: WatchedServer) => Promise<void>;
	/** The same for many, in one transaction. */
	keepLooks: (servers: readonly WatchedServer[]) => Promise<void>;
	/** When the last check at any server was, and when the next one is. */
	looks: () => Promise<{ last?: Date; next?: Date }>;
	/** Joined rooms whose replacement needs an invitation that has not come. */
	uninvited: () => Promise<{ from: string; to: string }[]>;

	/** All that a watch has heard of. */
	heard: (watch: string) => Promise<Heard[]>;
	/** What is open in a room, by number. */
	open: (room: string) => Promise<Heard[]>;
	/** What is open of what was said in this event, or in the thread that it began. */
	saidIn: (room: string, event: string) => Promise<Heard[]>;
	/**
	 * Remembers what was decided, puts what is said about it into the outbox and keeps the look that it follows from, in
	 * one transaction. An alert that was given before is left out.
	 */
	keepDecided: (decisions: readonly WatchDecision[], now: Date, look?: WatchedServer) => Promise<void>;
	ack: (ids: readonly number[], by: string, now: Date) => Promise<void>;
	snooze: (ids: readonly number[], until: { until: string } | { version: Version }) => Promise<void>;

	settings: (room: string) => Promise<Settings>;
	keepSettings: (room: string, settings: Settings, now: Date) => Promise<void>;
};

/** A watch with all that is needed to decide for it. */
export type Watched = { subscription: Subscription; settings: Settings; said: Heard[] };

/**
 * The alerts for one watch. `say` gets those that are to be said, with their numbers, and those of a thread with the
 * saying that it began with.
 */
export type WatchDecision = {
	watch: Subscription;
	alerts: readonly Alert[];
	say: (alerts: readonly NumberedAlert[]) => readonly RootedSaying[];
};

/** A saying, and which of the alerts (by their place) it says. */
export type RootedSaying = { saying: Saying; says: readonly number[] };
