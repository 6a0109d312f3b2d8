// What the operator's room may ask, and what it hears of: rooms by their ids, never what is said in them.

import type { Saying } from './saying.ts';

/** A room that the bot is in. */
export type OperatedRoom = {
	room: string;
	inviter?: string;
	since: Date;
	encrypted: boolean;
	watches: number;
	/** The room that the bot followed it to; here nothing is said any more. */
	replacedBy?: string;
};

/** Something that is decided and not delivered. */
export type WaitingDelivery = { room: string; since: Date; tries: number; next: Date };

/** A message that the homeserver refused for good; `why` is its own word. */
export type GivenUp = { id: number; room: string; why: string; at: Date };

export type OperatorStore = {
	operatedRooms: () => Promise<OperatedRoom[]>;
	/** The oldest first. */
	waitingDeliveries: (limit: number) => Promise<WaitingDelivery[]>;
	/** Those given up since then, in order. */
	givenUpSince: (since: Date) => Promise<GivenUp[]>;
	/** Rooms that the bot was removed from since then, not by `!leave` and not by a move. */
	lostRoomsSince: (since: Date) => Promise<{ room: string; since: Date }[]>;
	/** The room that the bot followed this one to, as long as the store remembers it. */
	replacementOf: (room: string) => Promise<string | undefined>;
	/** Puts this into the outbox; what has been said before is left alone. */
	say: (sayings: readonly Saying[], now: Date) => Promise<void>;
};

/** What `!operator` may do, in the operator's room. */
export type OperatorPort = {
	/** The operator's room, wherever it has been upgraded to. */
	room: () => Promise<string>;
	/** Who may invite the bot. */
	allow: () => readonly string[];
	rooms: () => Promise<OperatedRoom[]>;
	/** Counts, and the oldest deliveries. */
	waiting: () => Promise<{ inbox: number; outbox: number; oldest: WaitingDelivery[] }>;
	/** False if the bot is not in that room. `key`: the same for the same command, however often it is decided. */
	leave: (room: string, key: readonly string[]) => Promise<boolean>;
	/** Says a text in every room but this one; gives in how many. */
	announce: (text: string, key: readonly string[]) => Promise<number>;
};
