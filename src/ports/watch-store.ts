// The part of the store that belongs to the watch.
import type { Alert } from '../advice/watch/alerts.ts';
import type { SaidAlert } from '../advice/watch/said-alert.ts';
import type { Settings, Subscription, WatchedServer } from '../advice/watch/subscription.ts';
import type { Version } from '../deployment/version.ts';
import type { Saying } from './saying.ts';

/** A condition reported to a room, with its number there. */
export type Heard = SaidAlert & {
	id: number;
	number: number;
	watch: string;
	server: string;
	root?: string;
};

/** An alert with its condition's number in the room, and the root of the thread it belongs to, if any. */
export type NumberedAlert = { alert: Alert; number?: number; root?: string };

export type WatchStore = {
	watches: (room: string) => Promise<Subscription[]>;
	watch: (room: string, server: string) => Promise<Subscription | undefined>;
	watchesBegunBy: (person: string) => Promise<number>;
	/** At most `limit` watches of a server in joined rooms, by id, starting after `after` (`''`: from the first). */
	watchedBy: (server: string, after: string, limit: number) => Promise<Watched[]>;
	keepWatch: (watch: Subscription, now: Date) => Promise<void>;
	/** Ends a subscription and deletes everything about it; false if it did not exist. */
	dropWatch: (room: string, server: string) => Promise<boolean>;

	server: (server: string) => Promise<WatchedServer | undefined>;
	/** Those of these servers that are watched, in any order. */
	serversNamed: (names: readonly string[]) => Promise<WatchedServer[]>;
	/** The servers that a room watches, by name. */
	serversOf: (room: string) => Promise<WatchedServer[]>;
	/**
	 * Servers that are due, longest overdue first. Includes those scheduled after `horizon`, which happens when a
	 * clock is turned back.
	 */
	dueServers: (now: Date, horizon: Date, limit: number) => Promise<WatchedServer[]>;
	nextLook: () => Promise<Date | undefined>;
	/** Servers polled since then, latest first. */
	lookedAtSince: (since: Date, limit: number) => Promise<WatchedServer[]>;
	/** Does nothing for a server that nobody watches. */
	keepLook: (server: WatchedServer) => Promise<void>;
	/** The same for many servers, in one transaction. */
	keepLooks: (servers: readonly WatchedServer[]) => Promise<void>;
	/** When any server was last polled, and when the next poll is due. */
	looks: () => Promise<{ last?: Date; next?: Date }>;
	/** Joined rooms whose replacement needs an invitation that has not come. */
	uninvited: () => Promise<{ from: string; to: string }[]>;

	/** Every condition reported for a watch. */
	heard: (watch: string) => Promise<Heard[]>;
	/** Open conditions in a room, by number. */
	open: (room: string) => Promise<Heard[]>;
	/** Open conditions among those reported in this event, or in the thread that it started. */
	saidIn: (room: string, event: string) => Promise<Heard[]>;
	/**
	 * Stores decisions, queues their messages and stores the poll that led to them, in one transaction. Skips
	 * alerts that were reported before.
	 */
	keepDecided: (decisions: readonly WatchDecision[], now: Date, look?: WatchedServer) => Promise<void>;
	ack: (ids: readonly number[], by: string, now: Date) => Promise<void>;
	snooze: (ids: readonly number[], until: { until: string } | { version: Version }) => Promise<void>;

	settings: (room: string) => Promise<Settings>;
	keepSettings: (room: string, settings: Settings, now: Date) => Promise<void>;
};

/** A watch with everything needed to decide about it. */
export type Watched = { subscription: Subscription; settings: Settings; said: Heard[] };

/**
 * The alerts for one watch. `say` receives those to report, with their numbers, and the root message for those
 * that belong to a thread.
 */
export type WatchDecision = {
	watch: Subscription;
	alerts: readonly Alert[];
	say: (alerts: readonly NumberedAlert[]) => readonly RootedSaying[];
};

/** A message, and the indexes of the alerts it reports. */
export type RootedSaying = { saying: Saying; says: readonly number[] };
