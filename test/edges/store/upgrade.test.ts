// A store from 0.1.0, with its keys, opens complete in this version; an older version refuses a newer store.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keysIn, openKeys, readSeeds } from '../../../src/edges/matrix/keys.ts';
import type { Tables } from '../../../src/edges/store/schema.ts';
import { dialect, openSqlite } from '../../../src/edges/store/sqlite.ts';
import { migrate, openStore } from '../../../src/edges/store/store.ts';

const passphrase = 'a passphrase of nobody';
const owner = { user: '@glia:glia.test', device: 'AOSHMHODHL' };
let folder: string;

beforeEach(() => {
	folder = join(mkdtempSync(join(tmpdir(), 'glia-upgrade-')), 'data');
	cpSync(join(import.meta.dirname, 'store-0.1.0'), folder, { recursive: true });
});

afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

test('keeps the account, rooms, watches, alerts, settings and guide sessions', async () => {
	const store = await openStore(folder);
	try {
		expect(await store.account()).toMatchObject({ ...owner, origin: 'login' });
		expect(await store.token()).toMatch(/^s\d/);
		const rooms = await store.joinedRooms();
		expect(rooms).toHaveLength(2);
		const watches = (await Promise.all(rooms.map(room => store.watches(room)))).flat();
		const found = watches.map(({ server, facts, told }) => [server, [...facts].sort(), told?.version]);
		expect(found.sort()).toEqual([
			['one.example', ['install=docker', 'postgres=14', 'workers'], '1.98.0'],
			['three.example', ['database=sqlite'], '1.150.0'],
			['two.example', [], undefined],
		]);
		const one = watches.find(({ server }) => server === 'one.example');
		const encrypted = one?.room ?? '';
		expect(await store.wasEncrypted(encrypted)).toBe(true);
		expect(await store.settings(encrypted)).toEqual({ zone: 'Europe/Berlin', severity: 'warning' });
		const other = rooms.find(room => room !== encrypted) ?? '';
		expect(await store.wasEncrypted(other)).toBe(false);
		expect(await store.settings(other)).toEqual({ bare: false });
		const open = await store.open(encrypted);
		expect(open).toHaveLength(34);
		expect(open.find(({ number }) => number === 1)).toMatchObject({ server: 'one.example', rule: 'lifecycle' });
		expect(open.filter(({ acked }) => acked)).toHaveLength(1);
		expect(open.filter(({ snoozed }) => snoozed !== undefined)).toHaveLength(1);
		const [session] = await store.sessions(encrypted);
		expect(session).toMatchObject({ is: 'open', guide: 'postgres-major', asked: 'postgres 15 17 docker' });
	} finally {
		await store.close();
	}
});

test('migrates only once', async () => {
	await (await openStore(folder)).close();
	const store = await openStore(folder);
	expect((await store.figures(new Date())).watches).toBe(3);
	await store.close();
});

test('leaves the store as it was if there is no space left in the middle of a migration', async () => {
	const file = join(folder, 'glia.sqlite');
	const schemaOf = (database: DatabaseSync) => database.prepare('SELECT * FROM sqlite_schema ORDER BY name').all();
	const before = new DatabaseSync(file);
	before.exec('VACUUM');
	const schema = schemaOf(before);
	const { page_count: pages } = before.prepare('PRAGMA page_count').get() as { page_count: number };
	before.close();
	for (const room of [1, 6, 14]) {
		const database = openSqlite(file);
		database.exec(`PRAGMA max_page_count = ${pages + room}`);
		const db = new Kysely<Tables>({ dialect: dialect(database) });
		await expect(migrate(db, folder)).rejects.toThrow(/database or disk is full/);
		expect(schemaOf(database)).toEqual(schema);
		await db.destroy();
	}
	const store = await openStore(folder);
	expect((await store.figures(new Date())).watches).toBe(3);
	await store.close();
});

test("keeps the device's keys and the identity", async () => {
	const machine = await openKeys(keysIn(folder), owner, passphrase);
	expect(machine.fingerprint).toBe('WsGZ XiHa 5DYf bf1x WdfR slgd s15E ga85 SVSS /fVc T7E');
	expect((await machine.roomKeyCounts()).total).toBeGreaterThan(0);
	await machine.close();
	expect(Object.values((await readSeeds(keysIn(folder), owner, passphrase)) ?? {})).toEqual([
		expect.stringMatching(/^\S{43}$/),
		expect.stringMatching(/^\S{43}$/),
		expect.stringMatching(/^\S{43}$/),
	]);
	await expect(openKeys(keysIn(folder), owner, 'another')).rejects.toThrow(/passphrase/);
});

test('refuses a store migrated by a later version with one sentence, and leaves it unchanged', async () => {
	await (await openStore(folder)).close();
	const file = join(folder, 'glia.sqlite');
	const database = new DatabaseSync(file);
	database.exec("INSERT INTO kysely_migration VALUES ('9999-of-the-future', '2030-01-01')");
	database.close();
	await expect(openStore(folder)).rejects.toThrow(
		new RegExp(`^The store in ${folder} was written by a newer Glia; start that one, or restore a backup\\.$`),
	);
	const after = new DatabaseSync(file, { readOnly: true });
	expect(after.prepare("SELECT count(*) AS n FROM kysely_migration WHERE name LIKE '9999%'").get()).toEqual({ n: 1 });
	after.close();
});
