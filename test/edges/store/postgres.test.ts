// What the operator is told about errors of the database.
import pg from 'pg';
import { expect, test } from 'vitest';
import { Refusal } from '../../../src/answer.ts';
import { askPostgres, isAway, refusalOf } from '../../../src/edges/store/postgres.ts';

const address = { host: 'db.example.org', port: 5432, database: 'glia', user: 'glia', schema: 'glia' };

function errorOf(code: string): pg.DatabaseError {
	return Object.assign(new pg.DatabaseError('could not extend file "base/5/16"', 0, 'error'), { code });
}

test.each([
	['53100', 'its disk is full'],
	['57P03', 'it is starting up or shutting down'],
])('another process may try after the error %s, and the log says why', (code, why) => {
	expect(isAway(errorOf(code))).toBe(true);
	expect(refusalOf(errorOf(code), address)?.message).toBe(
		`The store's PostgreSQL db.example.org:5432/glia cannot be used: ${why}.`,
	);
});

test('an error in a statement is ours, and says nothing about the database', () => {
	expect(isAway(errorOf('42703'))).toBe(false);
	expect(refusalOf(errorOf('42703'), address)).toBeUndefined();
});

test.each([
	[{ host: '/no/such/folder', database: 'glia', user: 'glia' }, 'nothing is listening there'],
	[{ url: 'postgres://glia:hunter2@127.0.0.1:1/glia?sslrootcert=/no/such.pem' }, /ENOENT.*\/no\/such\.pem/],
	[{ url: 'postgres://glia:hunter2@127.0.0.1:1/glia%2' }, 'a % in its address is not followed by two'],
])('an address that cannot work is refused: %j', async (given, why) => {
	const failed = await askPostgres({ ...given, schema: 'glia' }).catch((error: unknown) => error);
	expect(failed).toBeInstanceOf(Refusal);
	expect(String(failed)).toMatch(why);
	expect(String(failed)).not.toContain('hunter2');
});
