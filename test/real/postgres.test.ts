// The store on a real PostgreSQL: all of the store's contracts on the oldest and the newest supported major version,
// and what only a server can refuse.
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { joinReplicas } from '../../src/edges/store/lease.ts';
import { askPostgres } from '../../src/edges/store/postgres.ts';
import { openPostgresStore, openSchema } from '../../src/edges/store/postgres-store.ts';
import type { Store } from '../../src/ports/store.ts';
import { silence } from '../../src/runtime/log.ts';
import { keptAt, keptContract } from '../contracts/kept.ts';
import type { Places } from '../contracts/places.ts';
import { sessionStoreContract } from '../contracts/session-store.ts';
import { storeContract } from '../contracts/store.ts';
import { watchStoreContract } from '../contracts/watch-store.ts';
import { startPostgres, type TestServer } from './postgres.ts';

async function openAt(url: string, schema = 'glia') {
	return (await openPostgresStore({ address: { url, schema }, migrates: true })).store;
}

describe.each([14, 18])('PostgreSQL %i', major => {
	let server: TestServer;
	let shared: string;
	let schemas = 0;
	beforeAll(async () => {
		server = await startPostgres(major, ['fsync=off']);
		shared = await server.database();
	});
	afterAll(() => server.stop());

	const places: Places = {
		PostgreSQL: async () => {
			const schema = `glia_${++schemas}`;
			return { open: () => openAt(shared, schema), outlives: true, remove: () => undefined };
		},
	};
	storeContract(() => openAt(shared, `glia_${++schemas}`));
	watchStoreContract(places);
	sessionStoreContract(places);
	keptContract(keptAt(places));

	test('runs one transaction after the other, even if they are called concurrently', async () => {
		const store = await openAt(await server.database());
		await Promise.all(Array.from({ length: 20 }, (_, i) => store.kept.put('same', String(i))));
		expect(await store.kept.get('same')).toBe('19');
		await store.close();
	});

	test('prepares each statement once, and at most 500 for lists of different lengths', async () => {
		const { db } = await openSchema({ address: { url: await server.database(), schema: 'glia' }, migrates: true });
		const prepared = async () => {
			const { rows } = await sql<{ count: number }>`SELECT count(*) FROM pg_prepared_statements`.execute(db);
			return rows[0]?.count;
		};
		const before = (await prepared()) ?? Number.NaN;
		const list = (length: number) =>
			db.selectFrom('inbox').select('event').where('event', 'in', Array(length).fill('$e')).execute();
		for (let twice = 0; twice < 2; twice++) await list(1);
		expect(await prepared()).toBe(before + 1);
		for (let length = 1; length <= 600; length++) await list(length);
		expect(await prepared()).toBe(500);
		await db.destroy();
	});

	test('keeps other pollers from a claimed server, but not the one that has finished with it', async () => {
		const address = { url: await server.database(), schema: 'glia' };
		const replica = await joinReplicas({ address, reach: async () => undefined, said: () => undefined, log: silence });
		const named = async (poller: string) =>
			(await openPostgresStore({ address, migrates: true, claims: { poller, keep: 3600_000 } })).store;
		const [one, two] = [await named('one'), await named('two')];
		const at = (ms: number) => new Date(Date.parse('2026-11-30T00:00:00Z') + ms);
		await one.keepWatch({ id: 'w', room: '!r:x', server: 'example.org', facts: [], changed: at(0) }, at(0));
		const due = async (store: Store, now: Date) =>
			(await store.dueServers(now, at(9e9), 10)).map(({ server }) => server);
		expect(await due(one, at(0))).toEqual(['example.org']);
		expect(await due(two, at(0))).toEqual([]);
		await one.keepLook({ server: 'example.org', history: [], looked: at(10), next: at(1000) });
		expect(await due(one, at(999))).toEqual([]);
		expect(await due(two, at(1000))).toEqual([]);
		expect(await due(one, at(1000))).toEqual(['example.org']);
		for (const store of [one, two]) await store.close();
		await replica.close();
	});

	test('refuses the store of a newer Glia', async () => {
		const url = await server.database();
		await (await openAt(url)).close();
		const name = new URL(url).pathname.slice(1);
		await server.query(`INSERT INTO glia.kysely_migration VALUES ('9999-later', '2030-01-01')`, name);
		await expect(openAt(url)).rejects.toThrow(/was written by a newer Glia; start that one, or restore a backup\.$/);
	});

	test.each([
		['no such database', (url: URL) => (url.pathname = '/none'), 'there is no such database'],
		['nobody listening', (url: URL) => (url.port = '1'), 'nothing is listening there'],
		['a host without an address', (url: URL) => (url.hostname = 'none.invalid'), /there is no such host|resolved/],
		['no TLS', (url: URL) => (url.search = '?sslmode=require'), 'it does not offer TLS'],
	])('reports %s in one sentence', async (_, change, sentence) => {
		const url = new URL(await server.database());
		change(url);
		await expect(openAt(url.href)).rejects.toThrow(sentence);
		await expect(openAt(url.href)).rejects.toThrow(/^The store's PostgreSQL \S+ cannot be used: .*\.$/);
	});

	test('says what is missing if a user has no rights or no free connection', async () => {
		const url = new URL(await server.database());
		await server.query(`CREATE ROLE poor LOGIN; CREATE ROLE lonely LOGIN CONNECTION LIMIT 0`);
		url.username = 'poor';
		await expect(openAt(url.href)).rejects.toThrow('cannot create the schema glia: it needs CREATE on the database');
		url.username = 'lonely';
		await expect(openAt(url.href)).rejects.toThrow('it has no free connection');
	});

	test('reports its version without creating anything', async () => {
		const address = { url: await server.database(), schema: 'glia' };
		expect(await askPostgres(address)).toEqual({ version: expect.stringMatching(`^${major}\\.`), hasSchema: false });
		await (await openAt(address.url)).close();
		expect(await askPostgres(address)).toMatchObject({ hasSchema: true });
	});

	test('refuses a database with another encoding, or one that is read-only', async () => {
		const url = await server.database(`ENCODING 'SQL_ASCII' TEMPLATE template0`);
		await expect(openAt(url)).rejects.toThrow("has the encoding SQL_ASCII; create it with ENCODING 'UTF8'");
		const other = await server.database();
		const name = new URL(other).pathname.slice(1);
		await server.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
		await expect(openAt(other)).rejects.toThrow('does not accept writes');
	});
});

test('refuses a PostgreSQL that is too old', async () => {
	const server = await startPostgres(13);
	await expect(openAt(await server.database())).rejects.toThrow(
		"The store's PostgreSQL is version 13; Glia needs 14 or newer.",
	);
	await server.stop();
});
