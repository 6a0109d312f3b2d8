// What the bot, its commands and the watch ask of the store.

import type { GuideSession, StagePlace } from '../advice/guide/session.ts';
import type { Settings, WatchedServer } from '../advice/watch/subscription.ts';
import type { Account, Batch, Content, Incoming, Invited, Page, RoomState, Sealed, Unreadable } from './homeserver.ts';
import type { Figures } from './metrics.ts';
import type { OperatorStore } from './operator.ts';
import type { Saying, Waiting } from './saying.ts';
import type { WatchStore } from './watch-store.ts';
import type { Kept } from './web.ts';

export type Room = {
	room: string;
	state: RoomState;
	/** The room's settings; empty until someone changes them. */
	settings: Content;
};
export type Gap = { room: string; batch: number; from: string; until?: { event: string; at: Date } };
export type Invitation = { room: string; inviter: string; received: Date; tries: number };
export type Move = {
	from: string;
	to: string;
	/** A server in the new room. */
	via: string;
	/** Who replaced the old room. */
	sender: string;
	since: Date;
	tries: number;
	/** Whether we are in the new room only because of this move, or are about to be. */
	joined: boolean;
	/** A pending invitation to the new room. */
	invitation?: Invited;
};

/** Where a session takes place: in the thread below a message of ours, or in one that already existed. */
export type Thread = { root: string } | { event: string };

/**
 * A session with its thread and the messages about it: those with a `place` are about a stage, the others about
 * the plan.
 */
export type KeptSession = {
	session: GuideSession;
	thread: Thread;
	says: readonly { said: string; place?: StagePlace }[];
};

/** A session continued in another room, and what is said there. The first message starts the thread. */
export type Resumed = { session: KeptSession; sayings: readonly Saying[] };

/** `event`: the root of the thread, once it has been sent. */
export type PlacedSession = { session: GuideSession; thread: Thread; event?: string };

/** Messages being worked on, and senders whose later messages in that room must wait for them. */
export type InHand = { events: readonly string[]; senders: readonly { room: string; sender: string }[] };

