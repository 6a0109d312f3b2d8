// Every known error of a guide, brought about on purpose once, so that its words can be compared with the guide's.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { knownBy } from '../../../src/advice/guide.ts';
import type { Guide } from '../../../src/knowledge/shape.ts';
import { addresses, buildDebian, homeserver, type Job, type Played, sh, surroundingsOf } from './played.ts';
import type { Result } from './walk.ts';

/** What a command says, whether it ends well or not. */
function saying(script: string, env: NodeJS.ProcessEnv): string {
	const { output } = spawnSync('bash', ['-c', `exec 2>&1\n${script}`], {
		encoding: 'utf8',
		env,
		input: '',
		timeout: 120_000,
		maxBuffer: 50_000_000,
	});
	return output.map(text => text ?? '').join('');
}

/** Servers to break: each with its programs on PATH and its socket as PGHOST. */
function cluster(played: Played, major: string, { auth = 'trust', name = major, init = '' } = {}) {
	const server = played.servers[major];
	if (!server) throw new Error(`PostgreSQL ${major} is not there`);
	const data = join(played.root, `broken-${name}`);
	const env: NodeJS.ProcessEnv = {
		...surroundingsOf(played),
		PATH: [...server.path, process.env.PATH].join(':'),
		PGHOST: data,
		PGUSER: 'postgres',
		PGDATABASE: 'postgres',
	};
	const own = `setpriv --reuid ${played.user} --regid ${played.group} --clear-groups`;
	sh(
		`mkdir -p ${data} && chown ${played.user} ${data}
${own} initdb -D ${data} -U postgres -E UTF8 --locale=C -A trust ${init} > /dev/null
printf 'local all all trust\\nhost all all all ${auth}\\n' > ${data}/pg_hba.conf`,
		env,
	);
	return {
		data,
		env,
		own,
		start(address: string): void {
			const log = openSync(`${data}.log`, 'a');
			spawn(
				'bash',
				[
					'-c',
					`exec ${own} postgres -D ${data} -c listen_addresses=${address} -c unix_socket_directories=${data} -c fsync=off -c ssl=off`,
				],
				{ env, detached: true, stdio: ['ignore', log, log] },
			).unref();
			closeSync(log);
			sh('for i in $(seq 100); do pg_isready -q && break; sleep 0.1; done', env);
		},
		stop: () => sh(`${own} pg_ctl -D ${data} -m fast -w stop`, env),
		log: () => readFileSync(`${data}.log`, 'utf8'),
	};
}

/** What Synapse says when it is started on this database, until it ends or listens. */
function synapse(job: Job, played: Played, database: Record<string, string>, more = ''): string {
	homeserver(played, { name: 'psycopg2', args: { ...database, cp_min: 1, cp_max: 3 } });
	const config = join(played.root, 'home/files/homeserver.yaml');
	return saying(`timeout 60 ${job.python} -m synapse.app.homeserver -c ${config} ${more}`, surroundingsOf(played));
}

type Provocation = () => string;

/** Brings each known error about, compares what was said, and adds what was seen. Throws with those that said something else. */
export async function provokeAll(job: Job, played: Played, guide: Guide, results: Result[]): Promise<void> {
	const all = provocations(job, played);
	const failures = [...guide.stages, ...guide.cleanUp, ...guide.wayBack.before, ...guide.wayBack.after].flatMap(
		stage => stage.failures,
	);
	const wrong: string[] = [];
	for (const [id, provoke] of Object.entries(all)) {
		const failure = failures.find(other => other.id === id);
		if (!failure) throw new Error(`the guide has no failure ${id}`);
		let said = '';
		try {
			said = provoke();
		} catch (error) {
			said = String(error);
		}
		const isSaid = knownBy(failure.text, said);
		const saw = isSaid ? line(failure.text, said, job) : undefined;
		console.log(`  ${isSaid ? 'seen' : 'NOT SEEN'}: ${id}${saw ? `: ${saw}` : ''}`);
		if (saw) results.push({ of: id, saw });
		else wrong.push(`${id}: expected “${failure.text}”, got: ${said.trim().slice(-600)}`);
	}
	if (wrong.length) throw new Error(wrong.join('\n'));
}

