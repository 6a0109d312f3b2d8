// The keys of encrypted rooms on a real PostgreSQL: they are read on demand, a damaged one is reported in one sentence,
// and a copy of keys that were in use is recognised.
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

/** Says something to the bot. Resolves with the event (JSON). */
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

	// One store that is read on demand, and one that is in memory from the start.
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
			/^the key store of device BOT in \S+ is damaged \(checksum of a record of \w+\); restore a backup of it, or log in again as a new device, without these keys$/,
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
	test('are found by a prefix of their key, or of their key in an index', async () => {
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

/** Creates a database with keys for which three starts were counted. The connection is closed, as after a kill. */
async function withKeys(
	server: TestServer,
	more: (store: PostgresStore) => Promise<void> = async () => undefined,
	at?: string,
) {
	const url = at ?? (await server.database());
	const store = await openAt(url);
	const owner = { user: '@bot:example.org', device: 'BOT', sealed: false };
	await (store.keys.records('BOT') as KeyRecords).replace(owner, [], () => []);
	await store.keys.keepStarts('BOT', 3);
	await more(store);
	await store.store.close();
	return { url, name: new URL(url).pathname.slice(1) };
}

async function startsAt(url: string): Promise<number | undefined> {
	const { keys, store } = await openAt(url);
	const starts = await keys.starts('BOT');
	await store.close();
	return starts;
}

/** Ways to end up with a copy of the keys that were in use. Each resolves with the address of the copy. */
const copies: Record<string, (server: TestServer, of: { url: string; name: string }) => Promise<string>> = {
	'CREATE DATABASE … TEMPLATE': async ({ query }, { url, name }) => {
		await query(`CREATE DATABASE ${name}_copy TEMPLATE ${name}`);
		return `${url}_copy`;
	},
	'inserting the rows into existing tables': async ({ query }, { url, name }) => {
		await query(
			`SET search_path TO glia; CREATE TABLE dumped AS TABLE key_uses; TRUNCATE key_uses;
			INSERT INTO key_uses SELECT * FROM dumped; DROP TABLE dumped`,
			name,
		);
		return url;
	},
	'inserting the rows into new tables': async ({ query }, { url, name }) => {
		await query(
			`SET search_path TO glia; CREATE TABLE dumped (LIKE key_uses INCLUDING ALL); INSERT INTO dumped SELECT * FROM key_uses;
			DROP TABLE key_uses; ALTER TABLE dumped RENAME TO key_uses`,
			name,
		);
		return url;
	},
	'recovering the files, or promoting a standby': async (own, { url }) => {
		const [row] = await own.query('SHOW data_directory');
		await own.query(`COPY (SELECT 1) TO '${row?.data_directory}/standby.signal'`);
		await own.restart();
		expect(await own.query('SELECT pg_promote() AS promoted')).toEqual([{ promoted: true }]);
		return url;
	},
};

describe.each(Object.entries(copies))('a copy made by %s', (_, copy) => {
	test('is recognised if the keys were in use, and counts its own starts', async () => {
		const own = await startPostgres(17, ['fsync=off']);
		try {
			const url = await copy(own, await withKeys(own));
			expect(await startsAt(url)).toBeUndefined();
			const { keys, store } = await openAt(url);
			await keys.keepStarts('BOT', 1);
			expect(await keys.starts('BOT')).toBe(1);
			await store.close();
			expect(await startsAt(url)).toBe(1);
		} finally {
			await own.stop();
		}
	});

	test('continues with keys that were put away', async () => {
		const own = await startPostgres(17, ['fsync=off']);
		try {
			expect(await startsAt(await copy(own, await withKeys(own, ({ keys }) => keys.putAway('BOT'))))).toBe(3);
		} finally {
			await own.stop();
		}
	});
});

test('does not mistake maintenance of the database for a copy', async () => {
	const own = await startPostgres(17);
	try {
		const { name } = await withKeys(own);
		await own.query('VACUUM FULL', name);
		await own.query('VACUUM FREEZE', name);
		await own.query('SET search_path TO glia; CLUSTER key_uses USING key_uses_pkey; REINDEX TABLE key_uses', name);
		await own.query(`ALTER DATABASE ${name} RENAME TO renamed`);
		await own.restart();
		expect(await startsAt(`postgres://postgres@127.0.0.1:${own.port}/renamed`)).toBe(3);
	} finally {
		await own.stop();
	}
});

test('notices a copy even if its user may not ask which server it is', async () => {
	const at = new URL(await server.database());
	const name = at.pathname.slice(1);
	const owned = `CREATE ROLE hosted LOGIN; ALTER DATABASE ${name} OWNER TO hosted;`;
	await server.query(`${owned} REVOKE EXECUTE ON FUNCTION pg_control_system FROM PUBLIC`, name);
	at.username = 'hosted';
	await withKeys(server, undefined, at.href);
	expect(await startsAt(at.href)).toBe(3);
	await server.query(`CREATE DATABASE ${name}_copy TEMPLATE ${name}`);
	expect(await startsAt(`${at.href}_copy`)).toBeUndefined();
});

describe('a database that cannot say which server it is', () => {
	/** A new database in which `pg_control_system` fails with this code. */
	async function answering(code: string) {
		const url = await server.database();
		await server.query(
			`SET allow_system_table_mods = on; ALTER FUNCTION pg_catalog.pg_control_system() RENAME TO pg_control_system_of_old;
			CREATE FUNCTION pg_catalog.pg_control_system(OUT system_identifier bigint, OUT more int) LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'not on this platform' USING ERRCODE = '${code}'; END $$`,
			new URL(url).pathname.slice(1),
		);
		return url;
	}

	test.each(['42501', '42883', '0A000'])('is still recognised if the function is not available (%s)', async code => {
		const url = await answering(code);
		await withKeys(server, undefined, url);
		expect(await startsAt(url)).toBe(3);
	});

	// Unknown errors, and a statement timeout.
	test.each(['XX000', 'P0001', '57014'])('is reported if the function fails for another reason (%s)', async code => {
		const url = await answering(code);
		await expect(withKeys(server, undefined, url)).rejects.toThrow(
			`PostgreSQL does not say which server it is: not on this platform (${code})`,
		);
	});
});
