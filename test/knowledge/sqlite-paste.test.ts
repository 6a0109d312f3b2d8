// Blocks of the move from SQLite, pasted on servers and in folders that are not what the guide expects.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { blockOf, guided, pasting } from './pasting.ts';

const { paste, home, put, read } = pasting();

const compose = guided('sqlite-postgres', { to: '17', layout: 'compose' });
const debian = guided('sqlite-postgres', { to: '17', layout: 'debian', files: './files' });
const both: [string, typeof compose][] = [
	['compose', compose],
	['debian', debian],
];
const called = () => (existsSync(home('called')) ? read('called') : '');

/**
 * Stand-ins for a server, which note every call that they do not answer in `called`. `marked`: the databases that this
 * guide created. `used`: those that Synapse is connected to.
 */
function server(marked: readonly string[], used: readonly string[] = []): Record<string, string> {
	const script = (name: string) => `case "$*" in
*shobj_description*) for name in ${['none', ...marked].join(' ')}; do case "$*" in *"'$name'"*) echo $name ;; esac; done ;;
*pg_stat_activity*) for name in ${['none', ...used].join(' ')}; do case "$*" in *"datname = '$name' AND usename = '"*) echo "t|Synapse uses $name" ;; esac; done ;;
*) echo "${name} $*" >> called ;;
esac`;
	return Object.fromEntries(['docker', 'sudo', 'systemctl', 'curl'].map(name => [name, script(name)]));
}

describe.each(both)('on %s a database without the mark', (layout, guide) => {
	const removing: [stage: string, words: string][] = [
		['rehearse', 'rehearsal'],
		['again-sqlite', 'dropdb'],
		...(layout === 'debian' ? ([['back-made-debian', 'dropdb']] as [string, string][]) : []),
	];

	test.each(removing)('is not dropped by %s', (stage, words) => {
		const block = blockOf(guide, stage, words);
		paste(block, server([]));
		expect(called()).not.toMatch(/dropdb|dropuser/);
		paste(block, server(['synapse', 'rehearsal']));
		expect(called()).toMatch(stage === 'rehearse' ? /dropdb .*rehearsal/ : /dropdb .*synapse/);
	});

	test('is not written into', () => {
		const block = blockOf(guide, 'port', 'synapse_port_db').replace('/opt/venvs/matrix-synapse/bin/', '');
		const bin = { ...server([]), synapse_port_db: 'echo "synapse_port_db $*" >> called' };
		expect(paste(block, bin)).toContain('FAILED');
		expect(called()).not.toContain('synapse_port_db');
		expect(paste(block, { ...bin, ...server(['synapse']) })).toContain('ported');
		expect(called()).toContain('synapse_port_db');
	});
});

describe.each(both)('on %s the configuration', (_, guide) => {
	const replace = () => paste(blockOf(guide, 'start-postgres', 'homeserver-sqlite.yaml'));
	const restore = () => paste(blockOf(guide, 'back-sqlite-late', 'homeserver-sqlite.yaml'), server([]));
	const two = () => {
		mkdirSync(home('files'));
		put('files/homeserver.yaml', 'old');
		put('files/homeserver-postgres.yaml', 'new');
	};

	test('is replaced only once, and restored only once', () => {
		two();
		expect(replace()).toContain('configuration replaced');
		expect(replace()).toContain('FAILED');
		expect([read('files/homeserver.yaml'), read('files/homeserver-sqlite.yaml')]).toEqual(['new', 'old']);
		expect(restore()).toContain('configuration restored');
		expect(restore()).toContain('FAILED');
		expect([read('files/homeserver.yaml'), read('files/homeserver-postgres.yaml')]).toEqual(['old', 'new']);
	});

	test('never replaces a file that is kept for the rollback', () => {
		two();
		put('files/homeserver-sqlite.yaml', 'kept');
		expect(replace()).toContain('FAILED');
		expect(restore()).toContain('FAILED');
		expect([read('files/homeserver.yaml'), read('files/homeserver-sqlite.yaml')]).toEqual(['old', 'kept']);
		expect(read('files/homeserver-postgres.yaml')).toBe('new');
	});

	test('is not replaced in a folder without the new one', () => {
		mkdirSync(home('files'));
		put('files/homeserver.yaml', 'old');
		expect(replace()).toContain('FAILED');
		expect(readdirSync(home('files'))).toEqual(['homeserver.yaml']);
	});

	test('for PostgreSQL is not started by the rollback to the file', () => {
		two();
		const back = blockOf(guide, 'back-sqlite', 'started');
		replace();
		expect(paste(back, server([]))).toContain('FAILED');
		expect(called()).toBe('');
		restore();
		expect(paste(back, server([]))).not.toContain('FAILED');
	});

	test('for SQLite is not started as the new one', () => {
		two();
		const start = blockOf(guide, 'start-postgres', 'COMMENT ON');
		const bin = { ...server(['synapse']), seq: 'echo 1' };
		expect(paste(start, bin)).toContain('FAILED');
		expect(called()).not.toMatch(/COMMENT|up -d|systemctl/);
		put('files/homeserver.yaml', 'database:\n  name: psycopg2\n');
		expect(paste(start, bin)).not.toContain('FAILED');
		expect(called()).toMatch(/COMMENT[\s\S]*(?:up -d|systemctl start)/);
	});
});