function provocations(job: Job, played: Played): Record<string, Provocation> {
	if (job.stated.layout === 'debian') return packaged(job, played);
	return job.stated.layout === 'managed' ? tooOld(job, played) : plain(job, played);
}

/** A server that the newest Synapse does not take any more. */
function tooOld(job: Job, played: Played): Record<string, Provocation> {
	const old = cluster(played, '13', { auth: 'trust' });
	old.start(addresses.old);
	sh('psql -Xqc "CREATE ROLE synapse LOGIN"; createdb -O synapse trial', old.env);
	return {
		'too-old-for-synapse': () =>
			synapse(job, played, { user: 'synapse', password: 'x', dbname: 'trial', host: addresses.old }),
	};
}

/** The line that says it, without the folders of this machine. */
function line(text: string, said: string, { root }: Job): string {
	const found = said.split('\n').find(other => knownBy(text, other)) ?? text;
	return found.replaceAll(root, '…').trim().slice(0, 300);
}

/** Errors of PostgreSQL, its client programs, the image's own script and Synapse. */
function plain(job: Job, played: Played): Record<string, Provocation> {
	const { root } = played;
	const old = cluster(played, '15');
	const next = cluster(played, '17', { auth: 'scram-sha-256' });
	old.start(addresses.old);
	next.start(addresses.new);
	const at15 = (script: string) => saying(script, old.env);
	const at17 = (script: string) => saying(script, next.env);
	const path16 = { ...next.env, PATH: [...(played.servers['16']?.path ?? []), process.env.PATH].join(':') };
	sh(
		`psql -Xqc "CREATE ROLE synapse LOGIN PASSWORD 'changeme'" -c "CREATE ROLE guest LOGIN" -c "CREATE DATABASE synapse OWNER synapse"
psql -Xq -d synapse -c "CREATE TABLE users (name text)" -c "ALTER TABLE users OWNER TO synapse" -c "INSERT INTO users SELECT md5(i::text) FROM generate_series(1,20000) i"
pg_dump -Fc synapse > ${root}/synapse.dump; pg_dump synapse > ${root}/synapse.sql; pg_dumpall --globals-only > ${root}/globals.sql`,
		old.env,
	);
	const database = { user: 'synapse', password: 'changeme', dbname: 'trial', host: addresses.old };
	const trial = (options: string) =>
		sh(
			`dropdb --if-exists trial; createdb -T template0 ${options} -O synapse trial; printf 'local all all trust\\nhost all all all trust\\n' > ${old.data}/pg_hba.conf; psql -Xqc "SELECT pg_reload_conf()"`,
			old.env,
		);
	const image = process.env.GLIA_POSTGRES_IMAGE;
	const entrypoint = (major: string, setting: string, prepare: string) => {
		const folder = `${root}/image-${major}`;
		const data = Number(major) >= 18 ? `/var/lib/postgresql/${major}/docker` : '/var/lib/postgresql/data';
		mkdirSync(folder, { recursive: true });
		return saying(
			`mkdir -p /mnt/lib ${folder}/init; mountpoint -q /var/lib/postgresql || mount -t tmpfs tmpfs /var/lib/postgresql
sed "s#/docker-entrypoint-initdb.d#${folder}/init#g" ${image}/docker-entrypoint.sh > ${folder}/docker-entrypoint.sh; chmod 755 ${folder}/docker-entrypoint.sh
mkdir -p /var/run/postgresql; chmod 777 /var/run/postgresql /var/lib/postgresql
${prepare}
env PATH="${[...(played.servers[major]?.path ?? [])].join(':')}:$PATH" PGHOST=/var/run/postgresql PG_MAJOR=${major} PGDATA=${data} ${setting} setpriv --reuid ${played.user} --regid ${played.group} --clear-groups timeout 20 ${folder}/docker-entrypoint.sh postgres -c listen_addresses=127.0.0.9 -c ssl=off -c unix_socket_directories=/var/run/postgresql`,
			{ ...process.env },
		);
	};
	return {
		'wrong-collation': () => {
			trial('-E UTF8 --lc-collate=C.UTF-8 --lc-ctype=C.UTF-8');
			return synapse(job, played, database);
		},
		'wrong-encoding': () => {
			trial('-E SQL_ASCII --locale=C');
			return synapse(job, played, database);
		},
		'version-mismatch': () => saying('pg_dump -Fc postgres > /dev/null', { ...old.env, PGHOST: next.data }),
		'disk-full': () =>
			at15(
				`mkdir -p /mnt/full && mount -t tmpfs -o size=100k tmpfs /mnt/full && pg_dump -Fc -Z0 synapse -f /mnt/full/synapse.dump`,
			),
		'no-role-root': () => saying('psql -Xc "SELECT 1"', { ...old.env, PGUSER: 'root' }),
		'permission-denied-dump': () => saying('pg_dump -Fc synapse', { ...old.env, PGUSER: 'guest' }),
		'old-files': () => at17(`${old.own} postgres -D ${old.data} -p 5599 -c ssl=off`),
		restrict: () => {
			sh(
				`createdb restricted; psql -Xqd restricted -c "CREATE TABLE t (n int)"; pg_dump restricted > ${root}/restricted.sql; createdb plain16`,
				next.env,
			);
			return saying(`psql -X -d plain16 -v ON_ERROR_STOP=1 -f ${root}/restricted.sql`, path16);
		},
		'role-exists': () => {
			sh('psql -Xqc "CREATE ROLE synapse LOGIN"', next.env);
			return at17(`psql -Xq -v ON_ERROR_STOP=1 -f ${root}/globals.sql`);
		},
		'role-missing': () => {
			sh('dropdb --if-exists synapse; psql -Xqc "DROP ROLE IF EXISTS synapse"; createdb synapse', next.env);
			return at17(`pg_restore -d synapse --exit-on-error ${root}/synapse.dump`);
		},
		'already-there': () => {
			sh(
				`psql -Xqc "CREATE ROLE synapse LOGIN"; dropdb synapse; createdb synapse; pg_restore -d synapse --exit-on-error ${root}/synapse.dump`,
				next.env,
			);
			return at17(`pg_restore -d synapse --single-transaction ${root}/synapse.dump`);
		},
		'database-in-use': () => at17(`psql -X -d synapse -c "SELECT pg_sleep(10)" > /dev/null & sleep 2; dropdb synapse`),
		'unsupported-dump': () => {
			sh(`pg_dump -Fc synapse > ${root}/newer.dump`, next.env);
			return at15(`pg_restore --list ${root}/newer.dump`);
		},
		'cut-off': () =>
			at17(`head -c 4000 ${root}/synapse.dump > ${root}/cut.dump; pg_restore -f /dev/null ${root}/cut.dump`),
		'not-an-archive': () =>
			at17(
				`sed 's/$/\\r/' ${root}/synapse.sql > ${root}/text.dump; echo x | cat - ${root}/synapse.dump > ${root}/mixed.dump; pg_restore -f /dev/null ${root}/mixed.dump`,
			),
		'text-dump': () => at17(`pg_restore -d synapse ${root}/synapse.sql`),
		'postmaster-running': () => {
			const empty = cluster(played, '17', { name: '17-empty' });
			return saying(
				`cd ${empty.data} && ${old.own} pg_upgrade -b ${played.servers['15']?.path[0]} -B ${played.servers['17']?.path[0]} -d ${old.data} -D ${empty.data} -s ${empty.data} -U postgres`,
				next.env,
			);
		},
		'must-be-member': () => {
			sh(`psql -Xqc "CREATE ROLE boss LOGIN CREATEDB CREATEROLE"`, next.env);
			return saying('createuser other; createdb -O other others', { ...next.env, PGUSER: 'boss' });
		},
		'password-failed': () => {
			sh(`psql -Xqc "SET password_encryption = 'md5'; ALTER ROLE synapse PASSWORD 'changeme'"`, next.env);
			return saying('psql -Xc "SELECT 1"', {
				...next.env,
				PGHOST: addresses.new,
				PGUSER: 'synapse',
				PGPASSWORD: 'changeme',
			});
		},
		'password-failed-package': () =>
			saying('psql -Xc "SELECT 1"', { ...next.env, PGHOST: addresses.new, PGUSER: 'synapse', PGPASSWORD: 'another' }),
		'started-empty': () => {
			trial('-E UTF8 --locale=C');
			homeserver(played, { name: 'psycopg2', args: { ...database, cp_min: 1, cp_max: 3 } });
			return saying(
				`${job.python} -m synapse.app.homeserver -c ${root}/home/files/homeserver.yaml > ${root}/empty.log 2>&1 & pid=$!
curl -sS --retry 60 --retry-delay 2 --retry-connrefused -d '{"type":"m.login.password","identifier":{"type":"m.id.user","user":"ada"},"password":"correct horse battery"}' localhost:8008/_matrix/client/v3/login; kill $pid`,
				surroundingsOf(played),
			);
		},
		'collation-version': () => {
			// Recorded as by another library, as a server finds it that came from another system.
			sh(
				`createdb -T template0 -E UTF8 --locale-provider=icu --icu-locale=en other
psql -Xqc "UPDATE pg_database SET datcollversion='0.1' WHERE datname='other'"`,
				old.env,
			);
			return at15('psql -X -d other -c "SELECT 1"');
		},
		...(image && existsSync(image)
			? {
					'no-password': () => entrypoint('17', 'POSTGRES_USER=synapse', ''),
					'unused-mount': () =>
						entrypoint(
							'18',
							'POSTGRES_PASSWORD=x',
							'mkdir -p /var/lib/postgresql/data; mount -t tmpfs tmpfs /var/lib/postgresql/data',
						),
					// Twice: the second start takes what the first has left for complete, and runs with an empty database.
					'role-exists-in-init': () => {
						const setting =
							'POSTGRES_USER=synapse POSTGRES_PASSWORD=changeme POSTGRES_INITDB_ARGS="--encoding=UTF-8 --lc-collate=C --lc-ctype=C"';
						const first = entrypoint(
							'15',
							setting,
							`umount /var/lib/postgresql/data 2>/dev/null; rm -rf /var/lib/postgresql/data; cat ${root}/globals.sql ${root}/synapse.sql > ${root}/image-15/init/init.sql; chmod -R a+rX ${root}/image-15`,
						);
						const second = entrypoint(
							'15',
							setting,
							`(sleep 8; psql -h /var/run/postgresql -U synapse -d synapse -c '\\dt') &`,
						);
						if (!/Skipping initialization/.test(second) || !/Did not find any relations/.test(second))
							throw new Error(`the second start was another than expected: ${second}`);
						return `${first}\n${second}`;
					},
				}
			: {}),
	};
}

