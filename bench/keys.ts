// A device with many room keys: how long it takes to open its store and to read an old message, and how much memory,
// in SQLite and in PostgreSQL.
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
	DeviceId,
	EncryptionSettings,
	OlmMachine,
	openFile,
	RequestType,
	RoomId,
	StoreType,
	UserId,
} from '../crypto/index.ts';
import { openStore } from '../crypto/store.ts';
import { wasm } from '../crypto/wasm.ts';
import { openPostgresStore } from '../src/edges/store/postgres-store.ts';
import type { KeyRecords } from '../src/ports/keys.ts';
import { homeserver } from '../test/crypto/homeserver.ts';
import { startPostgres } from '../test/real/postgres.ts';

const bot = '@bot:example.org';
const device = 'BOT';
const alice = '@alice:example.org';
const room = '!room:example.org';
/** How many keys are imported at a time. */
const chunk = 5000;

/** `place`: a folder, or the address of a database. */
async function recordsIn(place: string): Promise<{ records: KeyRecords; close: () => Promise<void> }> {
	if (!place.startsWith('postgres:')) return { records: openFile(place), close: async () => undefined };
	const { keys, store } = await openPostgresStore({ address: { url: place, schema: 'glia' }, migrates: true });
	return { records: keys.records(device) as KeyRecords, close: store.close };
}

/** Creates a device with the key to a message from Alice. Resolves with the event (JSON). */
async function begin(place: string): Promise<string> {
	const { records, close } = await recordsIn(place);
	const home = homeserver();
	const machine = await OlmMachine.initialize(new UserId(bot), new DeviceId(device), records, '', StoreType.Sqlite);
	await home.send(machine, await machine.outgoingRequests());
	const from = await OlmMachine.initialize(new UserId(alice), new DeviceId('A'));
	await home.send(from, await from.outgoingRequests());
	const to = [new UserId(bot)];
	await from.updateTrackedUsers(to);
	const queries = (await from.outgoingRequests()).filter(({ type }) => type === RequestType.KeysQuery);
	await home.send(from, queries);
	const claim = await from.getMissingSessions(to);
	if (claim !== null) await home.send(from, [claim]);
	await home.send(from, await from.shareRoomKey(new RoomId(room), to, new EncryptionSettings()));
	const content = JSON.parse(await from.encryptRoomEvent(new RoomId(room), 'm.room.message', '{"body":"hello"}'));
	await home.sync(machine);
	await machine.close();
	await close();
	return JSON.stringify({
		type: 'm.room.encrypted',
		event_id: '$e',
		room_id: room,
		sender: alice,
		origin_server_ts: 1,
		content,
	});
}

/** Adds room keys, as if someone had sent them, to the store of a device that is not in use. */
export async function addSessions(
	records: KeyRecords,
	{ user, device: id, room: of }: { user: string; device: string; room: string },
	count: number,
): Promise<void> {
	const store = await openStore(records, { user, device: id, passphrase: undefined });
	const machine = await store.transaction(() =>
		wasm.OlmMachine.initialize(new wasm.UserId(user), new wasm.DeviceId(id), store.name),
	);
	const key = () => generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
	const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
	for (let done = 0; done < count; done += chunk) {
		const exported = Array.from({ length: Math.min(chunk, count - done) }, () => {
			const signing = key();
			return {
				algorithm: 'm.megolm.v1.aes-sha2',
				room_id: of,
				sender_key: text(key()),
				session_id: text(signing),
				session_key: text(Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), randomBytes(128), signing])),
				sender_claimed_keys: { ed25519: text(key()) },
				forwarding_curve25519_key_chain: [],
			};
		});
		await store.transaction(() => machine.importExportedRoomKeys(JSON.stringify(exported), () => {}));
	}
	await store.close(() => machine.close());
}

/**
 * Adds copies of the existing room key, each under its own ID: as large as real keys, and never read.
 * This is a hundred times faster than importing them with the library.
 */
async function addCopies(place: string, count: number): Promise<void> {
	const { records, close } = await recordsIn(place);
	const database = (await records.databases()).find(({ stores }) => stores.some(({ name }) => name === kind));
	const [original] = await records.read(database?.name ?? '', kind, { prefix: '', exact: false });
	if (!database || !original) throw new TypeError('there is no room key');
	for (let done = 0; done < count; done += chunk)
		await records.write(
			Array.from({ length: Math.min(chunk, count - done) }, () => {
				const key = `${randomBytes(32).toString('base64')}:${randomBytes(32).toString('base64')}`;
				const own = { session_id: key.slice(0, 43), sender_key: key.slice(-43) };
				return {
					database: database.name,
					store: kind,
					key,
					record: { key, value: { ...Object(original.value), ...own } },
				};
			}),
		);
	await records.close();
	await close();
}

/** The name of the wasm store with the room keys. */
const kind = 'inbound_group_sessions3';

type Opened = { open: number; read: number; memory: number };

/** Opens a store and reads a message, in a process of its own. Times in milliseconds, memory in MB. */
async function open(place: string, event: string): Promise<Opened> {
	const begun = performance.now();
	const { records, close } = await recordsIn(place);
	const machine = await OlmMachine.initialize(new UserId(bot), new DeviceId(device), records, '', StoreType.Sqlite);
	const opened = performance.now();
	const { event: clear } = await machine.decryptRoomEvent(event, new RoomId(room));
	if (JSON.parse(clear).content.body !== 'hello') throw new Error('the decrypted message is wrong');
	const read = performance.now();
	const memory = process.memoryUsage().rss / 2 ** 20;
	await machine.close();
	await close();
	return { open: opened - begun, read: read - opened, memory };
}

/** Prints time and memory with one room key and with many. */
export async function benchKeys(count: number): Promise<void> {
	const server = await startPostgres(17, ['fsync=off']);
	const dir = mkdtempSync(join(tmpdir(), 'glia-bench-'));
	try {
		for (const [name, place] of [
			['SQLite', join(dir, 'keys')],
			['PostgreSQL', await server.database()],
		] as const) {
			const event = await begin(place);
			for (const more of [0, count]) {
				if (more > 0) await addCopies(place, more);
				const run = spawnSync(process.execPath, [import.meta.filename, place, event], { encoding: 'utf8' });
				if (run.status !== 0) throw new Error(run.stderr);
				const { open, read, memory } = JSON.parse(run.stdout) as Opened;
				console.log(
					`${name}, ${more + 1} room keys: opened in ${open.toFixed(0)} ms, an old message read in ${read.toFixed(1)} ms, resident ${memory.toFixed(0)} MB`,
				);
			}
		}
	} finally {
		await server.stop();
		rmSync(dir, { recursive: true, force: true });
	}
}

if (import.meta.main) {
	const [, , place = '', event = ''] = process.argv;
	console.log(JSON.stringify(await open(place, event)));
}
