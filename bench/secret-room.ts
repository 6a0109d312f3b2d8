// An encrypted room: our bot compared with a bare matrix-bot-sdk bot; many sessions in the store; many commands.
import { type ChildProcess, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFile } from '../crypto/sqlite-records.ts';
import { answerTo, type SecretPerson, secretPerson } from '../test/real/secret-person.ts';
import { type Account, type Homeserver, startSynapse } from '../test/real/synapse.ts';
import { addSessions } from './keys.ts';
import { contentsOf, costOf, ended, program, quantile, started } from './room.ts';

const short = '!rollback 1.69 1.61';
const yardstick = join(import.meta.dirname, 'bare-bot.ts');

type Runner = { name: string; user: string; room: string; child: ChildProcess };

/** Runs `work` with a Synapse, a person who encrypts, and a folder for bots. */
async function withRoom(work: (home: Homeserver, reader: SecretPerson, dir: string) => Promise<void>): Promise<void> {
	const synapse = await startSynapse();
	const dir = mkdtempSync(join(tmpdir(), 'glia-bench-'));
	let reader: SecretPerson | undefined;
	try {
		reader = await secretPerson(synapse, 'reader');
		await work(synapse, reader, dir);
	} finally {
		await reader?.stop();
		await synapse.stop();
		rmSync(dir, { recursive: true, force: true });
	}
}

async function newGlia(
	home: Homeserver,
	dir: string,
): Promise<{ account: Account; start: () => Promise<ChildProcess> }> {
	const account = await home.registerUser(`glia-${randomUUID().slice(0, 8)}`, 'secret');
	const config = {
		matrix: { homeserver: home.url, user: account.userId, password: 'secret', allow: ['*'] },
		store: { path: join(dir, 'data') },
		live: { enabled: false },
	};
	writeFileSync(join(dir, 'config.yaml'), JSON.stringify(config));
	return { account, start: () => started([...program, '--config', join(dir, 'config.yaml')]) };
}

async function roomWith(reader: SecretPerson, user: string): Promise<string> {
	const room = await reader.createRoom([user]);
	await reader.plain.waitFor(
		event => event.room_id === room && event.state_key === user && event.content.membership === 'join',
	);
	return room;
}

/** Milliseconds from sending a command to decrypting its answer. */
async function roundTrip(reader: SecretPerson, room: string, command: string): Promise<number> {
	const begun = performance.now();
	const asked = await reader.say(room, command);
	await reader.waitFor(answerTo(asked), 60_000);
	return performance.now() - begun;
}

/** Prints our bot's times relative to the bare bot's, over this many commands each, alternating. */
export function benchSecretRoom(rounds: number): Promise<void> {
	return withRoom(async (home, reader, dir) => {
		const contents = await contentsOf(short);
		writeFileSync(join(dir, 'contents.json'), JSON.stringify(contents));
		const glia = await newGlia(home, dir);
		const bare = await home.registerUser(`bare-${randomUUID().slice(0, 8)}`, 'secret');
		const bareArgs = [yardstick, home.url, bare.accessToken, dir, join(dir, 'contents.json'), 'encrypted'];
		const children = [await glia.start(), await started(bareArgs)];
		try {
			const runners: Runner[] = [];
			for (const [i, [name, user]] of [
				['Glia', glia.account.userId],
				['bare', bare.userId],
			].entries()) {
				const child = children[i];
				if (!child || !name || !user) continue;
				const room = await roomWith(reader, user);
				runners.push({ name, user, room, child });
				for (let warm = 0; warm < 20; warm++) await roundTrip(reader, room, short);
			}
			const before = runners.map(({ child }) => costOf(child));
			const times = runners.map((): number[] => []);
			for (let i = 0; i < rounds; i++)
				for (const [which, { room }] of runners.entries()) times[which]?.push(await roundTrip(reader, room, short));
			console.log(`encrypted short answer, ${rounds} commands each, in turn`);
			const costs = runners.map(({ child }, which) => {
				const { cpu, rss } = costOf(child);
				return { cpu: ((cpu - (before[which]?.cpu ?? 0)) / rounds) * 1000, rss };
			});
			for (const [which, { name }] of runners.entries()) {
				const mine = times[which] ?? [];
				const cost = costs[which];
				console.log(
					`  ${name}: p50 ${quantile(mine, 0.5).toFixed(1)} ms, p99 ${quantile(mine, 0.99).toFixed(1)} ms, CPU ${cost?.cpu.toFixed(1)} ms a command, resident ${cost?.rss.toFixed(0)} MB`,
				);
			}
			const [ours = [], theirs = []] = times;
			const ratio = (part: number) => (quantile(ours, part) / quantile(theirs, part)).toFixed(3);
			const cpu = ((costs[0]?.cpu ?? Number.NaN) / (costs[1]?.cpu ?? Number.NaN)).toFixed(2);
			console.log(`  ratio p50 ${ratio(0.5)}, p99 ${ratio(0.99)}, CPU ${cpu}`);
		} finally {
			for (const child of children) await ended(child);
		}
	});
}

