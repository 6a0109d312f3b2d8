// The watch at scale: one tick with 100,000 watches on 20,000 servers, 100 of them due; commands with many watches.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { commands } from '../commands/index.ts';
import { usualLimits } from '../src/advice/watch/subscription.ts';
import type { Command, Ports } from '../src/command.ts';
import { openStore } from '../src/edges/store/store.ts';
import { openCode } from '../src/knowledge/code-tables.ts';
import { openKnowledge } from '../src/knowledge/compiled.ts';
import { openDistributions } from '../src/knowledge/distributions.ts';
import type { Store } from '../src/ports/store.ts';
import { outside } from '../test/outside.ts';
import { oneTick } from './one-tick.ts';

const hour = 3600_000;
const dueServers = 100;
const knowledge = await openKnowledge(new URL('../knowledge/', import.meta.url));

/** Creates a folder with a store of this many watches, five per server and two per room. */
async function filled(watches: number): Promise<string> {
	const folder = mkdtempSync(join(tmpdir(), 'glia-bench-'));
	const made = await openStore(folder);
	await made.close();
	const database = new DatabaseSync(join(folder, 'glia.sqlite'));
	const now = Date.now();
	const history = JSON.stringify([
		{
			is: 'synapse',
			version: '1.160.0',
			since: '2026-10-01T00:00:00.000Z',
			until: '2026-10-01T00:00:00.000Z',
			looks: 9,
		},
	]);
	const server = database.prepare('INSERT INTO servers VALUES (?, ?, ?, ?)');
	const watch = database.prepare(
		'INSERT INTO watches (id, room, server, facts, changed, heard) VALUES (?, ?, ?, ?, ?, ?)',
	);
	const matter = database.prepare(
		`INSERT INTO matters (watch, rule, subject, episode, number, stage, at, reminders, severity, unsaid)
		 VALUES (?, 'lifecycle', 'x', 'e', 1, 'd90', ?, 0, 'info', 0)`,
	);
	database.exec('BEGIN');
	for (let i = 0; i < Math.ceil(watches / 5); i++) {
		// A hundred servers are due now, the others within the next hour.
		server.run(`s${i}.example.org`, history, now, i < dueServers ? now - 1000 : now + hour / 2 + (i % 1000) * 1000);
	}
	const room = database.prepare(
		`INSERT INTO rooms (room, membership, since, settings, greeted, told_encrypted, told_public)
		 VALUES (?, 'joined', ?, '{}', 1, 0, 0) ON CONFLICT DO NOTHING`,
	);
	for (let i = 0; i < watches; i++) {
		room.run(`!r${i % 5}-${Math.floor(i / 10)}`, now);
		watch.run(
			`w${i}`,
			`!r${i % 5}-${Math.floor(i / 10)}`,
			`s${Math.floor(i / 5)}.example.org`,
			'["docker"]',
			now,
			'1.160.0',
		);
		matter.run(`w${i}`, now);
	}
	database.exec('COMMIT');
	database.close();
	return folder;
}

const median = (list: number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;

const said: readonly [string, readonly string[]][] = [
	['upgrade', ['s0.example.org']],
	['servers', []],
	['alerts', []],
	['status', []],
	['room', []],
	['profile', ['s0.example.org', 'docker']],
];

/** The median milliseconds of each command with few watches and with many, alternating. */
async function latencies(
	few: Store,
	many: Store,
	rounds: number,
): Promise<{ name: string; few: number; many: number }[]> {
	const now = () => new Date();
	const web = outside(now);
	const ask = async (store: Store, name: string, words: readonly string[]) => {
		const ports: Ports = {
			knowledge,
			commands,
			now,
			health: { version: '0', startedAt: now(), lastSync: () => undefined },
			store,
			web,
			code: openCode(new URL('../knowledge/', import.meta.url)),
			distributions: openDistributions(new URL('../knowledge/', import.meta.url)),
			limits: usualLimits,
		};
		const command = commands.find(other => other.name === name) as Command;
		const from = performance.now();
		await command.run({ room: '!r0-0', sender: '@a:b', at: now(), text: '', words }, ports);
		return performance.now() - from;
	};
	const found = [];
	for (const [name, words] of said) {
		const times: { few: number[]; many: number[] } = { few: [], many: [] };
		for (let i = 0; i < rounds; i++) {
			const [a, b] = [await ask(few, name, words), await ask(many, name, words)];
			if (i < rounds / 5) continue;
			times.few.push(a);
			times.many.push(b);
		}
		found.push({ name, few: median(times.few), many: median(times.many) });
	}
	return found;
}

type Lived = { looks: number; seconds: number; messages: number; memory: number };

/** Runs commands and one tick on a store. Resolves with what the tick did, and the memory of the process (MB). */
async function live(folder: string): Promise<Lived> {
	const store = await openStore(folder);
	const now = () => new Date();
	const web = outside(now);
	for (let i = 0; i < dueServers; i++) web.plays(`s${i}.example.org`, '1.160.0');
	await latencies(store, store, 50);
	const seconds = await oneTick(store, web, knowledge);
	const { outbox } = await store.counts();
	await store.close();
	return { looks: web.looks.length, seconds, messages: outbox, memory: process.memoryUsage().rss / 2 ** 20 };
}

/** Runs `live` in a separate process, with nothing else in memory. */
function lifeOn(folder: string): Lived {
	const run = spawnSync(process.execPath, [import.meta.filename, folder], { encoding: 'utf8' });
	if (run.status !== 0) throw new Error(run.stderr);
	return JSON.parse(run.stdout) as Lived;
}

export async function benchWatch(): Promise<void> {
	const folders = [await filled(10), await filled(100_000)] as const;
	try {
		const [few, many] = [await openStore(folders[0]), await openStore(folders[1])];
		for (const { name, few: a, many: b } of await latencies(few, many, 250)) {
			console.log(
				`!${name}: p50 ${a.toFixed(2)} ms with 10 watches in the store, ${b.toFixed(2)} ms with 100,000 (ratio ${(b / a).toFixed(2)})`,
			);
		}
		await few.close();
		await many.close();
		const [small, large] = [lifeOn(folders[0]), lifeOn(folders[1])];
		console.log(
			`one tick, 100,000 watches on 20,000 servers, ${large.looks} of them due: ${large.seconds.toFixed(2)} s, ${large.messages} messages decided and written`,
		);
		console.log(
			`memory of a process after commands and a tick: ${small.memory.toFixed(0)} MB with 10 watches, ${large.memory.toFixed(0)} MB with 100,000 (ratio ${(large.memory / small.memory).toFixed(2)})`,
		);
	} finally {
		for (const folder of folders) rmSync(folder, { recursive: true });
	}
}

if (import.meta.main) console.log(JSON.stringify(await live(process.argv[2] ?? '')));