test.each(both)('on %s the file is kept unless Synapse is connected to PostgreSQL', (layout, guide) => {
	mkdirSync(home('files'));
	put('files/homeserver.yaml', 'database:\n  name: psycopg2\n');
	for (const name of ['rehearsal.yaml', 'homeserver-sqlite.yaml']) put(`files/${name}`, '');
	const later = blockOf(guide, `later-sqlite-${layout}`, 'the file is removed').replaceAll(
		'/var/lib/matrix-synapse/',
		'./',
	);
	for (const name of ['snapshot.db', 'homeserver.db']) put(name, 'data');
	// A file in conf.d may name SQLite again.
	expect(paste(later, server(['rehearsal']))).toContain('FAILED');
	expect(existsSync(home('homeserver.db'))).toBe(true);
	expect(called()).not.toContain('homeserver.db');
	// A second attempt removes what a first one left behind.
	const bin = server([], ['synapse']);
	expect(paste(later, { ...bin, rm: '[[ "$*" != *rehearsal* ]] && exec /bin/rm "$@"' })).toContain('FAILED');
	expect(existsSync(home('files/homeserver-sqlite.yaml'))).toBe(true);
	expect(paste(later, { ...bin, rm: 'exec /bin/rm "$@"' })).toContain('the file is removed');
	expect(existsSync(home('files/homeserver-sqlite.yaml'))).toBe(false);
});

describe("Debian's package", () => {
	const settings = blockOf(debian, 'settings-debian', 'conf.d');
	const files = (more: Record<string, string>) => {
		mkdirSync(home('files/conf.d'), { recursive: true });
		put('files/homeserver.yaml', 'pid_file: /run/x\ndatabase:\n  name: sqlite3');
		for (const [name, text] of Object.entries(more)) put(`files/conf.d/${name}`, text);
		return paste(settings);
	};

	test('has its options merged into one file', () => {
		const said = files({
			'server_name.yaml': '---\nserver_name: example.org',
			'report_stats.yaml': 'report_stats: false\n',
		});
		expect(said).toContain('one database');
		expect(parse(read('files/homeserver-postgres.yaml'))).toEqual({
			pid_file: '/run/x',
			database: { name: 'sqlite3' },
			server_name: 'example.org',
			report_stats: false,
		});
	});

	test('must not name the database in a file that Synapse reads later', () => {
		expect(files({ 'more.yaml': 'server_name: example.org\ndatabase:\n  name: sqlite3\n' })).toContain('FAILED');
	});
});

test.each(both)('on %s the rehearsal uses its own database, however the file is indented', (layout, guide) => {
	mkdirSync(home('files'));
	put('files/homeserver-postgres.yaml', 'database:\n    name: psycopg2\n    args:\n        dbname: "synapse"\n');
	expect(paste(blockOf(guide, `settings-${layout}`, 'rehearsal.yaml'))).toContain('dbname: rehearsal');
	expect(read('files/rehearsal.yaml')).not.toContain('synapse');
});

describe('the folder of the new server', () => {
	const up = blockOf(compose, 'server-compose', 'up -d');
	const remove = blockOf(compose, 'back-made-compose', 'rm -rf');
	const bin = { ...server([]), seq: 'true' };

	test('must be new, or nothing is started in it', () => {
		mkdirSync(home('postgres-17'));
		expect(paste(up, bin)).toContain('FAILED');
		expect(called()).not.toContain('up -d');
		expect(paste(blockOf(compose, 'back-made-compose', 'rm -sf'), bin)).toContain('FAILED');
		put('docker-compose.yml', '');
		expect(paste(remove)).toContain('FAILED');
		expect(existsSync(home('postgres-17'))).toBe(true);
	});

	test('is removed only if the compose file no longer names it and Synapse was never started on it', () => {
		expect(paste(up, bin)).toContain('db started');
		expect(paste(up, bin)).toContain('db started');
		expect(paste(remove)).toContain('FAILED');
		put('docker-compose.yml', '      - ./postgres-17:/var/lib/postgresql/data\n');
		expect(paste(remove)).toContain('FAILED');
		put('docker-compose.yml', 'services:\n');
		mkdirSync(home('files'));
		put('files/homeserver.yaml', 'database:\n  name: psycopg2\n');
		paste(blockOf(compose, 'start-postgres', 'COMMENT ON'), bin);
		expect(paste(remove)).toContain('FAILED');
		expect(existsSync(home('postgres-17'))).toBe(true);
		put('postgres-17.new', '');
		expect(paste(remove)).toContain('./postgres-17 removed');
		expect(existsSync(home('postgres-17'))).toBe(false);
	});
});

describe('the copy of the file', () => {
	const make = (from: string, to: string) => {
		paste(blockOf(compose, 'rehearse', 'snapshot.py'));
		return paste(`python3 snapshot.py ${from} ${to}`);
	};
	const one = "import sqlite3; db = sqlite3.connect('one.db'); db.execute('CREATE TABLE one (id)'); db.commit()";

	test('never replaces the file itself', () => {
		spawnSync('python3', ['-c', one], { cwd: home() });
		paste('ln -s one.db same.db');
		expect(make('one.db', 'same.db')).toContain('FAILED');
		expect(existsSync(home('one.db'))).toBe(true);
		expect(make('one.db', 'two.db')).toContain('copied');
		expect(make('one.db', 'two.db')).toContain('copied');
	});

	test('is not created from a file that does not exist', () => {
		expect(make('none.db', 'two.db')).not.toContain('copied');
		expect(existsSync(home('none.db'))).toBe(false);
	});
});
