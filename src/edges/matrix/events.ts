// Parses what the homeserver sends. All of it comes from strangers, so nothing is assumed about its shape, and what
// does not have the expected shape is ignored.
import type { Batch, Incoming, Page, RoomState, Unreadable } from '../../ports/homeserver.ts';
import { isRecord, type Json, record, text } from './json.ts';
import { captionOf, sentFile } from './sent-file.ts';

/** What an event was before decryption. A symbol, so that no JSON from outside can contain it. */
export const decrypted = Symbol('decrypted');
/** `once` identifies the message within its session; `raw` is the whole event as JSON. */
export type Came = { once: string; raw: string };
export type Event = Json & { type: string; sender: string; event_id: string; content: Json; [decrypted]?: Came };

/** The event types we receive. Add to them but never remove any: the last event seen must remain findable. */
const eventTypes = [
	'm.room.message',
	'm.room.encrypted',
	'm.room.redaction',
	'm.reaction',
	'm.key.verification.start',
	'm.key.verification.ready',
	'm.key.verification.accept',
	'm.key.verification.key',
	'm.key.verification.mac',
	'm.key.verification.done',
	'm.key.verification.cancel',
	'm.room.create',
	'm.room.member',
	'm.room.power_levels',
	'm.room.encryption',
	'm.room.join_rules',
	'm.room.history_visibility',
	'm.room.tombstone',
];

const stateTypes = eventTypes.slice(eventTypes.indexOf('m.room.create')).filter(type => type !== 'm.room.member');

/**
 * Excludes our own events, since we know what we said and need not decrypt it. `question` only makes the filter's
 * text unique: Synapse answers an identical sync request from a cache of up to two minutes, even if that response
 * never reached us, and a room may have become encrypted in the meantime.
 */
export function syncFilter(self: string, question: number): string {
	return JSON.stringify({
		presence: { types: [], limit: question },
		account_data: { types: [] },
		room: {
			account_data: { types: [] },
			ephemeral: { types: [] },
			state: { types: stateTypes, lazy_load_members: true },
			timeline: { types: eventTypes, not_senders: [self], limit: 50, lazy_load_members: true },
		},
	});
}

/** Includes our own events, because reading ends at our own join. */
export function historyFilter(): string {
	return JSON.stringify({ types: eventTypes, lazy_load_members: true });
}

/** A sync response as a batch; undefined if it is not one. */
export function batchOf(raw: unknown, self: string, now: Date): Batch | undefined {
	if (!isRecord(raw) || typeof raw.next_batch !== 'string') return undefined;
	const rooms = record(raw.rooms);
	return {
		token: raw.next_batch,
		joined: Object.entries(record(rooms.join)).map(([room, news]) => newsOf(room, record(news), self, now)),
		invited: Object.entries(record(rooms.invite)).flatMap(([room, news]) => {
			const events = eventsOf(record(record(news).invite_state).events);
			const inviter = inviterOf(events, self);
			return inviter === undefined ? [] : [{ room, inviter, ...predecessorIn(events) }];
		}),
		left: Object.keys(record(rooms.leave)).map(room => ({ room })),
	};
}

/** The rooms that a sync shows to be encrypted. */
export function encryptedIn(raw: unknown): string[] {
	return Object.entries(record(record(record(raw).rooms).join)).flatMap(([room, news]) => {
		const events = [record(news).state, record(news).timeline].flatMap(part => eventsOf(record(part).events));
		return events.some(({ type, state_key }) => type === 'm.room.encryption' && state_key === '') ? [room] : [];
	});
}

function newsOf(room: string, news: Json, self: string, now: Date): Batch['joined'][number] {
	const timeline = record(news.timeline);
	const events = eventsOf(timeline.events);
	const state: RoomState = {};
	for (const event of [...eventsOf(record(news.state).events), ...events]) addState(state, event);
	const last = events.findLast(event => event.event_id !== '');
	return {
		room,
		state,
		messages: events.flatMap(event => incomingOf(room, event, self, now) ?? []),
		redacted: events.flatMap(event => (event.type === 'm.room.redaction' ? redactedBy(event) : [])),
		...(last && { last: { event: last.event_id, at: timeOf(last, now) } }),
		...(timeline.limited === true && typeof timeline.prev_batch === 'string' && { gap: timeline.prev_batch }),
	};
}

