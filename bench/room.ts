// Our bot compared with a bare matrix-bot-sdk bot that answers with the same bytes, alternating, on a real Synapse.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { commands } from '../commands/index.ts';
import packageJson from '../package.json' with { type: 'json' };
import { respond } from '../src/bot/respond.ts';
import { matrixMessages } from '../src/render/matrix.ts';
import { buildProgram } from '../test/program.ts';
import { type Person, person, type RoomEvent } from '../test/real/person.ts';
import { type Homeserver, startSynapse } from '../test/real/synapse.ts';
import { wholePorts } from '../test/respondent.ts';

const short = '!rollback 1.69 1.61';
const long = '!upgrade 1.56 1.69';

export type Runner = {
	name: string;
	user: string;
	start: () => Promise<ChildProcess>;
	room: string;
	child?: ChildProcess;
};

/** What `npm start` runs, as arguments to Node.js. */
export const program: readonly string[] = packageJson.scripts.start
	.split(' ')
	.slice(1)
	.map(word => (word.startsWith('src/') ? join(import.meta.dirname, '..', word) : word));

/** The contents with which the bot answers a command, without the relation of a reply. */
export async function contentsOf(body: string): Promise<unknown[]> {
	const now = new Date();
	const ports = await wholePorts(commands, now);
	const message = { room: '!r', sender: '@a:b', at: now, body, mentioned: false };
	const log = { error: (fields: Record<string, unknown>) => console.error(fields) };
	const [answer] = await respond(message, {
		commands,
		ports,
		names: ['glia'],
		bare: true,
		mayChange: () => undefined,
		log,
	});
	if (!answer) throw new Error(`no answer to ${body}`);
	return matrixMessages(answer).contents.map(content => ({ ...content, 'io.glia.said': randomUUID() }));
}

export async function started(args: string[]): Promise<ChildProcess> {
	const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
	let text = '';
	await new Promise<void>((done, failed) => {
		child.stderr?.on('data', chunk => {
			text += chunk;
			if (text.includes('in sync with the homeserver')) done();
		});
		child.on('exit', code => failed(new Error(`ended with ${code}: ${text}`)));
	});
	return child;
}

export async function ended(child: ChildProcess | undefined): Promise<void> {
	if (!child || child.exitCode !== null || child.signalCode !== null) return;
	child.kill('SIGKILL');
	await once(child, 'exit');
}

/** CPU seconds and resident memory (MB) of a process. Source: proc(5). */
export function costOf(child: ChildProcess): { cpu: number; rss: number } {
	const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
		.replace(/^.*\) /s, '')
		.split(' ');
	const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
	return {
		cpu: (Number(fields[11]) + Number(fields[12])) / 100,
		rss: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
	};
}

/** Milliseconds from sending a command to receiving the first message that answers it. */
export async function roundTrip(reader: Person, { room, user }: Runner, command: string): Promise<number> {
	const begun = performance.now();
	const asked = await reader.say(room, command);
	const answers = (event: RoomEvent) =>
		event.sender === user && event.content['m.relates_to']?.['m.in_reply_to']?.event_id === asked;
	await reader.waitFor(answers, 60_000);
	return performance.now() - begun;
}

