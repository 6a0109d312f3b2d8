// How many devices starts leave behind on a homeserver whose responses go wrong.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from '../../../src/edges/matrix/homeserver.ts';
import { keysIn } from '../../../src/edges/matrix/keys.ts';
import { openStore } from '../../../src/edges/store/store.ts';
import type { Store } from '../../../src/ports/store.ts';
import { silence } from '../../../src/runtime/log.ts';
import { bot, password, type Served, serve } from './served.ts';

let served: Served;
let store: Store;
let folder: string;

beforeEach(async () => {
	served = await serve();
	store = await openStore();
	folder = mkdtempSync(join(tmpdir(), 'glia-start-'));
});

afterEach(async () => {
	await store.close();
	await served.stop();
	rmSync(folder, { recursive: true });
});

/** Connects as configured; by default with the homeserver's name for the bot. */
function start(user = bot, ending = new AbortController().signal) {
	const matrix = { homeserver: served.url, user, password, allow: ['*'], device: 'Glia' };
	const config = { matrix, encryption: { reset: false } } as unknown as Parameters<typeof connect>[0];
	const nothing = () => undefined;
	const edges = { store, keys: keysIn(folder), log: silence, version: '1', now: () => new Date(), ending };
	return connect(config, { ...edges, mayVerify: async () => undefined, locked: nothing, fatal: nothing });
}

const broken = () => ({ body: '<html>' });

test('asks the homeserver nothing if the start is aborted beforehand', async () => {
	expect(await start(bot, AbortSignal.abort())).toBeUndefined();
	expect(served.calls).toEqual([]);
});

test('creates one device despite unreadable login responses, and uses it at the next start', async () => {
	served.setWay(path => (path === 'login' ? broken : undefined));
	await expect(start()).rejects.toThrow('not JSON');
	await expect(start()).rejects.toThrow('not JSON');
	expect(served.calls.filter(path => path === 'login')).toHaveLength(6);
	expect(served.devices.size).toBe(1);
	served.setWay(() => undefined);
	const connection = await start();
	expect(served.devices.size).toBe(1);
	await connection?.close();
});

test('uses a new device after a session has ended', async () => {
	const first = await start();
	await first?.close();
	const [device] = served.devices.keys();
	await store.dropToken();
	const second = await start();
	await second?.close();
	expect([...served.devices.keys()]).toHaveLength(2);
	expect([...served.devices.keys()][0]).toBe(device);
});

test('ends its session if the start fails, and logs in again at the next start', async () => {
	served.setWay(path => (path === 'sync' ? broken : undefined));
	const connection = await start();
	expect(await connection?.sync(undefined)).toMatchObject({ failure: { kind: 'away' } });
	await connection?.abandon();
	await connection?.close();
	expect([served.devices.size, await store.account()]).toEqual([0, undefined]);
	served.setWay(() => undefined);
	const next = await start();
	expect(await next?.sync(undefined)).toMatchObject({ value: { token: 's1' } });
	await next?.close();
	expect(served.devices.size).toBe(1);
});

test('keeps a session that cannot be ended for the next start', async () => {
	served.setWay(path => (path === 'sync' || path === 'logout' ? { status: 502, body: {} } : undefined));
	const connection = await start();
	await connection?.abandon();
	await connection?.close();
	const [device] = served.devices.keys();
	expect(await store.account()).toMatchObject({ device });
	served.setWay(() => undefined);
	await (await start())?.close();
	expect([...served.devices.keys()]).toEqual([device]);
});

test('never ends a session that received something, or an earlier one', async () => {
	const first = await start();
	await first?.sync(undefined);
	await first?.abandon();
	await first?.close();
	const second = await start();
	await second?.abandon();
	await second?.close();
	expect([served.devices.size, served.calls.includes('logout')]).toEqual([1, false]);
});

test('refuses a login as someone else, and ends its session', async () => {
	await expect(start('@other:example.org')).rejects.toThrow('correct matrix.user');
	expect(served.devices.size).toBe(0);
});

test('starts behind a proxy that compresses every response unasked', async () => {
	served.setWay(() => answer => ({
		headers: { 'content-encoding': 'gzip', 'content-type': 'text/plain' },
		body: gzipSync(answer),
	}));
	const connection = await start();
	expect(await connection?.sync(undefined)).toMatchObject({ value: { token: 's1' } });
	await connection?.close();
	expect([served.calls.filter(path => path === 'login').length, served.devices.size]).toEqual([1, 1]);
});
