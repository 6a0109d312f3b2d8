// A major upgrade: Synapse's minimum versions, what to upgrade first, end of support, and the command.
import { describe, expect, test } from 'vitest';
import { commands } from '../../../commands/index.ts';
import { postgres } from '../../../commands/postgres.ts';
import { type Guided, guideFor } from '../../../src/advice/guide/guide.ts';
import { newestMajor, surroundings } from '../../../src/advice/guide/postgres.ts';
import type { Answer } from '../../../src/answer.ts';
import { Refusal } from '../../../src/answer.ts';
import { unknownDeployment } from '../../../src/deployment/facts.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';
import { allStages } from '../../../src/knowledge/guide-stages.ts';
import { orderLines } from '../../../src/messages/postgres.ts';
import { matrixMessages } from '../../../src/render/matrix.ts';
import { known, releases } from '../../known.ts';

const knowledge = await openKnowledge(new URL('../../../knowledge/', import.meta.url));
const now = () => new Date('2026-11-21T12:00:00Z');

type Watched = { facts: string[]; told?: { version: string; at: string } };

async function said(text: string, watched: Record<string, Watched> = {}): Promise<Answer> {
	const store = {
		watch: async (_room: string, server: string) => watched[server],
		server: async () => undefined,
	};
	const words = text.split(' ');
	const asked = { words, text, room: 'console', sender: 'console', at: now() };
	return postgres.run(asked, { knowledge, store, now } as unknown as Parameters<typeof postgres.run>[1]);
}

async function refused(text: string): Promise<string> {
	const answer = said(text);
	await expect(answer).rejects.toThrow(Refusal);
	return answer.then(
		() => '',
		(error: Error) => error.message,
	);
}

const text = ({ lead, sections }: Answer) =>
	[lead, ...sections.map(({ title, markdown }) => `${title}\n${markdown}`)].join('\n');

describe('what to upgrade first', () => {
	const lifecycle = {
		link: 'https://example.org',
		releases: [
			{ version: '17', released: '2024-09-26', ends: '2029-11-08' },
			{ version: '13', released: '2020-09-24', ends: '2025-11-13' },
			{ version: '19', released: '2027-09-24', ends: '2032-11-13' },
		],
	};
	const small = known({
		releases: releases(
			{ version: '1.0.0', postgresql: '10' },
			{ version: '1.1.0', postgresql: '14' },
			{ version: '1.2.0', postgresql: '14' },
			{ version: '1.0.1', postgresql: '10' },
		),
		lifecycles: { postgresql: lifecycle },
	});
	const around = (from: string, to: string, release?: string) =>
		surroundings({ from, to, release, today: '2026-11-21' }, small);

	test('applies a minimum from the first release that has it', () => {
		expect(around('13', '17').floors).toEqual([
			{ from: '1.0.0', min: '10' },
			{ from: '1.1.0', min: '14' },
		]);
	});

	test('is PostgreSQL if the newer Synapse refuses the old PostgreSQL', () => {
		expect(around('13', '17')).toMatchObject({ first: 'postgres', refused: { from: '1.1.0', to: null } });
		expect(orderLines(around('13', '17', '1.0.0'), { from: '13', to: '17' })[0]).toContain(
			'Upgrade PostgreSQL first: from 1.1.0 on, Synapse does not start on PostgreSQL 13',
		);
	});

	test('points out a release that cannot run on the stated PostgreSQL', () => {
		expect(orderLines(around('13', '17', '1.2.0'), { from: '13', to: '17' })[0]).toContain(
			'one of the two versions must be wrong',
		);
	});

	test('is either if both are accepted', () => {
		expect(around('14', '17').first).toBe('either');
		expect(orderLines(around('14', '17'), { from: '14', to: '17' })[0]).toContain(
			'does not matter whether you change Synapse or PostgreSQL first',
		);
	});

	test('mentions ended support, and ignores a major version that is not out yet', () => {
		expect(around('13', '17').ends).toEqual([
			{ major: '13', ends: '2025-11-13', over: true },
			{ major: '17', ends: '2029-11-08', over: false },
		]);
		expect(newestMajor(lifecycle, '2026-11-21')).toBe('17');
	});
});

