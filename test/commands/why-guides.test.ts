// The errors that guides know, as real programs print them: !why finds the guide's entry with the fix.
import { describe, expect, test } from 'vitest';
import { why } from '../../commands/why.ts';
import { knownBy } from '../../src/advice/guide/guide.ts';
import { openCode } from '../../src/knowledge/code-tables.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { allStages } from '../../src/knowledge/guide-stages.ts';
import type { ToldMatch } from '../../src/messages/why.ts';
import type { WatchStore } from '../../src/ports/watch-store.ts';

const folder = new URL('../../knowledge/', import.meta.url);
const store = { watch: async () => undefined, watches: async () => [] } as unknown as WatchStore;
const knowledge = await openKnowledge(folder);
const ports = { knowledge, code: openCode(folder), store, now: () => new Date('2026-11-29') };

async function found(text: string): Promise<string[]> {
	const answer = await why.run({ words: [], text, room: '!a', sender: '@a:x', at: new Date(0) }, ports);
	return (answer.value as { matches: ToldMatch[] }).matches.map(({ id }) => id);
}

const failures = new Map<string, string>(
	knowledge.guides.flatMap(guide =>
		allStages(guide).flatMap(stage =>
			stage.failures.map(failure => [`guide/${guide.id}/${failure.id}`, failure.text] as const),
		),
	),
);

// Several layouts may have the same error, and an answer lists at most three entries. Any of them is right, and so is
// an entry about Synapse's own message.
const seen = knowledge.tried.flatMap(({ guide, of, saw }) => (saw === undefined ? [] : [[`${guide}/${of}`, saw]]));

test.each(seen)('finds %s, or the same error elsewhere, by the output that was recorded: %s', async (_, saw) => {
	const ids = await found(saw);
	const isKnown = ids.flatMap(id => failures.get(id) ?? []).some(text => knownBy(text, saw));
	expect(isKnown || ids[0]?.startsWith('symptom/')).toBe(true);
});

describe('texts as people paste them', () => {
	test.each([
		[
			'schema-exists',
			'pg_restore: error: could not execute query: ERROR:  schema "public" already exists\nCommand was: CREATE SCHEMA public;',
		],
		[
			'unique-index',
			'pg_restore: error: could not execute query: ERROR:  could not create unique index "e2e_device_keys_json_uniq"\nDETAIL:  Key (user_id, device_id)=(@a:example.org, ABC) is duplicated.',
		],
		[
			'recorded-version',
			'psql (17.6)\nWARNING:  database "synapse" has no actual collation version, but a version was recorded',
		],
		[
			'version-change',
			'synapse=# ALTER DATABASE synapse REFRESH COLLATION VERSION;\nERROR:  invalid collation version change',
		],
		['changed-directory', 'could not change directory to "/root": Permission denied'],
		[
			'provider-checks',
			'Error: PreUpgrade checks failed: The instance could not be upgraded because there are logical replication slots.',
		],
		['monitoring-columns', 'ERROR:  column "checkpoints_timed" does not exist at character 8'],
		[
			'version-mismatch',
			'pg_dump: error: aborting because of server version mismatch\npg_dump: detail: server version: 17.5; pg_dump version: 15.13',
		],
		['extension-missing', 'pg_restore: error: could not execute query: ERROR:  extension "pg_repack" is not available'],
		[
			'locale-unknown',
			'pg_restore: error: could not execute query: ERROR:  invalid LC_COLLATE locale name: "de_DE.UTF-8"',
		],
		['database-exists', 'createdb: error: database creation failed: ERROR:  database "mas" already exists'],
		['cluster-exists', 'Error: cluster configuration already exists'],
	])('%s', async (id, text) => {
		expect(await found(text)).toContain(`guide/postgres-major/${id}`);
	});
});
