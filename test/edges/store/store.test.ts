// The store in memory and on a file, and what can only go wrong with a file.
import { spawnSync } from 'node:child_process';
import {
	cpSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import { writeTrouble } from '../../../src/edges/store/disk.ts';
import { openStore } from '../../../src/edges/store/store.ts';
import { local } from '../../contracts/places.ts';
import { sessionStoreContract } from '../../contracts/session-store.ts';
import { batch, incoming, news, saying, storeContract } from '../../contracts/store.ts';
import { watchStoreContract } from '../../contracts/watch-store.ts';

const folders: string[] = [];

function folder(): string {
	const path = mkdtempSync(join(tmpdir(), 'glia-store-'));
	folders.push(path);
	return path;
}

afterEach(() => {
	for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true });
});

watchStoreContract(local);
sessionStoreContract(local);
describe('memory', () => storeContract(() => openStore()));
describe('file', () => storeContract(() => openStore(join(folder(), 'data'))));

test('survives a restart, and is readable only by its owner', async () => {
	const path = join(folder(), 'deep', 'data');
	const first = await openStore(path);
	await first.take(batch('token'), new Date());
	const modes = readdirSync(path).map(name => [name, (statSync(join(path, name)).mode & 0o777).toString(8)]);
	expect(modes.length).toBeGreaterThanOrEqual(3);
	expect(modes.filter(([, mode]) => mode !== '600')).toEqual([]);
	expect(statSync(path).mode & 0o777).toBe(0o700);
	await first.close();
	const second = await openStore(path);
	expect(await second.token()).toBe('token');
	await second.close();
});

test('keeps what was committed before a SIGKILL', () => {
	const path = folder();
	const program = `
		const { openStore } = await import(${JSON.stringify(new URL('../../../src/edges/store/store.ts', import.meta.url).href)});
		const store = await openStore(${JSON.stringify(path)});
		await store.take({ token: 'kept', joined: [], invited: [], left: [] }, new Date());
		process.kill(process.pid, 'SIGKILL');`;
	const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
	expect(signal).toBe('SIGKILL');
	const database = new DatabaseSync(join(path, 'glia.sqlite'));
	expect(database.prepare('SELECT token FROM sync').get()).toEqual({ token: 'kept' });
	database.close();
});

test('refuses with one sentence to open twice, in this process and in another', async () => {
	const path = folder();
	const store = await openStore(path);
	const sentence = `Another process is using the store in ${path}; stop it first.`;
	await expect(openStore(path)).rejects.toThrow(sentence);
	const program = `
		const { openStore } = await import(${JSON.stringify(new URL('../../../src/edges/store/store.ts', import.meta.url).href)});
		await openStore(${JSON.stringify(path)}).catch(error => console.log(error.message));`;
	const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
	expect(stdout.trim()).toBe(sentence);
	await store.close();
	await (await openStore(path)).close();
});

test('shrinks the file after data is deleted', async () => {
	const path = join(folder(), 'data');
	const size = () => statSync(join(path, 'glia.sqlite')).size;
	const store = await openStore(path);
	const keys = ['a', 'b', 'c', 'd'];
	for (const key of keys) await store.kept.put(key, 'x'.repeat(2_000_000));
	await store.tidy();
	const full = size();
	expect(full).toBeGreaterThan(6_000_000);
	for (const key of keys) await store.kept.put(key, '');
	for (let i = 0; i < 3; i++) await store.tidy();
	expect(size()).toBeLessThan(full / 4);
	await store.close();
});

test("lets an older Glia's file shrink too", async () => {
	const path = join(folder(), 'data');
	cpSync(join(import.meta.dirname, 'store-0.1.0'), path, { recursive: true });
	const mode = () => {
		const database = new DatabaseSync(join(path, 'glia.sqlite'), { readOnly: true });
		const { auto_vacuum: mode } = database.prepare('PRAGMA auto_vacuum').get() ?? {};
		database.close();
		return mode;
	};
	expect(mode()).toBe(0);
	await (await openStore(path)).close();
	expect(mode()).toBe(2);
});

