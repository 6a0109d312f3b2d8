// Errors of PostgreSQL, its client programs, the image's own script and Synapse, with an old 15 and a new 17 server.
import { existsSync, mkdirSync } from 'node:fs';
import type { Guide } from '../../../src/knowledge/schema/synapse.ts';
import { homeserver } from './layouts.ts';
import { addresses, type Job, type Played, sh, surroundingsOf } from './played.ts';
import { damageErrors } from './provoked-damage.ts';
import { cluster, type Pair, type Provocation, saying, synapse } from './provoking.ts';

/** A server that the newest Synapse no longer accepts. */
export function tooOld(job: Job, played: Played): Record<string, Provocation> {
	const old = cluster(played, '13', { auth: 'trust' });
	old.start(addresses.old);
	sh('psql -Xqc "CREATE ROLE synapse LOGIN"; createdb -O synapse trial', old.env);
	return {
		'too-old-for-synapse': () =>
			synapse(job, played, { user: 'synapse', password: 'x', dbname: 'trial', host: addresses.old }),
	};
}

/** By the ID of the failure. */
export function serverErrors(job: Job, played: Played, guide: Guide): Record<string, Provocation> {
	const pair = pairOf(job, played);
	return {
		...localeErrors(pair),
		...loginErrors(pair),
		...dumpErrors(pair),
		...damageErrors(pair, guide),
		...fileErrors(pair),
		...imageErrors(pair),
	};
}

function pairOf(job: Job, played: Played): Pair {
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
	return { job, played, root, old, next, at15, at17, path16, database, trial };
}

/** Errors of logins, and of roles without the necessary rights. */
function loginErrors({ next, old }: Pair): Record<string, Provocation> {
	return {
		// As if a superuser with another name had created the role, which can only log in.
		'no-superuser': () => saying('psql -XAt -c "SELECT rolname FROM pg_authid"', { ...old.env, PGUSER: 'guest' }),
		'schema-public': () => {
			sh('dropdb --if-exists others; createdb others; psql -Xqc "CREATE ROLE writer LOGIN"', next.env);
			const said = saying('psql -X -d others -c "CREATE TABLE one (n int)"', { ...next.env, PGUSER: 'writer' });
			// The fix works.
			sh(
				`psql -Xqc "ALTER DATABASE others OWNER TO writer"; psql -X -U writer -d others -c "CREATE TABLE one (n int)"`,
				next.env,
			);
			return said;
		},
		'no-such-role': () => saying('psql -XAt -c "SELECT 1"', { ...old.env, PGUSER: 'matrix' }),
		'no-role-root': () => saying('psql -Xc "SELECT 1"', { ...old.env, PGUSER: 'root' }),
		'permission-denied-dump': () => saying('pg_dump -Fc synapse', { ...old.env, PGUSER: 'guest' }),
		'must-be-member': () => {
			sh(`psql -Xqc "CREATE ROLE boss LOGIN CREATEDB CREATEROLE"`, next.env);
			return saying('createuser other; createdb -O other others', { ...next.env, PGUSER: 'boss' });
		},
		'password-failed': () => {
			sh(
				`psql -Xqc "CREATE ROLE pupil LOGIN" -c "SET password_encryption = 'md5'; ALTER ROLE pupil PASSWORD 'changeme'"`,
				next.env,
			);
			return saying('psql -Xc "SELECT 1"', {
				...next.env,
				PGHOST: addresses.new,
				PGUSER: 'pupil',
				PGPASSWORD: 'changeme',
			});
		},
		'password-failed-package': () =>
			saying('psql -Xc "SELECT 1"', { ...next.env, PGHOST: addresses.new, PGUSER: 'synapse', PGPASSWORD: 'another' }),
	};
}

