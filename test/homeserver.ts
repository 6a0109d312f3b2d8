// A simulated homeserver: rooms in memory, the same contract as the real one (contracts/homeserver.ts), and failures
// on demand.
import { randomUUID } from 'node:crypto';
import { openFile } from '../src/edges/matrix/encryption.ts';
import { incomingOf, isEdit, placeOf } from '../src/edges/matrix/events.ts';
import { record } from '../src/edges/matrix/json.ts';
import { captionOf, sentFile } from '../src/edges/matrix/sent-file.ts';
import type {
	Batch,
	Content,
	Failure,
	FetchedFile,
	Homeserver,
	Incoming,
	Outcome,
	Quoted,
	RoomState,
	Sealed,
} from '../src/ports/homeserver.ts';

type Event = {
	id: string;
	sender: string;
	at: Date;
	type: string;
	content: Content;
	entrance?: boolean;
	/** The original if it was encrypted: only we can read `content`. */
	sealed?: true;
};
type Room = {
	events: Event[];
	members: Set<string>;
	invited: Map<string, string>;
	predecessor?: string;
	state: RoomState;
};
type Call = keyof Omit<Homeserver, 'user' | 'names'>;

export type Played = ReturnType<typeof playHomeserver>;

/** `user` is the bot. `now` sets the timestamps of events. */
export function playHomeserver(user: string, now: () => Date) {
	const rooms = new Map<string, Room>();
	const transactions = new Map<string, string>();
	const calls: string[] = [];
	const refused = (code: string): { failure: Failure } => ({ failure: { kind: 'refused', code, why: code } });
	let ids = 0;
	let keyless = false;
	let marker: string | undefined;
	const media = new Map<string, Uint8Array>();
	let trouble: (call: Call, room: string | undefined) => Failure | 'lost' | undefined = () => undefined;

	/** Lets a call happen, or fails it. `lost`: it happens, but its response does not arrive. */
	async function through<T>(call: Call, room: string | undefined, act: () => Outcome<T>): Promise<Outcome<T>> {
		calls.push(room === undefined ? call : `${call} ${room}`);
		await new Promise(resolve => setImmediate(resolve));
		const failure = trouble(call, room);
		if (failure && failure !== 'lost') return { failure };
		const outcome = act();
		return failure === 'lost' ? { failure: { kind: 'away', why: 'the answer was lost' } } : outcome;
	}

	function inRoom(room: string): Room | undefined {
		const found = rooms.get(room);
		return found?.members.has(user) ? found : undefined;
	}

	function add(room: Room, event: Omit<Event, 'id' | 'at'>): string {
		const id = `$${++ids}`;
		room.events.push({ ...event, id, at: now() });
		return id;
	}

	function incoming(room: string, event: Event): Incoming[] {
		const { id: event_id, sender, at, type, content } = event;
		const raw = { event_id, sender, type, content, origin_server_ts: at.getTime() };
		const message = incomingOf(room, raw, user, now());
		if (!message) return [];
		return [event.sealed ? { ...message, sealed: true, once: `session ${event.id}`, raw: rawOf(event) } : message];
	}

	/** Simulated ciphertext. */
	function rawOf({ id, sender, at, content }: Event): string {
		const ciphertext = Buffer.from(JSON.stringify(content)).toString('hex');
		return JSON.stringify({
			event_id: id,
			sender,
			at: at.getTime(),
			type: 'm.room.encrypted',
			content: { ciphertext },
		});
	}

	function quoted(room: Room, event: Event): Quoted {
		const { id, sender, at, type } = event;
		const edit = room.events.findLast(
			one => one.sender === sender && record(one.content['m.relates_to']).event_id === id && isEdit(one.content),
		);
		const newest = edit ?? (isEdit(event.content) ? event : undefined);
		const content = newest ? record(newest.content['m.new_content']) : event.content;
		const { thread, repliesTo } = placeOf(record(event.content['m.relates_to']));
		const place = { ...(thread !== undefined && { thread }), ...(repliesTo !== undefined && { repliesTo }) };
		const about = { event: id, sender, at, ...place };
		if (Object.keys(event.content).length === 0) return { ...about, is: 'redacted' };
		if (type === 'm.room.encrypted') return { ...about, is: 'unreadable' };
		if (type !== 'm.room.message') return { ...about, is: 'other' };
		const file = sentFile(content);
		if (file) return { ...about, is: 'file', file, caption: captionOf(content) };
		if (!/^m\.(?:text|notice|emote)$/.test(String(content.msgtype)) || typeof content.body !== 'string')
			return { ...about, is: 'other' };
		return { ...about, is: 'text', text: content.body };
	}

	function fetched(bytes: Uint8Array, key: Content | undefined): FetchedFile {
		try {
			return { bytes: key ? openFile(bytes, key) : bytes };
		} catch {
			return 'forged';
		}
	}

	const where = (room: string, url: string) => (rooms.get(room)?.state.encryption ? { file: { url } } : { url });
	const positions = () => JSON.stringify([...rooms].map(([id, room]) => [id, room.events.length]));

	const port: Homeserver = {
		user,
		names: () => [user.slice(1, user.indexOf(':')), user],
		sync: since =>
			through('sync', undefined, () => {
				const before = new Map<string, number>(since === undefined ? [] : JSON.parse(since));
				const batch: Batch = { token: positions(), joined: [], invited: [], left: [] };
				for (const [id, room] of rooms) {
					const inviter = room.invited.get(user);
					if (inviter !== undefined) batch.invited.push({ room: id, inviter, predecessor: room.predecessor ?? null });
					if (!room.members.has(user)) continue;
					const events = room.events.slice(before.get(id) ?? 0).filter(({ sender }) => sender !== user);
					const last = events.at(-1);
					if (before.has(id) && !last) continue;
					batch.joined.push({
						room: id,
						state: room.state,
						messages: events.flatMap(event => incoming(id, event)),
						redacted: [],
						...(last && { last: { event: last.id, at: last.at } }),
					});
				}
				return { value: batch };
			}),
		history: (id, from, until) =>
			through('history', id, () => {
				const room = inRoom(id);
				if (!room) return refused('M_FORBIDDEN');
				const position = from.startsWith('[') ? new Map<string, number>(JSON.parse(from)).get(id) : Number(from);
				const messages: Incoming[] = [];
				let place = position ?? room.events.length;
				for (const end = Math.max(0, place - 100); place > end; place--) {
					const event = room.events[place - 1];
					if (!event || event.id === until?.event || event.entrance) return { value: { messages } };
					messages.push(...incoming(id, event));
				}
				return { value: place > 0 ? { messages, next: String(place) } : { messages } };
			}),
		again: (id, event, raw) =>
			through('again', id, () => {
				if (raw !== undefined) {
					const { event_id, sender, at, content } = JSON.parse(raw);
					const clear = JSON.parse(Buffer.from(content.ciphertext, 'hex').toString());
					const came = { id: event_id, sender, at: new Date(at), type: 'm.room.message', content: clear, sealed: true };
					return { value: incoming(id, came as Event)[0] };
				}
				const found = inRoom(id)?.events.find(one => one.id === event);
				return found ? { value: incoming(id, found)[0] } : refused('M_NOT_FOUND');
			}),
		quoted: (id, event) =>
			through('quoted', id, () => {
				const room = inRoom(id);
				const found = room?.events.find(one => one.id === event);
				return room && found ? { value: quoted(room, found) } : refused('M_NOT_FOUND');
			}),
		around: (id, event, sender) =>
			through('around', id, () => {
				const room = inRoom(id);
				const events = room?.events ?? [];
				const place = room?.events.findIndex(one => one.id === event) ?? -1;
				if (!room || place < 0) return refused('M_NOT_FOUND');
				// As in Synapse, events that are left out of the response count towards the limit.
				const own = events.filter(one => one.sender === sender && /^m\.room\.(?:message|encrypted)$/.test(one.type));
				const before = own.filter(one => room.events.indexOf(one) < place).slice(-20);
				const after = own.filter(one => room.events.indexOf(one) > place).slice(0, 20);
				const said = (some: Event[]) => some.filter(one => !isEdit(one.content)).map(one => quoted(room, one));
				return { value: { before: said(before), after: said(after) } };
			}),
		fetch: ({ url, size, key }, maxBytes) =>
			through('fetch', undefined, () => {
				const bytes = media.get(url ?? '');
				if (size !== undefined && size > maxBytes) return { value: 'too large' };
				if (!bytes) return refused('M_NOT_FOUND');
				return { value: bytes.length > maxBytes ? 'too large' : fetched(bytes, key) };
			}),
		seal: async (id, event) => {
			if (!rooms.get(id)?.state.encryption || event.type === 'm.reaction') return { value: event };
			if (keyless) return { failure: { kind: 'keyless', why: 'no device' } };
			return { value: { type: 'm.room.encrypted', content: { ciphertext: event } } };
		},
		send: (id, transaction, { type, content }: Sealed) =>
			through('send', id, () => {
				const room = inRoom(id);
				if (!room) return refused('M_FORBIDDEN');
				if (room.state.encryption && type !== 'm.room.encrypted' && type !== 'm.reaction')
					return { failure: { kind: 'unsealed', why: 'in the clear' } };
				const key = `${id} ${transaction}`;
				const event = transactions.get(key) ?? add(room, { sender: user, type, content });
				transactions.set(key, event);
				return { value: event };
			}),
		find: (id, { said, since }) =>
			through('find', id, () => {
				const room = inRoom(id);
				if (!room) return refused('M_FORBIDDEN');
				const found = room.events.findLast(event => event.content['io.glia.said'] === said && event.at >= since);
				return { value: found?.id };
			}),
		replied: (id, since) =>
			through('replied', id, () => {
				const room = inRoom(id);
				if (!room) return refused('M_FORBIDDEN');
				const own = room.events.filter(event => event.sender === user && event.at >= since);
				return { value: new Set(own.map(event => placeOf(record(event.content['m.relates_to'])).repliesTo ?? '')) };
			}),
		upload: (id, file) =>
			through('upload', id, () => ({
				value: {
					msgtype: 'm.file',
					body: file.name,
					filename: file.name,
					...where(id, `mxc://played/${++ids}`),
					'm.mentions': {},
				},
			})),
		join: id =>
			through('join', id, () => {
				const room = rooms.get(id);
				if (!room) return refused('M_NOT_FOUND');
				if (!room.members.has(user)) {
					if (!room.invited.delete(user) && room.state.joinRule !== 'public') return refused('M_FORBIDDEN');
					room.members.add(user);
					add(room, { sender: user, type: 'm.room.member', content: { membership: 'join' }, entrance: true });
				}
				return { value: true };
			}),
		leave: (id, why) =>
			through('leave', id, () => {
				const room = rooms.get(id);
				if (!room?.members.delete(user) && !room?.invited.delete(user)) return refused('M_FORBIDDEN');
				const content = { membership: 'leave', ...(why !== undefined && { reason: why }) };
				add(room, { sender: user, type: 'm.room.member', content });
				return { value: true };
			}),
		forget: id =>
			through('forget', id, () => (rooms.get(id)?.members.has(user) ? refused('M_UNKNOWN') : { value: true })),
		predecessor: id =>
			through('predecessor', id, () => {
				const room = inRoom(id) ?? (rooms.get(id)?.state.visibility === 'world_readable' ? rooms.get(id) : undefined);
				return room ? { value: room.predecessor } : refused('M_FORBIDDEN');
			}),
		membership: (id, person) =>
			through('membership', id, () => {
				const room = rooms.get(id);
				// Like a homeserver, only tell members about other members.
				if (!room?.members.has(user) && room?.state.visibility !== 'world_readable') return { value: 'leave' };
				return { value: room.members.has(person) ? 'join' : 'leave' };
			}),
		people: id =>
			through('people', id, () => {
				const room = inRoom(id);
				return room ? { value: room.members.size } : refused('M_FORBIDDEN');
			}),
		marker: () => through('marker', undefined, () => ({ value: marker })),
		mark: id =>
			through('mark', undefined, () => {
				marker = id;
				return { value: true };
			}),
		joined: () =>
			through('joined', undefined, () => ({
				value: [...rooms].flatMap(([id, room]) => (room.members.has(user) ? [id] : [])),
			})),
	};

	function send(
		id: string,
		sender: string,
		content: Content,
		{ type = 'm.room.message', sealed = false } = {},
	): string {
		const room = rooms.get(id);
		if (!room) throw new TypeError(`no room ${id}`);
		return add(room, { sender, type, content, ...(sealed && { sealed: true as const }) });
	}

	return {
		port,
		/** The bot's calls, in order: the name of the call and the room. */
		calls,
		/** Decides before each call whether it fails, or only its response is lost. */
		setTrouble(to: typeof trouble) {
			trouble = to;
		},
		/** Turns on encryption; `withoutKeys`: the bot's login cannot decrypt or encrypt. */
		encrypt(id: string, { withoutKeys = false } = {}) {
			const room = rooms.get(id);
			if (room) room.state = { ...room.state, encryption: { algorithm: 'm.megolm.v1.aes-sha2' } };
			keyless = withoutKeys;
		},
		/** Forgets transaction IDs, as Synapse does after a day. */
		forgetTransactions: () => transactions.clear(),
		createRoom(id: string, owner: string, more: Partial<Pick<Room, 'predecessor' | 'state'>> = {}): void {
			rooms.set(id, { events: [], members: new Set([owner]), invited: new Map(), state: {}, ...more });
		},
		invite: (id: string, inviter: string) => rooms.get(id)?.invited.set(user, inviter),
		/** Puts a user into a room. */
		admit: (id: string, person: string) => rooms.get(id)?.members.add(person),
		/** Says something as a user; returns the event ID. */
		say: (id: string, sender: string, body: string): string => send(id, sender, { msgtype: 'm.text', body }),
		/** Sends something as a user; `sealed`: encrypted, so that only the bot's keys can read it. */
		send,
		/** Redacts an event. */
		redact(id: string, event: string): void {
			const found = rooms.get(id)?.events.find(one => one.id === event);
			if (found) found.content = {};
		},
		/** Stores a file; returns its address. */
		put(bytes: Uint8Array): string {
			const url = `mxc://example.org/${randomUUID()}`;
			media.set(url, bytes);
			return url;
		},
		/** Deletes a file, as an admin or a broken disk would. */
		dropMedia: (url: string) => media.delete(url),
		kick: (id: string, person = user) => rooms.get(id)?.members.delete(person),
		/** The contents that the bot sent to a room, in order. */
		sentTo: (id: string): Content[] =>
			(rooms.get(id)?.events ?? [])
				.filter(event => event.sender === user && event.type === 'm.room.message')
				.map(({ content }) => content),
		eventsOf: (id: string) => rooms.get(id)?.events ?? [],
	};
}