/** Prints the start time and the memory with few room keys in the store, and with this many more. */
export function benchSessions(sessions: number): Promise<void> {
	return withRoom(async (home, reader, dir) => {
		const glia = await newGlia(home, dir);
		let child = await glia.start();
		try {
			const room = await roomWith(reader, glia.account.userId);
			await roundTrip(reader, room, short);
			await ended(child);
			for (const count of [0, sessions]) {
				if (count > 0) {
					const [device = ''] = readdirSync(join(dir, 'data', 'crypto'));
					const records = openFile(join(dir, 'data', 'crypto', device));
					await addSessions(records, { user: glia.account.userId, device, room }, count);
				}
				const times: number[] = [];
				const memory: number[] = [];
				for (let i = 0; i < 5; i++) {
					const begun = performance.now();
					child = await glia.start();
					await roundTrip(reader, room, short);
					times.push(performance.now() - begun);
					memory.push(costOf(child).rss);
					await ended(child);
				}
				const size = spawnSync('du', ['-sm', join(dir, 'data', 'crypto')], { encoding: 'utf8' }).stdout.split('\t')[0];
				console.log(
					`${count} more room keys: cold start to the first encrypted answer ${quantile(times, 0.5).toFixed(0)} ms, resident ${quantile(memory, 0.5).toFixed(0)} MB, keys on disk ${size} MB`,
				);
			}
		} finally {
			await ended(child);
		}
	});
}

/** Prints the memory and the time per answer while this many commands are answered in one encrypted room. */
export function benchEndurance(commands: number): Promise<void> {
	return withRoom(async (home, reader, dir) => {
		const glia = await newGlia(home, dir);
		const child = await glia.start();
		try {
			const room = await roomWith(reader, glia.account.userId);
			for (let i = 0; i < 50; i++) await roundTrip(reader, room, short);
			const steps = 10;
			for (let step = 0; step <= steps; step++) {
				const times: number[] = [];
				const before = costOf(child).cpu;
				for (let i = 0; i < 50; i++) times.push(await roundTrip(reader, room, short));
				const { cpu, rss } = costOf(child);
				const done = 50 + step * Math.round(commands / steps);
				console.log(
					`after ${done} commands: resident ${rss.toFixed(0)} MB, p50 ${quantile(times, 0.5).toFixed(1)} ms, CPU ${(((cpu - before) / 50) * 1000).toFixed(1)} ms a command`,
				);
				if (step === steps) break;
				// Send the rest in small batches: only their number matters.
				for (let left = Math.round(commands / steps) - 50; left > 0; left -= 10) {
					const asked = await Promise.all(Array.from({ length: Math.min(10, left) }, () => reader.say(room, short)));
					for (const event of asked) await reader.waitFor(answerTo(event), 120_000);
				}
				reader.read.length = 0;
			}
		} finally {
			await ended(child);
		}
	});
}
