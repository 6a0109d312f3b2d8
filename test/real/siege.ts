// Commands from several people in several rooms: none may stay unanswered or be answered twice.
import { setTimeout as sleep } from 'node:timers/promises';
import { repliesTo, roomWith } from './answers.ts';
import type { Bot } from './bot.ts';
import { type Person, person } from './person.ts';
import type { Homeserver } from './synapse.ts';

export type Result = {
	commands: number;
	unanswered: number;
	/** The commands without an answer (event IDs). */
	missing: string[];
	twice: number;
	disordered: number;
	/** Refusals because the sender had too many answers waiting. They count as answers, and are followed by silence. */
	limited: number;
};

type Room = { room: string; people: Person[]; said: string[] };

/** Creates rooms with the bot and people in them. The bot must be running. */
export async function openSiege(home: Homeserver, bot: Bot, rooms: number, people: number) {
	const all = await Promise.all(Array.from({ length: people }, (_, i) => person(home, `sender${i}`)));
	const [owner] = all;
	if (!owner) throw new TypeError('a siege without people');
	const places: Room[] = [];
	for (let i = 0; i < rooms; i++) {
		const invite = all.slice(1).map(({ userId }) => userId);
		const room = await roomWith(bot, owner, { version: i % 2 ? '10' : '12', invite }, 180_000);
		for (const other of all.slice(1)) await other.join(room);
		places.push({ room, people: all, said: [] });
	}

	return {
		/** Sends `count` commands, from everyone in random rooms, at random moments within about `within` milliseconds. */
		async say(count: number, within: number): Promise<void> {
			await Promise.all(
				all.map(async (who, index) => {
					const mine = Math.floor(count / all.length) + (index < count % all.length ? 1 : 0);
					for (let i = 0; i < mine; i++) {
						await sleep(Math.random() * 2 * (within / mine));
						const place = places[Math.floor(Math.random() * places.length)];
						if (place) place.said.push(await patiently(() => who.say(place.room, commandOf(index, i))));
					}
				}),
			);
		},
		/** Waits until everything is answered, at most `timeout` milliseconds. */
		async result(timeout: number): Promise<Result> {
			const over = Date.now() + timeout;
			for (;;) {
				const results = await Promise.all(places.map(place => resultOf(place, owner, bot.userId)));
				const sum = (key: Exclude<keyof Result, 'missing'>) =>
					results.reduce((total, result) => total + result[key], 0);
				const result = {
					commands: sum('commands'),
					unanswered: sum('unanswered'),
					twice: sum('twice'),
					disordered: sum('disordered'),
					limited: sum('limited'),
					missing: results.flatMap(({ missing }) => missing),
				};
				if (result.unanswered === 0 || Date.now() > over) return result;
				await sleep(1000);
			}
		},
	};
}

function commandOf(who: number, i: number): string {
	if (i % 20 === 7) return '!long 25 open';
	if (i % 10 === 3) return `!slow ${100 + ((who * 37 + i) % 400)}`;
	return `!echo ${who} ${i}`;
}

/** How long people retry, in milliseconds: on a busy machine, a restarting homeserver is down for many seconds. */
const patience = 120_000;

/** Retries until `act` succeeds: what people do is not what is tested. */
export async function patiently<T>(act: () => Promise<T>): Promise<T> {
	for (const begun = performance.now(); ; ) {
		try {
			return await act();
		} catch (error) {
			if (performance.now() - begun > patience) throw error;
			await sleep(500);
		}
	}
}

async function resultOf({ room, said }: Room, reader: Person, bot: string): Promise<Result> {
	const events = await patiently(() => reader.messagesOf(room));
	const answers = events.filter(event => event.sender === bot && event.type === 'm.room.message');
	const asked = events.filter(event => said.includes(event.event_id));
	const first = new Map<string, number>();
	const saids = new Map<unknown, number>();
	const messages = new Map<string, number>();
	for (const [index, event] of answers.entries()) {
		const command = repliesTo(event);
		if (command === undefined) continue;
		if (!first.has(command)) first.set(command, index);
		messages.set(command, (messages.get(command) ?? 0) + 1);
		saids.set(event.content['io.glia.said'], (saids.get(event.content['io.glia.said']) ?? 0) + 1);
	}
	const twice = asked.filter(event => {
		const expected = String(event.content.body).startsWith('!long') ? 2 : 1;
		return (messages.get(event.event_id) ?? 0) > expected;
	});
	const order = asked.flatMap(event => first.get(event.event_id) ?? []);
	return {
		limited: answers.filter(({ content }) => content.body?.includes('answers waiting')).length,
		commands: said.length,
		unanswered: said.filter(id => !first.has(id)).length,
		missing: said.filter(id => !first.has(id)),
		twice: twice.length + [...saids.values()].filter(count => count > 1).length,
		disordered: order.filter((place, i) => i > 0 && place < (order[i - 1] ?? 0)).length,
	};
}

export function printed(title: string, result: Result, more: string[]): string {
	const { commands, unanswered, twice, disordered, limited } = result;
	return [
		`${title}: ${commands} commands`,
		...more,
		`unanswered ${unanswered}, answered twice ${twice}, out of order ${disordered}, refused as too many ${limited}`,
	].join('; ');
}
