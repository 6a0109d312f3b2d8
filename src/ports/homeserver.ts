// What the bot asks of a homeserver, and what it answers.
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

/** A file that somebody sent, as its event describes it. Nothing of it has been fetched, and nothing of it is checked. */
export type SentFile = {
	/** At most 100 characters. */
	name: string;
	/** `picture`: an image, a video or a sound. */
	is: 'file' | 'picture';
	/** `mxc://…`; undefined if the event has no address that a homeserver could have. */
	url?: string;
	/** Bytes, as the event claims. */
	size?: number;
	/** What decrypts it: the event's `file` object. */
	key?: Content;
};

/** How long (ms) before or after a command a file was sent that still belongs to it. */
export const fileWindow = 10 * 60_000;

/** A message of somebody else, in a room that the bot is in: a text, or a file with its caption as `body`. */
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
	file?: SentFile;
	/** The encrypted event as it came, as JSON, if it was decrypted. */
	raw?: string;
	/** Its text was not kept: `body` is empty until the message is read again. */
	unread?: true;
	/** It asks for a text or a file that it does not bring: a file that its sender sends next belongs to it. */
	wants?: true;
};

/** A message that another one speaks of, with its newest edit in it; ours too. */
export type Quoted = { event: string; sender: string; at: Date; thread?: string; repliesTo?: string } & (
	| { is: 'text'; text: string }
	| { is: 'file'; file: SentFile; caption: string }
	/** Redacted; still encrypted, because its key never came; or no message at all. */
	| { is: 'redacted' | 'unreadable' | 'other' }
);

/** A file that was fetched, or why it cannot be used: larger than asked for, or not the one that its event describes. */
export type FetchedFile = { bytes: Uint8Array } | 'too large' | 'forged';

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

/** A page of a room's past, newest first. `next` is absent when the end, or what was looked for, has been reached. */
export type Page = { messages: Incoming[]; next?: string; unreadable?: Unreadable[] };

/** An event exactly as it goes to the homeserver. */
export type Sealed = { type: string; content: Content };

/** `encoding` says that the text stands for bytes; without it the text is the file. */
export type File = { name: string; type: string; text: string; encoding?: 'base64' };

/** What is looked for in a room. */
export type Wanted = {
	said: string;
	since: Date;
	/** As it was sent before. */
	sealed?: Sealed;
	/** What it replies to: of what an earlier device of ours encrypted, only this can be read. */
	answers?: string;
};

export type Homeserver = {
	user: string;
	/** Localpart, whole id and display name of the bot. */
	names: () => readonly string[];
	/** Waits for news; undefined for the first time. */
	sync: (since: string | undefined) => Promise<Outcome<Batch>>;
	/** One page backwards from a token, until an event, or the moment when the bot came into the room. */
	history: (room: string, from: string, until?: { event: string; at: Date }) => Promise<Outcome<Page>>;
	/**
	 * A message as it came, read again: from the homeserver, or decrypted again from `raw`. Undefined if it was redacted, or
	 * is no longer what it was. Refused where we may not see it.
	 */
	again: (room: string, event: string, raw?: string) => Promise<Outcome<Incoming | undefined>>;
	/** A message that another one refers to. Refused if it does not exist or we may not see it. */
	quoted: (room: string, event: string) => Promise<Outcome<Quoted>>;
	/** What a person sent directly before and after an event, at most 20 messages each, in the room's order; edits left out. */
	around: (room: string, event: string, sender: string) => Promise<Outcome<{ before: Quoted[]; after: Quoted[] }>>;
	/** Fetches and decrypts a file of at most `maxBytes` bytes. Refused where the homeserver has none at that address. */
	fetch: (file: SentFile, maxBytes: number) => Promise<Outcome<FetchedFile>>;
	/** Encrypts if the room is, or ever was, encrypted; otherwise gives back what it got. */
	seal: (room: string, event: Sealed) => Promise<Outcome<Sealed>>;
	/**
	 * The event's id. The same transaction id twice within a day makes one event. Refuses what is not encrypted for a room
	 * that is (`unsealed`), reactions aside: they are never hidden.
	 */
	send: (room: string, transaction: string, event: Sealed) => Promise<Outcome<string>>;
	/** The event by which we said something, if it is in the room and not older than `since`. */
	find: (room: string, wanted: Wanted) => Promise<Outcome<string | undefined>>;
	/** The events that we replied to, as far as our replies are in the room and not older than `since`. */
	replied: (room: string, since: Date) => Promise<Outcome<ReadonlySet<string>>>;
	/** Uploads a file for a room and gives the content of its message. */
	upload: (room: string, file: File) => Promise<Outcome<Content>>;
	join: (room: string, via: readonly string[]) => Promise<Outcome<true>>;
	leave: (room: string, why?: string) => Promise<Outcome<true>>;
	forget: (room: string) => Promise<Outcome<true>>;
	/** The room that this one says it replaces. Refused where we may not read it: often until we have joined. */
	predecessor: (room: string) => Promise<Outcome<string | undefined>>;
	/** A person's membership (`join`, `leave` …) in a room; `leave` where nobody tells us of one. */
	membership: (room: string, person: string) => Promise<Outcome<string>>;
	/** How many people are in a room that we are in, the bot included. */
	people: (room: string) => Promise<Outcome<number>>;
	/** What a store left in the account's data, so that another one is told from it; undefined before the first. */
	marker: () => Promise<Outcome<string | undefined>>;
	mark: (id: string) => Promise<Outcome<true>>;
	/** The rooms that we are in. */
	joined: () => Promise<Outcome<string[]>>;
};

/** Who we are at the homeserver. `origin` tells whether the token came from this configuration. */
export type Account = { user: string; homeserver: string; device: string; token: string; origin: string; since: Date };

// The outside world: other people's servers and upstream's documents.
// The room: what the homeserver can be asked for, and what is kept. Commands do not see these.
/** `predecessor`: the room that this one says it replaces, null if none; absent where the invitation does not tell. */
export type Invited = { room: string; inviter: string; predecessor?: string | null };