test('refuses a store from a newer Glia with one sentence', async () => {
	const path = folder();
	await (await openStore(path)).close();
	const database = new DatabaseSync(join(path, 'glia.sqlite'));
	database.exec(`INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-later', '2030-01-01')`);
	database.close();
	await expect(openStore(path)).rejects.toThrow(/was written by a newer Glia; start that one, or restore a backup\.$/);
});

test('refuses a file that is not a store, or an unusable folder, with one sentence', async () => {
	const path = folder();
	writeFileSync(join(path, 'glia.sqlite'), 'this is not a database, and long enough to be looked at as one');
	await expect(openStore(path)).rejects.toThrow(/^The store in .* cannot be (opened|used): /);
	await expect(openStore(join(path, 'glia.sqlite', 'below'))).rejects.toThrow(
		/^The store's folder .* cannot be used: /,
	);
});

test.each([
	[
		'a folder instead of the database',
		'glia.sqlite',
		/^The store in (\S+) cannot be opened: \1\S+ is a folder, not a file\.$/,
	],
	[
		"a folder instead of the lock's file",
		'lock.sqlite',
		/^The store's folder (\S+) cannot be used: \1\S+ is a folder, not/,
	],
])('names %s', async (_what, name, sentence) => {
	const path = folder();
	mkdirSync(join(path, name));
	await expect(openStore(path)).rejects.toThrow(sentence);
});

test.runIf(existsSync('/proc/self'))('does not try for ever to create a folder where there can be none', () => {
	const program = `
		const { makeFolder } = await import(${JSON.stringify(new URL('../../../src/edges/store/disk.ts', import.meta.url).href)});
		makeFolder('/proc/glia/data');`;
	// Stops a loop without a moment's rest.
	const shell = ['-c', 'ulimit -t 20; exec "$0" --input-type=module -e "$1"', process.execPath, program];
	const { signal, stderr } = spawnSync('sh', shell, { encoding: 'utf8' });
	expect(signal).toBeNull();
	expect(stderr).toMatch(/ENOENT|EACCES|EPERM/);
});

test('leaves no message or answer in any file after delivery', async () => {
	const path = folder();
	const store = await openStore(path);
	const now = new Date();
	await store.take(batch('1'), now);
	await store.take(batch('2', { joined: [news()] }), now);
	for (const gap of await store.gaps(now)) await store.fill(gap, { messages: [] }, now);
	const bytes = () => readdirSync(path).map(name => readFileSync(join(path, name), 'latin1'));
	for (let i = 0; i < 300; i++) {
		// Use all lengths, so that rows share a page, fill one, or span several.
		const body = `planted-question-${i} `.repeat(1 + ((i * 7) % 400));
		await store.take(batch(`m${i}`, { joined: [news([incoming(`$${i}`, { body })])] }), now);
		if (i === 0) expect(bytes().some(file => file.includes('planted-question'))).toBe(true);
		const content = { body: `planted-answer-${i} `.repeat(1 + ((i * 11) % 400)) };
		await store.settle(`$${i}`, [saying(`s${i}`, { event: { type: 'm.room.message', content } } as never)], now);
		const [row] = await store.due(now, [], 1);
		await store.seal(row?.id ?? 0, { type: 'm.room.message', content });
		await store.sent(row?.id ?? 0, `$a${i}`, now);
	}
	await store.tidy();
	expect(bytes().filter(file => file.includes('planted'))).toEqual([]);
	await store.close();
});

test.each([
	['EDQUOT', /disk quota .* used up/],
	['ENOSPC', /disk is full/],
	['EROFS', /read-only/],
])("reports a disk that cannot be written in the system's words: %s", (code, sentence) => {
	const refuse = () => {
		throw Object.assign(new Error(`${code}: write`), { code });
	};
	expect(writeTrouble(folder(), refuse)).toMatch(sentence);
});

test('reports nothing about a working disk, and leaves nothing on it', () => {
	const path = folder();
	expect(writeTrouble(path)).toBeUndefined();
	expect(readdirSync(path)).toEqual([]);
});
