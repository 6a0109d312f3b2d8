// Blocks of the backup guide, pasted into the wrong folder, twice, and on incomplete backups.
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { allStages } from '../../src/knowledge/guide-stages.ts';
import { blockOf, guided, pasting } from './pasting.ts';

const { paste, home, put, read } = pasting();

const places = { domain: 'example.org', proof: './proof', config: './backup', key: './backup/key' };
const own = (more: Record<string, string>) =>
	guided('backup', { to: '17', 'media-folder': './backup/media', dump: './dump', ...places, ...more });
const compose = own({ layout: 'compose' });
const debian = own({ layout: 'debian' });
const noted = (name: string) => `echo "${name} $*" >> called`;
const called = () => (existsSync(home('called')) ? read('called') : '');

/** A complete backup in the official layout, with the media inside the configuration's folder. */
function backup(): void {
	mkdirSync(home('backup/media/local_content'), { recursive: true });
	put('backup/homeserver.yaml', 'server_name: "example.org" # ours\n');
	put('backup/key', `ed25519 a_test ${'A'.repeat(43)}\n`);
	put('backup/media/local_content/picture', 'picture');
	put('dump', 'PGDMP and more');
}

const prepare = (guide = compose) => paste(blockOf(guide, 'parts', 'is ready'));

describe('a folder that the guide did not create', () => {
	test.each([
		['compose', compose],
		['debian', debian],
	])('is neither written to nor removed on %s', (_, guide) => {
		backup();
		mkdirSync(home('proof'));
		put('proof/letter', 'mine');
		expect(prepare(guide)).toContain('FAILED');
		const bin = Object.fromEntries(
			'docker sudo pg_createcluster pg_ctlcluster pg_dropcluster pg_lsclusters unshare nsenter pkill curl pg_restore chown sleep'
				.split(' ')
				.map(name => [name, noted(name)]),
		);
		for (const stage of [...allStages(guide)])
			for (const { commands = '' } of stage.steps) if (!/^read -/.test(commands)) paste(commands, bin);
		expect(readdirSync(home('proof'))).toEqual(['letter']);
		expect(called()).not.toMatch(/^(?:chown|docker network|docker rm|pg_createcluster|pg_dropcluster)/m);
	});
});

describe('the parts of a backup', () => {
	const parts = (guide = compose) => {
		prepare(guide);
		return paste(blockOf(guide, 'parts', 'parts.sh'));
	};

	test('are found', () => {
		backup();
		const said = parts();
		expect(said).toContain('configuration: found');
		expect(said).toContain('signing key: ed25519 a_test');
		expect(said).not.toMatch(/MISSING|WRONG/);
	});

	test("are found as Debian's package keeps them, with the server's name in conf.d", () => {
		backup();
		put('backup/homeserver.yaml', '# server_name is set in conf.d\npid_file: /run/x\n');
		expect(parts(debian)).toContain('MISSING in the backup: configuration');
		mkdirSync(home('backup/conf.d'));
		put('backup/conf.d/server_name.yaml', "server_name: 'example.org'\n");
		expect(parts(debian)).toContain('configuration: found');
	});

	test('of another server are reported', () => {
		backup();
		put('backup/homeserver.yaml', 'server_name: example.com\n');
		expect(parts()).toContain('WRONG SERVER: the configuration is for example.com');
	});
});

test('a truncated SQL dump, or one of another database, is reported', () => {
	prepare();
	const look = blockOf(own({ layout: 'compose', format: 'sql' }), 'parts', 'event_json');
	put('dump', 'CREATE TABLE public.event_json (\n--\n-- PostgreSQL database dump complete\n--\n');
	expect(paste(look)).not.toMatch(/MISSING|WRONG/);
	put('dump', 'CREATE TABLE public.event_json (\n');
	expect(paste(look)).toContain('MISSING in the backup: the end of the dump');
	put('dump', 'CREATE TABLE public.sessions (\n--\n-- PostgreSQL database dump complete\n--\n');
	expect(paste(look)).toContain('WRONG DATABASE');
});

test.each(['compose', 'debian'])('a truncated compressed dump is not restored on %s', layout => {
	prepare();
	const restore = blockOf(
		own({ layout, format: 'sql' }),
		layout === 'compose' ? 'server-docker' : 'server-debian',
		'-1',
	);
	// The other programs must not consume the lines that were pasted after them.
	const script = 'case "$*" in *psql*) cat > /dev/null ;; esac';
	const reading = { docker: script, sudo: script };
	paste('seq 100000 | gzip > dump');
	expect(paste(restore, reading)).toContain('restored');
	paste('seq 100000 | gzip | head -c 1000 > dump');
	expect(paste(restore, reading)).not.toContain('restored');
});

