// The bot's own profile: its name, and an avatar that is set once if there is none.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { connect } from '../../../src/edges/matrix/homeserver.ts';
import { keysIn } from '../../../src/edges/matrix/keys.ts';
import { openProfile } from '../../../src/edges/matrix/profile.ts';
import type { Session } from '../../../src/edges/matrix/session.ts';
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
	folder = mkdtempSync(join(tmpdir(), 'glia-profile-'));
});

afterEach(async () => {
	await store.close();
	await served.stop();
	rmSync(folder, { recursive: true });
});

/** A start and its first sync. Resolves once all requests have been answered. */
async function start() {
	const matrix = { homeserver: served.url, user: bot, password, allow: ['*'], device: 'Glia' };
	const config = { matrix, encryption: { reset: false } } as unknown as Parameters<typeof connect>[0];
	const nothing = () => undefined;
	const edges = {
		store,
		keys: keysIn(folder),
		log: silence,
		version: '1',
		now: () => new Date(),
		ending: new AbortController().signal,
	};
	const connection = await connect(config, {
		...edges,
		mayVerify: async () => undefined,
		locked: nothing,
		fatal: nothing,
	});
	if (!connection) throw new Error('not connected');
	await connection.sync(undefined);
	return connection;
}

const marker = `user/${encodeURIComponent(bot)}/account_data/io.glia.avatar`;
const marked = () => served.calls.filter(path => path === marker).length;

test('sets an avatar once if the account has none', async () => {
	served.profile.displayname = 'Glia';
	const first = await start();
	await vi.waitFor(() => expect(marked()).toBe(2));
	expect(first.names()).toEqual(['bot', bot, 'Glia']);
	expect(served.profile.avatar_url).toBe('mxc://example.org/1');
	expect(served.uploads[0]?.subarray(1, 4).toString()).toBe('PNG');
	await first.close();

	// Someone removes the avatar on purpose.
	delete served.profile.avatar_url;
	const second = await start();
	await vi.waitFor(() => expect(marked()).toBe(3));
	await second.sync('s1');
	expect(served.uploads).toHaveLength(1);
	expect(served.profile).toEqual({ displayname: 'Glia' });
	await second.close();
});

test('keeps the avatar of an account', async () => {
	served.profile.avatar_url = 'mxc://example.org/mine';
	const connection = await start();
	await connection.sync('s1');
	expect(served.uploads).toEqual([]);
	expect(marked()).toBe(0);
	await connection.close();
});

test('does not try again if the homeserver allows no avatars', async () => {
	served.setWay(path =>
		path.endsWith('/avatar_url') ? { status: 403, body: { errcode: 'M_FORBIDDEN', error: 'Not here' } } : undefined,
	);
	const first = await start();
	await vi.waitFor(() => expect(marked()).toBe(2));
	await first.close();
	const second = await start();
	await vi.waitFor(() => expect(marked()).toBe(3));
	await second.close();
	expect(served.uploads).toHaveLength(1);
});

test('tries again at the next start after an outage', async () => {
	served.setWay(path => (path.includes('/upload') ? { status: 502, body: {} } : undefined));
	const first = await start();
	await vi.waitFor(() => expect(served.calls.some(path => path.includes('/upload'))).toBe(true));
	await first.close();
	served.setWay(() => undefined);
	const second = await start();
	await vi.waitFor(() => expect(served.profile.avatar_url).toBeDefined());
	await second.close();
});

test('does not end the process if the avatar cannot be set', async () => {
	const warned: string[] = [];
	const answers = [async () => ({ value: {} }), async () => Promise.reject(new Error('the store is closed'))];
	const session = { user: bot, call: () => answers.shift()?.() } as unknown as Session;
	const profile = openProfile(session, {
		...silence,
		warn: (_fields: unknown, text: string) => void warned.push(text),
	});
	await profile.learn();
	await new Promise(resolve => setImmediate(resolve));
	expect(warned).toEqual(['could not set the avatar']);
});
