// What commands and the watch may ask for. Edges keep these promises; nobody else knows how.

import type { GuideSession, StagePlace } from '../advice/guide/session.ts';
import type { Settings, WatchedServer } from '../advice/watch/subscription.ts';
import type { Account, Batch, Content, Incoming, Invited, Page, RoomState, Sealed, Unreadable } from './homeserver.ts';
import type { Figures } from './metrics.ts';
import type { OperatorStore } from './operator.ts';
import type { Saying, Waiting } from './saying.ts';
import type { WatchStore } from './watch-store.ts';
import type { Kept } from './web.ts';

// The outside world: other people's servers and upstream's documents.
// The room: what the homeserver can be asked for, and what is kept. Commands do not see these.
export type Room = {
	room: string;
	state: RoomState;
	/** What people set for this room; empty until they do. */
	settings: Content;
};
export type Gap = { room: string; batch: number; from: string; until?: { event: string; at: Date } };
export type Invitation = { room: string; inviter: string; received: Date; tries: number };
export type Move = {
	from: string;
	to: string;
	/** A server that is in the new room. */
	via: string;
	/** Who replaced the old one. */
	sender: string;
	since: Date;
	tries: number;
	/** Whether we are in the new room only because of this move, or are about to be. */
	joined: boolean;
	/** An invitation to the new room that waits. */
	invitation?: Invited;
};

// Guide sessions.

/** Where a session takes place: below a saying of ours, or in a thread that was there before. */
export type Thread = { root: string } | { event: string };

/** A session with its thread, and the sayings that are about it: a place that they give, or the plan. */
export type KeptSession = {
	session: GuideSession;
	thread: Thread;
	says: readonly { said: string; place?: StagePlace }[];
};

/** How a session goes on in another room: what is said there; the thread begins with the first of it. */
export type Resumed = { session: KeptSession; sayings: readonly Saying[] };

/** `event`: what the thread begins with, once it has been sent. */
export type PlacedSession = { session: GuideSession; thread: Thread; event?: string };

/** Messages that somebody works on, and senders whose next ones in that room have to wait for these. */
export type InHand = { events: readonly string[]; senders: readonly { room: string; sender: string }[] };

