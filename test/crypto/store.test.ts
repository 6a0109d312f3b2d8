// The store on disk: what survives, what is refused and in which words, and what happens if the disk is full.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import {
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { serialize } from 'node:v8';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
	DeviceId,
	DeviceLists,
	type FatalCryptoError,
	isCryptoError,
	isFatal,
	OlmMachine,
	onFatal,
	UserId,
} from '../../crypto/index.ts';
import { checksum } from '../../crypto/sqlite-records.ts';
import { BOT, DEVICE } from './bot.ts';

let root: string;
beforeAll(() => {
	root = mkdtempSync(join(tmpdir(), 'crypto-store-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const directory = (name: string) => join(root, name);
const file = (name: string) => join(root, name, 'matrix-sdk-crypto-wasm.sqlite3');
const open = (name: string, passphrase = '', user = BOT, device = DEVICE) =>
	OlmMachine.initialize(new UserId(user), new DeviceId(device), directory(name), passphrase, 0);
const identity = (machine: OlmMachine) => machine.identityKeys.ed25519.toBase64();

/** Opens a store, creating it if needed, and closes it. Resolves with its identity. */
async function begun(name: string, passphrase = ''): Promise<string> {
	const machine = await open(name, passphrase);
	const key = identity(machine);
	await machine.close();
	return key;
}

/** Resolves with the machine that `opening` opens, and its database. */
async function caught(opening: () => Promise<OlmMachine>): Promise<[OlmMachine, DatabaseSync]> {
	const { exec } = DatabaseSync.prototype;
	let database: DatabaseSync | undefined;
	DatabaseSync.prototype.exec = function (sql) {
		database = this;
		exec.call(this, sql);
	};
	try {
		const machine = await opening();
		if (database === undefined) throw new Error('no database was opened');
		return [machine, database];
	} finally {
		DatabaseSync.prototype.exec = exec;
	}
}

test('keeps its identity, even when moved, unlike a machine in memory', async () => {
	const key = await begun('kept');
	renameSync(directory('kept'), directory('moved'));
	expect(await begun('moved')).toBe(key);
	const forgetful = () => OlmMachine.initialize(new UserId(BOT), new DeviceId(DEVICE));
	expect(identity(await forgetful())).not.toBe(identity(await forgetful()));
});

test('makes files readable only by the owner, and syncs every commit', async () => {
	const [machine, database] = await caught(() => open('private'));
	await machine.updateTrackedUsers([new UserId('@alice:example.org')]);
	const files = readdirSync(directory('private'));
	expect(files).toContain('matrix-sdk-crypto-wasm.sqlite3-wal');
	for (const name of files) expect(statSync(join(directory('private'), name)).mode & 0o777).toBe(0o600);
	expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
	expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
	await machine.close();
});

test('opens only with its passphrase', async () => {
	const key = await begun('sealed', 'secret');
	await begun('open');
	for (const [name, passphrase, said] of [
		['sealed', 'other', /passphrase does not match/],
		['sealed', '', /none was given/],
		['open', 'secret', /created without a passphrase/],
	] as const) {
		await expect(open(name, passphrase)).rejects.toMatchObject({ code: 'CRYPTO_STORE_PASSPHRASE', message: said });
	}
	expect(await begun('sealed', 'secret')).toBe(key);
});

test('refuses the store of another user or device by name', async () => {
	await begun('mine');
	for (const [user, device] of [
		[BOT, 'OTHER'],
		['@other:example.org', DEVICE],
	] as const) {
		await expect(open('mine', '', user, device)).rejects.toMatchObject({
			code: 'CRYPTO_STORE_FOREIGN',
			message: expect.stringContaining(`belongs to ${BOT} on device ${DEVICE}, not to ${user} on device ${device}`),
		});
	}
});

test('refuses a directory of the native library and leaves it alone', async () => {
	mkdirSync(directory('native'));
	writeFileSync(join(directory('native'), 'matrix-sdk-crypto.sqlite3'), '');
	await expect(open('native')).rejects.toMatchObject({ code: 'CRYPTO_STORE_NATIVE', message: /log in again/ });
	expect(readdirSync(directory('native'))).toEqual(['matrix-sdk-crypto.sqlite3']);
});

test("refuses a store of a newer version, ours or wasm's", async () => {
	await begun('newer');
	changed('newer', 'PRAGMA user_version = 4');
	await begun('newer-schema');
	const database = new DatabaseSync(file('newer-schema'));
	for (const { name = '', version, stores = '' } of database.prepare('SELECT * FROM database').all()) {
		const row = [Number(version) + 1000, checksum(String(name), Number(version) + 1000, String(stores)), name] as const;
		database.prepare('UPDATE database SET version = ?, checksum = ? WHERE name = ?').run(...row);
	}
	database.close();
	for (const name of ['newer', 'newer-schema'])
		await expect(open(name)).rejects.toMatchObject({ code: 'CRYPTO_STORE_NEWER', message: /newer version/ });
});

test('refuses a file that is something else', async () => {
	mkdirSync(directory('garbage'));
	writeFileSync(file('garbage'), 'not a database, but longer than the header of one; '.repeat(100));
	await expect(open('garbage')).rejects.toMatchObject({ code: 'CRYPTO_STORE_UNREADABLE', message: /not a database/ });
});

test('refuses to open twice in one process until it is closed', async () => {
	const machine = await open('twice');
	await expect(open('twice')).rejects.toMatchObject({ code: 'CRYPTO_STORE_BUSY', message: /in this process/ });
	const later = machine.outgoingRequests();
	await machine.close();
	expect(await later).not.toEqual([]);
	await expect(machine.outgoingRequests()).rejects.toMatchObject({ code: 'CRYPTO_CLOSED' });
	await (await open('twice')).close();
});

test('refuses to open in two processes until the first is killed', async () => {
	const other = fork(join(import.meta.dirname, 'bot.ts'), [directory('shared')]);
	const [{ identity: key }] = await once(other, 'message');
	await expect(open('shared')).rejects.toMatchObject({ code: 'CRYPTO_STORE_BUSY', message: /another process/ });
	other.kill('SIGKILL');
	await once(other, 'exit');
	expect(await begun('shared')).toBe(key);
});

test('stops the machine if the disk is full, and keeps nothing of the failed write', async () => {
	const [machine, database] = await caught(() => open('full'));
	const key = identity(machine);
	const users = (from: number) => Array.from({ length: 200 }, (_, i) => new UserId(`@u${from + i}:example.org`));
	await machine.updateTrackedUsers(users(0));
	const heard: FatalCryptoError[] = [];
	const deaf = onFatal(error => heard.push(error));
	database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
	database.exec(`PRAGMA max_page_count = ${database.prepare('PRAGMA page_count').get()?.page_count}`);
	const refused = await machine.updateTrackedUsers(users(200)).catch(error => error);
	expect(refused).toMatchObject({ code: 'CRYPTO_STORE_FAILED', message: /full/ });
	expect(isFatal(refused)).toBe(true);
	const lists = new DeviceLists();
	await expect(machine.outgoingRequests()).rejects.toBe(refused);
	await expect(machine.receiveSyncChanges('[]', lists, {}, [])).rejects.toBe(refused);
	await machine.close();
	await new Promise(setImmediate);
	deaf();
	expect(heard).toEqual([refused]);

	const again = await open('full');
	expect(identity(again)).toBe(key);
	const bodies = (await again.outgoingRequests()).map(({ body }) => body).join();
	expect(bodies).toContain('@u199:example.org');
	expect(bodies).not.toContain('@u200:example.org');
	await again.close();
});

const promised =
	/^CryptoError: .* is damaged \(.*\); restore a backup of it, or log in again as a new device, without these keys$/;

/** Creates a store with an account, cross-signing keys, a device and an identity. Resolves with its bytes. */
async function filled(name: string): Promise<Buffer> {
	const machine = await open(name);
	await machine.bootstrapCrossSigning(true);
	const query = machine.queryKeysForUsers([new UserId(BOT)]);
	await machine.markRequestAsSent(query.id, query.type, '{"device_keys":{}}');
	await machine.close();
	return readFileSync(file(name));
}

/** Writes a store from bytes, without SQLite's accompanying files. */
function written(name: string, bytes: Uint8Array): void {
	for (const end of ['-wal', '-shm']) rmSync(file(name) + end, { force: true });
	writeFileSync(file(name), bytes);
}

function changed(name: string, sql: string, ...values: (string | number | Uint8Array)[]): void {
	const database = new DatabaseSync(file(name));
	database.prepare(sql).run(...values);
	database.close();
}

/** Opens a store and uses all of it. Resolves with its identity or the error. */
async function used(name: string): Promise<unknown> {
	let machine: OlmMachine | undefined;
	try {
		machine = await open(name);
		await machine.updateTrackedUsers([new UserId(BOT)]);
		await machine.isDeviceSignedByOwner(new UserId(BOT), new DeviceId(DEVICE));
		await machine.receiveSyncChanges('[]', new DeviceLists([], []), {});
		await machine.outgoingRequests();
		return identity(machine);
	} catch (error) {
		expect(isCryptoError(error)).toBe(true);
		return error;
	} finally {
		await machine?.close().catch(() => undefined);
	}
}

type Row = { database: string; store: string; key: string; value: Uint8Array; checksum: number };

function rowsOf(name: string): Row[] {
	const database = new DatabaseSync(file(name));
	const rows = database.prepare('SELECT * FROM record').all() as Row[];
	database.close();
	expect(rows.length).toBeGreaterThan(2);
	return rows;
}

const update = 'UPDATE record SET value = ? WHERE database = ? AND store = ? AND key = ?';

test('covers every byte of every stored value with a checksum', async () => {
	await filled('summed');
	for (const { database, store, key, value, checksum: kept } of rowsOf('summed')) {
		expect(checksum(database, store, key, value)).toBe(kept);
		for (const at of value.keys()) {
			const byte = value[at] ?? 0;
			value[at] = byte ^ (1 << (at % 8));
			if (checksum(database, store, key, value) === kept)
				throw new Error(`the checksum ignores byte ${at} of ${store}`);
			value[at] = byte;
		}
	}
});

test('reports a value with a damaged byte in the promised sentence', async () => {
	const saved = await filled('damaged');
	for (const { database, store, key, value } of rowsOf('damaged')) {
		// Every byte of a short value, about sixty of a long one.
		for (let at = 0; at < value.length; at += Math.ceil(value.length / 60)) {
			const worse = Uint8Array.from(value);
			worse[at] = (worse[at] ?? 0) ^ 0x01;
			written('damaged', saved);
			changed('damaged', update, worse, database, store, key);
			expect(String(await used('damaged')), `byte ${at} of ${store} ${key}`).toMatch(promised);
		}
	}
});

test('reports damage of any byte in the promised sentence, or keeps the same identity', async () => {
	const saved = await filled('file');
	const key = await used('file');
	const bytes = Buffer.from(readFileSync(file('file')));
	expect(bytes.length).toBeGreaterThan(saved.length - 1);
	let refused = 0;
	for (let at = 0; at < bytes.length; at += 251) {
		const byte = bytes[at] ?? 0;
		bytes[at] = byte ^ 0x41;
		written('file', bytes);
		const became = await used('file');
		if (became !== key) {
			refused++;
			// A damaged owner looks like another owner, and a damaged format number like another format.
			expect(String(became), `byte ${at}`).toMatch(
				new RegExp(`${promised.source}|belongs to .* not to|was created with|newer version|cannot be read: `),
			);
		}
		bytes[at] = byte;
	}
	expect(refused).toBeGreaterThan(70);
});

test("reports a value that is not the library's in the promised sentence, even if the checksum matches", async () => {
	const saved = await filled('nonsense');
	for (const { database, store, key } of rowsOf('nonsense'))
		for (const value of [Buffer.from('garbage'), serialize({ nothing: 1 }), serialize('AAAA')]) {
			written('nonsense', saved);
			changed('nonsense', update, value, database, store, key);
			const sum = checksum(database, store, key, value);
			changed('nonsense', 'UPDATE record SET checksum = ? WHERE value = ?', sum, value);
			const became = await used('nonsense');
			if (became instanceof Error) expect(String(became)).toMatch(promised);
		}
});

test.each([
	['a record under another name', "UPDATE record SET store = 'elsewhere' WHERE store = 'core'"],
	['a record under another key', "UPDATE record SET key = '\"other\"' WHERE store = 'devices'"],
	['another shape', "UPDATE database SET stores = replace(stores, 'inbound', 'unbound')"],
	['another version of the shape', 'UPDATE database SET version = version - 1'],
])('reports %s in the promised sentence', async (_, sql) => {
	await filled('moved-inside');
	changed('moved-inside', sql);
	expect(String(await used('moved-inside'))).toMatch(promised);
	rmSync(directory('moved-inside'), { recursive: true });
});

test('adds checksums to an older store, and keeps its identity', async () => {
	const key = await begun('old');
	const database = new DatabaseSync(file('old'));
	for (const table of ['database', 'record']) database.exec(`ALTER TABLE ${table} DROP COLUMN checksum`);
	database.exec('DROP TABLE lookup; PRAGMA user_version = 1');
	database.close();
	expect(await begun('old')).toBe(key);
	for (const { database, store, key, value, checksum: kept } of rowsOf('old'))
		expect(checksum(database, store, key, value)).toBe(kept);
});