/** Adds to a batch what could not be decrypted, and what was decrypted late. */
export function addReading(
	batch: Batch,
	{ unreadable, opened }: { unreadable: Map<string, Unreadable[]>; opened: Map<string, Json[]> },
	self: string,
	now: Date,
): void {
	const newsOf = (room: string) => {
		const known = batch.joined.find(news => news.room === room);
		if (known) return known;
		const news: Batch['joined'][number] = { room, state: {}, messages: [], redacted: [] };
		batch.joined.push(news);
		return news;
	};
	for (const [room, events] of unreadable) newsOf(room).unreadable = events;
	for (const [room, raw] of opened) {
		if (batch.left.some(left => left.room === room)) continue;
		const events = eventsOf(raw);
		const news = newsOf(room);
		news.opened = events.map(event => event.event_id);
		news.messages.unshift(...events.flatMap(event => incomingOf(room, event, self, now) ?? []));
	}
}

/**
 * A page of history, newest first. It ends at `until`, at our own join, or once all events are more than a day
 * older than `until` (whose event the homeserver may have deleted).
 */
export function pageOf(
	raw: unknown,
	room: string,
	self: string,
	until: { event: string; at: Date } | undefined,
	now: Date,
	closed: readonly Unreadable[] = [],
): Page | undefined {
	if (!isRecord(raw) || !Array.isArray(raw.chunk)) return undefined;
	const messages: Incoming[] = [];
	const unreadable: Unreadable[] = [];
	const page = { messages, unreadable };
	const events = eventsOf(raw.chunk);
	for (const event of events) {
		if (event.event_id === until?.event || isEntrance(event, self)) return page;
		const message = incomingOf(room, event, self, now);
		if (message) messages.push(message);
		unreadable.push(...closed.filter(({ event: id }) => id === event.event_id));
	}
	const day = 24 * 3600 * 1000;
	const past = until && events.length > 0 && events.every(event => timeOf(event, now) < new Date(+until.at - day));
	if (past || typeof raw.end !== 'string') return page;
	return { ...page, next: raw.end };
}

/** Whether this is our own join, and not only a change of our profile. */
function isEntrance(event: Event, self: string): boolean {
	if (event.type !== 'm.room.member' || event.state_key !== self || event.content.membership !== 'join') return false;
	const before = record(record(event.unsigned).prev_content);
	return before.membership !== 'join';
}

/** Other people's messages and reactions that may contain a command or belong to one: no notices, no edits. */
export function incomingOf(room: string, event: Event, self: string, now: Date): Incoming | undefined {
	const { content, sender } = event;
	if (event.type === 'm.reaction') return signOf(room, event, self, now);
	if (event.type !== 'm.room.message' || event.state_key !== undefined || sender === self) return undefined;
	const file = sentFile(content);
	if (content.msgtype !== 'm.text' && !file) return undefined;
	if (typeof content.body !== 'string' || event.event_id === '') return undefined;
	const relation = record(content['m.relates_to']);
	if (isEdit(content)) return undefined;
	const { thread, reply, repliesTo } = placeOf(relation);
	const body = file ? captionOf(content) : content.body;
	return {
		event: event.event_id,
		room,
		sender,
		at: timeOf(event, now),
		body: reply === undefined ? body : withoutQuote(body),
		mentioned: mentions(content, self),
		...(repliesTo !== undefined && { repliesTo }),
		...(thread !== undefined && { thread }),
		...(event[decrypted] !== undefined && { sealed: true as const, ...event[decrypted] }),
		...(file && { file }),
	};
}

/**
 * The thread and reply of a message. `reply`: the event that older clients quote; `repliesTo`: the one that
 * its sender replied to.
 */
export function placeOf(relation: Json): { thread?: string; reply?: string; repliesTo?: string } {
	const thread = relation.rel_type === 'm.thread' ? text(relation.event_id) : undefined;
	const reply = text(record(relation['m.in_reply_to']).event_id);
	// In a thread this may be a fallback for clients without threads: its last message, which nobody replied to.
	const repliesTo = thread !== undefined && relation.is_falling_back === true ? undefined : reply;
	return {
		...(thread !== undefined && { thread }),
		...(reply !== undefined && { reply }),
		...(repliesTo !== undefined && { repliesTo }),
	};
}

