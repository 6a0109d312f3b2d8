// Kills the bot again and again while alerts fall due in twenty rooms, some of them encrypted:
// `node test/real/alert-kills.ts [kills] [rooms] [longest pause in ms]`. Each alert must be in its room exactly once.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerTo, roomWith } from './answers.ts';
import { makeBot } from './bot.ts';
import { person } from './person.ts';
import type { Played } from './played-process.ts';
import { startSynapse } from './synapse.ts';

const [kills = 200, rooms = 20, longest = 4000] = process.argv.slice(2).map(Number);
const waves = 3;
const folder = mkdtempSync(join(tmpdir(), 'glia-alerts-'));
const file = join(folder, 'played.json');
const servers = Object.fromEntries(Array.from({ length: rooms }, (_, i) => [`s${i}.example.org`, '1.2.0']));
const play = (played: Played) => writeFileSync(file, JSON.stringify(played));

const synapse = await startSynapse();
const bot = await makeBot(synapse, { script: [join(import.meta.dirname, 'played-process.ts'), file] });
try {
	play({ servers, advisories: [] });
	await bot.start();
	const alice = await person(synapse, 'alice');
	const places: { room: string; encrypted: boolean }[] = [];
	for (let i = 0; i < rooms; i++) {
		const room = await roomWith(bot, alice, {}, 180_000);
		const id = await alice.say(room, `!watch s${i}.example.org`);
		await alice.waitFor(answerTo(id, bot.userId), 60_000);
		const encrypted = i % 5 === 4;
		if (encrypted) await alice.setState(room, 'm.room.encryption', '', { algorithm: 'm.megolm.v1.aes-sha2' });
		places.push({ room, encrypted });
	}
	// What the bot says about encryption comes before what is counted.
	await sleep(5000);
	const before = new Map<string, number>();
	for (const { room } of places) before.set(room, (await fromBot(room)).length);

	const due: string[] = [];
	let early = 0;
	for (let i = 0; i < kills; i++) {
		if (i % Math.ceil(kills / waves) === Math.floor(kills / waves / 3)) {
			due.push(`CVE-${due.length + 1}`);
			play({ servers, advisories: due });
		}
		const from = bot.output().length;
		await sleep(Math.random() * longest);
		await bot.kill();
		if (!bot.output().slice(from).includes('in sync')) early++;
		bot.spawn();
	}
	const over = Date.now() + 180_000;
	let result = await count();
	while (result.missing > 0 && Date.now() < over) {
		await sleep(1000);
		result = await count();
	}
	// What would be said twice would come now.
	await sleep(10_000);
	result = await count();
	console.log(
		`SIGKILL at random moments: ${kills} kills, ${early} of them before the bot was in sync; ${rooms} rooms (${places.filter(({ encrypted }) => encrypted).length} encrypted), ${due.length * rooms} alerts: ${result.once} once, ${result.twice} twice, ${result.missing} missing`,
	);
	process.exitCode = result.missing || result.twice ? 1 : 0;

	async function fromBot(room: string) {
		return (await alice.messagesOf(room)).filter(
			({ sender, type }) => sender === bot.userId && (type === 'm.room.message' || type === 'm.room.encrypted'),
		);
	}

	/** Encrypted messages are told apart by the store: it knows which event says what, and the room how many there are. */
	async function count(): Promise<{ once: number; twice: number; missing: number }> {
		const sums = { once: 0, twice: 0, missing: 0 };
		const database = new DatabaseSync(join(bot.dir, 'data', 'glia.sqlite'), { readOnly: true, timeout: 5000 });
		try {
			for (const { room, encrypted } of places) {
				const events = (await fromBot(room)).slice(before.get(room));
				const ids = new Set(events.map(({ event_id }) => event_id));
				const rows = database
					.prepare(
						`SELECT m.subject, o.event FROM alerts a JOIN matters m ON m.id = a.matter JOIN outbox o ON o.said = a.said
						 WHERE o.room = ? AND a.stage = 'open'`,
					)
					.all(room) as { subject: string; event: string | null }[];
				for (const id of due) {
					const times = encrypted
						? rows.filter(({ subject, event }) => subject === id && event !== null && ids.has(event)).length
						: events.filter(({ content }) => content.body?.includes(`Open to \`${id}\` `)).length;
					if (times === 1) sums.once++;
					else if (times > 1) sums.twice++;
					else sums.missing++;
				}
				const sent = new Set(rows.flatMap(({ event }) => event ?? []));
				// More events than the store knows of: something was sent a second time.
				sums.twice += Math.max(
					0,
					events.filter(({ type }) => type === 'm.room.encrypted').length - (encrypted ? sent.size : 0),
				);
			}
		} finally {
			database.close();
		}
		return sums;
	}
} finally {
	await bot.remove();
	await synapse.stop();
	rmSync(folder, { recursive: true, force: true });
}