describe('a server that is not created', () => {
	const create = blockOf(compose, 'server-docker', 'network create');
	const remove = blockOf(compose, 'remove-docker', 'network rm');
	const docker = (fails = '') =>
		`echo "$*" >> called; case "$*" in info*) pwd ;; "ps "*) echo c1 ;; "${fails}"*) exit 1 ;; "network create"*) touch network ;; "network rm"*) rm network ;; "network ls"*) [ ! -e network ] || echo n1 ;; esac`;
	const disk = (free: number) => `printf 'a b c d\\nx y z ${free} w\\n'`;
	const here = { seq: 'true' };

	test('because there is no space leaves nothing behind', () => {
		backup();
		prepare();
		expect(paste(create, { ...here, docker: docker('none'), df: disk(900) })).toContain('FAILED');
		expect(called()).not.toContain('network create');
		expect(paste(create, { ...here, docker: docker('none'), df: disk(9000) })).not.toContain('FAILED');
		expect(called()).toContain('run -d --name proof-db');
	});

	test('because its name is in use is not removed either', () => {
		backup();
		prepare();
		expect(paste(create, { ...here, docker: docker('network create'), df: disk(9000) })).toContain('FAILED');
		paste('rm called');
		expect(paste(remove, { docker: docker('none') })).toContain('./proof removed');
		expect(called()).toBe('');
	});

	test('is removed by its network, and the folder after it', () => {
		backup();
		prepare();
		paste(create, { ...here, docker: docker('none'), df: disk(9000) });
		expect(paste(remove, { docker: docker('network rm') })).toContain('FAILED');
		expect(existsSync(home('proof'))).toBe(true);
		expect(paste(remove, { docker: docker('none') })).toContain('./proof removed');
		expect(called()).toContain('rm -fv c1');
		expect(existsSync(home('proof'))).toBe(false);
	});

	describe('on Debian', () => {
		const clusters = (guide: string) => guide.replaceAll('/etc/postgresql/', './clusters/');
		const removeDebian = clusters(blockOf(debian, 'remove-debian', 'pg_dropcluster'));
		const bin = {
			pg_createcluster: 'mkdir -p clusters/17/proof',
			pg_ctlcluster: 'true',
			sed: 'true',
			// Refuses a cluster that does not exist, as Debian's does.
			pg_dropcluster: `${noted('pg_dropcluster')}; rmdir clusters/17/proof`,
			pg_lsclusters: 'true',
			pkill: 'true',
			pgrep: 'exit 1',
			rm: 'exec /bin/rm "$@"',
		};
		const created = () => {
			backup();
			prepare(debian);
			paste(clusters(blockOf(debian, 'server-debian', 'pg_createcluster')), { ...bin, df: disk(9000) });
			expect(existsSync(home('clusters/17/proof'))).toBe(true);
		};

		test('is removed by a second attempt if the folder could not be removed', () => {
			created();
			expect(paste(removeDebian, { ...bin, rm: 'case $1 in -rf) exit 1 ;; esac; /bin/rm "$@"' })).toContain('FAILED');
			expect(existsSync(home('proof'))).toBe(true);
			expect(paste(removeDebian, bin)).toContain('./proof removed');
			expect(called()).toBe('pg_dropcluster --stop 17 proof\n');
		});

		test('is removed if its cluster was already dropped by hand', () => {
			created();
			paste('rmdir clusters/17/proof');
			expect(paste(removeDebian, bin)).toContain('./proof removed');
			expect(called()).toBe('');
		});

		test('keeps its folder if its cluster cannot be dropped', () => {
			created();
			const failing = { ...bin, pg_dropcluster: 'exit 1' };
			expect(paste(removeDebian, failing)).toContain('FAILED');
			expect(existsSync(home('proof/throwaway/cluster'))).toBe(true);
		});
	});

	test('is removed although Docker has already removed its network', () => {
		backup();
		prepare();
		paste(create, { ...here, docker: docker('none'), df: disk(9000) });
		paste('rm network');
		expect(paste(remove, { docker: docker('none') })).toContain('./proof removed');
	});

	test('stays if Docker is not running', () => {
		backup();
		prepare();
		paste(create, { ...here, docker: docker('none'), df: disk(9000) });
		expect(paste(remove, { docker: 'exit 1' })).toContain('FAILED');
		expect(existsSync(home('proof'))).toBe(true);
	});

	test('on Debian does not remove an existing cluster with that name', () => {
		backup();
		prepare(debian);
		const bin = {
			pg_createcluster: 'exit 1',
			pg_dropcluster: noted('pg_dropcluster'),
			pg_lsclusters: 'true',
			pkill: 'true',
			pgrep: 'exit 1',
		};
		expect(paste(blockOf(debian, 'server-debian', 'pg_createcluster'), { ...bin, df: disk(9000) })).toContain('FAILED');
		expect(paste(blockOf(debian, 'remove-debian', 'pg_dropcluster'), bin)).toContain('./proof removed');
		expect(called()).toBe('');
	});
});

