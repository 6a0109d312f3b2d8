// What comes before the text of !why, and where the text begins.
import { expect, test } from 'vitest';
import { readWhy } from '../../src/arguments/why.ts';

test('reads releases, facts and a server before the text', () => {
	const read = readWhy('1.163 docker postgres=15 example.org FATAL: it failed');
	expect(read).toMatchObject({ versions: ['1.163'], server: 'example.org', text: 'FATAL: it failed' });
	expect(read.terms.map(({ fact }) => fact)).toEqual(['install', 'postgres']);
});

test.each([
	"Postgres sequence 'events_stream_seq' is inconsistent with associated stream position",
	'Docker is not running',
	'Redis is not enabled, but workers are',
])('keeps the name of a fact at the start of an error: %s', text => {
	expect(readWhy(text).text).toBe(text);
	expect(readWhy(`1.163 debian ${text}`).text).toBe(text);
});
