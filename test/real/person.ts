// A person in a room, for tests with a real homeserver: plain fetch against the client-server API, no SDK.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Account, Homeserver } from './synapse.ts';

export type Content = {
	msgtype?: string;
	body?: string;
	format?: string;
	formatted_body?: string;
	url?: string;
	'm.mentions'?: { user_ids?: string[]; room?: boolean };
	'm.relates_to'?: {
		rel_type?: string;
		event_id?: string;
		key?: string;
		is_falling_back?: boolean;
		'm.in_reply_to'?: { event_id: string };
	};
	'm.new_content'?: Content;
	[key: string]: unknown;
};

export type RoomEvent = {
	event_id: string;
	room_id: string;
	type: string;
	sender: string;
	/** Milliseconds since 1970. */
	origin_server_ts: number;
	state_key?: string;
	content: Content;
	unsigned?: Record<string, unknown>;
};

export type RoomOptions = {
	/** For example `'10'`; by default the homeserver's own. */
	version?: string;
	/** User IDs. */
	invite?: string[];
	name?: string;
	/** By default `private_chat`: only people who are invited may join. */
	preset?: 'private_chat' | 'trusted_private_chat' | 'public_chat';
	/** Merged into the default content of m.room.power_levels. */
	powerLevels?: Record<string, unknown>;
	encrypted?: boolean;
	direct?: boolean;
};

type Batch = {
	next_batch: string;
	rooms?: Record<'join' | 'leave', Record<string, { timeline?: Timeline }> | undefined>;
};

type Timeline = { events: Omit<RoomEvent, 'room_id'>[]; limited?: boolean; prev_batch?: string };

type Page = { chunk: RoomEvent[]; end?: string };

export type Person = ReturnType<typeof speaker>;

/** Registers a user called `name` and some random characters, so that tests that share a homeserver do not collide. */
export async function person(home: Homeserver, name: string): Promise<Person> {
	return speaker(home.url, await home.registerUser(`${name}-${randomUUID().slice(0, 8)}`, randomUUID()));
}

/** Logs a person in on a new device. `user` is a user ID or a localpart. */
export async function login(home: Pick<Homeserver, 'url'>, user: string, password: string): Promise<Person> {
	const response = await fetch(`${home.url}/_matrix/client/v3/login`, {
		method: 'POST',
		body: JSON.stringify({ type: 'm.login.password', identifier: { type: 'm.id.user', user }, password }),
	});
	const body = (await response.json()) as Record<string, string>;
	const { user_id: userId, access_token: accessToken, device_id: deviceId } = body;
	if (!userId || !accessToken || !deviceId) throw new Error(`login of ${user}: ${response.status} ${body.errcode}`);
	return speaker(home.url, { userId, accessToken, deviceId });
}