/** Errors of Debian's own programs. */
function packaged(job: Job, played: Played): Record<string, Provocation> {
	buildDebian(job, played, false);
	const env = surroundingsOf(played);
	const upgrade = 'cd /; pg_upgradecluster -m upgrade -v 18 15 main';
	return {
		'no-package': () => saying('/usr/bin/apt-get install -s postgresql-99', env),
		'target-exists': () => saying(`pg_createcluster 18 main > /dev/null; ${upgrade}; pg_dropcluster 18 main`, env),
		'checksums-differ': () => saying(`${upgrade}; cat /var/log/postgresql/pg_upgradecluster*/*.log`, env),
		'library-missing': () => {
			sh(
				`cd /; pg_lsclusters; pg_ctlcluster 15 main stop || true
runuser -u postgres -- /usr/lib/postgresql/15/bin/pg_checksums --enable -D /var/lib/postgresql/15/main
pg_ctlcluster 15 main start; runuser -u postgres -- psql -d synapse -c "CREATE EXTENSION pgcrypto"`,
				env,
			);
			return saying(`${upgrade}`, env);
		},
	};
}

/** Whether the cure of the checksums leads on: the upgrade that failed goes through. */
export function curedChecksums(played: Played): void {
	const env = surroundingsOf(played);
	sh(
		`cd /; pg_ctlcluster 15 main start || true; runuser -u postgres -- psql -d synapse -c "DROP EXTENSION pgcrypto"
pg_upgradecluster -m upgrade -v 18 15 main; pg_lsclusters | grep '^18 *main *5432 online'`,
		env,
	);
	writeFileSync(join(played.root, 'cured'), '');
}
