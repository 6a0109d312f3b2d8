// A store moved from a folder to a real PostgreSQL and back: every row, and the keys of encrypted rooms.
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { moveStore } from '../../src/app/move-store.ts';
import { keysIn, openKeys } from '../../src/edges/matrix/keys.ts';
import { joinReplicas } from '../../src/edges/store/lease.ts';
import { openPostgresStore } from '../../src/edges/store/postgres-store.ts';
import { openStore } from '../../src/edges/store/store.ts';
import { silence } from '../../src/runtime/log.ts';
import { startPostgres, type TestServer } from './postgres.ts';

const kept = join(import.meta.dirname, '../edges/store/store-0.1.0');
const owner = { user: '@glia:glia.test', device: 'AOSHMHODHL' };
const passphrase = 'a passphrase of nobody';
let server: TestServer;
let dir: string;
let old: string;
let said: string;

beforeAll(async () => {
	server = await startPostgres(17, ['fsync=off']);
	dir = mkdtempSync(join(tmpdir(), 'glia-move-'));
	old = join(dir, 'old');
	cpSync(kept, old, { recursive: true });
	// Let both sides have the tables of this version.
	await (await openStore(old)).close();
	vi.spyOn(process.stdout, 'write').mockImplementation(text => {
		said += text;
		return true;
	});
});
beforeEach(() => {
	said = '';
});
afterAll(async () => {
	vi.restoreAllMocks();
	await server.stop();
	rmSync(dir, { recursive: true });
});

function rowsIn(folder: string): unknown {
	const database = new DatabaseSync(join(folder, 'glia.sqlite'), { readOnly: true });
	const tables = database
		.prepare(
			`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '*_*igration*' AND name NOT GLOB 'sqlite_*'`,
		)
		.all()
		.map(({ name }) => String(name));
	const rows = tables.sort().map(name => [
		name,
		database
			.prepare(`SELECT * FROM ${name}`)
			.all()
			.map(row => JSON.stringify(row))
			.sort(),
	]);
	database.close();
	return rows;
}

test('moves there and back with the same rows and device, and continues numbering', async () => {
	const address = { url: await server.database(), schema: 'glia' };
	expect(await moveStore(old, address)).toBe(0);
	expect(said).toMatch(/watches 3.*keys of 1 session\n.*moved\./s);
	const { store, keys } = await openPostgresStore({ address, migrates: true });
	expect(await store.account()).toMatchObject({ ...owner, origin: 'login' });
	const machine = await openKeys(keys, owner, passphrase);
	expect(machine.fingerprint).toBe('WsGZ XiHa 5DYf bf1x WdfR slgd s15E ga85 SVSS /fVc T7E');
	await machine.close();
	expect(await keys.starts(owner.device)).toBe(await keysIn(old).starts(owner.device));
	await store.close();
	const back = join(dir, 'back');
	expect(await moveStore(address, back)).toBe(0);
	expect(rowsIn(back)).toEqual(rowsIn(old));
	const again = await openKeys(keysIn(back), owner, passphrase);
	expect(again.fingerprint).toBe('WsGZ XiHa 5DYf bf1x WdfR slgd s15E ga85 SVSS /fVc T7E');
	expect((await again.roomKeyCounts()).total).toBeGreaterThan(0);
	await again.close();
	await (await openStore(back)).close();
});

test('moves a copy of keys that were in use, which the next start notices', async () => {
	const address = { url: await server.database(), schema: 'glia' };
	await moveStore(old, address);
	const { store, keys } = await openPostgresStore({ address, migrates: true });
	await keys.keepStarts(owner.device, 5);
	await store.close();
	const name = new URL(address.url).pathname.slice(1);
	await server.query(`CREATE DATABASE ${name}_copy TEMPLATE ${name}`);
	const places = [join(dir, 'of-the-copy'), join(dir, 'of-the-original')] as const;
	await moveStore({ ...address, url: `${address.url}_copy` }, places[0]);
	await moveStore(address, places[1]);
	expect(await keysIn(places[0]).starts(owner.device)).toBe(0);
	expect(await keysIn(places[1]).starts(owner.device)).toBe(5);
});

test('refuses a store that is in use or missing, or a target that is not empty', async () => {
	const address = { url: await server.database(), schema: 'glia' };
	const store = await openStore(old);
	await expect(moveStore(old, address)).rejects.toThrow(/Another process is using the store in .*old; stop it first/);
	await store.close();
	await expect(moveStore(join(dir, 'none'), address)).rejects.toThrow(/There is no store in/);
	await expect(moveStore(address, kept)).rejects.toThrow(/is not empty/);
	await moveStore(old, address);
	await expect(moveStore(old, address)).rejects.toThrow(/is not empty; name an empty|is newer than the one/);
	const replica = await joinReplicas({ address, reach: async () => undefined, said: () => undefined, log: silence });
	const leads = await replica.lead(AbortSignal.timeout(30_000));
	const place = join(dir, 'led');
	await expect(moveStore(address, place)).rejects.toThrow(
		/Another process is using the store in .*, connected from 127\.0\.0\.1 since 20\d\d-.* UTC; stop it first, and every other replica\./,
	);
	expect(existsSync(place)).toBe(false);
	await leads?.release();
	await replica.close();
});

test('leaves nothing behind after an interrupted move, which can be repeated', async () => {
	const address = { url: await server.database(), schema: 'glia' };
	const name = new URL(address.url).pathname.slice(1);
	await moveStore(old, address);
	const tables = (await server.query(
		`SELECT tablename FROM pg_tables WHERE schemaname = 'glia' AND tablename !~ '^(kysely_|key_|lease|turn|replicas|claims)'`,
		name,
	)) as { tablename: string }[];
	await server.query(tables.map(({ tablename }) => `TRUNCATE glia.${tablename}`).join(';'), name);
	await server.query('ALTER TABLE glia.watches ADD CONSTRAINT never CHECK (false)', name);
	await expect(moveStore(old, address)).rejects.toThrow(/check constraint/);
	const [{ count }] = (await server.query('SELECT count(*)::int AS count FROM glia.rooms', name)) as [
		{ count: number },
	];
	expect(count).toBe(0);
	await server.query('ALTER TABLE glia.watches DROP CONSTRAINT never', name);
	expect(await moveStore(old, address)).toBe(0);
});