describe('the isolated copy', () => {
	const files = (guide = compose) => {
		backup();
		prepare(guide);
		mkdirSync(home('backup/conf.d'));
		put('backup/conf.d/more.yaml', '');
		return paste(blockOf(guide, 'synapse-files', 'proof.yaml'));
	};

	test('has the configuration, not the media', () => {
		expect(files()).toBe('');
		const copied = readdirSync(home('proof/throwaway/data')).sort();
		expect(copied).toEqual(['conf.d', 'homeserver.yaml', 'key', 'proof.signing.key', 'proof.yaml']);
	});

	test('turns off what would affect others, delete files, or keep it from starting alone', () => {
		files();
		const off = parse(read('proof/throwaway/data/proof.yaml')) as Record<string, unknown>;
		expect(off).toMatchObject({
			daemonize: false,
			media_retention: {},
			retention: null,
			backup_media_store_path: null,
			spam_checker: [],
			third_party_event_rules: null,
			presence: { enabled: false },
			oidc_config: null,
			outbound_federation_restricted_to: null,
			notify_appservices: true,
			update_user_directory: true,
		});
	});

	test('on Debian sees the media read-only, and starts only once', () => {
		files(debian);
		paste(blockOf(debian, 'synapse-files', 'chown'), { sudo: 'true', chown: 'true' });
		const start = blockOf(debian, 'synapse-debian', 'unshare');
		const bin = {
			unshare: 'while [ "$1" != sh ]; do shift; done; exec "$@"',
			ip: 'true',
			mount: noted('mount'),
			runuser: noted('runuser'),
			nsenter: 'true',
			seq: 'echo 1',
			sleep: 'exec /bin/sleep 0.1',
		};
		paste(`${start}\nwait; while [ ! -s called ] || ! grep -q runuser called; do /bin/sleep 0.1; done`, {
			...bin,
			pgrep: 'exit 1',
		});
		const media = './proof/throwaway/data/proof-media';
		expect(called()).toContain(`mount --bind ${home('backup/media')} ${media}\nmount -o remount,bind,ro ${media}\n`);
		expect(read('proof/throwaway/data/proof.yaml')).toContain(`media_store_path: ${media}`);
		paste('rm called');
		expect(paste(start, { ...bin, pgrep: 'echo 77' })).toContain('FAILED: it is already running');
		expect(called()).toBe('');
	});
});

test('a process that reuses the ID of the throwaway Synapse is not killed', () => {
	prepare(debian);
	put('proof/throwaway/pid', `${process.pid}`);
	const bin = { pkill: noted('pkill'), pgrep: 'exit 1', pg_lsclusters: 'true', kill: noted('kill') };
	paste(`kill() { echo "kill $*" >> called; }\n${blockOf(debian, 'remove-debian', 'removed')}`, bin);
	expect(called()).toBe('pkill -f -- -c ./proof/throwaway/data/proof.yaml\n');
});

test.each(['debian', 'mdad'])('on %s nobody else can create the folder whose scripts root runs', layout => {
	const guide = guided('backup', { to: '17', layout, domain: 'example.org' });
	for (const { commands = '' } of allStages(guide).flatMap(({ steps }) => steps))
		expect(commands).not.toMatch(/\/(?:var\/)?tmp\//);
});

test('files that were announced but never uploaded do not count as missing', () => {
	for (const guide of [compose, debian])
		expect(blockOf(guide, 'people', 'lacking.txt')).toContain('media_length IS NOT NULL');
});
