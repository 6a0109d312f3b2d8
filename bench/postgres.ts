// The store in PostgreSQL: an answer compared with the same bot on SQLite; a tick with a million watches; and how fast
// one, two and three replicas check slow servers.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inTurn, joinReplicas } from '../src/edges/store/lease.ts';
import { openPostgresStore } from '../src/edges/store/postgres-store.ts';
import { openKnowledge } from '../src/knowledge/compiled.ts';
import { silence } from '../src/runtime/log.ts';
import { outside } from '../test/outside.ts';
import { fill } from '../test/real/filled.ts';
import { person } from '../test/real/person.ts';
import { startPostgres, type TestServer } from '../test/real/postgres.ts';
import { startSynapse } from '../test/real/synapse.ts';
import { oneTick } from './one-tick.ts';
import { costOf, ended, program, quantile, type Runner, roundTrip, started } from './room.ts';

/** How long a slow server takes to respond, in milliseconds. */
const slow = 2000;

/** Answers on SQLite and on PostgreSQL, alternating; then the memory of the leader and of a waiting replica. */
async function benchAnswers(server: TestServer, rounds: number): Promise<void> {
	const synapse = await startSynapse();
	const dir = mkdtempSync(join(tmpdir(), 'glia-bench-'));
	const children: ChildProcess[] = [];
	try {
		const reader = await person(synapse, 'reader');
		const database = await server.database();
		const stores = { SQLite: { path: join(dir, 'data') }, PostgreSQL: { postgres: database } };
		const runners: Runner[] = [];
		for (const [name, store] of Object.entries(stores)) {
			const { userId } = await synapse.registerUser(`glia-${randomUUID().slice(0, 8)}`, 'secret');
			const matrix = { homeserver: synapse.url, user: userId, password: 'secret', allow: ['*'] };
			const path = join(dir, `${name}.yaml`);
			writeFileSync(path, JSON.stringify({ matrix, store, live: { enabled: false } }));
			const room = await reader.createRoom({ invite: [userId] });
			runners.push({ name, user: userId, room, start: () => started([...program, '--config', path]) });
		}
		for (const runner of runners) children.push(await runner.start());
		for (const runner of runners) for (let i = 0; i < 20; i++) await roundTrip(reader, runner, '!rollback 1.69 1.61');
		const times = runners.map((): number[] => []);
		for (let i = 0; i < rounds; i++)
			for (const [which, runner] of runners.entries())
				times[which]?.push(await roundTrip(reader, runner, '!rollback 1.69 1.61'));
		const [lite = 0, postgres = 0] = times.map(of => quantile(of, 0.5));
		console.log(
			`a short answer, ${rounds} commands each, in turn: p50 ${lite.toFixed(1)} ms on SQLite, ${postgres.toFixed(1)} ms on PostgreSQL (ratio ${(postgres / lite).toFixed(3)})`,
		);
		const waiting = spawn(process.execPath, [...program, '--config', join(dir, 'PostgreSQL.yaml')], {
			stdio: 'ignore',
		});
		children.push(waiting);
		await sleep(15_000);
		const [own, leader, standby] = [...children].map(child => costOf(child).rss.toFixed(0));
		console.log(
			`resident: ${own} MB on SQLite, ${leader} MB the leader on PostgreSQL, ${standby} MB a replica that waits`,
		);
	} finally {
		for (const child of children) await ended(child);
		await synapse.stop();
		rmSync(dir, { recursive: true, force: true });
	}
}

type Ticked = { looks: number; seconds: number; memory: number };

/** Checks what is due in a database; each server takes `takes` milliseconds. */
async function tickOn(url: string, takes: number): Promise<Ticked> {
	const address = { url, schema: 'glia' };
	const replica = await joinReplicas({ address, reach: async () => undefined, said: () => undefined, log: silence });
	const claims = { poller: replica.id, keep: 120_000 };
	const { store } = await openPostgresStore({ address, fence: inTurn, claims, migrates: false });
	const knowledge = await openKnowledge(new URL('../knowledge/', import.meta.url));
	const now = () => new Date();
	const web = outside(now);
	const slow = {
		async observe(server: string) {
			web.plays(server, '1.160.0');
			if (takes > 0) await sleep(takes);
			return web.observe(server);
		},
	};
	const seconds = await oneTick(store, slow, knowledge);
	const memory = process.memoryUsage().rss / 2 ** 20;
	await store.close();
	await replica.close();
	return { looks: web.looks.length, seconds, memory };
}

/** Runs `tickOn` in `count` separate processes at the same time. */
async function ticksOn(url: string, takes: number, count: number): Promise<Ticked[]> {
	const running = Array.from({ length: count }, async () => {
		const child = spawn(process.execPath, [import.meta.filename, url, String(takes)], {
			stdio: ['ignore', 'pipe', 'inherit'],
		});
		let text = '';
		child.stdout.on('data', chunk => (text += chunk));
		await once(child, 'close');
		return JSON.parse(text) as Ticked;
	});
	return Promise.all(running);
}

async function filled(server: TestServer, watches: number, due: number): Promise<string> {
	const url = await server.database();
	const address = { url, schema: 'glia' };
	const replica = await joinReplicas({ address, reach: async () => undefined, said: () => undefined, log: silence });
	await (await openPostgresStore({ address, migrates: true })).store.close();
	await replica.close();
	await fill(server, url, { watches, due });
	return url;
}

async function benchTick(server: TestServer): Promise<void> {
	const [few, many] = [await filled(server, 1000, 200), await filled(server, 1_000_000, 200)];
	const [[small], [large]] = [await ticksOn(few, 0, 1), await ticksOn(many, 0, 1)];
	const [size] = await server.query(
		'SELECT pg_database_size(current_database()) AS bytes',
		new URL(many).pathname.slice(1),
	);
	const megabytes = (Number(Object(size).bytes) / 1e6).toFixed(0);
	if (!small || !large) throw new TypeError('a tick returned nothing');
	console.log(
		`a tick with 1,000 due of 1,000,000 watches on 200,000 servers: ${large.seconds.toFixed(2)} s, ${large.memory.toFixed(0)} MB; of 1,000 watches: ${small.seconds.toFixed(2)} s, ${small.memory.toFixed(0)} MB (ratio ${(large.seconds / small.seconds).toFixed(2)}); the database is ${megabytes} MB`,
	);
}

async function benchReplicas(server: TestServer): Promise<void> {
	const due = 1500;
	for (const count of [1, 2, 3]) {
		const url = await filled(server, 5 * due, due);
		const from = performance.now();
		const all = await ticksOn(url, slow, count);
		const looks = all.reduce((sum, one) => sum + one.looks, 0);
		// The longest tick, without the time to start the processes.
		const seconds = Math.max(...all.map(one => one.seconds));
		console.log(
			`${count} ${count === 1 ? 'replica' : 'replicas'}, servers that take ${slow} ms: ${looks} looks in ${seconds.toFixed(1)} s, ${(looks / seconds).toFixed(0)} a second (${((performance.now() - from) / 1000).toFixed(1)} s with starts)`,
		);
		if (looks !== due) throw new Error(`${looks} checks of ${due} servers`);
	}
}

export async function benchPostgres(): Promise<void> {
	const server = await startPostgres(17, ['max_wal_size=4GB']);
	try {
		await benchAnswers(server, 300);
		await benchReplicas(server);
		await benchTick(server);
	} finally {
		await server.stop();
	}
}

if (import.meta.main) {
	const [, , url = '', takes = '0'] = process.argv;
	console.log(JSON.stringify(await tickOn(url, Number(takes))));
}
