// Rooms that each watch a simulated server, some of them encrypted. Alerts fall due in all of them, and are counted at
// the end.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerTo, roomWith } from './answers.ts';
import type { Bot } from './bot.ts';
import { type Person, person } from './person.ts';
import type { Played } from './played-process.ts';
import type { Homeserver } from './synapse.ts';

export type Counted = { once: number; twice: number; missing: number };

/** The file that the simulated process reads, and how to start the bot with it. */
export function playedWorld() {
	const folder = mkdtempSync(join(tmpdir(), 'glia-alerts-'));
	const file = join(folder, 'played.json');
	return {
		script: [join(import.meta.dirname, 'played-process.ts'), file] as [string, string],
		play: (played: Played) => writeFileSync(file, JSON.stringify(played)),
		remove: () => rmSync(folder, { recursive: true, force: true }),
	};
}

/** How to start a bot and query its store. */
export type AlertBot = {
	bot: Bot;
	/** Starts the bot if it is not running. */
	start: () => Promise<void>;
	/** Stops the bot and starts it again. */
	restart: () => Promise<void>;
	/** The rows of a query on the bot's store. */
	rows: (sql: string) => Promise<unknown[]>;
};

/** A single bot on SQLite. Its store can only be read while it is not writing. */
export function aloneOnSqlite(bot: Bot): AlertBot {
	return {
		bot,
		start: bot.start,
		async restart() {
			await bot.stop();
			await bot.start();
		},
		async rows(sql) {
			const database = new DatabaseSync(join(bot.dir, 'data', 'glia.sqlite'), { readOnly: true, timeout: 5000 });
			try {
				return database.prepare(sql).all();
			} finally {
				database.close();
			}
		},
	};
}

/** Every `nth` room is encrypted. */
export async function openAlertRooms(
	synapse: Homeserver,
	{ bot, start, restart, rows: ask }: AlertBot,
	world: ReturnType<typeof playedWorld>,
	rooms: number,
	nth = 5,
) {
	const servers = Object.fromEntries(Array.from({ length: rooms }, (_, i) => [`s${i}.example.org`, '1.2.0']));
	const due: string[] = [];
	const play = (more: Partial<Played> = {}) => world.play({ servers, advisories: due, ...more });
	play();
	await start();
	const alice = await person(synapse, 'alice');
	const places: { room: string; encrypted: boolean }[] = [];
	for (let i = 0; i < rooms; i++) {
		const room = await roomWith(bot, alice, {}, 180_000);
		const id = await alice.say(room, `!watch s${i}.example.org`);
		await alice.waitFor(answerTo(id, bot.userId), 60_000);
		const encrypted = i % nth === nth - 1;
		if (encrypted) await alice.setState(room, 'm.room.encryption', '', { algorithm: 'm.megolm.v1.aes-sha2' });
		places.push({ room, encrypted });
	}
	// Let the bot's messages about encryption arrive before counting starts.
	await sleep(5000);
	// After a start the bot checks at once; a bot that had nothing to watch would check within a minute.
	await restart();
	const before = new Map<string, number>();
	for (const { room } of places) before.set(room, (await fromBot(alice, room, bot)).length);
	return {
		encrypted: places.filter(({ encrypted }) => encrypted).length,
		/** How many alerts have fallen due so far: one per room and wave. */
		due: () => due.length * rooms,
		/** Makes one more alert fall due in every room; `now` sets the clock. */
		wave(now?: Date) {
			due.push(`CVE-${due.length + 1}`);
			play(now && { now: now.toISOString() });
		},
		/** What the store holds: undecided alerts, and messages waiting to be sent. */
		async standing(): Promise<{ undecided: number; waiting: number }> {
			const number = async (sql: string) => Number(Object.values(Object((await ask(sql))[0]))[0] ?? 0);
			const decided = await number("SELECT count(*) FROM alerts WHERE stage = 'open'");
			return {
				undecided: due.length * rooms - decided,
				waiting: await number('SELECT count(*) FROM outbox WHERE done_at IS NULL'),
			};
		},
		/** Waits until nothing is missing, at most `within` ms. Counts later, once duplicates would have arrived. */
		async result(within: number): Promise<Counted> {
			const over = Date.now() + within;
			while ((await count()).missing > 0 && Date.now() < over) await sleep(1000);
			await sleep(10_000);
			return count();
		},
	};

	/**
	 * Counts alerts by room. For encrypted messages, the store knows which event says what, and the room how many events
	 * there are.
	 */
	async function count(): Promise<Counted> {
		const sums = { once: 0, twice: 0, missing: 0 };
		for (const { room, encrypted } of places) {
			const events = (await fromBot(alice, room, bot)).slice(before.get(room));
			const ids = new Set(events.map(({ event_id }) => event_id));
			const rows = (await ask(
				`SELECT m.subject, o.event FROM alerts a JOIN matters m ON m.id = a.matter JOIN outbox o ON o.said = a.said
				 WHERE o.room = '${room}' AND a.stage = 'open'`,
			)) as { subject: string; event: string | null }[];
			for (const id of due) {
				const times = encrypted
					? rows.filter(({ subject, event }) => subject === id && event !== null && ids.has(event)).length
					: events.filter(({ content }) => content.body?.includes(`Vulnerable to \`${id}\` `)).length;
				if (times === 1) sums.once++;
				else if (times > 1) sums.twice++;
				else sums.missing++;
			}
			// If there are more events than the store knows of, something was sent a second time.
			const sent = new Set(rows.flatMap(({ event }) => event ?? []));
			const closed = events.filter(({ type }) => type === 'm.room.encrypted').length;
			sums.twice += Math.max(0, closed - (encrypted ? sent.size : 0));
		}
		return sums;
	}
}

async function fromBot(reader: Person, room: string, bot: Bot) {
	return (await reader.messagesOf(room)).filter(
		({ sender, type }) => sender === bot.userId && (type === 'm.room.message' || type === 'm.room.encrypted'),
	);
}
