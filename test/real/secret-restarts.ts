// Restarts the bot again and again in rooms that became encrypted while it was down, with answers, files and threads in
// transit, and counts what is sent in the clear: `node test/real/secret-restarts.ts [restarts]`.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RoomId } from '../../crypto/index.ts';
import { repliesTo, roomWith } from './answers.ts';
import { makeBot } from './bot.ts';
import type { RoomEvent } from './person.ts';
import { startProxy } from './proxy.ts';
import { secretPerson } from './secret-person.ts';
import { startSynapse } from './synapse.ts';

const [restarts = 20] = process.argv.slice(2).map(Number);
const roomsEach = 3;
const asked = ['!echo one', '!picture', '!long 200', '!postgres 15 17 docker start', '!echo last'];

const synapse = await startSynapse();
const proxy = await startProxy(synapse.url, {});
const bot = await makeBot(synapse, {
	url: proxy.url,
	script: [join(import.meta.dirname, 'bot-process.ts'), 'all'],
});
// A person may invite the bot to at most twenty rooms an hour.
let alice = await secretPerson(synapse, 'alice');
const total = { commands: 0, unanswered: 0, events: 0, files: 0, threaded: 0, clear: 0, clearFiles: 0 };
try {
	await bot.start();
	for (let restart = 0; restart < restarts; restart++) {
		if (restart % 6 === 5) {
			await alice.stop();
			alice = await secretPerson(synapse, 'alice');
		}
		const rooms = [];
		for (let i = 0; i < roomsEach; i++) rooms.push(await roomWith(bot, alice.plain));
		const absence = (['SIGKILL', 'SIGTERM', 'network'] as const)[restart % 3] ?? 'SIGKILL';
		const said = await away(rooms, absence, restart);
		for (const [room, events] of said) await count(room, events, absence);
	}
} finally {
	await alice.stop();
	await bot.remove();
	await proxy.stop();
	await synapse.stop();
}
console.log(
	`${restarts} restarts into ${restarts * roomsEach} rooms that became encrypted meanwhile, files and threads on their way`,
);
console.log(
	Object.entries(total)
		.map(([what, number]) => `${what} ${number}`)
		.join('; '),
);
process.exitCode = total.unanswered + total.clear + total.clearFiles > 0 || total.files === 0 ? 1 : 0;

/** Sends commands whose answers cannot be sent, turns on encryption while the bot is away, and brings the bot back. */
async function away(rooms: string[], absence: 'SIGKILL' | 'SIGTERM' | 'network', restart: number) {
	// Uploads work every second time, so that files that were uploaded in the clear are waiting to be sent.
	proxy.refuse(restart % 2 ? /\/(send|upload)/ : /\/send\//);
	const said = new Map<string, string[]>();
	for (const room of rooms) {
		const events: string[] = [];
		for (const text of asked) events.push(await alice.plain.say(room, text));
		said.set(room, events);
	}
	await sleep(300 + Math.random() * 1500);
	if (absence === 'SIGTERM') await bot.stop();
	else if (absence === 'SIGKILL') await bot.kill();
	else proxy.leave();
	const content = { algorithm: 'm.megolm.v1.aes-sha2' };
	for (const room of rooms) await alice.plain.setState(room, 'm.room.encryption', '', content);
	await sleep(Math.random() * 1500);
	proxy.refuse(undefined);
	if (absence === 'network') proxy.back();
	else await bot.start();
	return said;
}

/** Counts what the bot has said since the room became encrypted, once all commands are answered. */
async function count(room: string, commands: string[], absence: string): Promise<void> {
	const giveUp = Date.now() + 120_000;
	for (;;) {
		const events = await alice.plain.messagesOf(room);
		const since = events.findIndex(event => event.type === 'm.room.encryption');
		const mine = events.slice(since).filter(event => event.sender === bot.userId && event.state_key === undefined);
		const read = await Promise.all(mine.map(opened));
		const answered = new Set([...events, ...read].map(repliesTo));
		const unanswered = commands.filter(event => !answered.has(event));
		if (unanswered.length > 0 && Date.now() < giveUp) {
			await sleep(500);
			continue;
		}
		const clear = mine.filter(({ type }) => type !== 'm.room.encrypted' && type !== 'm.reaction');
		const files = read.filter(({ content }) => content.msgtype === 'm.file' || content.msgtype === 'm.image');
		const clearFiles = files.filter(({ content }) => content.url !== undefined);
		const threads = read.filter(({ content }) => content['m.relates_to']?.rel_type === 'm.thread');
		total.commands += commands.length;
		total.unanswered += unanswered.length;
		total.events += mine.length;
		total.files += files.length;
		total.threaded += threads.length;
		total.clear += clear.length;
		total.clearFiles += clearFiles.length;
		const encryptedAt = events[since]?.origin_server_ts ?? 0;
		const wrong = [...clear, ...clearFiles].map(
			({ type, content, origin_server_ts: at }) => `${type} ${content.msgtype} ${at - encryptedAt} ms later`,
		);
		if (wrong.length + unanswered.length > 0) console.log(`${absence}: ${wrong}; unanswered ${unanswered.length}`);
		return;
	}
}

/** Decrypts an event. Leaves an unreadable one as it is, so its command counts as unanswered. */
async function opened(event: RoomEvent): Promise<RoomEvent> {
	if (event.type !== 'm.room.encrypted') return event;
	return alice.machine.decryptRoomEvent(JSON.stringify(event), new RoomId(event.room_id)).then(
		({ event: text }): RoomEvent => {
			const clear: RoomEvent = JSON.parse(text);
			return { ...event, type: clear.type, content: { ...event.content, ...clear.content } };
		},
		() => event,
	);
}
