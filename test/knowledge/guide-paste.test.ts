// Blocks of the guides as people paste them: indented, in the wrong folder, and after something has changed.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Guided } from '../../src/advice/guide/guide.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { allStages } from '../../src/knowledge/guide-stages.ts';
import { blockOf, guided, pasting } from './pasting.ts';

const { guides, releases } = await openKnowledge(new URL('../../knowledge/', import.meta.url));
const { paste, home, put, read } = pasting();

describe('a file that a guide writes does not depend on how its lines are indented', () => {
	const stated: Record<string, Record<string, string>> = {
		'postgres-major': { from: '15', to: '17' },
		'sqlite-postgres': { to: '17' },
		backup: { to: '17', domain: 'example.org', proof: './proof' },
	};
	const blocks = Object.entries(stated).flatMap(([id, more]) =>
		['compose', 'debian', 'mdad'].flatMap(layout =>
			allStages(guided(id, { ...more, layout })).flatMap(stage =>
				stage.steps.flatMap(({ commands = '' }) =>
					[...commands.matchAll(/^echo ["'][\s\S]*?> (\S+\.(?:sql|py|sh|yaml))$/gm)].map(([block, file = '']) => ({
						where: `${id} ${layout} ${stage.id} ${file}`,
						block,
						file,
					})),
				),
			),
		),
	);

	test('and every kind of such files is covered', () => {
		const files = blocks.map(({ file }) => file.split('/').at(-1));
		for (const file of ['counts.sql', 'settings.sql', 'look.py', 'compare.py', 'prove.py', 'parts.sh', 'proof.yaml'])
			expect(files).toContain(file);
	});

	test.each(blocks)('$where', ({ block, file }) => {
		mkdirSync(home('proof/throwaway/data'), { recursive: true });
		const written = [
			block,
			block.replace(/^/gm, '    '),
			block.replace(/^(?=.)/gm, '\u00a0').replace(/^\u00a0/, ''),
		].map(text => {
			expect(paste(text)).toBe('');
			return read(file);
		});
		const [plain = '', indented, odd] = written;
		expect(plain.trim()).not.toBe('');
		if (file.endsWith('.sql')) {
			const words = (sql = '') => sql.trim().split(/\s+/);
			expect(words(indented)).toEqual(words(plain));
			return;
		}
		// A line without a margin would be left out.
		expect(plain.split('\n')).toHaveLength(block.split('\n').length - 1);
		expect(indented).toBe(plain);
		expect(odd).toBe(plain);
		if (file.endsWith('.py'))
			expect(paste(`python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' ${file}`)).toBe('');
		if (file.endsWith('.sh')) expect(paste(`sh -n ${file}`)).toBe('');
	});
});

/** A service with a mount, as `docker compose config` prints it. */
function mounts(source: string, image = 'docker.io/postgres:15-alpine'): string {
	return `  db:\n    image: ${image}\n    volumes:\n      - type: bind\n        source: ${home(source)}\n        target: /var/lib/postgresql/data\n`;
}

/** Stand-ins for programs that talk to a server of this version. They note all other calls in the file `called`. */
function serverOf(version: string): Record<string, string> {
	const script = (name: string) => `case "$*" in
*'SHOW server_version'*) echo ${version} ;;
'compose config'*) cat compose-config ;;
*) echo "${name} $*" >> called ;;
esac`;
	const names = 'docker sudo psql pg_dump pg_restore createdb dropdb cli-non-interactive systemctl'.split(' ');
	return Object.fromEntries(names.map(name => [name, script(name)]));
}

const called = () => (existsSync(home('called')) ? read('called') : '');

/** Replaces the fixed folders of the playbook's server, which a test must not touch. */
const here = (block: string) => block.replaceAll('/matrix/postgres/bin/', '').replaceAll('/root/', './');

/** The code block with these words in the fix for an error. */
function cureOf(guide: Guided, id: string, words: string): string {
	const cure = allStages(guide)
		.flatMap(({ failures }) => failures)
		.find(failure => failure.id === id)?.cure;
	const found = [...(cure ?? '').matchAll(/```bash\n([\s\S]*?)```/g)].find(([, block = '']) => block.includes(words));
	if (!found?.[1]) throw new Error(`no block with ${words} in the fix for ${id}`);
	return found[1];
}

