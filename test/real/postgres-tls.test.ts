// Configuring a store in PostgreSQL: in parts, with a password file, over TLS; and the sentence for each mistake.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runBackup } from '../../src/app/backup.ts';
import { readConfig } from '../../src/config.ts';
import { openPostgresStore } from '../../src/edges/store/postgres-store.ts';
import { openAuthority } from '../edges/web/authority.ts';
import { startPostgres, type TestServer } from './postgres.ts';

const authority = openAuthority();
const { key, cert } = authority.issue(['localhost']);
/** Everyone but the superuser needs TLS and a password. */
const access = `
host    all postgres 127.0.0.1/32 trust
hostssl all all      127.0.0.1/32 scram-sha-256
`;

let server: TestServer;
let dir: string;
let database: string;

beforeAll(async () => {
	const settings = [
		'fsync=off',
		'ssl=on',
		'ssl_cert_file=../server.crt',
		'ssl_key_file=../server.key',
		'hba_file=access.conf',
	];
	const files = { 'server.crt': cert, 'server.key': key, 'access.conf': access };
	server = await startPostgres(17, settings, files);
	dir = mkdtempSync(join(tmpdir(), 'glia-tls-'));
	database = new URL(await server.database()).pathname.slice(1);
	await server.query(`CREATE ROLE glia LOGIN PASSWORD 'right'; ALTER DATABASE ${database} OWNER TO glia`);
	writeFileSync(join(dir, 'authority.pem'), authority.certificate);
	writeFileSync(join(dir, 'other.pem'), openAuthority('Another').certificate);
	writeFileSync(join(dir, 'right'), 'right\n');
	writeFileSync(join(dir, 'wrong'), 'wrong\n');
});
afterAll(async () => {
	await server?.stop();
	if (dir) rmSync(dir, { recursive: true });
});

const parts = () => ({ host: 'localhost', port: server.port, database, user: 'glia' });

/** The configuration with `postgres` as `store.postgres`. */
function configured(postgres: unknown) {
	const config = {
		matrix: { homeserver: 'https://example.org', user: '@glia:example.org', password: 'x', allow: ['*'] },
		store: { postgres },
	};
	const path = join(dir, 'config.yaml');
	writeFileSync(path, JSON.stringify(config));
	return readConfig(path, {});
}

async function opened(postgres: unknown) {
	const { store } = configured(postgres);
	if (!store.postgres) throw new TypeError('no database');
	return openPostgresStore({ address: store.postgres, migrates: true });
}

test('encrypts everything with TLS if configured in parts with a password file', async () => {
	const { store } = await opened({ ...parts(), passwordFile: './right', tls: { authority: './authority.pem' } });
	await store.kept.put('key', 'text');
	const sql = `SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'glia'`;
	expect(await server.query(sql)).toEqual([{ ssl: true }]);
	await store.close();
});

test("refuses a backup, and points to the database's own", async () => {
	await expect(runBackup(join(dir, 'backup'), configured(parts()).store)).rejects.toThrow(
		'This store is in PostgreSQL: back it up with pg_dump, as described in docs/postgresql.md.',
	);
});

const right = { passwordFile: './right', tls: { authority: './authority.pem' } };

test.each([
	['a wrong password', { ...right, passwordFile: './wrong' }, 'the password is wrong'],
	['no password', { tls: right.tls }, 'it requires a password, and none is configured'],
	['a certificate of an unknown authority', { ...right, tls: {} }, 'its certificate is from an unknown authority'],
	[
		'another authority',
		{ ...right, tls: { authority: './other.pem' } },
		'its certificate is from an unknown authority',
	],
	['another host', { ...right, host: '127.0.0.1' }, 'its certificate is for another host'],
	['no TLS', { passwordFile: './right' }, 'this user may not log in from here (pg_hba.conf)'],
	['another database', { ...right, database: 'none' }, 'there is no such database'],
])('ends in one sentence with %s', async (_, changes, why) => {
	const said = String(await opened({ ...parts(), ...changes }).then(() => undefined, String));
	expect(said).toContain(`cannot be used: ${why}`);
	expect(said).toMatch(/^Refusal: The store's PostgreSQL \S+ cannot be used: [^\n]*\.$/);
	expect(said).not.toMatch(/right|wrong\b(?<!is wrong)/);
});

test.each([
	['sslmode=verify-full', 'its certificate is from an unknown authority'],
	['sslmode=disable', 'this user may not log in from here (pg_hba.conf)'],
])('understands sslmode in an address: %s', async (mode, why) => {
	const url = `postgres://glia:right@localhost:${server.port}/${database}?${mode}`;
	await expect(opened(url)).rejects.toThrow(why);
});

test.each(['', '?sslmode=verify-full'])('accepts password and authority next to the address (%s)', async mode => {
	const url = `postgres://glia@localhost:${server.port}/${database}${mode}`;
	const { store } = await opened({ url, ...right });
	await store.close();
});

test('accepts any characters in a password, in a file or in the address', async () => {
	const password = 'p:@/%20 %?#ü';
	await server.query(`CREATE ROLE odd LOGIN PASSWORD '${password}'; GRANT CREATE ON DATABASE ${database} TO odd`);
	writeFileSync(join(dir, 'odd'), password);
	const url = `postgres://odd@localhost:${server.port}/${database}`;
	const given = [
		{ ...parts(), user: 'odd', passwordFile: './odd', tls: right.tls, schema: 'odd' },
		{ url, passwordFile: './odd', tls: right.tls, schema: 'odd' },
		{ url: url.replace('odd@', `odd:${encodeURIComponent(password)}@`), tls: right.tls, schema: 'odd' },
	];
	for (const one of given) await (await opened(one)).store.close();
});

test('names the missing right of a user who may only use the tables', async () => {
	await (await opened({ ...parts(), ...right })).store.close();
	await server.query(`CREATE ROLE guest LOGIN PASSWORD 'right'`);
	await server.query('GRANT USAGE ON SCHEMA glia TO guest; GRANT ALL ON ALL TABLES IN SCHEMA glia TO guest', database);
	await expect(opened({ ...parts(), ...right, user: 'guest' })).rejects.toThrow(
		'the user lacks a right: it needs CREATE on the database, or a schema that it owns',
	);
});
