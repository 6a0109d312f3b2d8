// Blocks of the guides as people paste them: with blanks before the lines, in the wrong folder, and after something has changed.
import { spawnSync } from 'node:child_process';
import {
	chmodSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Guided, guideFor } from '../../src/advice/guide/guide.ts';
import { unknownDeployment } from '../../src/deployment/facts.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import { allStages } from '../../src/knowledge/guide-stages.ts';

const { guides } = await openKnowledge(new URL('../../knowledge/', import.meta.url));

function guided(id: string, stated: Record<string, string>): Guided {
	const guide = guides.find(one => one.id === id);
	if (!guide) throw new Error(`no guide ${id}`);
	return guideFor(guide, { stated: new Map(Object.entries(stated)), profile: unknownDeployment }, []);
}

/** The block of a stage that contains these words. */
function blockOf(guide: Guided, stage: string, words: string): string {
	const blocks = allStages(guide)
		.filter(({ id }) => id === stage)
		.flatMap(({ steps }) => steps.map(({ commands = '' }) => commands));
	const block = blocks.find(commands => commands.includes(words));
	if (block === undefined) throw new Error(`no block with ${words} in ${stage}`);
	return block;
}

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'paste-'));
	mkdirSync(join(folder, 'bin'));
	mkdirSync(join(folder, 'home'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Pastes a block into a shell in an empty folder. Programs of `bin` stand in for the ones that it calls. */
function paste(block: string, bin: Record<string, string> = {}): string {
	for (const [name, script] of Object.entries(bin)) {
		writeFileSync(join(folder, 'bin', name), `#!/bin/bash\n${script}\n`);
		chmodSync(join(folder, 'bin', name), 0o755);
	}
	const { stdout, stderr } = spawnSync('bash', ['--norc', '--noprofile'], {
		cwd: join(folder, 'home'),
		encoding: 'utf8',
		input: `${block}\n`,
		env: { PATH: `${join(folder, 'bin')}:${process.env.PATH}` },
	});
	return `${stdout}${stderr}`;
}

const home = (...names: string[]) => join(folder, 'home', ...names);
const put = (name: string, text: string) => writeFileSync(home(name), text);
const read = (name: string) => readFileSync(home(name), 'utf8');

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

	test('and there are such files of every kind', () => {
		const files = blocks.map(({ file }) => file.split('/').at(-1));
		for (const file of ['counts.sql', 'settings.sql', 'look.py', 'compare.py', 'prove.py', 'parts.sh', 'proof.yaml'])
			expect(files).toContain(file);
	});

	test.each(blocks)('$where', ({ block, file }) => {
		mkdirSync(home('proof/data'), { recursive: true });
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

describe.each(['compose', 'debian'])('the dump of %s', layout => {
	const guide = guided('postgres-major', { from: '15', to: '17', layout, backup: './pg-backup' });
	const block = blockOf(guide, 'dump', '--globals-only');
	const server = (...databases: string[]) => {
		const script = `cat > /dev/null\ncase "$*" in *'SELECT datname'*) printf '%s\\n' ${databases.join(' ')} ;; *) echo dump ;; esac`;
		return { docker: script, sudo: script };
	};

	test('refuses a list that lacks a database', () => {
		mkdirSync(home('pg-backup'));
		put('databases.txt', 'bridge\nsynapse\n');
		const said = paste(block, server('bridge', 'late', 'synapse'));
		expect(said).toContain('FAILED: other databases than counted');
		expect(said).not.toContain('dumped');
		expect(readdirSync(home('pg-backup'))).toEqual([]);
	});

	test('refuses in a folder without the list', () => {
		mkdirSync(home('pg-backup'));
		expect(paste(block, server('synapse'))).toContain('FAILED: other databases than counted');
	});

	test('names what it dumped', () => {
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

	test('leave out only what the new server has created itself', () => {
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

test('settings of roles in one database wait until that database is there', () => {
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
	const compose = (data: string) =>
		put('docker-compose.yml', `services:\n  db:\n    volumes:\n      - ${data}:/var/lib\n`);
	compose('./schemas-17');
	expect(paste(blockOf(guide, 'dump', 'for-this-upgrade'))).toContain('FAILED');
	expect(paste(blockOf(guide, 'later-compose', 'rm -rf ./pg-backup'), { docker: 'true' })).toContain('FAILED');
	expect(existsSync(home('pg-backup/letters'))).toBe(true);
	const removal = blockOf(guide, 'later-compose', 'rm -rf ./schemas');
	// No server is in it.
	expect(paste(removal)).toContain('FAILED: ./schemas is no server of 15');
	put('schemas/PG_VERSION', '17\n');
	expect(paste(removal)).toContain('FAILED');
	put('schemas/PG_VERSION', '15\n');
	compose('./schemas');
	expect(paste(removal)).toContain('still mounts');
	expect(existsSync(home('schemas'))).toBe(true);
	compose('./schemas-17');
	expect(paste(removal)).toContain('./schemas removed');
	expect(existsSync(home('schemas'))).toBe(false);
});

test('a cluster that is not dropped keeps everything else', () => {
	const guide = guided('postgres-major', { from: '15', to: '17', layout: 'debian', backup: './pg-backup' });
	mkdirSync(home('pg-backup'));
	put('pg-backup/for-this-upgrade', '');
	const block = blockOf(guide, 'later-debian', 'pg_dropcluster');
	const online = { pg_lsclusters: 'echo 17 main 5432 online', sed: 'true' };
	expect(paste(block, { ...online, pg_dropcluster: 'exit 1' })).toContain('FAILED');
	expect(paste(block, { pg_lsclusters: 'echo 17 main 5433 down', pg_dropcluster: 'touch dropped' })).toContain(
		'FAILED',
	);
	expect(existsSync(home('pg-backup'))).toBe(true);
	expect(existsSync(home('dropped'))).toBe(false);
});

test('what was typed into another shell is missed, and said so', () => {
	const sqlite = guided('sqlite-postgres', { to: '17', layout: 'debian' });
	const backup = guided('backup', { to: '17', layout: 'debian', domain: 'example.org', proof: './proof' });
	const major = guided('postgres-major', { from: '15', to: '17', layout: 'compose' });
	const asked = [
		blockOf(sqlite, 'directory-debian', 'start_job'),
		blockOf(backup, 'people', 'PASSWORD:?'),
		blockOf(major, 'prove', 'log-in works'),
	];
	for (const block of asked)
		expect(paste(block, { curl: 'echo asked', nsenter: 'echo asked', docker: 'echo asked' })).not.toContain('asked');
});

test('units that ran are started again, also those that were noted at an earlier attempt', () => {
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

test("a setting is known in either case of its letters, and the newest server's names decide", () => {
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