describe('a block that reaches the wrong server prints FAILED and changes nothing', () => {
	const places = { host: 'old.example', 'new-host': 'new.example', backup: './pg-backup' };
	const up = (layout: string) => guided('postgres-major', { from: '15', to: '17', layout, ...places });
	const down = (layout: string) => guided('postgres-major', { from: '17', to: '15', layout, ...places });
	const cases: [name: string, block: string, right: string, wrong: string][] = [
		['compose counts', blockOf(up('compose'), 'count', 'counts-before.txt'), '15.18', '17.10'],
		['Debian counts', blockOf(up('debian'), 'count', 'counts-before.txt'), '15.18', '17.10'],
		['managed counts', blockOf(up('managed'), 'count', 'counts-before.txt'), '15.18', '17.10'],
		['the playbook counts', blockOf(up('mdad'), 'playbook-count', 'counts-before.txt'), '15.18', '17.10'],
		['compose lists', blockOf(up('compose'), 'look', '> databases.txt'), '15.18', '17.10'],
		['compose saves settings', blockOf(up('compose'), 'look', '> hba-before.txt'), '15.18', '17.10'],
		['Debian lists', blockOf(up('debian'), 'look', '> databases.txt'), '15.18', '17.10'],
		['managed lists', blockOf(up('managed'), 'look', '> databases.txt'), '15.18', '17.10'],
		['compose dumps', blockOf(up('compose'), 'dump', '--globals-only'), '15.18', '17.10'],
		['Debian dumps', blockOf(up('debian'), 'dump', '--globals-only'), '15.18', '17.10'],
		['managed dumps', blockOf(up('managed'), 'dump', 'pg_dump -h'), '15.18', '17.10'],
		['the playbook dumps', blockOf(up('mdad'), 'playbook-backup', 'pg_dumpall'), '15.18', '17.10'],
		['compose creates', blockOf(up('compose'), 'restore-compose', 'createdb'), '17.10', '15.18'],
		['compose creates an older one', blockOf(down('compose'), 'restore-older-compose', 'dropdb'), '15.18', '17.10'],
		['compose drops a leftover', cureOf(up('compose'), 'database-exists', 'dropdb'), '17.10', '15.18'],
		['compose compares', blockOf(up('compose'), 'prove', 'counts-after.txt'), '17.10', '15.18'],
		['Debian compares', blockOf(up('debian'), 'prove', 'counts-after.txt'), '17.10', '15.18'],
		['managed compares', blockOf(up('managed'), 'prove', 'counts-after.txt'), '17.10', '15.18'],
		['Debian saves settings', blockOf(up('debian'), 'upgrade-debian', '> ./pg-backup/settings.txt'), '15.18', '17.10'],
		['compose empties keys', blockOf(up('compose'), 'back-late', 'TRUNCATE'), '15.18', '17.10'],
		['Debian empties keys', blockOf(up('debian'), 'back-late', 'TRUNCATE'), '15.18', '17.10'],
		['managed empties keys', blockOf(up('managed'), 'back-late', 'TRUNCATE'), '15.18', '17.10'],
		['the playbook empties keys', blockOf(up('mdad'), 'back-late', 'TRUNCATE'), '15.18', '17.10'],
		['compose counts after the rollback', blockOf(up('compose'), 'back-compose', 'counts-back'), '15.18', '17.10'],
	];
	/** Creates what earlier stages leave in the folder. */
	const before = () => {
		mkdirSync(home('pg-backup'));
		put('counts.sql', 'SELECT 1');
		put('databases.txt', 'synapse|synapse|UTF8|C|C\n');
		put('counts-before.txt', 'synapse public.users|3\n');
		put('settings-before.txt', "work_mem = '5MB'\n");
		put('pg-backup/synapse.dump', 'the good dump');
		put('pg-backup/synapse.sql', 'the good dump');
	};
	const waitsFor = /^.*pg_isready.*\n/gm;

	test.each(cases)('%s', (_, block, right, wrong) => {
		before();
		const texts = () =>
			readdirSync(home(), { recursive: true, encoding: 'utf8' })
				.filter(name => name !== 'pg-backup')
				.sort()
				.map(name => [name, read(name)]);
		const left = texts();
		const said = paste(here(block), serverOf(wrong));
		expect(said).toContain('FAILED');
		expect(said).not.toMatch(/^(?:same|.* dumped|.* done|dropped)$/m);
		expect(called().replace(waitsFor, '')).toBe('');
		rmSync(home('called'), { force: true });
		expect(texts()).toEqual(left);
		// A server that is not running counts as the wrong one.
		expect(paste(here(block), serverOf(''))).toContain('FAILED');
		expect(called().replace(waitsFor, '')).toBe('');
		rmSync(home('called'), { force: true });
		// With the right version, the block does its work.
		paste(here(block), serverOf(right));
		expect(called().replace(waitsFor, '')).not.toBe('');
	});
});

