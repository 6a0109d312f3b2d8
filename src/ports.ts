// What commands and the watch may ask for. Edges keep these promises; nobody else knows how.
import type { Alert, Said } from './advice/alert.ts';
import type { Severity } from './advice/matter.ts';
import type { Observation } from './advice/observation.ts';
import type { Limits, Settings, Subscription, WatchedServer } from './advice/subscription.ts';
import type { Version } from './advice/version.ts';
import type { Place, Walk } from './advice/walk.ts';
import type { Command } from './command.ts';
import type { News } from './knowledge/news.ts';
import type { Knowledge } from './knowledge/shape.ts';

export type Ports = {
	knowledge: Knowledge;
	/** Every command, in the order help prints them. */
	commands: readonly Command[];
	now: () => Date;
	health: Health;
	/** What rooms subscribed to and said about it. */
	store: WatchStore;
	/** The world outside; commands see only servers. */
	web: Pick<Web, 'observe'>;
	limits: Limits;
};

/** What `!status` says about the process itself. */
export type Health = {
	/** `0.1.0` */
	version: string;
	startedAt: Date;
	/** The last time the homeserver answered a sync; undefined on the console. */
	lastSync: () => Date | undefined;
	/** Upstream's sources; absent on the console, empty where they are switched off. */
	sources?: () => readonly SourceState[];
	/** When the store was found empty although the bot had been here before, if that is not long ago. */
	storeLost?: Date;
	/** Our device as others see it; undefined where nothing is encrypted. */
	device?: () => DeviceStanding | undefined;
};

/** What people compare to be sure that it is us, and whether their clients trust it by itself. */
export type DeviceStanding = {
	/** The device's Ed25519 key in groups of four. */
	fingerprint: string;
	/** The public master key of the account's identity, if it has one. */
	master?: string;
	/** Whether the account's own identity signed it; undefined until the homeserver was asked. */
	signed: boolean | undefined;
	/** What the operator has to do for that, as a sentence. */
	needs?: string;
	/** Since when it is known not to be signed. */
	unsignedSince?: Date;
	/** How many devices the account has, ours included; undefined until the homeserver was asked. */
	devices?: number;
	/** The session of another Glia that is alive on the same account. */
	second?: string;
	/** Why nothing can be said in encrypted rooms now. */
	mute?: string;
	/** Earlier sessions of ours that could not be logged out. */
	lingering?: readonly string[];
};

// The outside world: other people's servers and upstream's documents.

export type Web = {
	/**
	 * One look at a homeserver, however many ask for it meanwhile or within a minute. Never rejects. `person`: who asks for
	 * it; their looks wait for one another, not for those of others.
	 */
	observe: (server: string, person?: string) => Promise<Observation>;
	/** What upstream says and the knowledge does not, as last read; the same object until something changes. */
	news: () => News;
	sources: () => readonly SourceState[];
	/** Reads the sources that are due. Rejects only if what was read cannot be kept. */
	readNews: () => Promise<void>;
	/** Ends what is under way, at once. */
	close: () => void;
};

/** One of upstream's documents. */
export type SourceState = {
	/** `releases`, `upgrade notes` … */
	name: string;
	address: string;
	/** When it last answered as expected, though perhaps with nothing new. */
	read?: Date;
	tried?: Date;
	next: Date;
	/** What is amiss with it, as Markdown in small letters without a full stop. */
	trouble?: string;
	/** How often in a row it did not answer as expected, since the process began. */
	failures: number;
};

/** Texts kept across restarts, by key. */
export type Kept = {
	get: (key: string) => Promise<string | undefined>;
	put: (key: string, text: string) => Promise<void>;
};

// The room: what the homeserver can be asked for, and what is kept. Commands do not see these.

/** Why the homeserver did not do what it was asked. After `away` it may nevertheless have happened. */
export type Failure =
	| { kind: 'limited'; waitMs: number }
	| { kind: 'away'; why: string }
	/** The homeserver understood and said no; `code` is Matrix's (`M_FORBIDDEN`). */
	| { kind: 'refused'; code: string; why: string }
	/** The token counts no longer; nothing works until somebody acts. */
	| { kind: 'token'; why: string }
	/** The room is encrypted and the event is not: nothing was sent; seal it again. */
	| { kind: 'unsealed'; why: string }
	/** The room is encrypted and our login has no keys: nothing can be said there. */
	| { kind: 'keyless'; why: string }
	| { kind: 'stopped' };

export type Outcome<T> = { value: T } | { failure: Failure };

/** The content of an event. */
export type Content = Record<string, unknown>;