export function isEdit(content: Json): boolean {
	return record(content['m.relates_to']).rel_type === 'm.replace' || content['m.new_content'] !== undefined;
}

/** The reactions that we act on. */
const reactions = ['✅', '💤', '▶'];

/** A reaction that stands for a command, in any variation of the emoji. */
function signOf(room: string, event: Event, self: string, now: Date): Incoming | undefined {
	const relation = record(event.content['m.relates_to']);
	const [to, key] = [text(relation.event_id), text(relation.key)];
	const plain = key?.replace(/[\uFE0E\uFE0F]/g, '');
	if (plain === undefined || !reactions.includes(plain)) return undefined;
	if (event.sender === self || event.event_id === '' || to === undefined) return undefined;
	return {
		event: event.event_id,
		room,
		sender: event.sender,
		at: timeOf(event, now),
		body: plain,
		mentioned: false,
		repliesTo: to,
		sealed: true,
	};
}

/** Older clients put the quoted message before the text, each line after `> `. */
export function withoutQuote(body: string): string {
	if (!body.startsWith('> ')) return body;
	const lines = body.split('\n');
	const first = lines.findIndex(line => !line.startsWith('>'));
	if (first < 0) return '';
	return lines.slice(lines[first]?.trim() === '' ? first + 1 : first).join('\n');
}

function mentions(content: Json, self: string): boolean {
	const mentioned = content['m.mentions'];
	if (isRecord(mentioned)) return Array.isArray(mentioned.user_ids) && mentioned.user_ids.includes(self);
	// Clients older than `m.mentions` turn the name into a link.
	const html = text(content.formatted_body) ?? '';
	return (
		html.includes(`https://matrix.to/#/${self}`) || html.includes(`https://matrix.to/#/${encodeURIComponent(self)}`)
	);
}

function addState(state: RoomState, event: Event): void {
	if (event.state_key !== '') return;
	const { content } = event;
	if (event.type === 'm.room.create') state.create = { sender: event.sender, content };
	else if (event.type === 'm.room.power_levels') state.power = content;
	else if (event.type === 'm.room.encryption') state.encryption = content;
	else if (event.type === 'm.room.join_rules') state.joinRule = text(content.join_rule) ?? 'invite';
	else if (event.type === 'm.room.history_visibility') state.visibility = text(content.history_visibility) ?? 'shared';
	else if (event.type === 'm.room.tombstone') {
		const replacement = text(content.replacement_room);
		if (replacement !== undefined) state.tombstone = { sender: event.sender, replacement };
	}
}

/** From room version 11 on, the content names the redacted event. */
function redactedBy(event: Event): string[] {
	const redacted = text(event.content.redacts) ?? text(event.redacts);
	return redacted === undefined ? [] : [redacted];
}

function inviterOf(events: Event[], self: string): string | undefined {
	return events.findLast(
		event => event.type === 'm.room.member' && event.state_key === self && event.content.membership === 'invite',
	)?.sender;
}

/**
 * The room that the new one says it replaces, if the invitation includes its create event. From room version 12
 * on, the predecessor has no event id.
 */
function predecessorIn(events: Event[]): { predecessor?: string | null } {
	const create = events.find(event => event.type === 'm.room.create' && event.state_key === '');
	return create ? { predecessor: text(record(create.content.predecessor).room_id) ?? null } : {};
}

export function eventsOf(value: unknown): Event[] {
	if (!Array.isArray(value)) return [];
	return value.flatMap(event => {
		if (!isRecord(event) || typeof event.type !== 'string' || typeof event.sender !== 'string') return [];
		// Stripped state, as in invitations, has no event ids.
		return [
			{
				...event,
				type: event.type,
				sender: event.sender,
				event_id: text(event.event_id) ?? '',
				content: record(event.content),
			},
		];
	});
}

/** The server's timestamp, but never later than our own clock. */
export function timeOf(event: Json, now: Date): Date {
	const at = event.origin_server_ts;
	return typeof at === 'number' && Number.isSafeInteger(at) && at >= 0 && at < now.getTime() ? new Date(at) : now;
}
