// What supervisors and Prometheus are told, over real HTTP and with a real store.
import { createServer, request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { standings } from '../../../src/advice/watch/standings.ts';
import { Refusal } from '../../../src/answer.ts';
import { type Measured, openMetrics } from '../../../src/edges/health/metrics.ts';
import { openReadiness } from '../../../src/edges/health/readiness.ts';
import { serveHealth } from '../../../src/edges/health/server.ts';
import { openStore } from '../../../src/edges/store/store.ts';
import type { Incoming } from '../../../src/ports/homeserver.ts';
import type { Store } from '../../../src/ports/store.ts';
import { silence } from '../../../src/runtime/log.ts';
import { batch, incoming, news, saying } from '../../contracts/store.ts';
import { advisory, known, releases } from '../../known.ts';

const knowledge = known({
	releases: releases('1.60.0', '1.61.0', '1.61.1', '1.67.0'),
	advisories: [advisory('CVE-1', ['<1.61.0'])],
});
const now = new Date('2026-11-29T12:00:00Z');
let store: Store;
let closes: (() => void)[];

beforeEach(async () => {
	store = await openStore();
	closes = [];
});

afterEach(async () => {
	for (const close of closes) close();
	await store.close();
});

/** Puts the bot into a room in the second sync, with these messages in it. */
async function said(...messages: Incoming[]): Promise<void> {
	await store.take(batch('1'), now);
	await store.take(batch('2', { joined: [news()] }), now);
	for (const gap of await store.gaps(now)) await store.fill(gap, { messages: [] }, now);
	await store.take(batch('3', { joined: [news(messages)] }), now);
}

type Told = { status: number; text: string; headers: Record<string, unknown>; bytes: number };

async function ask(port: number, path: string, { method = 'GET', zip = false } = {}): Promise<Told> {
	return new Promise((resolve, reject) => {
		const headers = zip ? { 'accept-encoding': 'gzip' } : {};
		const asked = request({ host: '127.0.0.1', port, path, method, headers }, async response => {
			const chunks: Buffer[] = [];
			for await (const chunk of response) chunks.push(chunk);
			const raw = Buffer.concat(chunks);
			const text = (response.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString();
			resolve({ status: response.statusCode ?? 0, text, headers: response.headers, bytes: raw.length });
		});
		asked.on('error', reject).end();
	});
}

function measured(more: Partial<Measured> = {}): Measured {
	return {
		version: '1.2.3',
		syncAge: () => 3,
		figures: () => store.figures(now),
		sources: () => [
			{ name: 'upgrade notes', address: '', next: now, failures: 2, read: new Date(now.getTime() - 60_000) },
			{ name: 'releases', address: '', next: now, failures: 0 },
		],
		now: () => now,
		standings: undefined,
		...more,
	};
}

async function served({ lag = 0, troubles = [] as string[], of = measured() } = {}): Promise<number> {
	const loop = { lagMs: () => lag, takeWorst: () => 0, close: () => {} };
	const setup = { loop, troubles: async () => troubles, metrics: openMetrics(of), log: silence };
	const { port, close } = await serveHealth({ ...setup, listen: { host: '127.0.0.1', port: 0 } });
	closes.push(close);
	return port;
}

describe('/healthz and /readyz', () => {
	test('return 200, or 503 with the reason', async () => {
		const well = await served();
		expect(await ask(well, '/healthz')).toMatchObject({ status: 200, text: 'alive: the event loop is 0 ms late\n' });
		expect(await ask(well, '/readyz')).toMatchObject({ status: 200, text: 'ready\n' });
		const ill = await served({ lag: 12_000, troubles: ['one', 'two'] });
		expect(await ask(ill, '/healthz')).toMatchObject({ status: 503, text: expect.stringContaining('frozen') });
		expect(await ask(ill, '/readyz')).toMatchObject({ status: 503, text: 'one\ntwo\n' });
	});

	test('accept only GET and HEAD, and only known paths', async () => {
		const port = await served();
		expect(await ask(port, '/healthz', { method: 'POST' })).toMatchObject({ status: 405, text: '' });
		expect(await ask(port, '/healthz', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
		expect(await ask(port, '/healthz?x=1')).toMatchObject({ status: 200 });
		expect(await ask(port, '/')).toMatchObject({ status: 404 });
		expect(await ask(port, '/..%2f..%2fetc/passwd')).toMatchObject({ status: 404 });
	});

	test("refuse a port in use or another machine's address in one sentence", async () => {
		const other = createServer().listen(0, '127.0.0.1');
		closes.push(() => other.close());
		await new Promise(resolve => other.once('listening', resolve));
		const address = other.address();
		const port = typeof address === 'object' && address ? address.port : 0;
		const setup = {
			loop: { lagMs: () => 0, takeWorst: () => 0, close: () => {} },
			troubles: async () => [],
			metrics: openMetrics(measured()),
			log: silence,
		};
		const listening = (listen: { host: string; port: number }) => serveHealth({ ...setup, listen });
		await expect(listening({ host: '127.0.0.1', port })).rejects.toThrow(
			new Refusal(`health.listen: 127.0.0.1:${port} is in use by another program; choose another port.`),
		);
		await expect(listening({ host: '192.0.2.1', port: 9 })).rejects.toThrow(/is not an address of this machine/);
	});
});

describe('readiness', () => {
	let clock: number;
	let age: number | undefined;
	const check = () =>
		openReadiness({
			store,
			syncAge: () => age,
			maxSyncAge: 120_000,
			now: () => new Date(now.getTime() + clock),
			steady: () => clock,
		});
	beforeEach(() => {
		clock = 0;
		age = 0;
	});

	test('needs a recent sync', async () => {
		const ready = check();
		expect(await ready()).toEqual([]);
		age = undefined;
		expect(await ready()).toEqual(['not yet in sync with the homeserver']);
		age = 120_000;
		expect(await ready()).toEqual([]);
		age = 120_001;
		expect(await ready()).toEqual(['the homeserver has not responded for 120 seconds']);
	});

	test('needs a writable store, without a write for each request', async () => {
		let writes = 0;
		let full = false;
		const { kept } = store;
		store = {
			...store,
			kept: {
				...kept,
				async put(key, text) {
					writes++;
					if (full) throw new Error('database or disk is full');
					await kept.put(key, text);
				},
			},
		};
		const ready = check();
		await Promise.all(Array.from({ length: 50 }, ready));
		expect(writes).toBe(1);
		full = true;
		clock = 10_001;
		expect(await ready()).toEqual(['the store cannot be written: database or disk is full']);
		// A failed write is retried at once.
		expect(await ready()).toHaveLength(1);
		full = false;
		expect(await ready()).toEqual([]);
	});

	test('needs an outbox that is not stuck, ignoring postponed messages', async () => {
		await said(incoming('$1'));
		await store.settle('$1', [saying('a')], now);
		const ready = check();
		clock = 300_000;
		expect(await ready()).toEqual([]);
		clock = 329_000;
		expect(await ready()).toEqual([]);
		clock = 330_000;
		expect(await ready()).toEqual(['a message should have been delivered 330 seconds ago']);
		const [waiting] = await store.due(new Date(now.getTime() + clock), [], 1);
		await store.postpone(waiting?.id ?? 0, new Date(now.getTime() + 400_000));
		expect(await ready()).toEqual([]);
	});
});

describe('/metrics', () => {
	function valueIn(text: string, series: string): number | undefined {
		const line = text.split('\n').find(one => one.startsWith(`${series} `));
		return line === undefined ? undefined : Number(line.slice(series.length + 1));
	}

	test('counts what the store holds', async () => {
		await said(incoming('$1'), incoming('$2', { at: new Date(now.getTime() - 90_000) }));
		await store.settle('$1', [saying('a'), saying('b', { room: '!other:example.org' }), saying('c')], now);
		const due = await store.due(now, [], 10);
		await store.postpone(due[0]?.id ?? 0, now);
		await store.giveUp(due[1]?.id ?? 0, 'no', now);
		const { text } = await ask(await served(), '/metrics');
		expect(valueIn(text, 'glia_rooms')).toBe(1);
		expect(valueIn(text, 'glia_inbox_messages{state="waiting"}')).toBe(1);
		expect(valueIn(text, 'glia_inbox_oldest_seconds')).toBe(90);
		expect(valueIn(text, 'glia_outbox_messages{state="waiting"}')).toBe(1);
		expect(valueIn(text, 'glia_outbox_messages{state="retrying"}')).toBe(1);
		expect(valueIn(text, 'glia_outbox_messages{state="given_up"}')).toBe(1);
		expect(valueIn(text, 'glia_alerts_open{severity="severe"}')).toBe(0);
		expect(valueIn(text, 'glia_source_age_seconds{source="upgrade_notes"}')).toBe(60);
		expect(valueIn(text, 'glia_source_failures{source="upgrade_notes"}')).toBe(2);
		expect(valueIn(text, 'glia_source_age_seconds{source="releases"}')).toBeUndefined();
		expect(valueIn(text, 'glia_info{version="1.2.3"}')).toBe(1);
		expect(valueIn(text, 'glia_sync_age_seconds')).toBe(3);
		expect(text).toMatch(/^nodejs_eventloop_lag_seconds /m);
		expect(text).toMatch(/^process_resident_memory_bytes /m);
	});

	test('reports the last backup: 0 if there is none, and nothing if the database has its own backups', async () => {
		const name = 'glia_last_backup_timestamp_seconds';
		expect(await openMetrics(measured()).text()).not.toContain(name);
		let made: Date | undefined;
		const metrics = openMetrics(measured({ lastBackup: async () => made }));
		expect(valueIn(await metrics.text(), name)).toBe(0);
		made = now;
		expect(valueIn(await metrics.text(), name)).toBe(now.getTime() / 1000);
	});

	test('counts events, and omits the age of a sync that never happened', async () => {
		const metrics = openMetrics(measured({ syncAge: () => undefined }));
		metrics.answered('upgrade', 'answered', 12);
		metrics.answered('upgrade', 'refused', 1);
		metrics.looked('hidden', 800);
		metrics.delivered('given up');
		const text = await metrics.text();
		expect(valueIn(text, 'glia_command_duration_seconds_count{command="upgrade",outcome="answered"}')).toBe(1);
		expect(valueIn(text, 'glia_command_duration_seconds_sum{command="upgrade",outcome="answered"}')).toBe(0.012);
		expect(valueIn(text, 'glia_looks_total{outcome="hidden"}')).toBe(1);
		expect(valueIn(text, 'glia_deliveries_total{outcome="given_up"}')).toBe(1);
		expect(valueIn(text, 'glia_deliveries_total{outcome="sent"}')).toBe(0);
		expect(text).not.toMatch(/^glia_sync_age_seconds /m);
	});

	test('names servers only if configured, 10,000 of them in less than 1 MB', async () => {
		const servers = Array.from({ length: 10_000 }, (_, index) => ({
			server: `matrix-${index}.example.org`,
			next: now,
			history: [
				{ is: 'synapse' as const, version: '1.60.0', since: now.toISOString(), until: now.toISOString(), looks: 1 },
			],
		}));
		const found = standings(servers, knowledge, '2026-11-29');
		expect(found).toHaveLength(10_000);
		expect((await ask(await served(), '/metrics')).text).not.toContain('glia_server_releases_behind{');
		const port = await served({ of: measured({ standings: async () => found }) });
		const plain = await ask(port, '/metrics');
		const zipped = await ask(port, '/metrics', { zip: true });
		expect(valueIn(plain.text, 'glia_server_releases_behind{server="matrix-9999.example.org"}')).toBe(2);
		expect(valueIn(plain.text, 'glia_server_open_advisories{server="matrix-9999.example.org"}')).toBe(1);
		expect(zipped.bytes).toBeLessThan(1_000_000);
		expect(zipped.text.match(/^glia_server_/gm)).toHaveLength(20_000);
	});

	test('drops a source that has nothing to read any more', async () => {
		let sources = [{ name: 'values of charts', failures: 3, read: now, address: '', next: now }];
		const metrics = openMetrics(measured({ sources: () => sources }));
		expect(valueIn(await metrics.text(), 'glia_source_failures{source="values_of_charts"}')).toBe(3);
		sources = [];
		expect(await metrics.text()).not.toContain('values_of_charts');
	});

	test('drops a server that is no longer watched', async () => {
		let servers = [{ server: 'a.example.org', releasesBehind: 1, openAdvisories: 0 }];
		const metrics = openMetrics(measured({ standings: async () => servers }));
		expect(await metrics.text()).toContain('a.example.org');
		servers = [];
		expect(await metrics.text()).not.toContain('a.example.org');
	});
});

test("reports a server's state only if its release is known", () => {
	const at = now.toISOString();
	const spell = { since: at, until: at, looks: 1 };
	const server = (name: string, ...history: object[]) => ({ server: name, next: now, history: history as never });
	const found = standings(
		[
			server('newest.example.org', { ...spell, is: 'synapse', version: '1.67.0' }),
			server('unknown.example.org', { ...spell, is: 'synapse', version: '9.9.9' }),
			server('silent.example.org', { ...spell, is: 'silent' }),
			server('new.example.org'),
		],
		knowledge,
		'2026-11-29',
	);
	expect(found).toEqual([{ server: 'newest.example.org', releasesBehind: 0, openAdvisories: 0 }]);
});