/** Errors when writing and reading dumps. */
function dumpErrors({ played, root, old, next, at15, at17, path16 }: Pair): Record<string, Provocation> {
	return {
		'version-mismatch': () => saying('pg_dump -Fc postgres > /dev/null', { ...old.env, PGHOST: next.data }),
		'disk-full': () =>
			at15(
				`mkdir -p /mnt/full && mount -t tmpfs -o size=100k tmpfs /mnt/full && pg_dump -Fc -Z0 synapse -f /mnt/full/synapse.dump`,
			),
		'dump-exists': () =>
			at15('pg_dump -Fd -f twice.dir postgres; pg_dump -Fd -f twice.dir postgres'.replaceAll('twice', `${root}/twice`)),
		'newer-setting': () => {
			sh(`createdb newer; pg_dump newer > ${root}/newer.sql`, next.env);
			const said = at15(`createdb newer; psql -X -d newer -v ON_ERROR_STOP=1 -f ${root}/newer.sql`);
			sh(
				`sed -i '1,40{/^SET transaction_timeout/d}' ${root}/newer.sql; psql -Xq -d newer -v ON_ERROR_STOP=1 -f ${root}/newer.sql`,
				{ ...old.env, PATH: [...(played.servers['17']?.path ?? []), old.env.PATH].join(':') },
			);
			return said;
		},
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
		'database-exists': () =>
			at17(`createdb twice; pg_dump -Fc twice | pg_restore -d postgres --create --exit-on-error`),
		'role-exists-managed': () => at17('createuser again; createuser again'),
		'database-exists-managed': () => at17('createdb twice'),
		'extension-missing': () => at17('psql -X -c "CREATE EXTENSION pg_repack"'),
		'locale-unknown': () => {
			sh(`createdb -T template0 --locale=C.UTF-8 elsewhere; pg_dump -Fc elsewhere > ${root}/elsewhere.dump`, old.env);
			const renamed = `pg_restore --create -f - ${root}/elsewhere.dump | sed "s/'C.UTF-8'/'xx_XX.UTF-8'/"`;
			const said = at17(`${renamed} | psql -X -v ON_ERROR_STOP=1`);
			sh(
				`createdb -T template0 --locale-provider=libc -E UTF8 --locale=C elsewhere; pg_restore -d elsewhere --single-transaction ${root}/elsewhere.dump`,
				next.env,
			);
			return said;
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
	};
}

/** Errors of a server that finds another one's files. */
function fileErrors({ played, old, next, at17 }: Pair): Record<string, Provocation> {
	return {
		'old-files': () => at17(`${old.own} postgres -D ${old.data} -p 5599 -c ssl=off`),
		'postmaster-running': () => {
			const empty = cluster(played, '17', { name: '17-empty' });
			return saying(
				`cd ${empty.data} && ${old.own} pg_upgrade -b ${played.servers['15']?.path[0]} -B ${played.servers['17']?.path[0]} -d ${old.data} -D ${empty.data} -s ${empty.data} -U postgres`,
				next.env,
			);
		},
	};
}

/** Errors caused by wrong locales, encodings and databases. */
function localeErrors({ job, played, root, old, at15, database, trial }: Pair): Record<string, Provocation> {
	return {
		'wrong-collation': () => {
			trial('-E UTF8 --lc-collate=C.UTF-8 --lc-ctype=C.UTF-8');
			return synapse(job, played, database);
		},
		'wrong-encoding': () => {
			trial('-E SQL_ASCII --locale=C');
			return synapse(job, played, database);
		},
		'collation-version': () => {
			// As another library recorded it: what a server finds that came from another system.
			sh(
				`createdb -T template0 -E UTF8 --locale-provider=icu --icu-locale=en other
psql -Xqc "UPDATE pg_database SET datcollversion='0.1' WHERE datname='other'"`,
				old.env,
			);
			return at15('psql -X -d other -c "SELECT 1"');
		},
		'started-empty': () => {
			trial('-E UTF8 --locale=C');
			homeserver(played, { name: 'psycopg2', args: { ...database, cp_min: 1, cp_max: 3 } });
			return saying(
				`${job.python} -m synapse.app.homeserver -c ${root}/home/files/homeserver.yaml > ${root}/empty.log 2>&1 & pid=$!
curl -sS --retry 60 --retry-delay 2 --retry-connrefused -d '{"type":"m.login.password","identifier":{"type":"m.id.user","user":"ada"},"password":"correct horse battery"}' localhost:8008/_matrix/client/v3/login; kill $pid`,
				surroundingsOf(played),
			);
		},
	};
}

/** Errors of the official image's own script; none without a clone of its repository. */
function imageErrors({ played, root }: Pair): Record<string, Provocation> {
	const image = process.env.GLIA_POSTGRES_IMAGE;
	if (!image || !existsSync(image)) return {};
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
		'no-password': () => entrypoint('17', 'POSTGRES_USER=synapse', ''),
		'unused-mount': () =>
			entrypoint(
				'18',
				'POSTGRES_PASSWORD=x',
				'mkdir -p /var/lib/postgresql/data; mount -t tmpfs tmpfs /var/lib/postgresql/data',
			),
		// Started twice: the second start takes the leftovers of the first for complete, and runs with an empty database.
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
				throw new Error(`the second start was not as expected: ${second}`);
			return `${first}\n${second}`;
		},
	};
}