export function quantile(values: readonly number[], part: number): number {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

async function runners(home: Homeserver, reader: Person, dir: string): Promise<Runner[]> {
	const [glia, bare] = [
		await home.registerUser(`glia-${randomUUID().slice(0, 8)}`, 'secret'),
		await home.registerUser(`bare-${randomUUID().slice(0, 8)}`, 'secret'),
	];
	const config = {
		matrix: { homeserver: home.url, user: glia.userId, password: 'secret', allow: ['*'] },
		store: { path: join(dir, 'data') },
		live: { enabled: false },
	};
	writeFileSync(join(dir, 'config.yaml'), JSON.stringify(config));
	const yardstick = join(import.meta.dirname, 'bare-bot.ts');
	return [
		{
			name: 'Glia',
			user: glia.userId,
			room: await reader.createRoom({ invite: [glia.userId] }),
			start: () => started([...program, '--config', join(dir, 'config.yaml')]),
		},
		{
			name: 'bare',
			user: bare.userId,
			room: await reader.createRoom({ invite: [bare.userId] }),
			start: () => started([yardstick, home.url, bare.accessToken, dir, join(dir, 'contents.json')]),
		},
	];
}

/** Prints our bot's times relative to the bare bot's, over `rounds` commands each with a short and a long answer. */
export async function benchRoom(rounds: number): Promise<void> {
	const synapse = await startSynapse();
	const dir = mkdtempSync(join(tmpdir(), 'glia-bench-'));
	let all: Runner[] = [];
	try {
		const reader = await person(synapse, 'reader');
		all = await runners(synapse, reader, dir);
		for (const [kind, command] of [
			['short', short],
			['long', long],
		] as const) {
			const contents = await contentsOf(command);
			writeFileSync(join(dir, 'contents.json'), JSON.stringify(contents));
			const bytes = contents.reduce((sum: number, content) => sum + JSON.stringify(content).length, 0);
			for (const runner of all) runner.child = await runner.start();
			for (const runner of all) for (let i = 0; i < 20; i++) await roundTrip(reader, runner, command);
			const before = all.map(({ child }) => child && costOf(child));
			const times = all.map((): number[] => []);
			for (let i = 0; i < rounds; i++)
				for (const [which, runner] of all.entries()) times[which]?.push(await roundTrip(reader, runner, command));
			console.log(`${kind} answer (${Math.round(bytes / 1024)} KB), ${rounds} commands each, in turn`);
			for (const [which, { name, child }] of all.entries()) {
				const now = child && costOf(child);
				const cpu = now && before[which] ? ((now.cpu - before[which].cpu) / rounds) * 1000 : Number.NaN;
				const mine = times[which] ?? [];
				console.log(
					`  ${name}: p50 ${quantile(mine, 0.5).toFixed(1)} ms, p99 ${quantile(mine, 0.99).toFixed(1)} ms, CPU ${cpu.toFixed(1)} ms a command, resident ${now?.rss.toFixed(0)} MB`,
				);
			}
			const [ours = [], theirs = []] = times;
			console.log(
				`  ratio p50 ${(quantile(ours, 0.5) / quantile(theirs, 0.5)).toFixed(3)}, p99 ${(quantile(ours, 0.99) / quantile(theirs, 0.99)).toFixed(3)}`,
			);
			for (const { child } of all) await ended(child);
		}
		const [ours, bare] = all;
		const oneFile = await oneFileRunner(synapse, reader, dir);
		if (ours && bare) await coldStart([ours, oneFile, bare], reader, 10);
	} finally {
		for (const { child } of all) await ended(child);
		await synapse.stop();
		rmSync(dir, { recursive: true, force: true });
	}
}

/** The single-file program, which has been started once so that its compile cache exists. */
async function oneFileRunner(home: Homeserver, reader: Person, dir: string): Promise<Runner> {
	const account = await home.registerUser(`file-${randomUUID().slice(0, 8)}`, 'secret');
	const config = {
		matrix: { homeserver: home.url, user: account.userId, password: 'secret', allow: ['*'] },
		store: { path: join(dir, 'data-of-one-file') },
		live: { enabled: false },
	};
	writeFileSync(join(dir, 'one-file.yaml'), JSON.stringify(config));
	const file = process.env.GLIA_TEST_PROGRAM ?? buildProgram(dir);
	const flags = program.filter(word => word.startsWith('--'));
	const runner: Runner = {
		name: 'one file',
		user: account.userId,
		room: await reader.createRoom({ invite: [account.userId] }),
		start: () => started([...flags, file, '--config', join(dir, 'one-file.yaml')]),
	};
	await settleIn(runner, reader);
	return runner;
}

/** A first start: the bot joins its room, and Node.js writes its compile cache, which takes five seconds. */
async function settleIn(runner: Runner, reader: Person): Promise<void> {
	const child = await runner.start();
	const isIn = ({ type, state_key, content }: RoomEvent) =>
		type === 'm.room.member' && state_key === runner.user && content.membership === 'join';
	await reader.waitFor(isIn, 120_000);
	await roundTrip(reader, runner, short);
	await sleep(6000);
	await ended(child);
}

/** Times from spawning the process to the first answer, alternating, and compares all runners with the last one. */
async function coldStart(all: Runner[], reader: Person, rounds: number): Promise<void> {
	const times = all.map((): number[] => []);
	const memory = all.map((): number[] => []);
	for (let i = 0; i < rounds; i++) {
		for (const [which, runner] of all.entries()) {
			const begun = performance.now();
			// Only send a command afterwards, because the bare bot loses what was said while it was down.
			runner.child = await runner.start();
			await roundTrip(reader, runner, short);
			times[which]?.push(performance.now() - begun);
			memory[which]?.push(costOf(runner.child).rss);
			await ended(runner.child);
		}
	}
	console.log(`cold start to the first answer, ${rounds} each, in turn`);
	const [time, size] = [times, memory].map(of => of.map(values => quantile(values, 0.5)));
	for (const [which, { name }] of all.entries()) {
		const [ms = 0, mb = 0] = [time?.[which], size?.[which]];
		const [ratio, share] = [ms / (time?.at(-1) ?? 1), mb / (size?.at(-1) ?? 1)].map(of => of.toFixed(2));
		console.log(`  ${name}: ${ms.toFixed(0)} ms (${ratio}), resident ${mb.toFixed(0)} MB (${share})`);
	}
}

/** Only measures the starts, for a quick run on a busy machine. */
export async function benchStart(rounds: number): Promise<void> {
	const synapse = await startSynapse();
	const dir = mkdtempSync(join(tmpdir(), 'glia-bench-'));
	try {
		const reader = await person(synapse, 'reader');
		const [ours, bare] = await runners(synapse, reader, dir);
		writeFileSync(join(dir, 'contents.json'), JSON.stringify(await contentsOf(short)));
		if (!ours || !bare) return;
		for (const runner of [ours, bare]) await settleIn(runner, reader);
		await coldStart([ours, await oneFileRunner(synapse, reader, dir), bare], reader, rounds);
	} finally {
		await synapse.stop();
		rmSync(dir, { recursive: true, force: true });
	}
}
