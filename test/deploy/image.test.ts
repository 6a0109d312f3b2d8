// The image only contains what it runs: the Dockerfile copies what the code reads.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { readConfig, variables } from '../../src/config.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(`${root}/${path}`, 'utf8');

test('copies every folder that the code imports or reads, and nothing that only developers need', () => {
	const copied = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.+) \.\S*$/gm)].flatMap(([, names = '']) =>
		names.split(' '),
	);
	for (const name of ['src', 'commands', 'crypto', 'knowledge', 'package.json', 'package-lock.json'])
		expect(copied).toContain(name);
	for (const name of ['test', 'bench', 'docs', '.', 'tools']) expect(copied).not.toContain(name);
	// The build context consists of what is copied.
	const ignore = read('.dockerignore').split('\n');
	expect(ignore).toContain('*');
	expect(
		ignore
			.filter(line => line.startsWith('!'))
			.map(line => line.slice(1))
			.sort(),
	).toEqual([...copied].sort());
	for (const name of copied.map(path => path.split('/')[0])) expect(readdirSync(root)).toContain(name);
});

test('imports only dependencies, and nothing from folders that are not copied', () => {
	const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
	for (const folder of ['src', 'commands', 'crypto']) {
		for (const name of readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' })) {
			if (!name.endsWith('.ts') || name.includes('node_modules')) continue;
			const text = read(`${folder}/${name}`);
			for (const [, from = ''] of text.matchAll(/^(?:import|export) (?!type)[^'"]*?from '([^'.][^']*)'/gm)) {
				const of = from.startsWith('@') ? from.split('/').slice(0, 2).join('/') : (from.split('/')[0] ?? '');
				if (from.startsWith('node:') || folder === 'crypto') continue;
				expect(Object.keys(dependencies), `${folder}/${name}`).toContain(of);
			}
			expect(text, `${folder}/${name}`).not.toMatch(/from '(?:\.\.\/)+(?:tools|test|bench)\//);
		}
	}
});

test('only sets variables that are options', () => {
	const files = [
		'Dockerfile',
		'compose.yaml',
		'deploy/replicas/compose.yaml',
		'deploy/systemd/glia.service',
		'deploy/systemd/glia-backup.service',
	];
	const named = files.flatMap(file => [...read(file).matchAll(/\bGLIA_[A-Z_]+/g)].map(([name]) => name));
	expect(named.length).toBeGreaterThan(5);
	for (const name of named) expect(variables).toContain(name);
});

test('passes every secret that docs/operating.md installs in a variable that overrides the configuration', () => {
	const unit = read('deploy/systemd/glia.service');
	const loaded = [...unit.matchAll(/^LoadCredential=(\w+):\/etc\/glia\/(\w+)$/gm)].map(([, name, file]) => [
		name,
		file,
	]);
	const [, installed = ''] = /# install -m 0600 (.+) \/etc\/glia\//.exec(read('docs/operating.md')) ?? [];
	expect(loaded).toEqual(installed.split(' ').map(name => [name, name]));
	const given = [...unit.matchAll(/^Environment=(GLIA_\w+_FILE)=%d\/(\w+)$/gm)];
	expect(given.map(([, , name]) => name)).toEqual(loaded.map(([name]) => name));
	for (const [, variable] of given) expect(variables).toContain(variable);
});

// systemd, and the commands of its unit, are for Linux.
test.runIf(process.platform === 'linux')(
	'backs up a bot with any kind of login, and deletes old copies in a folder with any name',
	() => {
		const unit = read('deploy/systemd/glia-backup.service');
		expect(unit).not.toMatch(/LoadCredential|GLIA_MATRIX/);
		const [, script = ''] = /^ExecStart=\/bin\/sh -ec '(.*)'$/m.exec(unit) ?? [];
		// systemd's own escapes, and no program.
		const shell = script
			.replaceAll('%%', '%')
			.replaceAll('\\\\', '\\')
			.replace(/cd \/opt\/glia; node_modules\S+ src\/start\.cjs backup ("[^;]*") --config \S+;/, 'mkdir $1;');
		const backups = join(mkdtempSync(join(tmpdir(), 'glia backups ')), 'of glia');
		const kept = Array.from({ length: 13 }, (_, day) => `2001-11-${day + 10}-033000`);
		for (const name of ['2001-11-01-033000', '2001-11-02-033000', ...kept, 'other'])
			mkdirSync(join(backups, name), { recursive: true });
		const { status, stderr } = spawnSync('sh', ['-ec', shell], {
			env: { ...process.env, BACKUPS: backups },
			encoding: 'utf8',
		});
		expect([status, stderr]).toEqual([0, '']);
		const [newest = '', ...rest] = readdirSync(backups).filter(name => !kept.includes(name));
		expect(rest).toEqual(['other']);
		expect(newest).toMatch(/^20\d\d-\d\d-\d\d-\d{6}$/);
		rmSync(join(backups, '..'), { recursive: true });
	},
);

test('keeps the compile cache where the running user can read it', () => {
	// Node.js stores the cache under its user's ID: if root created it in the build, it would never be found.
	const dockerfile = read('Dockerfile');
	const [, user] = /^USER (\d+):/m.exec(dockerfile) ?? [];
	expect(dockerfile).toContain(`setpriv --reuid=${user} `);
	// Node.js makes the cache readable only by its owner; the build's last step checks that the user can read it.
	// The build runs a bot without a homeserver, and expects this message.
	const [, message = ''] = /\| grep -q '(.+)'; \}/.exec(dockerfile) ?? [];
	expect(message).not.toBe('');
	expect(read('src/edges/matrix/failure.ts')).toContain(message);
	expect(dockerfile).toMatch(/chmod -R a\+rX glia\.cjs\.cache \\\n[^\n]*'main\.cjs was accepted'\n(?!\t)/);
	const unit = read('deploy/systemd/glia.service');
	const [, folder] = /^CacheDirectory=(\S+)$/m.exec(unit) ?? [];
	expect(unit).toContain(`Environment=NODE_COMPILE_CACHE=/var/cache/${folder}\n`);
});

test('runs as an ordinary user, writes only to its volume, and needs no capabilities', () => {
	for (const file of ['compose.yaml', 'deploy/replicas/compose.yaml']) {
		const { services } = parse(read(file)) as { services: { glia: Record<string, unknown> } };
		expect(services.glia).toMatchObject({
			read_only: true,
			cap_drop: ['ALL'],
			security_opt: ['no-new-privileges:true'],
		});
		expect(services.glia).not.toHaveProperty('privileged');
		expect(services.glia).not.toHaveProperty('ports');
	}
	expect(read('Dockerfile')).toMatch(/^USER 1000:1000$/m);
	expect(read('Dockerfile')).toMatch(/^HEALTHCHECK /m);
});

test('starts two replicas whose variables configure the database', () => {
	const { services, secrets } = parse(read('deploy/replicas/compose.yaml')) as {
		services: Record<'glia' | 'postgres', Compose>;
		secrets: Record<string, unknown>;
	};
	const { glia, postgres } = services;
	expect(glia.deploy?.replicas).toBe(2);
	for (const name of [...glia.secrets, ...postgres.secrets]) expect(Object.keys(secrets)).toContain(name);
	const dir = mkdtempSync(join(tmpdir(), 'glia-compose-'));
	const local = (text: string) => text.replace('/run/secrets/', `${dir}/`);
	for (const name of glia.secrets) writeFileSync(join(dir, name), `secret of ${name}`);
	const matrix = { homeserver: 'https://example.org', user: '@glia:example.org', allow: ['example.org'] };
	writeFileSync(join(dir, 'config.yaml'), JSON.stringify({ matrix }));
	const environment = Object.entries(glia.environment).map(([name, value]) => [name, local(value)]);
	const config = readConfig(join(dir, 'config.yaml'), Object.fromEntries(environment));
	expect(config.store.postgres).toEqual({
		host: 'postgres',
		database: postgres.environment.POSTGRES_DB,
		user: postgres.environment.POSTGRES_USER,
		password: 'secret of database',
		schema: 'glia',
	});
	expect(config.encryption.passphrase).toBe('secret of passphrase');
	rmSync(dir, { recursive: true });
});

type Compose = { secrets: string[]; environment: Record<string, string>; deploy?: { replicas: number } };