/** A text of somebody else, in a room that the bot is in. */
export type Incoming = {
	event: string;
	room: string;
	sender: string;
	at: Date;
	body: string;
	/** Whether the event says that it mentions the bot (`m.mentions`). */
	mentioned: boolean;
	repliesTo?: string;
	thread?: string;
	/** Whether it came as encrypted as it can: decrypted, or a reaction, which nobody encrypts. */
	sealed?: true;
	/** The message of its session, if it was decrypted: the same again in another event is not said again. */
	once?: string;
};

/** An encrypted event that could not be read: most often its key is late. `raw` is the event as JSON. */
export type Unreadable = {
	event: string;
	room: string;
	sender: string;
	at: Date;
	/** The id of the key that it takes. */
	session: string;
	/** The library's word for the reason, and the sender's for keeping the key back. */
	why: string;
	raw: string;
};

/** The state of a room, as far as it concerns us; in a batch only what is new. */
export type RoomState = {
	create?: { sender: string; content: Content };
	power?: Content;
	encryption?: Content;
	joinRule?: string;
	visibility?: string;
	tombstone?: { sender: string; replacement: string };
};

/** What one sync brought, in the order of the room. */
export type Batch = {
	/** Where the next sync begins. */
	token: string;
	joined: {
		room: string;
		state: RoomState;
		messages: Incoming[];
		/** Events that were redacted. */
		redacted: string[];
		last?: { event: string; at: Date };
		/** Set if events before these were left out: where to read on backwards. */
		gap?: string;
		unreadable?: Unreadable[];
		/** Events, unreadable before, that have been read now; what is a message is among `messages`. */
		opened?: string[];
	}[];
	invited: Invited[];
	left: { room: string }[];
};

/** `predecessor`: the room that this one says it replaces, null if none; absent where the invitation does not tell. */
export type Invited = { room: string; inviter: string; predecessor?: string | null };

/** A page of a room's past, newest first. `next` is absent when the end, or what was looked for, has been reached. */
export type Page = { messages: Incoming[]; next?: string; unreadable?: Unreadable[] };

/** An event exactly as it goes to the homeserver. */
export type Sealed = { type: string; content: Content };

/** `encoding` says that the text stands for bytes; without it the text is the file. */
export type File = { name: string; type: string; text: string; encoding?: 'base64' };

export type Homeserver = {
	user: string;
	/** Localpart, whole id and display name of the bot. */
	names: () => readonly string[];
	/** Waits for news; undefined for the first time. */
	sync: (since: string | undefined) => Promise<Outcome<Batch>>;
	/** One page backwards from a token, until an event, or the moment when the bot came into the room. */
	history: (room: string, from: string, until?: { event: string; at: Date }) => Promise<Outcome<Page>>;
	/** Encrypts if the room is, or ever was, encrypted; otherwise gives back what it got. */
	seal: (room: string, event: Sealed) => Promise<Outcome<Sealed>>;
	/**
	 * The event's id. The same transaction id twice within a day makes one event. Refuses what is not encrypted for a room
	 * that is (`unsealed`), reactions aside: they are never hidden.
	 */
	send: (room: string, transaction: string, event: Sealed) => Promise<Outcome<string>>;
	/** The event by which we said this, if it is in the room and not older than `since`; `sealed` as it was sent before. */
	find: (room: string, said: string, since: Date, sealed?: Sealed) => Promise<Outcome<string | undefined>>;
	/** Uploads a file for a room and gives the content of its message. */
	upload: (room: string, file: File) => Promise<Outcome<Content>>;
	join: (room: string, via: readonly string[]) => Promise<Outcome<true>>;
	leave: (room: string, why?: string) => Promise<Outcome<true>>;
	forget: (room: string) => Promise<Outcome<true>>;
	/** The room that this one says it replaces. Refused where we may not read it: often until we have joined. */
	predecessor: (room: string) => Promise<Outcome<string | undefined>>;
	/** A person's membership (`join`, `leave` …) in a room; `leave` where nobody tells us of one. */
	membership: (room: string, person: string) => Promise<Outcome<string>>;
	/** What a store left in the account's data, so that another one is told from it; undefined before the first. */
	marker: () => Promise<Outcome<string | undefined>>;
	mark: (id: string) => Promise<Outcome<true>>;
	/** The rooms that we are in. */
	joined: () => Promise<Outcome<string[]>>;
};

/** Who we are at the homeserver. `origin` tells whether the token came from this configuration. */
export type Account = { user: string; homeserver: string; device: string; token: string; origin: string; since: Date };

export type Room = {
	room: string;
	state: RoomState;
	/** What people set for this room; empty until they do. */
	settings: Content;
};