describe('the folder of the old server', () => {
	const guide = guided('postgres-major', { from: '15', to: '17', layout: 'compose' });
	beforeEach(() => {
		for (const name of ['schemas', 'schemas-17', 'pg-backup']) mkdirSync(home(name));
		put('schemas/PG_VERSION', '15\n');
		put('schemas-17/PG_VERSION', '17\n');
		put('pg-backup/for-this-upgrade', '');
		put('compose-config', mounts('./schemas'));
	});

	test('and its image are checked before anything else', () => {
		const look = blockOf(guide, 'look', 'compose config');
		const said = paste(look, serverOf('15.18'));
		expect(said).toContain('./schemas is a PostgreSQL 15 server');
		expect(said).not.toContain('FAILED');
		put('compose-config', mounts('./postgres-data'));
		expect(paste(look, serverOf('15.18'))).toContain(`FAILED: no source: ${home('schemas')}`);
		put('compose-config', mounts('./schemas', 'postgres:15'));
		expect(paste(look, serverOf('15.18'))).toContain('FAILED: no image: docker.io/postgres:15-alpine');
		put('schemas/PG_VERSION', '14\n');
		expect(paste(look, serverOf('14.20'))).toContain('FAILED: ./schemas is not a PostgreSQL 15 server');
		rmSync(home('schemas'), { recursive: true });
		expect(paste(look, serverOf('15.18'))).toContain('FAILED: ./schemas is not a PostgreSQL 15 server');
	});

	test('is the one with PG_VERSION if the compose file sets PGDATA', () => {
		const inside = guided('postgres-major', {
			from: '15',
			to: '18',
			layout: 'compose',
			'new-data': './schemas-17',
			'old-files': './schemas/pgdata',
		});
		mkdirSync(home('schemas/pgdata'));
		rmSync(home('schemas/PG_VERSION'));
		put('schemas/pgdata/PG_VERSION', '15\n');
		const look = blockOf(inside, 'look', 'compose config');
		expect(paste(look, serverOf('15.18'))).toContain('./schemas/pgdata is a PostgreSQL 15 server');
		expect(paste(look, serverOf('15.18'))).not.toContain('FAILED');
		expect(paste(blockOf(guide, 'look', 'compose config'), serverOf('15.18'))).toContain('FAILED: ./schemas is not');
		expect(paste(blockOf(inside, 'back-compose', 'up -d db'), serverOf(''))).not.toContain('FAILED');
		put('compose-config', mounts('./schemas-17'));
		expect(paste(blockOf(inside, 'later-compose', 'rm -rf ./schemas'), serverOf(''))).toContain('./schemas removed');
		expect(existsSync(home('schemas'))).toBe(false);
	});

	test('of 18 is below the mount, or the mount itself if that of an older image was kept', () => {
		const value = (stated: Record<string, string>) =>
			guided('postgres-major', { from: '18', to: '15', layout: 'compose', ...stated }).parameters.find(
				({ name }) => name === 'old-files',
			)?.value;
		expect(value({})).toBe('./schemas/18/docker');
		expect(value({ mount: '/var/lib/postgresql/data' })).toBe('./schemas');
	});

	test('is the only one that a rollback starts', () => {
		const back = blockOf(guide, 'back-compose', 'up -d db');
		for (const other of ['./schemas-17', './postgres-data']) {
			put('compose-config', mounts(other));
			expect(paste(back, serverOf(''))).toContain('FAILED: this is not the old server');
		}
		put('compose-config', mounts('./schemas'));
		rmSync(home('schemas/PG_VERSION'));
		expect(paste(back, serverOf(''))).toContain('FAILED: this is not the old server');
		expect(called()).toBe('');
		put('schemas/PG_VERSION', '15\n');
		expect(paste(back, serverOf(''))).not.toContain('FAILED');
		expect(called()).toContain('compose up -d db');
	});

	test('is in use again before a failed attempt is removed', () => {
		const again = blockOf(guide, 'again-compose', 'rm -rf');
		const refused = () => expect(paste(again, serverOf('17.10'))).toContain('FAILED: nothing was removed');
		refused();
		put('compose-config', mounts('./schemas-17'));
		refused();
		expect(paste(again, serverOf('15.18'))).toContain('FAILED: nothing was removed');
		expect(readdirSync(home('schemas-17'))).toEqual(['PG_VERSION']);
		expect(existsSync(home('pg-backup/for-this-upgrade'))).toBe(true);
		put('compose-config', mounts('./schemas'));
		expect(paste(again, serverOf('15.18'))).toContain('removed');
		expect(existsSync(home('schemas-17'))).toBe(false);
		expect(existsSync(home('schemas/PG_VERSION'))).toBe(true);
	});

	test('is named by the compose file before the new one is removed from a full disk', () => {
		const cure = cureOf(guide, 'disk-full-restore', 'rm -rf');
		put('compose-config', mounts('./schemas-17'));
		expect(paste(cure, serverOf(''))).toContain('FAILED: nothing was removed');
		// As if an editor had left it empty.
		put('compose-config', '');
		expect(paste(cure, serverOf(''))).toContain('FAILED: nothing was removed');
		expect(existsSync(home('schemas-17/PG_VERSION'))).toBe(true);
		put('compose-config', mounts('./schemas'));
		expect(paste(cure, serverOf(''))).toContain('./schemas-17 removed');
		expect(existsSync(home('schemas/PG_VERSION'))).toBe(true);
	});

	test('stays in use if the new one already exists', () => {
		const stop = blockOf(guide, 'switch-compose', 'compose stop db');
		expect(paste(stop, serverOf('15.18'))).toContain('FAILED: ./schemas-17 already exists');
		expect(called()).toBe('');
		rmSync(home('schemas-17'), { recursive: true });
		expect(paste(stop, serverOf('15.18'))).toContain('db stopped');
	});
});

describe('a named volume', () => {
	const guide = guided('postgres-major', {
		from: '15',
		to: '17',
		layout: 'compose',
		data: 'pgdata',
		'new-data': 'pgdata-17',
	});
	/** Two projects have volumes with these names. The first is that of this folder. */
	const docker = `case "$*" in
'compose config'*) echo 'name: home' ;;
'volume ls'*) for project in home other; do for volume in pgdata pgdata-17; do
	case " $* " in *project=home*) [ $project = home ] || continue ;; esac
	case " $* " in *"volume=$volume "*) ! [ -e no-$project ] && echo \${project}_$volume ;; esac
done; done ;;
*) echo "docker $*" >> called ;;
esac`;

	test.each([
		['later-compose', 'home_pgdata'],
		['again-compose-volume', 'home_pgdata-17'],
	])('of another project is not offered for removal in %s', (stage, own) => {
		const said = paste(blockOf(guide, stage, 'volume ls'), { docker });
		expect(said.match(/\w+_pgdata\S*/g)).toEqual([own]);
	});

	test('of another project is not mistaken for a leftover of an earlier attempt', () => {
		const stop = blockOf(guide, 'switch-compose', 'volume ls');
		expect(paste(stop, { docker })).toContain('FAILED: that volume already exists');
		expect(called()).toBe('');
		put('no-home', '');
		expect(paste(stop, { docker })).toContain('db stopped');
		expect(called()).toContain('compose stop db');
	});
});

