// A simulated day of a busy bot.
// Usage: node test/real/soak.ts [rooms] [watches per room] [hours] [seconds per hour] [folder]
// By default 1,000 rooms with 5 watches each, 24 hours of 60 seconds: takes about an hour, mostly idle. If a folder is
// given, the homeserver and the rooms are kept there for the next run. In each hour, the homeserver is down for a
// while, every server is checked once, some upgrade, some are silent, and people ask. The next hour only begins once
// nothing is waiting, because advancing the clock would make seconds of waiting look like an hour. Prints the memory,
// the size of the store and what /readyz said. Exits with 1 if something was lost or grew, or if /readyz was wrong.
import {
	copyFileSync,
	cpSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { openStore } from '../../src/edges/store/store.ts';
import { freePort } from '../../tools/verify/machine/port.ts';
import { roomWith, settled } from './answers.ts';
import { makeBot } from './bot.ts';
import { type Person, person, speaker } from './person.ts';
import type { Played } from './played-process.ts';
import { startProxy } from './proxy.ts';
import { type Account, startSynapse } from './synapse.ts';

const [rooms = 1000, perRoom = 5, hours = 24, seconds = 60] = process.argv.slice(2, 6).map(Number);
const kept = process.argv[6];
/** What is kept in the folder besides the homeserver's database and the bot's store. */
type Made = {
	bot: { userId: string; password: string };
	places: { owner: Account; room: string }[];
	/** How many hours are already over. */
	hours: number;
};
const made =
	kept !== undefined && existsSync(join(kept, 'places.json'))
		? (JSON.parse(readFileSync(join(kept, 'places.json'), 'utf8')) as Made)
		: undefined;
/** A person may invite the bot to at most 20 rooms an hour. */
const perOwner = 20;
/** How many people create their rooms concurrently. */
const ownerConcurrency = 4;
/** Hours in which the homeserver is down for longer than /readyz tolerates, and for how many seconds. */
const longFaults = new Map([
	[Math.floor(hours / 3), 75],
	[Math.floor((2 * hours) / 3), 75],
]);
const syncSeconds = 60;

const folder = mkdtempSync(join(tmpdir(), 'glia-soak-'));
const file = join(folder, 'played.json');
const begin = Date.parse('2026-06-01T00:00:00Z');
const names = Array.from({ length: Math.ceil((rooms * perRoom) / 2) }, (_, index) => `s${index}.example.org`);

/** Sets what servers run: in each hour, a few upgrade, a few are silent, and the others do not change. */
function play(hour: number): void {
	const servers: Played['servers'] = {};
	for (const [index, name] of names.entries()) {
		const at = index % 48;
		servers[name] = at === hour ? 'silent' : at - 24 === hour || at - 24 < hour ? '1.153.0' : '1.151.0';
	}
	const now = new Date(begin + ((made?.hours ?? 0) + hour) * 3600_000).toISOString();
	writeFileSync(file, JSON.stringify({ now, servers, every: 3600_000 } satisfies Played));
}

function sizeOf(path: string): number {
	const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
	return names.reduce((sum, name) => sum + (statSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0), 0);
}

const startedAt = performance.now();
const minutes = () => `minute ${((performance.now() - startedAt) / 60_000).toFixed(1)}`;
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const problems: string[] = [];
function problem(text: string): void {
	problems.push(text);
	console.log(text);
}

const synapse = await startSynapse(kept !== undefined && made ? { database: join(kept, 'homeserver.db') } : {});
const proxy = await startProxy(synapse.url, {});
const port = await freePort();
process.env.GLIA_HEALTH_LISTEN = String(port);
// As in `npm start`: with another size of the young generation, memory would differ from what operators see.
process.env.NODE_OPTIONS = '--max-semi-space-size=4';
process.env.GLIA_HEALTH_SYNC_SECONDS = String(syncSeconds);
const bot = await makeBot(synapse, {
	url: proxy.url,
	script: [join(import.meta.dirname, 'played-process.ts'), file],
	...(made && { as: made.bot }),
});
if (kept !== undefined && made) cpSync(join(kept, 'data'), join(bot.dir, 'data'), { recursive: true });

/** The status and the text of /readyz. */
async function readiness(): Promise<{ status: number; text: string }> {
	const response = await fetch(`http://127.0.0.1:${port}/readyz`, { headers: { connection: 'close' } });
	return { status: response.status, text: (await response.text()).trim() };
}

async function metric(name: string): Promise<number> {
	const text = await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { connection: 'close' } })).text();
	return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

/** Creates rooms and invites the bot. Resolves with the rooms and their owners. */
async function makeRooms(): Promise<{ owner: Person; room: string }[]> {
	const places: { owner: Person; room: string }[] = [];
	const counts = Array.from({ length: Math.ceil(rooms / perOwner) }, (_, index) =>
		Math.min(perOwner, rooms - index * perOwner),
	);
	const turn = pLimit(ownerConcurrency);
	const owners = counts.map((count, index) =>
		turn(async () => {
			const owner = await person(synapse, `owner${index}`);
			for (let i = 0; i < count; i++) places.push({ owner, room: await roomWith(bot, owner, {}, 300_000) });
		}),
	);
	await Promise.all(owners);
	return places;
}

