// Fetches single messages: to read them again, or because another message refers to them. matrix-bot-sdk would
// decrypt them with its own keys, not ours.
import type { Homeserver, Outcome, Quoted } from '../../ports/homeserver.ts';
import type { Encryption } from './encryption.ts';
import { type Event, eventsOf, incomingOf, isEdit, placeOf, timeOf, withoutQuote } from './events.ts';
import { isRecord, type Json, record, text } from './json.ts';
import { captionOf, sentFile } from './sent-file.ts';
import { objectOf, roomPath, type Session, senseless } from './session.ts';

/** Messages of one person on each side of an event. */
const neighbours = 20;

type MessagesSetup = { session: Session; encryption: Encryption | undefined; now: () => Date };

export function openMessages(setup: MessagesSetup): Pick<Homeserver, 'again' | 'quoted' | 'around'> {
	const { session, now } = setup;
	const reader = openEvents(setup);

	async function quotedOf(room: string, event: Event, isWhole: boolean): Promise<Outcome<Quoted>> {
		const edit = await editOf(reader, room, event, isWhole);
		if ('failure' in edit) return edit;
		const by = edit.value;
		const counts = by?.type === 'm.room.message' && by.sender === event.sender;
		return { value: quotedFrom(event, counts ? record(by.content['m.new_content']) : undefined, now()) };
	}

	async function allQuoted(room: string, events: readonly Event[]): Promise<Outcome<Quoted[]>> {
		const quoted: Quoted[] = [];
		for (const event of events) {
			const value = await quotedOf(room, event, false);
			if ('failure' in value) return value;
			quoted.push(value.value);
		}
		return { value: quoted };
	}

	return {
		async again(room, event, raw) {
			const found = raw === undefined ? await reader.read(room, event) : await reopened(reader, room, raw);
			if ('failure' in found) return found;
			return { value: incomingOf(room, found.value, session.user, now()) };
		},
		async quoted(room, event) {
			const found = await reader.read(room, event);
			return 'failure' in found ? found : quotedOf(room, found.value, true);
		},
		async around(room, event, sender) {
			const filter = JSON.stringify({ senders: [sender], types: ['m.room.message', 'm.room.encrypted'] });
			const path = roomPath(room, `context/${encodeURIComponent(event)}`);
			const asked = await session.call(objectOf, client =>
				client.doRequest('GET', path, { limit: 2 * neighbours, filter }),
			);
			if ('failure' in asked) return asked;
			const sides: Quoted[][] = [];
			for (const raw of [asked.value.events_before, asked.value.events_after]) {
				const events = await reader.opened(room, Array.isArray(raw) ? raw.slice(0, neighbours) : []);
				if ('failure' in events) return events;
				const own = events.value.filter(one => one.sender === sender && !isEdit(one.content));
				const quoted = await allQuoted(room, own);
				if ('failure' in quoted) return quoted;
				sides.push(quoted.value);
			}
			const [before = [], after = []] = sides;
			return { value: { before: before.reverse(), after } };
		},
	};
}

type Events = {
	/** Events of a room, decrypted where we have the keys. */
	opened: (room: string, raw: unknown[]) => Promise<Outcome<Event[]>>;
	read: (room: string, event: string) => Promise<Outcome<Event>>;
};

function openEvents({ session, encryption }: MessagesSetup): Events {
	async function opened(room: string, raw: unknown[]): Promise<Outcome<Event[]>> {
		const done = await session.guarded(async () => encryption?.open(room, raw));
		return 'failure' in done ? done : { value: eventsOf(raw) };
	}

	return {
		opened,
		async read(room, event) {
			const path = roomPath(room, `event/${encodeURIComponent(event)}`);
			const asked = await session.call(objectOf, client => client.doRequest('GET', path, null, null));
			if ('failure' in asked) return asked;
			if (asked.value.event_id !== event) return senseless;
			const [found] = eventsOf([asked.value]);
			const events = await opened(room, found ? [found] : []);
			if ('failure' in events) return events;
			const [value] = events.value;
			return value ? { value } : senseless;
		},
	};
}

/** The latest edit of an event, if any. Older homeservers only return its id; it is then fetched if `isWhole`. */
async function editOf(
	{ opened, read }: Events,
	room: string,
	event: Event,
	isWhole: boolean,
): Promise<Outcome<Event | undefined>> {
	const { 'm.replace': replacement } = record(record(event.unsigned)['m.relations']);
	if (!isRecord(replacement)) return { value: undefined };
	if (!isRecord(replacement.content)) {
		const id = text(replacement.event_id);
		return isWhole && id !== undefined ? read(room, id) : { value: undefined };
	}
	const events = await opened(room, [replacement]);
	return 'failure' in events ? events : { value: events.value[0] };
}

/** What we could decrypt on arrival can still be decrypted, unless the keys have been lost since. */
async function reopened({ opened }: Events, room: string, raw: string): Promise<Outcome<Event>> {
	const events = await opened(room, [JSON.parse(raw)]);
	if ('failure' in events) return events;
	const [event] = events.value;
	if (event && event.type !== 'm.room.encrypted') return { value: event };
	return { failure: { kind: 'refused', code: 'GLIA_NO_KEY', why: 'the key of the message is lost' } };
}

/** `edited`: the edited content, which replaces the event's own. */
function quotedFrom(event: Event, edited: Json | undefined, now: Date): Quoted {
	const { thread, reply, repliesTo } = placeOf(record(event.content['m.relates_to']));
	const about = {
		event: event.event_id,
		sender: event.sender,
		at: timeOf(event, now),
		...(thread !== undefined && { thread }),
		...(repliesTo !== undefined && { repliesTo }),
	};
	if (Object.keys(event.content).length === 0) return { ...about, is: 'redacted' };
	if (event.type === 'm.room.encrypted') return { ...about, is: 'unreadable' };
	if (event.type !== 'm.room.message' || event.state_key !== undefined) return { ...about, is: 'other' };
	const content = edited ?? (isEdit(event.content) ? record(event.content['m.new_content']) : event.content);
	const file = sentFile(content);
	if (file) return { ...about, is: 'file', file, caption: captionOf(content) };
	if (!['m.text', 'm.notice', 'm.emote'].includes(String(content.msgtype)) || typeof content.body !== 'string')
		return { ...about, is: 'other' };
	const said = reply === undefined ? content.body : withoutQuote(content.body);
	return { ...about, is: 'text', text: said };
}