/** A logged-in user. Sending resolves with the event ID; a refusal throws with its errcode. */
export function speaker(url: string, account: Account) {
	const seen = new Map<string, RoomEvent>();
	let since = '';
	let syncing: Promise<void> | undefined;

	return {
		...account,
		/** Calls any endpoint. `path` begins with `/`. Waits and retries if rate-limited. */
		request,

		async createRoom(options: RoomOptions = {}): Promise<string> {
			const { room_id } = await request<{ room_id: string }>('POST', '/_matrix/client/v3/createRoom', {
				preset: options.preset ?? 'private_chat',
				room_version: options.version,
				invite: options.invite,
				name: options.name,
				is_direct: options.direct,
				power_level_content_override: options.powerLevels,
				initial_state: options.encrypted
					? [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }]
					: [],
			});
			return room_id;
		},

		invite: (room: string, userId: string) => inRoom('invite', room, { user_id: userId }),
		join: (room: string) => inRoom('join', room, {}),
		leave: (room: string, reason?: string) => inRoom('leave', room, { reason }),
		kick: (room: string, userId: string, reason?: string) => inRoom('kick', room, { user_id: userId, reason }),
		ban: (room: string, userId: string, reason?: string) => inRoom('ban', room, { user_id: userId, reason }),
		unban: (room: string, userId: string) => inRoom('unban', room, { user_id: userId }),

		/** Resolves with the ID of the new room. Does not invite the members of the old one. */
		async upgrade(room: string, version: string): Promise<string> {
			const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/upgrade`;
			return (await request<{ replacement_room: string }>('POST', path, { new_version: version })).replacement_room;
		},

		/** Sends an m.text message; `more` is merged into its content. */
		say: (room: string, text: string, more: Content = {}) => send(room, 'm.room.message', { ...words(text), ...more }),

		send,

		edit: (room: string, eventId: string, text: string) =>
			send(room, 'm.room.message', {
				...words(`* ${text}`),
				'm.new_content': words(text),
				'm.relates_to': { rel_type: 'm.replace', event_id: eventId },
			}),

		reply: (room: string, eventId: string, text: string) =>
			send(room, 'm.room.message', {
				...words(text),
				'm.relates_to': { 'm.in_reply_to': { event_id: eventId } },
			}),

		/** Sends a message in the thread under `rootId`, and starts the thread if needed. */
		thread: (room: string, rootId: string, text: string) =>
			send(room, 'm.room.message', {
				...words(text),
				'm.relates_to': {
					rel_type: 'm.thread',
					event_id: rootId,
					is_falling_back: true,
					'm.in_reply_to': { event_id: rootId },
				},
			}),

		react: (room: string, eventId: string, key: string) =>
			send(room, 'm.reaction', { 'm.relates_to': { rel_type: 'm.annotation', event_id: eventId, key } }),

		async redact(room: string, eventId: string, reason?: string): Promise<string> {
			return put(room, `redact/${encodeURIComponent(eventId)}/${randomUUID()}`, { reason });
		},

		/** Uploads a file. Resolves with its `mxc:` URL. */
		async upload(bytes: Uint8Array, type = 'application/octet-stream'): Promise<string> {
			const response = await fetch(`${url}/_matrix/media/v3/upload`, {
				method: 'POST',
				headers: { authorization: `Bearer ${account.accessToken}`, 'content-type': type },
				body: Buffer.from(bytes),
			});
			const { content_uri: uri, errcode } = (await response.json()) as Record<string, string>;
			if (uri === undefined) throw new Error(`upload: ${response.status} ${errcode}`);
			return uri;
		},

		/** The content of a state event. Throws M_NOT_FOUND if there is none. */
		async state(room: string, type: string, key = ''): Promise<Content> {
			return request('GET', statePath(room, type, key));
		},

		setState: async (room: string, type: string, key: string, content: Content): Promise<string> =>
			(await request<{ event_id: string }>('PUT', statePath(room, type, key), content)).event_id,

		/**
		 * The first matching event that this person has ever seen, even before the call, so an answer cannot arrive too
		 * early. Continues while the homeserver is down. After `timeout` milliseconds (by default 20,000), throws an error
		 * with what was seen last.
		 */
		async waitFor(fits: (event: RoomEvent) => boolean, timeout = 20_000): Promise<RoomEvent> {
			const giveUp = Date.now() + timeout;
			for (;;) {
				const found = [...seen.values()].find(fits);
				if (found) return found;
				if (Date.now() > giveUp) {
					const last = [...seen.values()].slice(-5).map(event => JSON.stringify(event));
					throw new Error(`no event matched within ${timeout} ms; seen last:\n${last.join('\n')}`);
				}
				syncing ??= sync().finally(() => {
					syncing = undefined;
				});
				await syncing.catch(async error => {
					if (!(error instanceof TypeError)) throw error;
					await sleep(100);
				});
			}
		},

		/** Every event in the room that this person can see, oldest first. */
		messagesOf: (room: string) => backFrom(room, '', () => false),
	};

	async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
		for (;;) {
			const response = await fetch(url + path, {
				method,
				headers: { authorization: `Bearer ${account.accessToken}` },
				...(body === undefined ? {} : { body: JSON.stringify(body) }),
			});
			const answer = (await response.json()) as T & { errcode?: string; error?: string };
			if (response.ok) return answer;
			if (response.status !== 429) {
				throw new Error(`${method} ${path}: ${response.status} ${answer.errcode} ${answer.error}`);
			}
			await sleep(Number(response.headers.get('retry-after') ?? 1) * 1000);
		}
	}

	async function inRoom(action: string, room: string, body: Record<string, unknown>): Promise<void> {
		await request('POST', `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/${action}`, body);
	}

	async function put(room: string, rest: string, content: Content): Promise<string> {
		const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/${rest}`;
		return (await request<{ event_id: string }>('PUT', path, content)).event_id;
	}

	/** Sends any event that is not a state event. */
	function send(room: string, type: string, content: Content): Promise<string> {
		return put(room, `send/${encodeURIComponent(type)}/${randomUUID()}`, content);
	}

	function statePath(room: string, type: string, key: string): string {
		const parts = [room, 'state', type, key].map(encodeURIComponent);
		return `/_matrix/client/v3/rooms/${parts.join('/')}`;
	}

	async function sync(): Promise<void> {
		const query = new URLSearchParams({
			timeout: since ? '1000' : '0',
			filter: JSON.stringify({ room: { timeline: { limit: 100 } } }),
			...(since ? { since } : {}),
		});
		const batch = await request<Batch>('GET', `/_matrix/client/v3/sync?${query}`);
		for (const rooms of [batch.rooms?.join, batch.rooms?.leave]) {
			for (const [room, { timeline }] of Object.entries(rooms ?? {})) {
				if (!timeline) continue;
				// If a lot happens between two syncs, the homeserver leaves part of it out.
				const gap = timeline.limited && timeline.prev_batch;
				const before = gap ? await backFrom(room, gap, event => seen.has(event.event_id)) : [];
				for (const event of before) seen.set(event.event_id, event);
				for (const event of timeline.events) seen.set(event.event_id, { ...event, room_id: room });
			}
		}
		since = batch.next_batch;
	}

	/** Pages backwards from a token ('' is the newest) until `enough` returns true, or to the beginning. */
	async function backFrom(room: string, from: string, enough: (event: RoomEvent) => boolean): Promise<RoomEvent[]> {
		const events: RoomEvent[] = [];
		for (let token: string | undefined = from; token !== undefined; ) {
			const query = new URLSearchParams({ dir: 'b', limit: '100', ...(token ? { from: token } : {}) });
			const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/messages?${query}`;
			const page: Page = await request<Page>('GET', path);
			const known = page.chunk.findIndex(enough);
			events.push(...(known < 0 ? page.chunk : page.chunk.slice(0, known)));
			token = known < 0 ? page.end : undefined;
		}
		return events.reverse();
	}
}

function words(text: string): Content {
	return { msgtype: 'm.text', body: text, 'm.mentions': {} };
}
