// The Matrix edge meets its contract on a real Synapse.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type Connection, connect } from '../../src/edges/matrix/homeserver.ts';
import { keysIn } from '../../src/edges/matrix/keys.ts';
import { openStore } from '../../src/edges/store/store.ts';
import { silence } from '../../src/runtime/log.ts';
import { homeserverContract } from '../contracts/homeserver.ts';
import { person } from './person.ts';
import { sharedSynapse } from './synapse.ts';

const connections: Connection[] = [];
const folders: string[] = [];

function fail(why: unknown): void {
	throw new Error(`the connection ended: ${String(why)}`);
}

beforeAll(() => sharedSynapse().then(() => undefined), 120_000);

afterAll(async () => {
	for (const connection of connections) await connection.close();
	for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

homeserverContract(async () => {
	const home = await sharedSynapse();
	const account = await home.registerUser(`glia-${randomUUID().slice(0, 8)}`, 'secret');
	const config = {
		homeserver: home.url,
		user: account.userId,
		password: 'secret',
		allow: ['*'],
		changes: 'state_default' as const,
		bare: true,
		device: 'Glia',
		forgetAfterDays: 7,
	};
	const folder = mkdtempSync(join(tmpdir(), 'glia-device-'));
	folders.push(folder);
	const edges = { store: await openStore(), keys: keysIn(folder), log: silence, version: '0', now: () => new Date() };
	const ends = { ending: new AbortController().signal, mayVerify: async () => undefined, locked: fail, fatal: fail };
	const homeserver = await connect({ matrix: config, encryption: { reset: false } }, { ...edges, ...ends });
	if (!homeserver) throw new Error('no connection');
	connections.push(homeserver);
	const alice = await person(home, 'alice');
	return {
		homeserver,
		createRoom: ({ invite } = { invite: true }) => alice.createRoom(invite ? { invite: [account.userId] } : {}),
		say: (room, body) => alice.say(room, body),
		send: (room, content, type = 'm.room.message') => alice.send(room, type, content),
		redact: (room, event) => alice.redact(room, event).then(() => undefined),
		put: bytes => alice.upload(bytes),
		person: alice.userId,
	};
});