describe("the playbook's folders", () => {
	const guide = guided('postgres-major', { from: '15', to: '17', layout: 'mdad' });
	const inHere = (block: string) => block.replaceAll(/\/(matrix|tmp|root)\//g, './$1/');
	const old = 'matrix/postgres/data-auto-upgrade-backup/PG_VERSION';
	beforeEach(() => {
		for (const name of ['data', 'data-auto-upgrade-backup'])
			mkdirSync(home('matrix/postgres', name), { recursive: true });
		put('matrix/postgres/data/PG_VERSION', '17\n');
	});

	test('are moved back only if the old one is there and nothing is in the way', () => {
		const back = inHere(blockOf(guide, 'back-mdad', 'mv '));
		// It does not contain the old server.
		expect(paste(back)).toContain('FAILED');
		put(old, '17\n');
		expect(paste(back)).toContain('FAILED');
		put(old, '15\n');
		mkdirSync(home('matrix/postgres/data-new'));
		expect(paste(back)).toContain('FAILED');
		expect(read('matrix/postgres/data/PG_VERSION')).toBe('17\n');
		rmSync(home('matrix/postgres/data-new'), { recursive: true });
		expect(paste(back)).toContain('moved');
		expect(read('matrix/postgres/data/PG_VERSION')).toBe('15\n');
		expect(read('matrix/postgres/data-new/PG_VERSION')).toBe('17\n');
	});

	test('are also moved back if the role renamed the old one but could not pull the new image', () => {
		const back = inHere(blockOf(guide, 'back-mdad', 'mv '));
		rmSync(home('matrix/postgres/data'), { recursive: true });
		put(old, '15\n');
		expect(paste(back)).toContain('moved');
		expect(read('matrix/postgres/data/PG_VERSION')).toBe('15\n');
		expect(paste(back)).toContain('FAILED');
		expect(read('matrix/postgres/data/PG_VERSION')).toBe('15\n');
	});

	test('are removed only if they are what the clean-up expects', () => {
		const later = inHere(blockOf(guide, 'later-mdad', 'rm -rf'));
		put(old, '17\n');
		paste(later);
		expect(existsSync(home(old))).toBe(true);
		put(old, '15\n');
		put('matrix/postgres/data/PG_VERSION', '15\n');
		paste(later);
		expect(existsSync(home(old))).toBe(true);
		put('matrix/postgres/data/PG_VERSION', '17\n');
		paste(later);
		expect(existsSync(home(old))).toBe(false);
	});
});

test('the playbook installs its current Synapse beforehand only if that starts on the old PostgreSQL', () => {
	const needed = Math.max(...releases.map(({ postgresql }) => Number(postgresql ?? 0)));
	expect(needed).toBeGreaterThan(0);
	for (const from of ['10', '11', '12', '13', '14', '15', '16', '17']) {
		const stages = allStages(guided('postgres-major', { from, to: '18', layout: 'mdad' }));
		const installs = stages
			.filter(({ steps }) => steps.some(({ commands = '' }) => /^just install-all$/m.test(commands)))
			.map(({ id }) => id);
		expect(installs).toEqual(Number(from) < needed ? ['playbook-start'] : ['playbook-before', 'playbook-start']);
		expect(
			blockOf(guided('postgres-major', { from, to: '18', layout: 'mdad' }), 'playbook-before', 'just update'),
		).toMatch(/^just install-(?:all|service postgres)$/m);
	}
});

describe('the move to the playbook', () => {
	const names = { domain: 'example.org', synapse: '1.163.2', proxy: 'none', 'federation-port': '8448' };
	const move = (stated: Record<string, string>, ...facts: string[]) =>
		guided('mdad', { ...names, folder: home(), dump: home('dumps'), 'new-machine': '192.0.2.5', ...stated }, facts);

	test('copies what a killed Synapse had not yet written into its SQLite file', () => {
		mkdirSync(home('files'));
		// As if Docker had killed the container after ten seconds.
		const killed = `import os, sqlite3
db = sqlite3.connect('files/homeserver.db')
db.execute('PRAGMA journal_mode = WAL')
db.execute('CREATE TABLE events (id)')
db.execute('INSERT INTO events VALUES (1)')
db.commit()
os._exit(0)`;
		expect(paste(`python3 -c "${killed}"`)).toBe('');
		const block = blockOf(move({ place: 'same' }, 'sqlite'), 'port', 'homeserver.db');
		const chown = 'true';
		expect(paste(block, { chown })).toContain('copied');
		const count = `import sqlite3; print(sqlite3.connect('dumps/homeserver.db').execute('SELECT count(*) FROM events').fetchone()[0])`;
		// The log of an older copy would not match the new copy.
		writeFileSync(home('dumps/homeserver.db-wal'), 'of another file');
		expect(paste(`${block}\npython3 -c "${count}"`, { chown })).toBe('copied\n1\n');
		rmSync(home('files/homeserver.db-wal'));
		expect(paste(block, { chown })).toContain('copied');
		expect(existsSync(home('dumps/homeserver.db-wal'))).toBe(false);
		rmSync(home('files/homeserver.db'));
		expect(paste(block, { chown })).not.toContain('copied');
	});

	test('removes one-time keys that may have been handed out since from the old SQLite file', () => {
		mkdirSync(home('files'));
		const sql = (words: string) =>
			paste(
				`python3 -c "import sqlite3; db = sqlite3.connect('files/homeserver.db'); print(db.execute('${words}').fetchall()); db.commit()"`,
			);
		sql('CREATE TABLE e2e_one_time_keys_json (id)');
		sql('INSERT INTO e2e_one_time_keys_json VALUES (1)');
		const block = blockOf(move({ place: 'same' }, 'sqlite'), 'back-after-dump', 'e2e_one_time_keys_json');
		const docker = `case "$*" in *"-v ${home('files')}:/data "*' - /data/homeserver.db') exec python3 - files/homeserver.db ;; esac; exit 125`;
		expect(paste(block, { docker })).toBe('emptied\n');
		expect(sql('SELECT count(*) FROM e2e_one_time_keys_json')).toBe('[(0,)]\n');
	});

	test('does not create an empty SQLite file if there was none', () => {
		mkdirSync(home('files'));
		const block = blockOf(move({ place: 'same' }, 'sqlite'), 'back-after-dump', 'e2e_one_time_keys_json');
		expect(paste(block, { docker: 'exec python3 - files/homeserver.db' })).toContain('unable to open database file');
		expect(existsSync(home('files/homeserver.db'))).toBe(false);
	});

	test.each([
		['again-restored', 'postgres', 'synapse', 'matrix-synapse'],
		['again-restored', 'mas', 'matrix_authentication_service', 'matrix-authentication-service'],
		['again-ported', 'sqlite', 'synapse', 'matrix-synapse'],
	])('does not drop a database that is in use: %s, %s', (stage, fact, database, unit) => {
		const facts = fact === 'mas' ? ['postgres', 'mas'] : [fact];
		const block = here(blockOf(move({ place: 'same' }, ...facts), stage, `DROP DATABASE ${database} `));
		const bin = {
			'cli-non-interactive': 'echo "$*" >> called',
			'ansible-playbook': 'true',
			systemctl: `[ "$1" = start ] || { [ "$*" = "is-active --quiet ${unit}" ] && [ -e running ]; }`,
		};
		put('running', '');
		expect(paste(block, bin)).toContain('FAILED');
		expect(existsSync(home('called')) ? called() : '').not.toContain('DROP');
		rmSync(home('running'));
		expect(paste(block, bin)).not.toContain('FAILED');
		expect(called()).toContain(`DROP DATABASE ${database} WITH (FORCE)`);
	});

	test('copies the SQLite file with its log to another machine too', () => {
		mkdirSync(home('files'));
		put('files/homeserver.db', '');
		put('files/homeserver.db-wal', '');
		const said = paste(blockOf(move({ place: 'new' }, 'sqlite'), 'port', 'homeserver.db'), {
			ssh: 'echo "ssh $*"',
			rsync: 'echo "rsync $*"',
		});
		expect(said.split('\n')).toEqual([
			`ssh -n root@192.0.2.5 rm -f ${home('dumps')}/homeserver.db-wal`,
			`rsync -a homeserver.db homeserver.db-wal root@192.0.2.5:${home('dumps')}/`,
			'copied',
			`ssh -n root@192.0.2.5 chown -R matrix:matrix ${home('dumps')}`,
			'',
		]);
	});

	test.each(['same', 'new'])('never lets the playbook start Synapse after copying media, place=%s', place => {
		const guide = move({ place }, 'postgres');
		const blocks = allStages(guide)
			.flatMap(({ steps }) => steps.map(({ commands = '' }) => commands))
			.filter(commands => commands.includes('import-synapse-media-store'));
		expect(blocks.length).toBeGreaterThan(0);
		for (const block of blocks) {
			rmSync(home('called'), { force: true });
			paste(block, {
				'apt-get': 'true',
				systemctl: 'echo "systemctl $*" >> called',
				'ansible-playbook': 'echo ansible-playbook >> called',
			});
			expect(called()).toBe('systemctl disable --now matrix-synapse\nansible-playbook\n');
		}
	});

	test.each([
		['postgres', 'synapse', 'back.sql.gz'],
		['mas', 'matrix_authentication_service', 'back-mas.sql.gz'],
	])(
		'creates a dump for the rollback that an older server and an older psql understand: %s',
		(fact, database, file) => {
			const guide = move({ place: 'same' }, 'postgres', fact);
			const block = blockOf(guide, 'back-after-dump', `--no-privileges ${database}`);
			const dump = [
				String.raw`\restrict Bh3jK9`,
				'SET statement_timeout = 0;',
				'SET transaction_timeout = 0;',
				'COPY public.events (body) FROM stdin;',
				String.raw`\\restrict is what somebody wrote`,
				String.raw`\N`,
				String.raw`\.`,
				String.raw`\unrestrict Bh3jK9`,
				'',
			];
			put('dump', dump.join('\n'));
			mkdirSync(home('dumps'), { recursive: true });
			expect(paste(block, { docker: 'cat dump' })).toContain('dumped');
			const back = paste(`gunzip -c dumps/${file}`);
			expect(back).toContain('SET ROLE');
			expect(back.split('\n').slice(1)).toEqual(
				dump.filter(line => !/^\\(?:un)?restrict |transaction_timeout/.test(line)),
			);
		},
	);

	test.each(['compose.yaml', 'docker-compose.yml'])('renames %s only after its containers are gone', file => {
		const block = blockOf(move({ place: 'same' }, 'postgres', 'no-appservices'), 'tidy', 'compose down');
		put(file, '');
		paste(block, { docker: 'exit 1' });
		expect(existsSync(home(file))).toBe(true);
		paste(block, { docker: 'true' });
		expect(existsSync(home(`${file}.moved`))).toBe(true);
	});

	test('does not show passwords of the old server', () => {
		mkdirSync(home('files'));
		put('files/homeserver.yaml', 'database: { args: { password: hush } }\nmacaroon_secret_key: hush\nmodules: []\n');
		const said = paste(blockOf(move({ place: 'same' }, 'postgres'), 'look', 'server_name'));
		expect(said).toContain('modules');
		expect(said).not.toContain('hush');
	});
});

test('on Debian, the new cluster is not dropped if the old one is missing', () => {
	const guide = guided('postgres-major', { from: '15', to: '17', layout: 'debian' });
	const cure = cureOf(guide, 'disk-full-upgrade', 'pg_dropcluster').replaceAll(/\/(var|etc)\//g, './$1/');
	const pg_dropcluster = 'echo "$*" >> called';
	mkdirSync(home('etc/postgresql/17/main'), { recursive: true });
	expect(paste(cure, { pg_dropcluster })).toContain('FAILED: nothing was dropped');
	expect(called()).toBe('');
	mkdirSync(home('var/lib/postgresql/15/main'), { recursive: true });
	put('var/lib/postgresql/15/main/PG_VERSION', '15\n');
	expect(paste(cure, { pg_dropcluster })).toContain('dropped');
	expect(called()).toBe('--stop 17 main\n');
});

describe.each(['compose', 'debian'])('the dump of %s', layout => {
	const guide = guided('postgres-major', { from: '15', to: '17', layout, backup: './pg-backup' });
	const block = blockOf(guide, 'dump', '--globals-only');
	const server = (...databases: string[]) => {
		const script = `cat > /dev/null\ncase "$*" in *server_version*) echo 15.18 ;; *'SELECT datname'*) printf '%s\\n' ${databases.join(' ')} ;; *) echo dump ;; esac`;
		return { docker: script, sudo: script };
	};

	test('refuses a list in which a database is missing', () => {
		mkdirSync(home('pg-backup'));
		put('databases.txt', 'bridge\nsynapse\n');
		const said = paste(block, server('bridge', 'late', 'synapse'));
		expect(said).toContain('FAILED: the databases have changed');
		expect(said).not.toContain('dumped');
		expect(readdirSync(home('pg-backup'))).toEqual([]);
	});

	test('refuses to run in a folder without the list', () => {
		mkdirSync(home('pg-backup'));
		expect(paste(block, server('synapse'))).toContain('FAILED: the databases have changed');
	});

	test('lists what it dumped', () => {
		mkdirSync(home('pg-backup'));
		put('databases.txt', 'bridge\nsynapse\n');
		const said = paste(block, server('bridge', 'synapse'));
		expect(said).toContain('synapse dumped');
		expect(said).not.toContain('FAILED');
	});
});

describe.each([
	['compose', '15', '17', 'restore-compose', 'globals', 'synapse'],
	['compose', '17', '15', 'restore-older-compose', 'roles', 'synapse'],
	['debian', '17', '15', 'older-debian', 'roles', 'postgres'],
])('the roles on %s, %s → %s', (layout, from, to, stage, dump, superuser) => {
	const guide = guided('postgres-major', { from, to, layout, backup: './pg-backup' });
	const block = blockOf(guide, stage, `${dump}.sql`);

	test('leave out only the role that the new server has created itself', () => {
		mkdirSync(home('pg-backup'));
		put(
			`pg-backup/${dump}.sql`,
			[
				`CREATE ROLE ${superuser};`,
				`ALTER ROLE ${superuser} WITH SUPERUSER INHERIT LOGIN PASSWORD 'SCRAM-SHA-256$1';`,
				`ALTER ROLE ${superuser} SET lock_timeout TO '7min';`,
				`CREATE ROLE ${superuser}_reader;`,
				`ALTER ROLE ${superuser}_reader WITH NOSUPERUSER LOGIN;`,
				'',
			].join('\n'),
		);
		const said = paste(block, { docker: 'cat >&2', sudo: 'cat >&2' });
		expect(said).toContain(`ALTER ROLE ${superuser} SET lock_timeout`);
		expect(said).toContain(`CREATE ROLE ${superuser}_reader;`);
		expect(said).toContain(`ALTER ROLE ${superuser}_reader WITH`);
		expect(said).not.toContain(`CREATE ROLE ${superuser};`);
		expect(said).not.toContain('PASSWORD');
	});
});

test('settings of a role in a database are restored after that database', () => {
	const guide = guided('postgres-major', { from: '9.6', to: '17', layout: 'compose' });
	const setting = "ALTER ROLE bot IN DATABASE synapse SET work_mem TO '9MB';";
	mkdirSync(home('pg-backup'));
	put('pg-backup/globals.sql', `CREATE ROLE bot;\n${setting}\n`);
	put('pg-backup/synapse.dump', '');
	put('databases.txt', 'synapse\n');
	const docker = 'cat >&2';
	expect(paste(blockOf(guide, 'restore-compose', 'other-roles.sql'), { docker })).not.toContain(setting);
	expect(paste(blockOf(guide, 'restore-compose', 'own.sql'), { docker })).toContain(setting);
});

test('folders that a guide did not create are not removed', () => {
	const guide = guided('postgres-major', { from: '15', to: '17', layout: 'compose' });
	mkdirSync(home('pg-backup'));
	mkdirSync(home('schemas'));
	put('pg-backup/letters', 'mine');
	expect(paste(blockOf(guide, 'dump', 'for-this-upgrade'))).toContain('FAILED');
	expect(paste(blockOf(guide, 'later-compose', 'rm -rf ./pg-backup'), { docker: 'true' })).toContain('FAILED');
	expect(existsSync(home('pg-backup/letters'))).toBe(true);
	const removal = blockOf(guide, 'later-compose', 'rm -rf ./schemas');
	const docker = 'cat compose-config 2> /dev/null';
	// No compose file is found.
	put('schemas/PG_VERSION', '15\n');
	expect(paste(removal, { docker })).toContain('FAILED');
	expect(existsSync(home('schemas'))).toBe(true);
	mkdirSync(home('schemas-17'));
	put('compose-config', mounts('./schemas-17'));
	// It does not contain a server.
	rmSync(home('schemas/PG_VERSION'));
	expect(paste(removal, { docker })).toContain('FAILED: ./schemas is not a PostgreSQL 15 server');
	put('schemas/PG_VERSION', '17\n');
	expect(paste(removal, { docker })).toContain('FAILED');
	put('schemas/PG_VERSION', '15\n');
	put('compose-config', mounts('./schemas'));
	expect(paste(removal, { docker })).toContain('FAILED: nothing mounts ./schemas-17');
	put('compose-config', mounts('./schemas-17') + mounts('./schemas'));
	expect(paste(removal, { docker })).toContain('still mounts');
	put('compose-config', mounts('./schemas-17') + mounts('./schemas/conf'));
	expect(paste(removal, { docker })).toContain('still mounts');
	expect(existsSync(home('schemas'))).toBe(true);
	put('compose-config', mounts('./schemas-17'));
	expect(paste(removal, { docker })).toContain('./schemas removed');
	expect(existsSync(home('schemas'))).toBe(false);
});

test('if the cluster is not dropped, everything else is kept', () => {
	const guide = guided('postgres-major', { from: '15', to: '17', layout: 'debian', backup: './pg-backup' });
	mkdirSync(home('pg-backup'));
	put('pg-backup/for-this-upgrade', '');
	const block = blockOf(guide, 'later-debian', 'pg_dropcluster').replaceAll('/etc/postgresql/', './etc/postgresql/');
	const online = { pg_lsclusters: 'echo 17 main 5432 online', sed: 'true' };
	put('databases.txt', 'synapse\n');
	mkdirSync(home('etc/postgresql/15/main'), { recursive: true });
	expect(paste(block, { ...online, pg_dropcluster: 'exit 1' })).toContain('FAILED');
	expect(paste(block, { pg_lsclusters: 'echo 17 main 5433 down', pg_dropcluster: 'touch dropped' })).toContain(
		'FAILED',
	);
	expect(existsSync(home('pg-backup'))).toBe(true);
	expect(existsSync(home('dropped'))).toBe(false);
});

test('the clean-up on Debian does nothing in another folder, and can be repeated', () => {
	const guide = guided('postgres-major', { from: '15', to: '17', layout: 'debian', backup: './pg-backup' });
	const block = blockOf(guide, 'later-debian', 'pg_dropcluster').replaceAll('/etc/postgresql/', './etc/postgresql/');
	mkdirSync(home('pg-backup'));
	put('pg-backup/for-this-upgrade', '');
	mkdirSync(home('etc/postgresql/15/main'), { recursive: true });
	const programs = {
		pg_lsclusters: 'echo 17 main 5432 online',
		pg_dropcluster: '[ -e etc/postgresql/$1/$2 ] && rmdir etc/postgresql/$1/$2',
	};
	expect(paste(block, { ...programs, sed: 'true' })).toContain('FAILED');
	expect(existsSync(home('etc/postgresql/15/main'))).toBe(true);
	expect(existsSync(home('pg-backup'))).toBe(true);
	for (const name of ['counts.sql', 'counts-before.txt', 'databases.txt', 'units.txt']) put(name, '');
	// It fails only at the last file.
	expect(paste(block, { ...programs, sed: 'exit 1' })).toContain('FAILED');
	expect(existsSync(home('etc/postgresql/15/main'))).toBe(false);
	expect(paste(block, { ...programs, sed: 'true' })).toContain('all removed');
	expect(readdirSync(home()).filter(name => name !== 'etc')).toEqual([]);
});

describe("on Debian, the new cluster's settings are compared with the old one's", () => {
	const guide = guided('postgres-major', { from: '15', to: '17', layout: 'debian', backup: './pg-backup' });
	const compare = blockOf(guide, 'upgrade-debian', 'settings-new.txt');
	const having = (...settings: string[]) => ({
		pg_lsclusters: 'true',
		sudo: `case "$*" in *pg_settings*) printf '%s\\n' ${settings.map(one => `'${one}'`).join(' ')} ;; esac`,
	});
	beforeEach(() => {
		mkdirSync(home('pg-backup'));
		put('pg-backup/settings.txt', 'listen_addresses = *\nwork_mem = 7168\n');
	});

	test('and a missing one is listed', () => {
		const said = paste(compare, having('listen_addresses = localhost', 'work_mem = 7168', 'work_mem_too = 7168'));
		expect(said).toBe('listen_addresses = *\n');
	});

	test('and count as kept if all are there, among others', () => {
		expect(paste(compare, having('geqo = on', 'listen_addresses = *', 'work_mem = 7168'))).toBe('settings kept\n');
	});

	test('but not if nothing was saved, or no server answers', () => {
		expect(paste(compare, having())).not.toContain('kept');
		rmSync(home('pg-backup/settings.txt'));
		expect(paste(compare, having('work_mem = 7168'))).not.toContain('kept');
	});
});

test.each([
	['15', '17', 'upgrade-debian'],
	['17', '15', 'older-debian'],
])('on Debian, %s → %s, the new server does not start by itself while statistics are collected', (from, to, stage) => {
	const guide = guided('postgres-major', { from, to, layout: 'debian', backup: './pg-backup' });
	const steps = allStages(guide).find(({ id }) => id === stage)?.steps ?? [];
	const commands = steps.map(({ commands: block = '' }) => block).join('\n');
	expect(commands.indexOf('echo manual')).toBeGreaterThan(0);
	expect(commands.indexOf('echo manual')).toBeLessThan(commands.indexOf('vacuumdb'));
});

test('on a managed server, the folders of an earlier dump can be removed, but only from the folder of this guide', () => {
	const guide = guided('postgres-major', { from: '15', to: '17', layout: 'managed', backup: './pg-backup' });
	const cure = cureOf(guide, 'dump-exists', 'rm -rf');
	mkdirSync(home('pg-backup/synapse.dir'), { recursive: true });
	expect(paste(cure)).toContain('FAILED');
	expect(existsSync(home('pg-backup/synapse.dir'))).toBe(true);
	put('pg-backup/for-this-upgrade', '');
	expect(paste(cure)).toContain('removed');
	expect(readdirSync(home('pg-backup'))).toEqual(['for-this-upgrade']);
});

test('a block does not run without a value that was typed into another shell', () => {
	const sqlite = guided('sqlite-postgres', { to: '17', layout: 'debian' });
	const backup = guided('backup', { to: '17', layout: 'debian', domain: 'example.org', proof: './proof' });
	const major = guided('postgres-major', { from: '15', to: '17', layout: 'compose' });
	const asked = [
		blockOf(sqlite, 'directory-debian', 'start_job'),
		blockOf(backup, 'people', 'PASSWORD:?'),
		blockOf(major, 'prove', 'login works'),
	];
	for (const block of asked)
		expect(paste(block, { curl: 'echo asked', nsenter: 'echo asked', docker: 'echo asked' })).not.toContain('asked');
});

test('units that were running are started again, including those noted in an earlier attempt', () => {
	const guide = guided('postgres-major', { from: '15', to: '17', layout: 'debian' });
	const systemctl = (...units: string[]) =>
		`case "$1" in list-units) printf '%s loaded active running x\\n' ${units.join(' ')} ;; *) echo "$@" ;; esac`;
	const note = blockOf(guide, 'stop-debian', 'list-units');
	paste(note, { systemctl: systemctl('matrix-synapse.service', 'mautrix-one.service') });
	expect(paste(note, { systemctl: systemctl('matrix-synapse.service') })).toContain('mautrix-one.service');
	for (const [stage, verb] of [
		['stop-debian', 'stop'],
		['start', 'start'],
		['back-stopped-debian', 'start'],
		['back-debian', 'start'],
	] as const)
		expect(
			paste(blockOf(guide, stage, `systemctl ${verb}`), { journalctl: 'true', systemctl: systemctl('') }),
		).toContain(`${verb} matrix-synapse.service mautrix-one.service`);
});

test('settings are recognised in upper and lower case, and only those that the new server has are kept', () => {
	const guide = guided('postgres-major', { from: '15', to: '17', layout: 'compose' });
	put('settings.sql', '');
	put('settings-before.txt', "datestyle = 'iso, dmy'\nold_snapshot_threshold = '1h'\nwork_mem = '5MB'\n");
	const block = blockOf(guide, 'settings-compose', 'settings-known.txt');
	expect(blockOf(guide, 'look', 'pg_file_settings')).toContain('lower(name)');
	// As PostgreSQL 17 has them.
	paste(block, {
		docker: `case "$*" in *'lower(name) FROM pg_settings'*) printf '%s\\n' datestyle work_mem ;; *pg_settings*) printf '%s\\n' DateStyle work_mem ;; *) cat > /dev/null ;; esac`,
	});
	expect(read('settings-own.txt')).toBe("datestyle = 'iso, dmy'\nwork_mem = '5MB'\n");
});

test('names in SQL are quoted, because roles and databases may have capitals and hyphens', () => {
	const bare = /\b(?:ROLE|USER|DATABASE|TO|TABLE|SCHEMA) (?:\{[a-z-]+\}|\$\w+)/g;
	expect('ALTER ROLE {user} PASSWORD').toMatch(bare);
	expect('GRANT "{user}" TO {admin}').toMatch(bare);
	const found = guides.flatMap(({ id, ...guide }) =>
		allStages(guide).flatMap(({ steps, failures }) =>
			[...steps.map(({ commands = '' }) => commands), ...failures.map(({ cure }) => cure)].flatMap(text =>
				(text.match(bare) ?? []).map(words => `${id}: ${words}`),
			),
		),
	);
	expect(found).toEqual([]);
});
