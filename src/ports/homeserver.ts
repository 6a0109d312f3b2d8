// What the bot asks of a homeserver, and how the homeserver responds. Commands do not see this port.

/** Why a request failed. After `away` it may still have taken effect. */
export type Failure =
	| { kind: 'limited'; waitMs: number }
	/** `rejected`: a proxy in between does not let this request through, although it may let others through. */
	| { kind: 'away'; why: string; rejected?: true }
	/** The homeserver understood the request and refused it; `code` is a Matrix error code (`M_FORBIDDEN`). */
	| { kind: 'refused'; code: string; why: string }
	/** The access token is no longer valid. Nothing works until someone acts. */
	| { kind: 'token'; why: string }
	/** The room is encrypted and the event is not. Nothing was sent: encrypt it and try again. */
	| { kind: 'unsealed'; why: string }
	/** The room is encrypted and our session has no keys, so we cannot send to it. */
	| { kind: 'keyless'; why: string }
	| { kind: 'stopped' };

export type Outcome<T> = { value: T } | { failure: Failure };

export type Content = Record<string, unknown>;

/** A file that someone sent, as described by its event. It has been neither fetched nor checked. */
export type SentFile = {
	/** At most 100 characters. */
	name: string;
	/** `picture`: an image, video or audio file. */
	is: 'file' | 'picture';
	/** `mxc://…`; undefined if the event has no valid address. */
	url?: string;
	/** Bytes, as the event claims. */
	size?: number;
	/** The event's `file` object, with the key that decrypts it. */
	key?: Content;
};

/** A file sent at most this long (ms) before or after a command can belong to it. */
export const fileWindow = 10 * 60_000;

/** Someone else's message in a room that the bot is in: a text, or a file with its caption as `body`. */
export type Incoming = {
	event: string;
	room: string;
	sender: string;
	at: Date;
	body: string;
	/** Whether the event mentions the bot (`m.mentions`). */
	mentioned: boolean;
	repliesTo?: string;
	thread?: string;
	/** Set for decrypted messages, and for reactions, which are never encrypted. */
	sealed?: true;
	/** Identifies the decrypted message within its session. A second event with the same value is a replay. */
	once?: string;
	file?: SentFile;
	/** The encrypted event as received, as JSON, if the message was decrypted. */
	raw?: string;
	/** The text was not stored: `body` is empty until the message is read again. */
	unread?: true;
	/** The command needs a text or a file that it did not come with, so the sender's next file belongs to it. */
	wants?: true;
};

/** A message that another one refers to, with its latest edit applied. It may be ours. */
export type Quoted = { event: string; sender: string; at: Date; thread?: string; repliesTo?: string } & (
	| { is: 'text'; text: string }
	| { is: 'file'; file: SentFile; caption: string }
	/** `unreadable`: still encrypted, because its key never came. `other`: not a message. */
	| { is: 'redacted' | 'unreadable' | 'other' }
);

/** A fetched file, or why it cannot be used: over the size limit, or not the file that its event describes. */
export type FetchedFile = { bytes: Uint8Array } | 'too large' | 'forged';

/** An encrypted event that could not be decrypted, usually because its key is late. `raw` is the event as JSON. */
export type Unreadable = {
	event: string;
	room: string;
	sender: string;
	at: Date;
	/** The Megolm session id. */
	session: string;
	/** The library's error code, or the sender's reason for withholding the key. */
	why: string;
	raw: string;
};

/** The parts of a room's state that we use; in a batch, only what changed. */
export type RoomState = {
	create?: { sender: string; content: Content };
	power?: Content;
	encryption?: Content;
	joinRule?: string;
	visibility?: string;
	tombstone?: { sender: string; replacement: string };
};

/** The result of one sync, with each room's events in order. */
export type Batch = {
	/** The `since` of the next sync. */
	token: string;
	joined: {
		room: string;
		state: RoomState;
		messages: Incoming[];
		redacted: string[];
		last?: { event: string; at: Date };
		/** The token to page backwards from, if the timeline was limited. */
		gap?: string;
		unreadable?: Unreadable[];
		/** Ids of events that can now be decrypted. Those that are messages are also in `messages`. */
		opened?: string[];
	}[];
	invited: Invited[];
	left: { room: string }[];
};

