// The keys of encrypted rooms on a real PostgreSQL: read on demand, and a damaged one ends in a sentence.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
	DeviceId,
	EncryptionSettings,
	OlmMachine,
	openFile,
	RequestType,
	RoomId,
	StoreType,
	UserId,
} from '../../crypto/index.ts';
import { openPostgresStore, type PostgresStore } from '../../src/edges/store/postgres-store.ts';
import type { KeyDatabase, KeyRecord, KeyRecords } from '../../src/ports/keys.ts';
import { homeserver } from '../crypto/homeserver.ts';
import { startPostgres, type TestServer } from './postgres.ts';

let server: TestServer;
let dir: string;
beforeAll(async () => {
	server = await startPostgres(17, ['fsync=off']);
	dir = mkdtempSync(join(tmpdir(), 'glia-keys-'));
});
afterAll(async () => {
	await server.stop();
	rmSync(dir, { recursive: true });
});

const bob = new UserId('@bot:example.org');
const alice = new UserId('@alice:example.org');
const room = new RoomId('!room:example.org');

async function openAt(url: string): Promise<PostgresStore> {
	return openPostgresStore({ address: { url, schema: 'glia' }, migrates: true });
}

function machineOn({ keys }: PostgresStore): Promise<OlmMachine> {
	return OlmMachine.initialize(bob, new DeviceId('BOT'), keys.records('BOT'), 'secret', StoreType.Sqlite);
}

/** Alice says something to the bot; returns the event. */
async function said(home: ReturnType<typeof homeserver>, from: OlmMachine, body: string): Promise<string> {
	await from.updateTrackedUsers([bob]);
	const queries = (await from.outgoingRequests()).filter(({ type }) => type === RequestType.KeysQuery);
	await home.send(from, queries);
	const claim = await from.getMissingSessions([bob]);
	if (claim !== null) await home.send(from, [claim]);
	await home.send(from, await from.shareRoomKey(room, [bob], new EncryptionSettings()));
	const content = JSON.parse(await from.encryptRoomEvent(room, 'm.room.message', JSON.stringify({ body })));
	return JSON.stringify({
		type: 'm.room.encrypted',
		event_id: `$${body}`,
		sender: alice.toString(),
		origin_server_ts: 1,
		content,
	});
}

async function bodyOf(machine: OlmMachine, event: string): Promise<string> {
	return JSON.parse((await machine.decryptRoomEvent(event, room)).event).content.body;
}

test('reads messages after a restart, and reports a damaged value in the promised sentence', async () => {
	const url = await server.database();
	const name = new URL(url).pathname.slice(1);
	const home = homeserver();
	let store = await openAt(url);
	let machine = await machineOn(store);
	await home.send(machine, await machine.outgoingRequests());
	const from = await OlmMachine.initialize(alice, new DeviceId('A'));
	await home.send(from, await from.outgoingRequests());
	const event = await said(home, from, 'hello');
	await home.sync(machine);
	expect(await bodyOf(machine, event)).toBe('hello');
	await machine.close();
	await store.store.close();

	store = await openAt(url);
	machine = await machineOn(store);
	expect(await bodyOf(machine, event)).toBe('hello');
	await machine.close();
	await store.store.close();

	// A store that is read on demand, and one that is in memory from the start.
	for (const kind of ['inbound_group_sessions3', 'core']) {
		const where = `device = 'BOT' AND store = '${kind}'`;
		await server.query(
			`UPDATE glia.key_records SET value = overlay(value PLACING '~' FROM length(value) / 2) WHERE ${where}`,
			name,
		);
		store = await openAt(url);
		const failing = machineOn(store).then(async opened => {
			try {
				return await bodyOf(opened, event);
			} finally {
				await opened.close().catch(() => undefined);
			}
		});
		await expect(failing).rejects.toThrow(
			/^the keys of device BOT in \S+ is damaged \(checksum of a record of \w+\); restore a backup of it, or log in again as a new device, without these keys$/,
		);
		await store.store.close();
		await server.query(`UPDATE glia.key_records SET value = 'x' WHERE false`, name);
	}
});

const shape: KeyDatabase = {
	name: 'db',
	version: 1,
	stores: [
		{
			name: 'inbound_group_sessions3',
			keyPath: null,
			indexes: [{ name: 'sender', keyPath: ['sender', 'kind'], unique: false, multiEntry: false }],
		},
		{ name: 'core', keyPath: null, indexes: [] },
	],
};

const places: Record<string, () => Promise<{ records: KeyRecords; close: () => Promise<void> }>> = {
	PostgreSQL: async () => {
		const { keys, store } = await openAt(await server.database());
		return { records: keys.records('BOT') as KeyRecords, close: store.close };
	},
	SQLite: async () => {
		const records = openFile(mkdtempSync(join(dir, 'file-')));
		return { records, close: records.close };
	},
};

describe.each(Object.entries(places))('records in %s', (_, open) => {
	test('are found by a prefix of their key, and of their key in an index', async () => {
		const { records, close } = await open();
		const entries: KeyRecord[] = ['room:a', 'room:b', 'roomy', 'é\u{1F600}'].map((key, i) => ({
			key,
			value: { sender: i % 2 ? 's1' : 's2', kind: i },
		}));
		await records.replace({ user: '@bot:example.org', device: 'BOT', sealed: false }, [shape], (_, store) =>
			store === 'core' ? [{ key: 'one', value: 'core' }] : entries,
		);
		expect(await records.databases()).toEqual([shape]);
		const found = async (prefix: string, exact: boolean, index?: string) =>
			(await records.read('db', 'inbound_group_sessions3', { prefix, exact, ...(index && { index }) }))
				.map(({ key }) => key)
				.sort();
		expect(await found('', false)).toEqual(['room:a', 'room:b', 'roomy', 'é\u{1F600}']);
		expect(await found('"room:', false)).toEqual(['room:a', 'room:b']);
		expect(await found('"room:a"', true)).toEqual(['room:a']);
		expect(await found(JSON.stringify('é\u{1F600}'), true)).toEqual(['é\u{1F600}']);
		expect(await found('["s1",', false, 'sender')).toEqual(['room:b', 'é\u{1F600}']);
		expect(await found('["s2",2]', true, 'sender')).toEqual(['roomy']);
		await records.write([
			{
				database: 'db',
				store: 'inbound_group_sessions3',
				key: 'room:b',
				record: { key: 'room:b', value: { sender: 's3', kind: true } },
			},
			{ database: 'db', store: 'inbound_group_sessions3', key: 'roomy', record: undefined },
		]);
		expect(await found('["s1",', false, 'sender')).toEqual(['é\u{1F600}']);
		expect(await found('["s', false, 'sender')).toEqual(['room:a', 'é\u{1F600}']);
		expect(await found('"room', false)).toEqual(['room:a', 'room:b']);
		const only = await records.entries(({ name }) => name === 'core');
		expect([...only('db', 'core')]).toEqual([{ key: 'one', value: 'core' }]);
		await close();
	});
});
