// Counts commands and their answers in a room: which were answered, how often, and in which order.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Person, RoomEvent } from './person.ts';

/** The event that an event replies to. */
export function repliesTo(event: Pick<RoomEvent, 'content'>): string | undefined {
	return event.content['m.relates_to']?.['m.in_reply_to']?.event_id;
}

/** Matches the bot's answer to an event. */
export function answerTo(eventId: string, bot: string) {
	return (event: RoomEvent) => event.sender === bot && event.type === 'm.room.message' && repliesTo(event) === eventId;
}

export type Tally = { unanswered: string[]; twice: string[]; ordered: boolean };

/** The outcome of commands (event IDs) in a room. */
export async function tally(reader: Person, room: string, bot: string, commands: readonly string[]): Promise<Tally> {
	const events = await reader.messagesOf(room);
	const answered = events
		.filter(event => event.sender === bot && event.type === 'm.room.message')
		.flatMap(event => repliesTo(event) ?? [])
		.filter(id => commands.includes(id));
	const order = events.map(event => event.event_id).filter(id => commands.includes(id));
	const first = [...new Set(answered)];
	return {
		unanswered: commands.filter(id => !answered.includes(id)),
		twice: first.filter(id => answered.filter(other => other === id).length > 1),
		ordered: first.join() === order.filter(id => first.includes(id)).join(),
	};
}

/** The tally once everything is answered, or after `timeout` milliseconds. */
export async function settled(
	reader: Person,
	room: string,
	bot: string,
	commands: readonly string[],
	timeout: number,
): Promise<Tally> {
	const over = Date.now() + timeout;
	for (;;) {
		const result = await tally(reader, room, bot, commands);
		if (result.unanswered.length === 0 || Date.now() > over) return result;
		await sleep(300);
	}
}

/** Invites the bot into a new room and waits until it is there. */
export async function roomWith(
	bot: { userId: string },
	owner: Person,
	options: Parameters<Person['createRoom']>[0] = {},
	timeout = 30_000,
): Promise<string> {
	const room = await owner.createRoom({ ...options, invite: [bot.userId, ...(options.invite ?? [])] });
	await owner.waitFor(
		event => event.room_id === room && event.sender === bot.userId && event.type === 'm.room.message',
		timeout,
	);
	return room;
}
