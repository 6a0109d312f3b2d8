// A bot killed at random moments while keys arrive: nothing acknowledged is lost, and nothing is used twice.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DeviceId, EncryptionSettings, OlmMachine, RoomId, UserId } from '../../crypto/index.ts';
import { type Batch, BOT, DEVICE, type FromBot, ROOM } from './bot.ts';
import { type Homeserver, homeserver } from './homeserver.ts';

let directory: string;
beforeAll(() => {
	directory = mkdtempSync(join(tmpdir(), 'crypto-kill-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const asBot = { userId: new UserId(BOT), deviceId: new DeviceId(DEVICE) };
const room = new RoomId(ROOM);

// To kill more often, set KILLS=100.
const KILLS = Number(process.env.KILLS ?? 6);

interface Tally {
	identities: Set<string>;
	sent: Set<string>;
	read: Set<string>;
	failed: string[];
	/** Replies by the key and the message counter that they were encrypted with. */
	counters: Map<string, string>;
	reused: string[];
}

/** A message from a person who has just joined, with a new session with the bot and a new key. */
async function newSender(server: Homeserver, name: string): Promise<Batch['messages'][number]> {
	const machine = await OlmMachine.initialize(new UserId(`@${name}:example.org`), new DeviceId(name));
	await server.send(machine, await machine.outgoingRequests());
	await server.send(machine, [machine.queryKeysForUsers([asBot.userId])]);
	const claim = await machine.getMissingSessions([asBot.userId]);
	if (claim !== null) await server.send(machine, [claim]);
	await server.send(machine, await machine.shareRoomKey(room, [asBot.userId], new EncryptionSettings()));
	const content = await machine.encryptRoomEvent(room, 'm.room.message', JSON.stringify({ body: name }));
	return { sender: `@${name}:example.org`, content: JSON.parse(content) };
}

async function startBot(where: string, mode: string): Promise<ChildProcess> {
	return fork(join(import.meta.dirname, 'bot.ts'), [where, mode], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

/** Sends batches to the bot. `timeout`: how long it lives after receiving one, in milliseconds; null: until done. */
async function run(
	where: string,
	mode: string,
	rounds: number,
	timeout: (round: number) => number | null,
): Promise<Tally> {
	const server = homeserver();
	const tally: Tally = {
		identities: new Set(),
		sent: new Set(),
		read: new Set(),
		failed: [],
		counters: new Map(),
		reused: [],
	};
	let batch: Batch | undefined;
	for (let round = 0; round < rounds; round++) {
		const bot = await startBot(where, mode);
		const next = async () => ((await once(bot, 'message')) as [FromBot])[0];
		const ready = await next();
		if (ready.kind !== 'ready') throw new Error('the bot did not start');
		tally.identities.add(ready.identity);
		for (const { id, type, body } of ready.requests.filter(({ type }) => type === 0)) {
			const answer = await server.client(asBot)('POST', '/_matrix/client/v3/keys/upload', JSON.parse(body));
			bot.send({ answer: [id, type, JSON.stringify(answer)] });
		}
		for (let step = 0; step < 2; step++) {
			// A batch that was not acknowledged is sent again, as a homeserver would.
			batch ??= await nextBatch(server, tally, `p${round}s${step}`);
			bot.send(batch);
			const left = timeout(round);
			const done = next();
			const outcome = await Promise.race([done, ...(left === null ? [] : [sleep(left)])]);
			if (outcome === undefined) break;
			if (outcome.kind === 'done') note(tally, outcome);
			batch = undefined;
		}
		bot.kill('SIGKILL');
		await once(bot, 'exit');
	}
	return tally;
}

async function nextBatch(server: Homeserver, tally: Tally, name: string): Promise<Batch> {
	const messages: Batch['messages'] = [];
	for (const sender of [`${name}a`, `${name}b`]) {
		messages.push(await newSender(server, sender));
		tally.sent.add(sender);
	}
	return { ...server.take(asBot), messages };
}

function note(tally: Tally, { read, failed, replies }: Extract<FromBot, { kind: 'done' }>): void {
	for (const text of read) tally.read.add(text);
	tally.failed.push(...failed);
	for (const reply of replies) {
		const { session_id, ciphertext } = JSON.parse(reply);
		// A message begins with its version and counter. No two messages may have the same counter.
		const counter = `${session_id} ${Buffer.from(ciphertext, 'base64').readUIntBE(2, 2)}`;
		if (tally.counters.has(counter)) tally.reused.push(counter);
		tally.counters.set(counter, reply);
	}
}

function sleep(ms: number): Promise<undefined> {
	return new Promise(resolve => setTimeout(resolve, ms, undefined));
}

test('a bot that is killed at random keeps its identity, reads every message and never reuses a counter', async () => {
	const lives = [...Array.from({ length: KILLS - 1 }, () => Math.random() * 150), null];
	const tally = await run(join(directory, 'good'), '', lives.length, round => lives[round] ?? null);
	const { identities, failed, reused } = tally;
	expect({ lives, identities: identities.size, failed, reused }).toEqual({
		lives,
		identities: 1,
		failed: [],
		reused: [],
	});
	expect(tally.read).toEqual(tally.sent);
	expect(tally.counters.size).toBe(tally.sent.size);
});

test('this test notices a store that writes late', async () => {
	const noticed = await run(join(directory, 'late'), 'late', 3, () => null).then(
		({ identities, failed, reused }) => identities.size - 1 + failed.length + reused.length,
		// The homeserver may be the first to notice, when the same one-time key is uploaded twice.
		(error: unknown) => {
			if (/One time key .* already exists/.test(String(error))) return 1;
			throw error;
		},
	);
	expect(noticed).toBeGreaterThan(0);
});