/** Adds watches to the store: thousands of commands would only repeat other tests. The bot must not be running. */
async function watchServers(places: readonly { owner: Person; room: string }[]): Promise<number> {
	const store = await openStore(join(bot.dir, 'data'));
	let next = 0;
	for (const { owner, room } of places)
		for (let i = 0; i < perRoom; i++) {
			const server = names[next++ % names.length] ?? '';
			const watch = {
				id: `${room}/${server}`,
				room,
				server,
				facts: ['docker'],
				changed: new Date(begin),
				by: owner.userId,
			};
			await store.keepWatch(watch, new Date(begin));
		}
	await store.close();
	return next;
}

/** Saves the homeserver and the store in a folder. The bot must not be running. */
async function keep(folder: string, places: readonly { owner: Person; room: string }[]): Promise<void> {
	await synapse.stop();
	mkdirSync(folder, { recursive: true });
	copyFileSync(join(synapse.dir, 'homeserver.db'), join(folder, 'homeserver.db'));
	cpSync(join(bot.dir, 'data'), join(folder, 'data'), { recursive: true });
	const accounts = places.map(({ owner: { userId, accessToken, deviceId }, room }) => ({
		owner: { userId, accessToken, deviceId },
		room,
	}));
	const { userId, password } = bot;
	writeFileSync(
		join(folder, 'places.json'),
		JSON.stringify({ bot: { userId, password }, places: accounts, hours: 0 } satisfies Made),
	);
	await synapse.restart();
}

/** Waits until nothing is left to decide or deliver. Resolves with how many seconds that took. */
async function drained(): Promise<number> {
	const from = performance.now();
	for (;;) {
		const left = (await metric('glia_inbox_oldest_seconds')) + (await metric('glia_outbox_oldest_seconds'));
		if (left === 0) return (performance.now() - from) / 1000;
		if (performance.now() - from > 30 * 60_000)
			throw new Error(`something has been waiting for half an hour: ${left} s`);
		await sleep(1000);
	}
}

try {
	play(0);
	let places: { owner: Person; room: string }[];
	if (made) places = made.places.map(({ owner, room }) => ({ owner: speaker(synapse.url, owner), room }));
	else {
		await bot.start();
		places = await makeRooms();
		await bot.stop();
		await watchServers(places);
		if (kept !== undefined) await keep(kept, places);
	}
	console.log(`${minutes()}: ${places.length} rooms, ${places.length * perRoom} watches of ${names.length} servers`);
	await bot.start();
	// The first check of each server is reported to each room that watches it.
	await sleep(10_000);
	await drained();
	console.log(`${minutes()}: all are told of the first look; ${hours} hours of ${seconds} s`);

	const memory: number[] = [];
	const sizes: number[] = [];
	const asked: { owner: Person; room: string; event: string }[] = [];
	for (let hour = 1; hour <= hours; hour++) {
		await drained();
		play(hour);
		// What was decided just before the clock jumped suddenly looks old, and must be sent before the outage.
		await drained();
		const away = longFaults.get(hour) ?? Math.min(5, seconds / 4);
		const before = await readiness();
		if (before.status !== 200) problem(`hour ${hour}: not ready before the fault: ${before.text}`);
		proxy.leave();
		const place = places[(hour * 37) % places.length];
		if (place) asked.push({ ...place, event: await place.owner.say(place.room, '!servers') });
		await sleep(away * 1000);
		const during = await readiness();
		// The last sync may have ended up to 30 seconds before the outage, which is how long a quiet sync takes.
		if (away < syncSeconds - 35 && during.status !== 200) problem(`hour ${hour}: unready too soon: ${during.text}`);
		if (away > syncSeconds + 5 && during.status !== 503) problem(`hour ${hour}: ready, and the homeserver is away`);
		proxy.back();
		for (const over = Date.now() + 60_000; (await readiness()).status !== 200; await sleep(200))
			if (Date.now() > over) {
				problem(`hour ${hour}: not ready a minute after the fault: ${(await readiness()).text}`);
				break;
			}
		await sleep(Math.max(0, seconds - away) * 1000);
		memory.push((await metric('process_resident_memory_bytes')) / 1e6);
		sizes.push(sizeOf(join(bot.dir, 'data')) / 1e6);
		const waits = await metric('glia_outbox_oldest_seconds');
		console.log(
			`${minutes()}, hour ${hour}: away ${away} s (${during.status}); ${memory.at(-1)?.toFixed(0)} MB, store ${sizes.at(-1)?.toFixed(1)} MB; oldest to deliver ${waits.toFixed(0)} s`,
		);
	}
	await drained();
	for (const { owner, room, event } of asked) {
		const { unanswered, twice } = await settled(owner, room, bot.userId, [event], 60_000);
		if (unanswered.length > 0) problem(`unanswered in ${room}`);
		if (twice.length > 0) problem(`answered twice in ${room}`);
	}
	const quarter = Math.ceil(hours / 4);
	for (const [what, values] of [
		['memory', memory],
		['store', sizes],
	] as const) {
		const [early, late] = [median(values.slice(quarter, 2 * quarter)), median(values.slice(-quarter))];
		console.log(
			`${what}: ${early.toFixed(1)} MB in the second quarter, ${late.toFixed(1)} MB in the last (${(late / early).toFixed(2)})`,
		);
		if (late > early * 1.25) problem(`${what} grows`);
	}
	if ((await bot.stop()) !== 0) problem('the bot did not end well');
} finally {
	await bot.remove();
	await proxy.stop();
	await synapse.stop();
	rmSync(folder, { recursive: true, force: true });
}
console.log(problems.length ? `${problems.length} problems` : 'nothing lost, nothing grew, and /readyz told the truth');
process.exit(problems.length ? 1 : 0);
