// Every known error of a guide, brought about on purpose once, so that its words can be compared with the guide's.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { knownBy } from '../../../src/advice/guide/guide.ts';
import type { Guide } from '../../../src/knowledge/schema/synapse.ts';
import { addresses, buildDebian, homeserver, type Job, type Played, sh, surroundingsOf } from './played.ts';
import type { Result } from './trial.ts';

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
	const all = provocations(job, played, guide);
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

/** The cure of a failure, with the names of this trial in it. */
function cureOf(id: string, guide: Guide, names: Record<string, string>): string {
	const cure = guide.stages.flatMap(({ failures }) => failures).find(failure => failure.id === id)?.cure ?? '';
	return cure.replace(/\{([a-z-]+)\}/g, (_, name: string) => names[name] ?? name);
}

function provocations(job: Job, played: Played, guide: Guide): Record<string, Provocation> {
	if (job.guide === 'sqlite-postgres') return ported(job, played);
	if (job.stated.layout === 'debian') return packaged(job, played, guide);
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
		// As a superuser of another name made them, for a role that only logs in.
		'no-superuser': () => saying('psql -XAt -c "SELECT rolname FROM pg_authid"', { ...old.env, PGUSER: 'guest' }),
		'schema-public': () => {
			sh('dropdb --if-exists others; createdb others; psql -Xqc "CREATE ROLE writer LOGIN"', next.env);
			const said = saying('psql -X -d others -c "CREATE TABLE one (n int)"', { ...next.env, PGUSER: 'writer' });
			// The cure leads on.
			sh(
				`psql -Xqc "ALTER DATABASE others OWNER TO writer"; psql -X -U writer -d others -c "CREATE TABLE one (n int)"`,
				next.env,
			);
			return said;
		},
		'newer-setting': () => {
			sh(`createdb newer; pg_dump newer > ${root}/newer.sql`, next.env);
			const said = at15(`createdb newer; psql -X -d newer -v ON_ERROR_STOP=1 -f ${root}/newer.sql`);
			sh(
				`sed -i '1,40{/^SET transaction_timeout/d}' ${root}/newer.sql; psql -Xq -d newer -v ON_ERROR_STOP=1 -f ${root}/newer.sql`,
				{ ...old.env, PATH: [...(played.servers['17']?.path ?? []), old.env.PATH].join(':') },
			);
			return said;
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
							`umount /var/lib/postgresql/data 2>/dev/null; mountpoint -q /var/lib/postgresql && rm -rf /var/lib/postgresql/data; cat ${root}/globals.sql ${root}/synapse.sql > ${root}/image-15/init/init.sql; chmod -R a+rX ${root}/image-15`,
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

/** Errors of `synapse_port_db`, and of a Synapse that starts on what it left. */
function ported(_: Job, played: Played): Record<string, Provocation> {
	const { root } = played;
	const server = cluster(played, '17', { auth: 'scram-sha-256' });
	server.start(addresses.old);
	sh(
		`psql -Xqc "CREATE ROLE synapse LOGIN PASSWORD 'changeme'"
createdb -O synapse -T template0 -E UTF8 --locale=C synapse; createdb -O synapse -T template0 -E UTF8 --lc-collate=C.UTF-8 --lc-ctype=C.UTF-8 wrong`,
		server.env,
	);
	const python = join(root, 'synapse', 'python');
	const file = join(root, 'homeserver.db');
	const settings = (name: string, database: Parameters<typeof homeserver>[1]) => {
		homeserver(played, database);
		sh(`cp ${root}/home/files/homeserver.yaml ${root}/${name}.yaml`);
		return `${root}/${name}.yaml`;
	};
	const args = { user: 'synapse', password: 'changeme', dbname: 'synapse', host: addresses.old, cp_min: 1, cp_max: 3 };
	const good = settings('good', { name: 'psycopg2', args });
	const wrong = settings('wrong', { name: 'psycopg2', args: { ...args, dbname: 'wrong' } });
	const closed = settings('closed', { name: 'psycopg2', args: { ...args, password: 'another' } });
	const old = settings('old', { name: 'sqlite3', args: { database: file } });
	const env = surroundingsOf(played);
	const run = (seconds: number, config: string) =>
		saying(`timeout ${seconds} ${python} -m synapse.app.homeserver -c ${config}`, env);
	const port = (database: string, config: string) =>
		saying(`cd /; ${root}/synapse/synapse_port_db --sqlite-database ${database} --postgres-config ${config}`, env);
	writeFileSync(
		join(root, 'change.py'),
		'import sqlite3, sys\nsqlite3.connect(sys.argv[1], isolation_level=None).executescript(sys.argv[2])\n',
	);
	const change = (sql: string) => sh(`${python} ${root}/change.py ${file} "${sql}"`);
	run(60, old);
	return {
		'pending-updates': () => {
			change(
				"DELETE FROM background_updates; INSERT INTO background_updates (update_name, progress_json) VALUES ('a_trial', '{}')",
			);
			return port(file, good);
		},
		'not-psycopg2': () => {
			change('DELETE FROM background_updates');
			return port(file, old);
		},
		'no-such-sqlite': () => port(join(root, 'none.db'), good),
		'port-wrong-collation': () => port(file, wrong),
		'port-password': () => port(file, closed),
		'auto-vacuum': () => {
			change('PRAGMA auto_vacuum=1; VACUUM');
			const said = port(file, good);
			change('PRAGMA auto_vacuum=0; VACUUM');
			return said;
		},
		'sequence-behind': () => {
			port(file, good);
			sh(
				`psql -Xq -d synapse -c "INSERT INTO stream_positions (stream_name, instance_name, stream_id) VALUES ('caches', 'master', 100000) ON CONFLICT (stream_name, instance_name) DO UPDATE SET stream_id = 100000"`,
				server.env,
			);
			return run(40, good);
		},
	};
}

/** Errors of Debian's own programs. */
function packaged(job: Job, played: Played, guide: Guide): Record<string, Provocation> {
	buildDebian(job, played, false);
	const env = surroundingsOf(played);
	const upgrade = 'cd /; pg_upgradecluster -m upgrade -v 18 15 main';
	return {
		'wrong-collation-debian': () => {
			const name = 'sudo -u postgres';
			sh(
				`cd /; ${name} createdb -T template0 -E UTF8 --locale=C.UTF-8 -O synapse_user wrong
${name} psql -X -d wrong -c "CREATE TABLE users AS SELECT generate_series(1, 100) AS id" -c "ALTER TABLE users OWNER TO synapse_user"
pg_upgradecluster -m dump -v 18 15 main`,
				env,
			);
			const kept = sh(`cd /; ${name} psql -XAtc "SELECT datcollate FROM pg_database WHERE datname = 'wrong'"`, env);
			if (kept !== 'C.UTF-8') throw new Error(`the locale was not kept: ${kept}`);
			const said = synapse(job, played, {
				user: 'synapse_user',
				password: 'changeme',
				dbname: 'wrong',
				host: '127.0.0.1',
			});
			// The cure, as the guide prints it.
			sh(
				`cd /; ${/```bash\n([\s\S]*?)```/.exec(cureOf('wrong-collation-debian', guide, { user: 'synapse_user', dbname: 'wrong' }))?.[1]}`,
				env,
			);
			const mended = sh(
				`cd /; ${name} psql -XAt -d wrong -c "SELECT datcollate || (SELECT count(*) FROM users) FROM pg_database WHERE datname = 'wrong'"`,
				env,
			);
			if (mended !== 'C100') throw new Error(`the cure led to ${mended}`);
			sh(
				`cd /; pg_dropcluster --stop 18 main; pg_conftool 15 main set port 5432; echo auto > /etc/postgresql/15/main/start.conf; pg_ctlcluster 15 main start; ${name} dropdb wrong`,
				env,
			);
			return said;
		},
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
