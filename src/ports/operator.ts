// What the operator's room can ask for. It sees room ids, never messages.

import type { Saying } from './saying.ts';

/** A room that the bot is in. */
export type OperatedRoom = {
	room: string;
	inviter?: string;
	since: Date;
	encrypted: boolean;
	watches: number;
	/** The room that replaced it, if the bot has followed the upgrade. Nothing more is said in the old room. */
	replacedBy?: string;
};

/** A decided message that has not been delivered. */
export type WaitingDelivery = { room: string; since: Date; tries: number; next: Date };

/** A message that the homeserver refused permanently; `why` is the homeserver's reason. */
export type GivenUp = { id: number; room: string; why: string; at: Date };

export type OperatorStore = {
	operatedRooms: () => Promise<OperatedRoom[]>;
	/** Oldest first. */
	waitingDeliveries: (limit: number) => Promise<WaitingDelivery[]>;
	/** Messages given up since then, oldest first. */
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
	/** Counts, and the oldest pending deliveries. */
	waiting: () => Promise<{ inbox: number; outbox: number; oldest: WaitingDelivery[] }>;
	/** False if the bot is not in that room. `key` makes it idempotent: the same command always has the same key. */
	leave: (room: string, key: readonly string[]) => Promise<boolean>;
	/** Posts a text in every other room; returns the number of rooms. */
	announce: (text: string, key: readonly string[]) => Promise<number>;
};
