// The store on disk: what survives, what is refused and in which words, and what a full disk does.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
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

/** Begins a store and closes it; its identity. */
async function begun(name: string, passphrase = ''): Promise<string> {
	const machine = await open(name, passphrase);
	const key = identity(machine);
	await machine.close();
	return key;
}

/** The database that the next `open` uses. */
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

test('a store keeps its identity, also after it was moved, and a memory machine does not', async () => {
	const key = await begun('kept');
	renameSync(directory('kept'), directory('moved'));
	expect(await begun('moved')).toBe(key);
	const forgetful = () => OlmMachine.initialize(new UserId(BOT), new DeviceId(DEVICE));
	expect(identity(await forgetful())).not.toBe(identity(await forgetful()));
});

test('nobody else can read the files, and every commit is synced', async () => {
	const [machine, database] = await caught(() => open('private'));
	await machine.updateTrackedUsers([new UserId('@alice:example.org')]);
	const files = readdirSync(directory('private'));
	expect(files).toContain('matrix-sdk-crypto-wasm.sqlite3-wal');
	for (const name of files) expect(statSync(join(directory('private'), name)).mode & 0o777).toBe(0o600);
	expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
	expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
	await machine.close();
});

test('with a passphrase it opens with this one only', async () => {
	const key = await begun('sealed', 'secret');
	await begun('open');
	for (const [name, passphrase, said] of [
		['sealed', 'other', /is another one/],
		['sealed', '', /none was given/],
		['open', 'secret', /begun without a passphrase/],
	] as const) {
		await expect(open(name, passphrase)).rejects.toMatchObject({ code: 'CRYPTO_STORE_PASSPHRASE', message: said });
	}
	expect(await begun('sealed', 'secret')).toBe(key);
});

test('of another user or device it is refused by name', async () => {
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

test('a directory of the native library is refused and left alone', async () => {
	mkdirSync(directory('native'));
	writeFileSync(join(directory('native'), 'matrix-sdk-crypto.sqlite3'), '');
	await expect(open('native')).rejects.toMatchObject({ code: 'CRYPTO_STORE_NATIVE', message: /log in again/ });
	expect(readdirSync(directory('native'))).toEqual(['matrix-sdk-crypto.sqlite3']);
});

test('written by a newer version it is refused, whether ours or wasm’s', async () => {
	for (const [name, change] of [
		['newer', 'PRAGMA user_version = 2'],
		['newer-schema', 'UPDATE database SET version = version + 1000'],
	] as const) {
		await begun(name);
		const database = new DatabaseSync(file(name));
		database.exec(change);
		database.close();
		await expect(open(name)).rejects.toMatchObject({ code: 'CRYPTO_STORE_NEWER', message: /newer version/ });
	}
});

test('a file that is something else is refused', async () => {
	mkdirSync(directory('garbage'));
	writeFileSync(file('garbage'), 'not a database, but longer than the header of one; '.repeat(100));
	await expect(open('garbage')).rejects.toMatchObject({ code: 'CRYPTO_STORE_UNREADABLE', message: /not a database/ });
});

test('twice in one process it is refused, until it is closed', async () => {
	const machine = await open('twice');
	await expect(open('twice')).rejects.toMatchObject({ code: 'CRYPTO_STORE_BUSY', message: /in this process/ });
	const later = machine.outgoingRequests();
	await machine.close();
	expect(await later).not.toEqual([]);
	await expect(machine.outgoingRequests()).rejects.toMatchObject({ code: 'CRYPTO_CLOSED' });
	await (await open('twice')).close();
});

test('in two processes it is refused, until the first is killed', async () => {
	const other = fork(join(import.meta.dirname, 'bot.ts'), [directory('shared')]);
	const [{ identity: key }] = await once(other, 'message');
	await expect(open('shared')).rejects.toMatchObject({ code: 'CRYPTO_STORE_BUSY', message: /another process/ });
	other.kill('SIGKILL');
	await once(other, 'exit');
	expect(await begun('shared')).toBe(key);
});

test('a full disk ends the machine, and nothing of what it refused is there afterwards', async () => {
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

test('a damaged value ends in one sentence, whichever it is and whatever stands in its place', async () => {
	const machine = await open('damaged');
	await machine.bootstrapCrossSigning(true);
	const query = machine.queryKeysForUsers([new UserId(BOT)]);
	await machine.markRequestAsSent(query.id, query.type, '{"device_keys":{}}');
	await machine.close();
	const saved = join(root, 'saved.sqlite3');
	cpSync(file('damaged'), saved);
	const records = new DatabaseSync(saved);
	const keys = records.prepare('SELECT database, store, key FROM record').all();
	records.close();
	expect(keys.length).toBeGreaterThan(4);
	for (const { database = '', store = '', key = '' } of keys) {
		for (const value of [Buffer.from('garbage'), serialize({ nothing: 1 }), serialize('AAAA')]) {
			cpSync(saved, file('damaged'));
			const damaging = new DatabaseSync(file('damaged'));
			damaging
				.prepare('UPDATE record SET value = ? WHERE database = ? AND store = ? AND key = ?')
				.run(value, database, store, key);
			damaging.close();
			let opened: OlmMachine | undefined;
			try {
				opened = await open('damaged');
				await opened.updateTrackedUsers([new UserId(BOT)]);
				await opened.isDeviceSignedByOwner(new UserId(BOT), new DeviceId(DEVICE));
				await opened.receiveSyncChanges('[]', new DeviceLists([], []), {});
				await opened.outgoingRequests();
			} catch (error) {
				expect([String(store), isCryptoError(error)]).toEqual([store, true]);
				expect(String(error)).toMatch(/is damaged \(.*\); restore a backup of it, or log in again as a new device/);
			}
			await opened?.close().catch(() => undefined);
		}
	}
});
