// What the operator's room can ask for. It sees room ids, never messages.

import type { Saying } from './saying.ts';

/** A room that the bot is in. */
export type OperatedRoom = {
	room: string;
	inviter?: string;
	since: Date;
	encrypted: boolean;
	watches: number;
	/** The room that the bot followed it to. Nothing is said in the old room any more. */
	replacedBy?: string;
};

/** A decided message that has not been delivered. */
export type WaitingDelivery = { room: string; since: Date; tries: number; next: Date };

/** A message that the homeserver refused permanently; `why` is its own reason. */
export type GivenUp = { id: number; room: string; why: string; at: Date };

export type OperatorStore = {
	operatedRooms: () => Promise<OperatedRoom[]>;
	/** Oldest first. */
	waitingDeliveries: (limit: number) => Promise<WaitingDelivery[]>;
	/** Those given up since then, in order. */
	givenUpSince: (since: Date) => Promise<GivenUp[]>;
	/** Rooms the bot was removed from since then, other than by `!leave` or a room upgrade. */
	lostRoomsSince: (since: Date) => Promise<{ room: string; since: Date }[]>;
	/** The room that the bot followed this one to, while the store remembers it. */
	replacementOf: (room: string) => Promise<string | undefined>;
	/** Puts messages into the outbox, skipping those that are already there. */
	say: (sayings: readonly Saying[], now: Date) => Promise<void>;
};

/** What `!operator` can do in the operator's room. */
export type OperatorPort = {
	/** The operator's room, following room upgrades. */
	room: () => Promise<string>;
	/** Who may invite the bot. */
	allow: () => readonly string[];
	rooms: () => Promise<OperatedRoom[]>;
	/** Counts, and the oldest deliveries. */
	waiting: () => Promise<{ inbox: number; outbox: number; oldest: WaitingDelivery[] }>;
	/** False if the bot is not in that room. `key` makes it idempotent: the same command always gives the same key. */
	leave: (room: string, key: readonly string[]) => Promise<boolean>;
	/** Says a text in every other room; returns in how many. */
	announce: (text: string, key: readonly string[]) => Promise<number>;
};