/** Each function is one transaction, durable once its promise resolves. */
export type Store = WatchStore &
	OperatorStore & {
		account: () => Promise<Account | undefined>;
		/** The user whose store this is, even without a token; undefined before the first login. */
		owner: () => Promise<string | undefined>;
		keepAccount: (account: Account) => Promise<void>;
		/** Forgets the token so that the next start logs in again. */
		dropToken: () => Promise<void>;
		token: () => Promise<string | undefined>;

		/** Stores rooms, inbox, gaps, invitations, moves and the sync token atomically. */
		take: (batch: Batch, now: Date) => Promise<void>;
		/** Gaps that are due, at most one for each room. */
		gaps: (now: Date) => Promise<Gap[]>;
		/** When the next gap is due, or was due if it is late. */
		nextGap: () => Promise<Date | undefined>;
		/** Stores a page of a gap. Its messages come before everything received after the gap. */
		fill: (gap: Gap, page: Page, now: Date) => Promise<void>;
		postponeGap: (gap: Gap, until: Date) => Promise<void>;

		/** Rooms that have undecided messages not in hand, except rooms with a gap. */
		unread: (inHand?: InHand) => Promise<string[]>;
		/** The room's first undecided message that is not in hand. */
		nextMessage: (room: string, inHand?: InHand) => Promise<Incoming | undefined>;
		/** Queues messages before the decision about `event`. Does nothing if the event was redacted or is already decided. */
		note: (event: string, sayings: readonly Saying[], now: Date) => Promise<void>;
		/**
		 * Stores the decision about a message together with any change to a session, and marks the message as
		 * decided. Messages that are already queued are left alone. `together`: other messages of the same person that
		 * this answers too, whether or not they have arrived yet.
		 */
		settle: (
			event: string,
			sayings: readonly Saying[],
			now: Date,
			session?: KeptSession,
			together?: readonly string[],
		) => Promise<void>;
		/** Whether a file belongs to a command that wants one. */
		awaitsFile: (file: Incoming) => Promise<boolean>;
		/** The session in the thread that this event starts: the open one if any, otherwise the latest. */
		sessionIn: (room: string, event: string) => Promise<PlacedSession | undefined>;
		/** The session that an event of ours is about, and the stage; without one, it is about the plan. */
		sessionOfSaying: (room: string, event: string) => Promise<(PlacedSession & { place?: StagePlace }) | undefined>;
		/** Whether this thread belongs to a guide session, or may once pending messages are decided or sent. */
		isThreadOurs: (room: string, thread: string) => Promise<boolean>;
		/** The command that a ✅ on this event of ours runs, and when that was decided. */
		confirmation: (room: string, event: string) => Promise<{ command: string; at: Date } | undefined>;
		/** The open sessions in a room. */
		sessions: (room: string) => Promise<GuideSession[]>;
		/** The `limit` sessions in a room that were stopped last, the latest at the end. */
		stoppedSessions: (room: string, limit: number) => Promise<GuideSession[]>;
		/** All undecryptable events, oldest first. There are never many. */
		unreadable: () => Promise<Unreadable[]>;
		/** The first such event of each unexplained Megolm session, if it was received before that moment. */
		unexplained: (before: Date) => Promise<(Unreadable & { stay: string })[]>;
		/** Marks the session as explained. `saying` is not sent if the sender has had enough notices lately. */
		explain: (unreadable: Unreadable, saying: Saying, now: Date) => Promise<void>;
		/** Marks everything received in a room until that moment as explained, without a notice. */
		passOver: (room: string, until: Date, now: Date) => Promise<void>;
		/** How many answers are waiting for this sender, and whether they were told that there are too many. */
		load: (sender: string) => Promise<{ waiting: number; told: boolean }>;

		room: (room: string) => Promise<Room | undefined>;
		/** Whether any sync ever showed the room to be encrypted. Outlives leaving and forgetting the room. */
		wasEncrypted: (room: string) => Promise<boolean>;
		/**
		 * Joined rooms that are due a greeting, an encryption notice, a notice that the room became public, or a
		 * notice that their watches are lost.
		 */
		untold: () => Promise<
			{ room: string; stay: string; greeting: boolean; encrypted: boolean; public: boolean; lost: boolean }[]
		>;
		tell: (room: string, sayings: readonly Saying[], now: Date) => Promise<void>;
		/** Numbers of joined rooms, undecided messages and undelivered ones. */
		counts: () => Promise<{ rooms: number; inbox: number; outbox: number }>;

		figures: (now: Date) => Promise<Figures>;
		/** Watched servers in order of name, starting after `after` (`''`: from the first). */
		serversAfter: (after: string, limit: number) => Promise<WatchedServer[]>;

		/** The first queued message of each room, if it is due, oldest first; senders take turns if there are too many. */
		due: (now: Date, except: readonly string[], limit: number) => Promise<Waiting[]>;
		/** When the next message is due, or was due if it is late. Only the first of each room counts. */
		nextDue: () => Promise<Date | undefined>;
		seal: (id: number, event: Sealed) => Promise<void>;
		/** The event that carried this message in that room. */
		eventOf: (room: string, said: string) => Promise<string | undefined>;
		sent: (id: number, event: string | undefined, now: Date) => Promise<void>;
		postpone: (id: number, until: Date) => Promise<void>;
		giveUp: (id: number, why: string, now: Date) => Promise<void>;
		/** Whether this room has been replaced by one we are not in yet. */
		movingFrom: (room: string) => Promise<boolean>;
		/** Makes everything due now that is waiting for a retry: messages, gaps, invitations, moves. */
		hurry: (now: Date) => Promise<void>;

		/** Joined rooms that watch something and were not told that upstream is unreachable, by id, starting after `after`. */
		untoldOfSilence: (after: string, limit: number) => Promise<{ room: string; stay: string; settings: Settings }[]>;
		/** Joined rooms that were told, and the message that told them, if the room wants such notices. */
		toldOfSilence: (after: string, limit: number) => Promise<{ room: string; settings: Settings; said?: string }[]>;
		/** Tells rooms that upstream is unreachable, or reachable again. Rooms without a message are only marked as told. */
		tellOfSilence: (silent: boolean, rooms: readonly { room: string; saying?: Saying }[], now: Date) => Promise<void>;

		invitations: (now: Date) => Promise<Invitation[]>;
		/** When the next invitation is due, or was due if it is late. */
		nextInvitation: () => Promise<Date | undefined>;
		/** How many rooms this person has brought us into since then. */
		accepted: (inviter: string, since: Date) => Promise<number>;
		closeInvitation: (room: string, accepted: boolean, now: Date) => Promise<void>;
		postponeInvitation: (room: string, until: Date) => Promise<void>;

		moves: (now: Date) => Promise<Move[]>;
		/** When the next move is due, or was due if it is late. */
		nextMove: () => Promise<Date | undefined>;
		/**
		 * Moves everything the old room had, and what is queued for it, to the new one; sessions continue in new
		 * threads. With `merge` the new room was already in use: it keeps its settings, and what both rooms watch is
		 * watched and reported once.
		 */
		moved: (move: Move, now: Date, more?: { resumed?: readonly Resumed[]; merge?: boolean }) => Promise<void>;
		/** Records, before the join, whether we join the new room only because of this move. */
		joining: (from: string, joined: boolean) => Promise<void>;
		/** Counts a room that a person brought us into without an invitation. */
		countJoin: (person: string, now: Date) => Promise<void>;
		postponeMove: (from: string, until: Date) => Promise<void>;
		dropMove: (from: string) => Promise<void>;
		/** Records that the new room needs an invitation; true if that is new. */
		awaitInvitation: (from: string) => Promise<boolean>;

		/**
		 * Records that we left the room and stops talking there. Its data is kept until `forget`. `greetAgain`: greet
		 * the room again if we return.
		 */
		leftRoom: (room: string, now: Date, more?: { greetAgain: boolean }) => Promise<void>;
		joinedRooms: () => Promise<string[]>;
		/** Deletes a room and everything about it. */
		forget: (room: string) => Promise<void>;
		leftBefore: (moment: Date) => Promise<string[]>;
		/** Deletes what was decided, delivered or over before that moment; retention.ts keeps some of it longer. */
		prune: (before: Date) => Promise<void>;
		kept: Kept;
		/** Copies the store into an existing folder, readable only by its owner, while it stays in use. */
		copyTo: (folder: string) => Promise<void>;
		/** Also erases deleted data from the database's files. */
		tidy: () => Promise<void>;
		close: () => Promise<void>;
	};
