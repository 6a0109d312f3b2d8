// The watch at size: one tick with 100,000 watches on 20,000 servers of which 100 are due; commands beside many watches.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { commands } from '../commands/index.ts';
import type { Command } from '../src/command.ts';
import { openStore } from '../src/edges/store.ts';
import { openKnowledge } from '../src/knowledge/compiled.ts';
import { silence } from '../src/log.ts';
import type { Ports, Store } from '../src/ports.ts';
import { tick } from '../src/watch.ts';
import { outside } from '../test/outside.ts';

const hour = 3600_000;
const knowledge = await openKnowledge(new URL('../knowledge/', import.meta.url));

/** A store on disk with so many watches, five on each server. Two rounds apart every room has heard of all but one thing. */
async function filled(watches: number): Promise<{ store: Store; remove: () => Promise<void> }> {
	const folder = mkdtempSync(join(tmpdir(), 'glia-bench-'));
	const made = await openStore(folder);
	await made.close();
	const database = new DatabaseSync(join(folder, 'glia.sqlite'));
	const now = Date.now();
	const spells = JSON.stringify([
		{
			is: 'synapse',
			version: '1.160.0',
			since: '2026-10-01T00:00:00.000Z',
			until: '2026-10-01T00:00:00.000Z',
			looks: 9,
		},
	]);
	const server = database.prepare('INSERT INTO servers VALUES (?, ?, ?, ?)');
	const watch = database.prepare('INSERT INTO watches VALUES (?, ?, ?, ?, NULL, ?, ?)');
	const matter = database.prepare(
		`INSERT INTO matters (watch, rule, subject, episode, number, stage, at, reminders, severity, title, unsaid)
		 VALUES (?, 'lifecycle', 'x', 'e', 1, 'd90', ?, 0, 'info', 'x', 0)`,
	);
	database.exec('BEGIN');
	for (let i = 0; i < Math.ceil(watches / 5); i++) {
		// A hundred are due, the others within the next hour.
		server.run(`s${i}.example.org`, spells, now, i < 100 ? now - 1000 : now + hour / 2 + (i % 1000) * 1000);
	}
	for (let i = 0; i < watches; i++) {
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
	const store = await openStore(folder);
	return {
		store,
		async remove() {
			await store.close();
			rmSync(folder, { recursive: true });
		},
	};
}

const median = (list: number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;

async function latency(store: Store, rounds: number): Promise<number> {
	const now = () => new Date();
	const ports: Ports = {
		knowledge,
		commands,
		now,
		health: { version: '0', startedAt: now(), lastSync: () => undefined },
		store,
		web: outside(now),
	};
	const asked = { room: '!r0-0', sender: '@a:b', at: now(), text: '' };
	const said: [string, string[]][] = [
		['upgrade', ['s0.example.org']],
		['servers', []],
		['alerts', []],
		['status', []],
	];
	const times: number[] = [];
	for (let i = 0; i < rounds; i++) {
		const [name, words] = said[i % said.length] ?? ['', []];
		const command = commands.find(other => other.name === name) as Command;
		const from = performance.now();
		await command.run({ ...asked, words }, ports);
		if (i >= rounds / 5) times.push(performance.now() - from);
	}
	return median(times);
}

export async function benchWatch(): Promise<void> {
	const [few, many] = [await filled(10), await filled(100_000)];
	try {
		const [a, b] = [await latency(few.store, 400), await latency(many.store, 400)];
		console.log(
			`commands on the store: p50 ${a.toFixed(2)} ms with 10 watches, ${b.toFixed(2)} ms with 100,000 (ratio ${(b / a).toFixed(2)})`,
		);
		const now = () => new Date();
		const web = outside(now);
		for (let i = 0; i < 20_000; i++) web.plays(`s${i}.example.org`, '1.160.0');
		globalThis.gc?.();
		const before = process.memoryUsage().rss;
		const from = performance.now();
		await tick({
			store: many.store,
			web,
			knowledge: () => knowledge,
			now,
			random: Math.random,
			log: silence,
			said: () => undefined,
			stopping: () => false,
			every: hour,
		});
		const took = performance.now() - from;
		const { outbox } = await many.store.counts();
		console.log(
			`one tick, 100,000 watches on 20,000 servers, ${web.looks.length} of them due: ${(took / 1000).toFixed(2)} s, ${outbox} messages decided and written; memory ${Math.round(before / 2 ** 20)} → ${Math.round(process.memoryUsage().rss / 2 ** 20)} MB`,
		);
	} finally {
		await few.remove();
		await many.remove();
	}
}