/** What is kept. Each function is one transaction; when its promise resolves, the disk has it. */
export type Store = WatchStore &
	OperatorStore & {
		account: () => Promise<Account | undefined>;
		/** Whose store this is, with a token or without; undefined until somebody logged in. */
		owner: () => Promise<string | undefined>;
		keepAccount: (account: Account) => Promise<void>;
		/** Forgets the token, so that the next start logs in again. */
		dropToken: () => Promise<void>;
		token: () => Promise<string | undefined>;

		/** Rooms, inbox, gaps, invitations, moves and the sync token, all or nothing. */
		take: (batch: Batch, now: Date) => Promise<void>;
		/** Gaps that are due, one a room. */
		gaps: (now: Date) => Promise<Gap[]>;
		/** A page of a gap: its messages come before all that was taken after the gap. */
		fill: (gap: Gap, page: Page, now: Date) => Promise<void>;
		postponeGap: (gap: Gap, until: Date) => Promise<void>;

		/** Rooms with messages that nobody has decided about and without a gap before them; those in hand do not count. */
		unread: (inHand?: InHand) => Promise<string[]>;
		/** The first message of the room that nobody has decided about, and that is not in hand. */
		nextMessage: (room: string, inHand?: InHand) => Promise<Incoming | undefined>;
		/** What is said before a message is decided; nothing if it was redacted meanwhile, or is decided. */
		note: (event: string, sayings: readonly Saying[], now: Date) => Promise<void>;
		/**
		 * What was decided about a message, and what became of a session by it, written with the mark that it was. Sayings that
		 * exist already are left alone. `together`: messages of the same person that this answers too, here or still to come.
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
		/** The session in the thread that this event begins: the one under way, else the last one. */
		sessionIn: (room: string, event: string) => Promise<PlacedSession | undefined>;
		/** The session that an event of ours is about, and the place that it gives; none: the plan. */
		sessionOfSaying: (room: string, event: string) => Promise<(PlacedSession & { place?: StagePlace }) | undefined>;
		/** Whether this is the thread of a guide session, or may become it by what waits to be decided or sent. */
		isThreadOurs: (room: string, thread: string) => Promise<boolean>;
		/** The command that a ✅ to this event of ours stands for, and when that was decided. */
		confirmation: (room: string, event: string) => Promise<{ command: string; at: Date } | undefined>;
		/** Those under way in a room. */
		sessions: (room: string) => Promise<GuideSession[]>;
		/** All that could not be read, oldest first; there are never many. */
		unreadable: () => Promise<Unreadable[]>;
		/** The first of each session that came before that moment and that nobody was told of. */
		unexplained: (before: Date) => Promise<(Unreadable & { stay: string })[]>;
		/** Marks the session as explained; the saying is left out where this sender heard enough of them lately. */
		explain: (unreadable: Unreadable, saying: Saying, now: Date) => Promise<void>;
		/** Marks what came in a room until that moment as explained, without a word. */
		passOver: (room: string, until: Date, now: Date) => Promise<void>;
		/** Answers waiting for this sender, and whether they were told that these are too many. */
		load: (sender: string) => Promise<{ waiting: number; told: boolean }>;

		room: (room: string) => Promise<Room | undefined>;
		/** Whether the room was ever encrypted, as far as any sync told; outlives leaving and forgetting it. */
		wasEncrypted: (room: string) => Promise<boolean>;
		/**
		 * Joined rooms that have not heard a greeting, an encryption notice, a notice that they became public, or that their
		 * watches are lost.
		 */
		untold: () => Promise<
			{ room: string; stay: string; greeting: boolean; encrypted: boolean; public: boolean; lost: boolean }[]
		>;
		tell: (room: string, sayings: readonly Saying[], now: Date) => Promise<void>;
		/** How many of each: what the bot is in, what waits to be decided, what waits to be delivered. */
		counts: () => Promise<{ rooms: number; inbox: number; outbox: number }>;

		/** Counts for metrics. */
		figures: (now: Date) => Promise<Figures>;
		/** Watched servers by name, from behind `after` (`''`: from the first). */
		serversAfter: (after: string, limit: number) => Promise<WatchedServer[]>;

		/** The first saying of each room, if it is due, oldest first. */
		due: (now: Date, except: readonly string[], limit: number) => Promise<Waiting[]>;
		/** When the next saying is due, in rooms that have none due. */
		nextDue: () => Promise<Date | undefined>;
		seal: (id: number, event: Sealed) => Promise<void>;
		/** The event by which this was said in that room. */
		eventOf: (room: string, said: string) => Promise<string | undefined>;
		sent: (id: number, event: string | undefined, now: Date) => Promise<void>;
		postpone: (id: number, until: Date) => Promise<void>;
		giveUp: (id: number, why: string, now: Date) => Promise<void>;
		/** Whether this room has been replaced by one that we are not yet in. */
		movingFrom: (room: string) => Promise<boolean>;
		/** All that waits only because the homeserver was away is due now: sayings, gaps, invitations, moves. */
		hurry: (now: Date) => Promise<void>;

		/** Joined rooms that watch something and were not told that upstream is silent, from behind `after` by id. */
		untoldOfSilence: (after: string, limit: number) => Promise<{ room: string; stay: string; settings: Settings }[]>;
		/** Joined rooms that were told, and by which saying; none where the room does not want such news. */
		toldOfSilence: (after: string, limit: number) => Promise<{ room: string; settings: Settings; said?: string }[]>;
		/** Rooms are told of the silence, or that it is over, or the one that is spared is marked all the same. */
		tellOfSilence: (silent: boolean, rooms: readonly { room: string; saying?: Saying }[], now: Date) => Promise<void>;

		invitations: (now: Date) => Promise<Invitation[]>;
		/** How many rooms were joined on this person's word since then. */
		accepted: (inviter: string, since: Date) => Promise<number>;
		closeInvitation: (room: string, accepted: boolean, now: Date) => Promise<void>;
		postponeInvitation: (room: string, until: Date) => Promise<void>;

		moves: (now: Date) => Promise<Move[]>;
		/**
		 * The new room takes over what the old one had, and what is on its way there; sessions in new threads. With `merge` it has
		 * a life of its own: its settings stay, and what both watch is watched, and said, once.
		 */
		moved: (move: Move, now: Date, more?: { resumed?: readonly Resumed[]; merge?: boolean }) => Promise<void>;
		/** Notes, before it happens, whether we come to the new room only because of this move. */
		joining: (from: string, joined: boolean) => Promise<void>;
		/** Counts a room that was joined on somebody's word without an invitation. */
		countJoin: (person: string, now: Date) => Promise<void>;
		postponeMove: (from: string, until: Date) => Promise<void>;
		dropMove: (from: string) => Promise<void>;
		/** Notes that the new room needs an invitation; true if that is new. */
		awaitInvitation: (from: string) => Promise<boolean>;

		/**
		 * We are no longer in the room: nothing is said there. What it has is kept until it is forgotten. `greetAgain`: should
		 * we come back, it hears hello.
		 */
		leftRoom: (room: string, now: Date, more?: { greetAgain: boolean }) => Promise<void>;
		/** The rooms that we take ourselves to be in. */
		joinedRooms: () => Promise<string[]>;
		/** Forgets a room and all about it. */
		forget: (room: string) => Promise<void>;
		/** Rooms left before that moment. */
		leftBefore: (moment: Date) => Promise<string[]>;
		/** Deletes what was decided or delivered before that moment. */
		prune: (before: Date) => Promise<void>;
		kept: Kept;
		/** Copies all of it into a folder that is there, while others go on; readable by its owner only. */
		copyTo: (folder: string) => Promise<void>;
		/** Takes what was deleted out of the files beside the database, too. */
		tidy: () => Promise<void>;
		close: () => Promise<void>;
	};

// The watch: what commands and the tick may ask the store for.