/**
 * A page of room history, newest first. `next` is absent once the start of the history, or the requested event, has
 * been reached.
 */
export type Page = { messages: Incoming[]; next?: string; unreadable?: Unreadable[] };

/** An event exactly as it is sent to the homeserver. */
export type Sealed = { type: string; content: Content };

/** With `encoding`, `text` is the encoded bytes; without it, the content itself. */
export type File = { name: string; type: string; text: string; encoding?: 'base64' };

/** Something we may have said in a room. */
export type Wanted = {
	said: string;
	since: Date;
	/** The event as it was sent before. */
	sealed?: Sealed;
	/** The event it replies to: the only part we can read of events that an earlier device of ours encrypted. */
	answers?: string;
};

export type Homeserver = {
	user: string;
	/** The bot's localpart, user id and display name. */
	names: () => readonly string[];
	/** Long-polls for new events; `since` is undefined for the first sync. */
	sync: (since: string | undefined) => Promise<Outcome<Batch>>;
	/** One page backwards from a token, ending at `until` or at the bot's own join. */
	history: (room: string, from: string, until?: { event: string; at: Date }) => Promise<Outcome<Page>>;
	/**
	 * Reads a message again: from the homeserver, or by decrypting `raw`. Undefined if it was redacted or is no
	 * longer the same message. Refused if we may not see it.
	 */
	again: (room: string, event: string, raw?: string) => Promise<Outcome<Incoming | undefined>>;
	/** A message that another one refers to. Refused if it does not exist or we may not see it. */
	quoted: (room: string, event: string) => Promise<Outcome<Quoted>>;
	/** What a person sent directly before and after an event, at most 20 messages each, in order and without edits. */
	around: (room: string, event: string, sender: string) => Promise<Outcome<{ before: Quoted[]; after: Quoted[] }>>;
	/** Fetches and decrypts a file of at most `maxBytes` bytes. Refused if the homeserver has no such file. */
	fetch: (file: SentFile, maxBytes: number) => Promise<Outcome<FetchedFile>>;
	/** Encrypts the event if the room is, or ever was, encrypted; otherwise returns it unchanged. */
	seal: (room: string, event: Sealed) => Promise<Outcome<Sealed>>;
	/**
	 * Sends an event and returns its id. Idempotent: the same transaction id within a day yields one event. Fails
	 * with `unsealed` for a plain event in an encrypted room, except for reactions, which are never encrypted.
	 */
	send: (room: string, transaction: string, event: Sealed) => Promise<Outcome<string>>;
	/** The id of the event that said something, if it is in the room and not older than `since`. */
	find: (room: string, wanted: Wanted) => Promise<Outcome<string | undefined>>;
	/** The events we replied to, judging by our replies in the room that are not older than `since`. */
	replied: (room: string, since: Date) => Promise<Outcome<ReadonlySet<string>>>;
	/** Uploads a file for a room and returns the content of its message. */
	upload: (room: string, file: File) => Promise<Outcome<Content>>;
	join: (room: string, via: readonly string[]) => Promise<Outcome<true>>;
	leave: (room: string, why?: string) => Promise<Outcome<true>>;
	forget: (room: string) => Promise<Outcome<true>>;
	/** The room that this one says it replaces. Refused if we may not read it, which is usual before we join. */
	predecessor: (room: string) => Promise<Outcome<string | undefined>>;
	/** A person's membership in a room (`join`, `leave` …); `leave` if unknown. */
	membership: (room: string, person: string) => Promise<Outcome<string>>;
	/** The number of members of a room that we are in, including the bot. */
	people: (room: string) => Promise<Outcome<number>>;
	/** The store id kept in our account data, which shows whether a store was lost; undefined if never set. */
	marker: () => Promise<Outcome<string | undefined>>;
	mark: (id: string) => Promise<Outcome<true>>;
	/** The rooms we are in. */
	joined: () => Promise<Outcome<string[]>>;
};

/** Our login at the homeserver. `origin` says which configuration the token came from. */
export type Account = { user: string; homeserver: string; device: string; token: string; origin: string; since: Date };

/**
 * `predecessor`: the room that this one says it replaces. Null if it names no room; absent if the invitation does
 * not say.
 */
export type Invited = { room: string; inviter: string; predecessor?: string | null };