/** What goes to a room. `said` is ours, unique and for ever: it is the transaction id and stands in the event. */
export type Saying = {
	said: string;
	room: string;
	/** The event that this answers, and who asked. */
	answers?: string;
	sender?: string;
	/** `limit`: the refusal that a sender has too many answers waiting. */
	limit?: boolean;
	/** The command that a ✅ to this stands for. */
	confirms?: string;
	/** What this continues, as `said` of it: it stands in the thread that begins there. */
	continues?: string;
} & ({ kind: 'event'; event: Sealed } | { kind: 'file'; file: File; content: Content } | { kind: 'leave' });

/** A saying on its way. `sealed` is the exact event of the first try, where it differs from what was decided. */
export type Waiting = Saying & { id: number; sealed?: Sealed; tries: number; created: Date };

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

// Guides that a room walks through.

/** Where a walk takes place: below a saying of ours, or in a thread that was there before. */
export type Thread = { root: string } | { event: string };

/** A walk with its thread, and the sayings that are about it: a place that they give, or the plan. */
export type KeptWalk = { walk: Walk; thread: Thread; says: readonly { said: string; place?: Place }[] };

/** How a walk goes on in another room: what is said there, the first of it being what the thread begins with. */
export type Resumed = { walk: KeptWalk; sayings: readonly Saying[] };

/** `event`: what the thread begins with, once it has been sent. */
export type PlacedWalk = { walk: Walk; thread: Thread; event?: string };

/** Messages that somebody works on, and senders whose next ones in that room have to wait for these. */
export type InHand = { events: readonly string[]; senders: readonly { room: string; sender: string }[] };

/** What is kept. Each function is one transaction; when its promise resolves, the disk has it. */
export type Store = WatchStore & {
	account: () => Promise<Account | undefined>;
	/** Whose store this is, with a token or without; undefined until somebody logged in. */
	owner: () => Promise<string | undefined>;
	keepAccount: (account: Account) => Promise<void>;
	/** Forgets the token, so that the next start logs in anew. */
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
	 * What was decided about a message, and what became of a walk by it, written with the mark that it was. Sayings that
	 * exist already are left alone.
	 */
	settle: (event: string, sayings: readonly Saying[], now: Date, walk?: KeptWalk) => Promise<void>;
	/** The walk in the thread that this event begins: the one under way, else the last that was. */
	walkIn: (room: string, event: string) => Promise<PlacedWalk | undefined>;
	/** The walk that an event of ours is about, and the place that it gives; none: the plan. */
	walkSaid: (room: string, event: string) => Promise<(PlacedWalk & { place?: Place }) | undefined>;
	/** Whether a guide is walked through in this thread, or may be by what waits to be decided or sent. */
	isThreadOurs: (room: string, thread: string) => Promise<boolean>;
	/** The command that a ✅ to this event of ours stands for, and when that was decided. */
	confirmation: (room: string, event: string) => Promise<{ command: string; at: Date } | undefined>;
	/** Those under way in a room. */
	walks: (room: string) => Promise<Walk[]>;
	/** All that could not be read, oldest first; there are never many. */
	unreadable: () => Promise<Unreadable[]>;
	/** The first of each session that came before that moment and that nobody was told of. */
	unexplained: (before: Date) => Promise<(Unreadable & { stay: string })[]>;
	/** Marks the session as explained; the saying is left out where this sender heard enough of them lately. */
	explain: (unreadable: Unreadable, saying: Saying, now: Date) => Promise<void>;
	/** Answers to this sender on their way, and whether somebody told him that they are too many. */
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
	 * The new room takes over what the old one had, and what is on its way there; walks in new threads. With `merge` it has
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
	/** Takes what was deleted out of the files beside the database, too. */
	tidy: () => Promise<void>;
	close: () => Promise<void>;
};

// The watch: what commands and the tick may ask the store for.

/** A matter that a room has heard of, under the number that the room knows it by. */
export type Heard = Said & {
	id: number;
	number: number;
	watch: string;
	server: string;
	severity: Severity;
	root?: string;
};

/** An alert with the number that its matter has in the room, and what its thread begins with, if it is one. */
export type Numbered = { alert: Alert; number?: number; root?: string };

export type WatchStore = {
	watches: (room: string) => Promise<Subscription[]>;
	watch: (room: string, server: string) => Promise<Subscription | undefined>;
	/** How many watches this person has begun. */
	watchesBegunBy: (person: string) => Promise<number>;
	/** So many of those in rooms that we are in, by id, from behind `after` (`''`: from the first). */
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
	/** When the last look at any server was, and when the next one is. */
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
	keepDecided: (decisions: readonly Decision[], now: Date, look?: WatchedServer) => Promise<void>;
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
export type Decision = {
	watch: Subscription;
	alerts: readonly Alert[];
	say: (alerts: readonly Numbered[]) => readonly RootedSaying[];
};

/** A saying, and which of the alerts (by their place) it says. */
export type RootedSaying = { saying: Saying; says: readonly number[] };
