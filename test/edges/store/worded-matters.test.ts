// A store that contained sentences: their content is kept, and the sentences are gone.
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { expect, test } from 'vitest';
import { alertsOf } from '../../../src/edges/store/alerts.ts';
import { migrations } from '../../../src/edges/store/migrations.ts';
import type { Tables } from '../../../src/edges/store/schema.ts';
import { serversOf } from '../../../src/edges/store/servers.ts';
import { dialect } from '../../../src/edges/store/sqlite.ts';
import { conditionTitle } from '../../../src/messages/conditions.ts';

const server = 'example.org';
const since = '2026-11-01T08:30:00.000Z';

/** What the previous version wrote (rule, subject, stage and title), and today's title if it differs. */
const matters: [rule: string, subject: string, stage: string, title: string, today?: string][] = [
	['release', '1.157', 'out', 'Synapse 1.157.1 is out'],
	['withdrawn', '1.140.1', 'gone', 'Upstream has taken Synapse 1.140.1 back', 'Upstream withdrew Synapse 1.140.1'],
	[
		...([
			'advisory',
			'CVE-2026-1',
			'open',
			'Open to `CVE-2026-1` (high): Rooms (all of them): anyone can read',
		] as const),
		'Vulnerable to `CVE-2026-1` (high): Rooms (all of them): anyone can read',
	],
	[
		...(['unclear', 'CVE-2026-2', 'published', 'Perhaps open to `CVE-2026-2` (critical): It breaks'] as const),
		'Possibly vulnerable to `CVE-2026-2` (critical): It breaks',
	],
	['deadline', 'old-keys', 'd30', 'Within 30 days: old keys: `a: b`'],
	['deadline', 'asked', 'ask', 'A candidate of the release is out: `x: y`', 'Release candidate out: `x: y`'],
	['deadline', 'late', 'next', 'Overdue: slow things'],
	[
		'lifecycle',
		'postgresql-13',
		'passed',
		'PostgreSQL 13 has lost its support',
		'PostgreSQL 13 has reached end of support',
	],
	['lifecycle', 'python-3.10', 'd90', 'Python 3.10 loses its support', 'Python 3.10 reaches end of support'],
	['lifecycle', 'debian-11', 'passed', 'Packages for Debian 11 have ended'],
	[
		...(['lifecycle', 'debian-12', 'passed', 'Packages for Debian 12 may end with any release'] as const),
		'Packages for Debian 12 may end in any release',
	],
	['lifecycle', 'ubuntu-22.04', 'd30', 'Packages for Ubuntu 22.04 end soon'],
	[
		'floor',
		'postgresql-14',
		'newest',
		'The newest release needs PostgreSQL 14, and yours is older',
		'The newest release needs PostgreSQL 14, but yours is older',
	],
	[
		...(['unseen', 'silent', 'long', '`example.org` has not answered since 2026-11-01 08:30 UTC'] as const),
		'`example.org` has not responded since 2026-11-01 08:30 UTC',
	],
	[
		...(['unseen', 'hidden', 'long', '`example.org` does not show its version any more'] as const),
		'`example.org` no longer shows its version',
	],
	[
		...(['mixture', 'versions', 'seen', '`example.org` answers with 1.150.0 and with 1.151.0 by turns'] as const),
		'`example.org` alternates between 1.150.0 and 1.151.0',
	],
];

const looks = [
	{ is: 'synapse', version: '1.150.0', since, until: since, looks: 1 },
	{ is: 'unreadable', why: '`example.org` runs Synapse, with … Tell me', seen: '`x`', since, until: since, looks: 2 },
];

async function oldStore(): Promise<Kysely<Tables>> {
	const db = new Kysely<Tables>({ dialect: dialect(new DatabaseSync(':memory:')) });
	await migratorOf(db).migrateTo('0012-lost');
	const old = db as unknown as Kysely<Record<string, Record<string, unknown>>>;
	await old
		.insertInto('servers')
		.values({ server, spells: JSON.stringify(looks), looked: 1, next_look: 2 })
		.execute();
	await old.insertInto('watches').values({ id: 'w', room: '!a', server, facts: '[]', changed: 1 }).execute();
	for (const [i, [rule, subject, stage, title]] of matters.entries())
		await old
			.insertInto('matters')
			.values({
				...{ watch: 'w', rule, subject, stage, title, episode: since, number: i + 1, at: 5 },
				...{ reminders: 0, severity: 'warning', unsaid: 0 },
			})
			.execute();
	return db;
}

function migratorOf(db: Kysely<Tables>): Migrator {
	return new Migrator({ db, provider: { getMigrations: async () => migrations } });
}

test("reads old titles once, and shows them in today's words", async () => {
	const db = await oldStore();
	const { error } = await migratorOf(db).migrateToLatest();
	expect(error).toBeUndefined();
	const open = await alertsOf(db).open('!a');
	expect(open.map(({ rule, about }) => [rule, about.rule])).toEqual(matters.map(([rule]) => [rule, rule]));
	expect(open.map(({ about }) => conditionTitle(about, server))).toEqual(
		matters.map(([, , , title, today]) => today ?? title),
	);
	await db.destroy();
});

test('keeps the subject if no version wrote the title', async () => {
	const db = await oldStore();
	const old = db as unknown as Kysely<{ matters: { title: string } }>;
	await old.updateTable('matters').set({ title: '?' }).execute();
	const { error } = await migratorOf(db).migrateToLatest();
	expect(error).toBeUndefined();
	const [release, , advisory] = await alertsOf(db).open('!a');
	expect(release?.about).toEqual({ rule: 'release', newest: '1.157' });
	expect(advisory?.about).toMatchObject({ id: 'CVE-2026-1', name: 'CVE-2026-1' });
	await db.destroy();
});

test('removes Markdown from stored checks, and nothing else', async () => {
	const db = await oldStore();
	await migratorOf(db).migrateToLatest();
	const { why: _, seen: __, ...unreadable } = looks[1] as Record<string, unknown>;
	expect((await serversOf(db).server(server))?.history).toEqual([looks[0], unreadable]);
	const columns = await db.introspection.getTables();
	expect(columns.find(({ name }) => name === 'matters')?.columns.map(({ name }) => name)).not.toContain('title');
	await db.destroy();
});