describe('!postgres', () => {
	test('15 17 docker: shows the dump-and-restore guide, dangers first, in at most two messages and a file on request', async () => {
		const answer = await said('15 17 docker');
		expect(answer.lead).toMatch(/^\*\*PostgreSQL 15 → 17 via dump and restore/);
		expect(answer.sections[0]).toMatchObject({ title: 'Risks', fold: false });
		const { contents, files } = matrixMessages(answer);
		expect(contents.length).toBeLessThanOrEqual(2);
		expect(files).toEqual([]);
		const kept = await said('15 17 docker file');
		expect(kept.files?.map(({ name }) => name)).toEqual(['postgresql-15-17.md']);
		expect(kept.files?.[0]?.text).toMatch(/pg_restore \\\n\s+-U synapse/);
	});

	test('uses stated names in commands, and accepts full versions', async () => {
		const answer = text(await said('from 15.18 to 17.10 docker dbname=matrix user=matrix_user db-service=pg'));
		expect(answer).toMatch(/docker compose exec -T pg pg_restore \\\n\s+-U matrix_user/);
		expect(answer).not.toMatch(/-U synapse\b/);
	});

	test('asks for libc collation by name from 15 on, because a cluster may use ICU', async () => {
		for (const typed of ['13 14 docker', '13 14 managed host=a new-host=b', 'sqlite 14 docker'])
			expect(text(await said(typed)), typed).not.toContain('--locale-provider');
		for (const typed of ['15 17 docker', '17 15 debian', '15 17 managed host=a new-host=b', 'sqlite 17 debian']) {
			const answer = text(await said(typed));
			expect(answer, typed).toContain('-T template0 --locale-provider=libc');
			expect(answer, typed).not.toMatch(/-T template0 (?!--locale-provider=libc)/);
		}
	});

	test('mounts the parent folder for 18, and the data folder itself for 17', async () => {
		expect(text(await said('15 18 docker'))).toContain('./schemas-18:/var/lib/postgresql\n');
		expect(text(await said('15 17 docker'))).toContain('./schemas-17:/var/lib/postgresql/data\n');
	});

	test('chooses stages and ways by layout, and prefers a way by size', async () => {
		expect((await said('15 17 debian')).value).toMatchObject({ way: 'dump' });
		expect((await said('15 17 debian size=200G')).value).toMatchObject({ way: 'pg-upgrade' });
		expect((await said('15 18 mdad')).value).toMatchObject({ way: 'playbook' });
		expect((await said('15 18 managed')).value).toMatchObject({ way: 'dump' });
		expect((await said('15 18 external way=provider host=db.example.org')).value).toMatchObject({ way: 'provider' });
	});

	test('upgrades to the newest version by default, and uses the facts of a watched server', async () => {
		expect((await said('15 docker')).lead).toContain('goes to the newest, 18');
		const watched = {
			'example.org': { facts: ['postgres=13', 'docker'], told: { version: '1.130.0', at: '2026-01-01' } },
		};
		const answer = await said('example.org 17', watched);
		expect(answer.value).toMatchObject({ title: 'PostgreSQL 13 → 17', surroundings: { first: 'postgres' } });
	});

	test.each([
		['from postgres 15 to postgres 17 docker', 'PostgreSQL 15 → 17'],
		['15 to postgres 17 docker', 'PostgreSQL 15 → 17'],
		['postgresql 15.18 to pg17 docker', 'PostgreSQL 15 → 17'],
		['postgres:15-alpine postgres:17-alpine docker', 'PostgreSQL 15 → 17'],
		['pg9.6 PostgreSQL-17 docker', 'PostgreSQL 9.6 → 17'],
		['to 17 from 15 docker', 'PostgreSQL 15 → 17'],
		['to 17.2 from 9.6.24 docker', 'PostgreSQL 9.6 → 17'],
		['from 17 to 15 docker', 'PostgreSQL 17 → 15'],
		['17 postgres=15 docker', 'PostgreSQL 15 → 17'],
		['to 17 docker postgres=15', 'PostgreSQL 15 → 17'],
		['from 15 docker', 'PostgreSQL 15 → 18'],
		['postgres 15 docker', 'PostgreSQL 15 → 18'],
		['sqlite to postgres 17 docker', 'SQLite → PostgreSQL 17'],
		['from sqlite to pg17 docker', 'SQLite → PostgreSQL 17'],
		['sqlite postgres=16 docker', 'SQLite → PostgreSQL 16'],
		['sqlite to 17.3 docker', 'SQLite → PostgreSQL 17'],
		['sqlite postgres docker', 'SQLite → PostgreSQL 18'],
	])('%s: is about %s', async (typed, title) => {
		expect((await said(typed)).value).toMatchObject({ title });
	});

	test('uses the major version of a precise fact', async () => {
		for (const typed of ['postgres=9.6.24 17 docker', '9.6 17 docker postgres=9.6.24'])
			expect((await said(typed)).value, typed).toMatchObject({ title: 'PostgreSQL 9.6 → 17' });
	});

	test('does not say that a version is missing if `to=` gives it', async () => {
		expect((await said('sqlite docker to=17')).lead).not.toContain('Without a version');
		expect((await said('sqlite docker')).lead).toContain('Without a version');
	});

	test('forms the new folder beside the old one, even if that was typed with a slash', async () => {
		const answer = text(await said('15 17 docker data=./schemas// backup=./dumps/'));
		expect(answer).toContain('./schemas-17:/var/lib/postgresql/data\n');
		expect(answer).not.toMatch(/schemas\/+-17|dumps\/\//);
	});

	test.each(['docker', 'debian', 'managed host=a new-host=b'])(
		'17 15 %s: downgrades with a dump that leaves out what the older version does not know',
		async layout => {
			const answer = await said(`17 15 ${layout}`);
			expect(answer.value).toMatchObject({ way: 'down', refused: [] });
			expect(text(answer)).toContain("sed '1,40{/^SET transaction_timeout/d}'");
			expect(text(answer)).not.toContain('cannot read');
		},
	);

	test('lists all databases before stopping anything, and counts each on both servers, in every layout', async () => {
		for (const typed of [
			'15 17 docker',
			'15 17 debian',
			'15 17 managed host=a new-host=b',
			'15 17 mdad',
			'17 15 docker',
		]) {
			const { stages } = (await said(typed)).value as Guided;
			const blocks = stages.map(({ steps }) => steps.map(({ commands = '' }) => commands).join('\n'));
			const at = (words: string) => blocks.findIndex(commands => commands.includes(words));
			const down = stages.findIndex(({ down }) => down === 'begins');
			expect(at('pg_get_userbyid(datdba)'), typed).toBeLessThan(down);
			for (const counts of ['counts-before.txt', 'counts-after.txt']) {
				const block = stages
					.flatMap(({ steps }) => steps)
					.find(({ commands = '' }) => commands.includes(`> ${counts}`));
				expect(block?.commands, typed).toContain('databases.txt');
			}
			const proof = stages
				.flatMap(({ steps }) => steps)
				.find(({ commands = '' }) => commands.includes('counts-after.txt'));
			expect(proof?.commands, typed).toContain('SHOW server_version');
			expect(proof?.shows, typed).toContain('same');
		}
	});

	test("dumps and restores as a superuser of another name, with Synapse's role as owner", async () => {
		const answer = text(await said('14 17 docker superuser=postgres'));
		expect(answer).not.toMatch(/(pg_dump|pg_dumpall|pg_restore|createdb|dropdb)\s(\\\s*)?-U synapse\b/);
		expect(answer).toMatch(
			/createdb \\\s+-U postgres -T template0 --locale-provider=libc \\\s+-E UTF8 --locale=C \\\s+-O synapse synapse/,
		);
		expect(answer).toContain('permission denied for table pg_authid');
		expect(answer).toContain('permission denied for schema public');
	});

	test('declares a named volume, and removes it as a volume', async () => {
		const volume = text(await said('15 17 docker data=pgdata'));
		expect(volume).toContain('+  pgdata-17:');
		expect(volume).toContain('label=com.docker.compose.volume=pgdata');
		expect(volume).not.toContain('rm -rf pgdata');
		const folder = text(await said('15 17 docker data=/srv/pg'));
		expect(folder).toContain('rm -rf /srv/pg');
		expect(folder).not.toContain('docker volume');
	});

	test('counts with SQL that works on 9.4 to 9.6 too', async () => {
		const { stages } = (await said('9.4 17 docker')).value as Guided;
		const counting = stages.filter(({ id }) => id === 'count' || id === 'prove');
		expect(JSON.stringify(counting)).not.toMatch(/pg_sequences|gexec/);
	});

	test('pins the playbook to the requested version', async () => {
		expect(text(await said('15 17 mdad'))).toContain('postgres_allowed_versions_custom: [15, 17]');
	});

	test('does not say “untouched” of a database that the provider upgrades in place', async () => {
		const { summary, dangers } = (await said('15 17 managed way=provider host=a')).value as Guided;
		expect(summary).not.toMatch(/untouched/);
		expect(dangers.join()).toContain('changes the server itself');
	});

	test('does not list a stage of another layout or storage as skipped', async () => {
		for (const typed of ['15 17 debian', '15 17 docker', '15 17 docker data=pgdata'])
			expect((await said(typed)).sections.map(({ title }) => title).join(), typed).not.toContain(
				'Does not apply to you',
			);
	});

	test('shows the SQLite guide for SQLite', async () => {
		expect((await said('sqlite 17 docker')).value).toMatchObject({
			guide: 'sqlite-postgres',
			title: 'SQLite → PostgreSQL 17',
		});
		expect((await said('sqlite 17 docker')).sections[0]?.markdown).not.toContain(
			'does not matter whether you change Synapse or PostgreSQL first',
		);
	});

	test.each([
		['17 17 docker', 'Both versions are PostgreSQL 17'],
		['17 15 mdad', 'only upgrades'],
		['17 15 docker way=dump', 'is not possible here'],
		['15 17 docker way=down', 'is not possible here'],
		['15 17 docker dbname=postgres', 'its own database'],
		['sqlite 17 mdad', '!migrate mdad sqlite'],
		['12 19 docker', 'I do not know PostgreSQL `19`'],
		['15 16 17 docker', 'a third'],
		['docker', 'From which major version'],
		['to 17 docker', 'From which major version'],
		['to=17 docker', 'From which major version'],
		['to 15 docker postgres=15', 'Both versions are PostgreSQL 15'],
		['from 15 to 16 to=16 17 docker', 'a third'],
		['from 14 postgres=15 docker', '`postgres=15` says that you run 15, but you also say 14'],
		['15 17', 'Where does PostgreSQL run?'],
		['15 17 managed way=pg-upgrade', 'Only the provider'],
		['15 17 docker way=pg-upgrade', 'is not possible here'],
		['15 17 docker dbname=a;b', 'is not a valid `dbname`'],
		['15 17 docker dbname=$(id)', 'is not a valid `dbname`'],
		['15 17 docker dbname=a dbname=b', 'takes one value'],
		['15 17 docker size=20', 'is not a valid `size`'],
		['15 17 docker postgres=14', 'Give only one of them'],
		['18 docker', 'the newest major version I know'],
		['15 17 docker nonsense', 'I do not recognise the fact'],
		['example.org 17', 'is not watching'],
		['15 17 docker synapse=1.1.1.1', 'I do not know of a Synapse release'],
	])('refuses “%s”', async (typed, words) => {
		expect(await refused(typed)).toContain(words);
	});

	test('is listed', () => expect(commands).toContain(postgres));
});

/** The guides about the database. */
const own = knowledge.guides.filter(({ id }) => ['postgres-major', 'sqlite-postgres', 'backup'].includes(id));

test('every stage was executed and every failure reproduced, or says why not', () => {
	const open = own.flatMap(guide => {
		const tried = new Set(knowledge.tried.filter(trial => trial.guide === guide.id).map(({ of }) => of));
		return allStages(guide).flatMap(({ id, steps, untried, failures }) => [
			...(tried.has(id) || untried.length || !steps.some(({ commands }) => commands) ? [] : [`${guide.id}/${id}`]),
			...failures
				.filter(failure => !tried.has(failure.id) && !failure.untried)
				.map(failure => `${guide.id}/${failure.id}`),
		]);
	});
	expect(open).toEqual([]);
});

test('code lines have at most 68 characters once names are filled in', () => {
	const wide = own.flatMap(guide =>
		allStages(guide).flatMap(stage =>
			stage.steps
				.flatMap(({ commands = '' }) => commands.split('\n'))
				.filter(line => line.replace(/\{[a-z-]+\}/g, 'synapse').length > 68)
				.map(line => `${guide.id}/${stage.id}: ${line}`),
		),
	);
	expect(wide).toEqual([]);
});

test('commands need no further values in any layout, except for the hosts of managed servers', () => {
	const guide = knowledge.guides.find(({ id }) => id === 'postgres-major');
	if (!guide) throw new Error('no guide');
	for (const layout of ['compose', 'debian', 'mdad']) {
		const stated = new Map([
			['from', '15'],
			['to', '18'],
			['layout', layout],
		]);
		expect(guideFor(guide, { stated, profile: unknownDeployment }, []).ask).toEqual([]);
	}
	const managed = new Map([
		['from', '15'],
		['to', '18'],
		['layout', 'managed'],
	]);
	expect(guideFor(guide, { stated: managed, profile: unknownDeployment }, []).ask).toEqual(['host', 'new-host']);
});

describe('the rehearsal ends with the command that restores its dump', () => {
	test.each(['docker', 'debian', 'managed'])('%s', async layout => {
		const upgrade = JSON.stringify(await said(`15 17 ${layout}`));
		expect(upgrade).toMatch(/!backup 17 (?:docker|debian) dump=[^` ]*\/rehearsal\.dump/);
		// An older pg_restore refuses the archive, so the rehearsal of a downgrade writes SQL.
		const downgrade = JSON.stringify(await said(`17 15 ${layout}`));
		expect(downgrade).toMatch(/!backup 15 (?:docker|debian) format=sql dump=[^` ]*\/rehearsal\.sql/);
		expect(downgrade).not.toMatch(/!backup 15 \w+ dump=/);
	});
});

describe('every command names its server, because another one may have the default port', () => {
	const guide = knowledge.guides.find(({ id }) => id === 'postgres-major');
	if (!guide) throw new Error('no guide');
	const commandsOf = (stated: Record<string, string>) => {
		const all = new Map(Object.entries(stated));
		return allStages(guideFor(guide, { stated: all, profile: unknownDeployment }, []))
			.flatMap(({ steps, failures }) => [
				...steps.map(({ commands = '' }) => commands),
				...failures.map(({ cure }) => cure),
			])
			.join('\n')
			.replaceAll('\\\n', ' ');
	};

	test.each([
		['dump', '15', '17'],
		['pg-upgrade', '15', '17'],
		['down', '17', '15'],
	])('Debian, %s', (way, from, to) => {
		const all = commandsOf({ layout: 'debian', way, from, to, port: '5433' });
		const asked = [
			...all.matchAll(/sudo -u postgres +(?:psql|pg_dump|pg_dumpall|pg_restore|createdb|vacuumdb)\b.{0,40}/g),
		];
		expect(asked.length).toBeGreaterThan(10);
		expect(asked.map(([call]) => call).filter(call => !/ -p (?:5433|PORT)\b| --cluster /.test(call))).toEqual([]);
		// The cluster that is switched off uses another port.
		expect(all).toContain('set port 5434');
		expect(all).not.toContain('5432');
	});

	test.each([
		['dump', '15', '17'],
		['down', '17', '15'],
		['provider', '15', '17'],
	])('over the network, %s', (way, from, to) => {
		const places = { host: 'old.example', 'new-host': 'new.example', port: '25060', 'new-port': '25061' };
		const all = commandsOf({ layout: 'managed', way, from, to, ...places });
		const asked = [...all.matchAll(/-h (\S+)(.{0,10})/g)];
		expect(asked.length).toBeGreaterThan(5);
		for (const [call, host, rest] of asked)
			expect(rest, call).toMatch(host === 'old.example' ? /^ -p 25060\b/ : /^ -p 25061\b/);
	});
});
