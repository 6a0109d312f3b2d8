// The layouts on which a guide is followed: an old server with data, and Synapse using it, both running.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { secret } from './people.ts';
import {
	addresses,
	bridgeUnit,
	databasePassword,
	hasBridge,
	type Job,
	type Locale,
	type Played,
	sh,
	surroundingsOf,
} from './played.ts';
import type { Server } from './servers.ts';

/** Writes Synapse's signing key and its configuration, whose section `database` is given. */
export function homeserver(played: Played, database: Record<string, unknown>): void {
	const files = join(played.root, 'home', 'files');
	writeFileSync(
		join(files, 'signing.key'),
		`ed25519 a_test ${randomBytes(32).toString('base64').replace(/=+$/, '')}\n`,
	);
	const raised = { per_second: 1e6, burst_count: 1e6 };
	const config = {
		server_name: 'guide.test',
		public_baseurl: 'http://127.0.0.1:8008/',
		listeners: [
			{
				port: 8008,
				type: 'http',
				tls: false,
				bind_addresses: ['127.0.0.1'],
				resources: [{ names: ['client', 'keys'], compress: false }],
			},
		],
		database: { ...database },
		media_store_path: join(files, 'media'),
		signing_key_path: join(files, 'signing.key'),
		pid_file: join(files, 'homeserver.pid'),
		macaroon_secret_key: secret,
		form_secret: secret,
		registration_shared_secret: secret,
		report_stats: false,
		federation_domain_whitelist: [],
		trusted_key_servers: [],
		bcrypt_rounds: 4,
		background_updates: { sleep_enabled: false, background_update_duration_ms: 1000 },
		rc_message: raised,
		rc_registration: raised,
		rc_login: { address: raised, account: raised, failed_attempts: raised },
		rc_room_creation: raised,
		rc_user_directory: raised,
	};
	const { database: own, ...rest } = config;
	// As people write it, one key per line, because the guide edits some of the lines.
	const lines = [
		...Object.entries(rest).map(([key, value]) => `${key}: ${JSON.stringify(value)}`),
		'database:',
		`  name: ${String(own.name)}`,
		...(own.allow_unsafe_locale ? ['  allow_unsafe_locale: true'] : []),
		'  args:',
		...Object.entries(own.args as object).map(([key, value]) => `    ${key}: ${String(value)}`),
	];
	writeFileSync(join(files, 'homeserver.yaml'), `${lines.join('\n')}\n`);
}

/** Debian's package keeps the server's name in a file of its own, which is read after homeserver.yaml. */
function splitOff({ root }: Played): void {
	sh(`cd ${root}/home/files; mkdir conf.d
grep '^server_name:' homeserver.yaml > conf.d/server_name.yaml; sed -i '/^server_name:/d' homeserver.yaml`);
}

/** Builds the layout and starts the old server and Synapse. */
export function build(job: Job, played: Played): void {
	const { stated } = job;
	if (job.guide === 'sqlite-postgres') buildSqlite(job, played);
	else if (stated.layout === 'compose') buildCompose(job, played);
	else if (stated.layout === 'debian') buildDebian(job, played);
	else if (stated.layout === 'managed') buildManaged(job, played);
}

/** The arguments of `initdb` by locale. */
const initdb: Record<Locale | 'C', string> = {
	C: '--lc-collate=C --lc-ctype=C',
	'C.UTF-8': '--locale=C.UTF-8',
	'en_US.UTF-8': '--locale=en_US.UTF-8',
	icu: '--locale=C.UTF-8 --locale-provider=icu --icu-locale=en',
};

/** A compose file with Synapse alone, or the beginning of a longer one. */
const synapseService = `services:
  synapse:
    image: ghcr.io/element-hq/synapse:latest
    restart: unless-stopped
    volumes:
      - ./files:/data
`;

function buildCompose(
	{ stated: { from = '', superuser = 'synapse', data = './schemas', 'old-files': files }, locale }: Job,
	played: Played,
): void {
	const mount = Number(from) >= 18 ? '/var/lib/postgresql' : '/var/lib/postgresql/data';
	const inside = files === undefined ? '' : `\n      - PGDATA=${files.replace(data, mount)}`;
	writeFileSync(
		join(played.cwd, 'docker-compose.yml'),
		`${synapseService}    depends_on:
      db:
        condition: service_started
        restart: true
  db:
    image: docker.io/postgres:${from}-alpine
    environment:
      - POSTGRES_USER=${superuser}
      - POSTGRES_PASSWORD=${databasePassword}${inside}
      - POSTGRES_INITDB_ARGS=--encoding=UTF-8 ${initdb[locale ?? 'C']}
    volumes:
      - ${data}:${mount}
${/^[./]/.test(data) ? '' : `volumes:\n  ${data}:\n`}`,
	);
	homeserver(played, {
		name: 'psycopg2',
		args: { user: 'synapse', password: databasePassword, dbname: 'synapse', host: 'db', cp_min: 1, cp_max: 5 },
		...(locale && { allow_unsafe_locale: true }),
	});
	const env = surroundingsOf(played);
	const psql = `docker compose exec -T db psql -X -U ${superuser}`;
	// As many people create it by hand: the superuser owns the database, and up to 14 every role can create tables in it.
	const own =
		superuser === 'synapse'
			? ''
			: `${psql} -d postgres -c "CREATE ROLE synapse LOGIN PASSWORD '${databasePassword}'" -c "CREATE DATABASE synapse TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'" < /dev/null`;
	sh(
		`cd ${played.cwd} && docker compose up -d db
for i in $(seq 60); do docker compose exec -T db pg_isready -q -U ${superuser} -h 127.0.0.1 < /dev/null && break; sleep 1; done
${own}
${others(`${psql} -d postgres`, `${psql} -d NAME`, 'another')}
${ownSettings(psql, superuser)}
docker compose up -d`,
		env,
	);
}

/** Settings that an admin changed on that server in every possible way, in upper and lower case. */
function ownSettings(psql: string, superuser: string): string {
	return `${psql} -d postgres -c "ALTER SYSTEM SET work_mem = '5MB'" -c "ALTER DATABASE synapse SET statement_timeout = '10min'" \\
 -c "ALTER DATABASE bridge SET search_path = public, \\"other words\\"" -c "ALTER ROLE ${superuser} SET lock_timeout = '7min'" < /dev/null
docker compose exec -T db sh -c 'printf "%s\\n" "log_line_prefix = '"'%m [%p] %q%u@%d '"'" "datestyle = '"'iso, dmy'"'" "Deadlock_Timeout = 3s" >> "$PGDATA"/postgresql.conf' < /dev/null`;
}

/** Adds another program's database after the administrator has listed the databases. */
export function buildLate({ stated }: Job, played: Played): void {
	const { layout, superuser = 'synapse', port = '5432' } = stated;
	const run =
		layout === 'debian'
			? (program: string) => `cd /; runuser -u postgres -- ${program} -p ${port}`
			: (program: string) => `cd ${played.cwd}; docker compose exec -T db ${program} -U ${superuser}`;
	sh(
		`${run('createdb')} late < /dev/null
${run('psql')} -d late -c "CREATE TABLE things AS SELECT 1 AS thing" < /dev/null`,
		surroundingsOf(played),
	);
}

/** Commands that add two more programs to the server, each with a database. */
function others(server: string, database: string, password: string): string {
	return ['mas', 'bridge']
		.map(
			name => `${server} -c "CREATE ROLE ${name} LOGIN PASSWORD '${password}'" -c "CREATE DATABASE ${name} OWNER ${name}" < /dev/null
${database.replace('NAME', name)} -c "SET ROLE ${name}" -c "CREATE TABLE sessions (id serial, said text)" -c "INSERT INTO sessions (said) SELECT 'SET transaction_timeout ' || i FROM generate_series(1, 1000) i" < /dev/null`,
		)
		.join('\n');
}

/** Builds Synapse on SQLite, in a container or from a package, without PostgreSQL. */
function buildSqlite(job: Job, played: Played): void {
	const { root, cwd } = played;
	if (job.stated.layout === 'compose') {
		writeFileSync(join(cwd, 'docker-compose.yml'), synapseService);
		sh(`mkdir -p /data && mount --bind ${cwd}/files /data`);
		homeserver(played, { name: 'sqlite3', args: { database: '/data/homeserver.db' } });
		sh(`cd ${cwd} && docker compose up -d`, surroundingsOf(played));
		return;
	}
	sh(`ln -s ${cwd}/files /mnt/matrix-synapse; mkdir ${root}/sqlite; ln -s ${root}/sqlite /mnt/synapse-data`);
	debianFolders(played, [job.stated.to ?? '']);
	aptGet(root, job.stated.to ?? '', [`pg_createcluster ${job.stated.to} main --start > /dev/null`]);
	homeserver(played, { name: 'sqlite3', args: { database: '/mnt/synapse-data/homeserver.db' } });
	splitOff(played);
	sh('systemctl start matrix-synapse', surroundingsOf(played));
}

/** Builds Synapse on SQLite in a container. The file has its path outside, because nothing is mounted over `/data`. */
export function buildSqliteBeside(played: Played): void {
	writeFileSync(join(played.cwd, 'docker-compose.yml'), synapseService);
	homeserver(played, { name: 'sqlite3', args: { database: join(played.cwd, 'files/homeserver.db') } });
}

/** Sets up Debian's own folders, empty, and every version where its packages would be. */
function debianFolders({ root, servers }: Played, majors: readonly string[]): void {
	sh(`mkdir -p ${root}/{etc,common,lib,log,run,backups}
cp -a /etc/postgresql-common/. ${root}/common/
printf '\\nssl = off\\n' >> ${root}/common/createcluster.conf
chown postgres:postgres ${root}/{etc,lib,run}; chown root:postgres ${root}/log; chmod 1775 ${root}/log; chmod 2775 ${root}/run
${majors.map(major => programsOf(root, major, servers[major])).join('\n')}
mkdir ${root}/debian; mount --bind /usr/lib/postgresql ${root}/debian
mount --rbind ${root}/usr /usr/lib/postgresql
mount --bind ${root}/etc /etc/postgresql; mount --bind ${root}/common /etc/postgresql-common
mount --bind ${root}/lib /var/lib/postgresql; mount --bind ${root}/log /var/log/postgresql
mount --bind ${root}/run /run/postgresql; mount --bind ${root}/backups /var/backups`);
	for (const major of majors) likeDebians(root, major, servers[major]);
}

/** Puts programs where the package has them. A folder without client programs is copied, with empty files for them. */
function programsOf(root: string, major: string, server: Server | undefined): string {
	const place = `${root}/usr/${major}`;
	if (!server) throw new Error(`PostgreSQL ${major} is missing`);
	if (existsSync(join(server.home, 'bin', 'psql')))
		return `mkdir -p ${place}; mount --bind ${server.home} ${place}; mount -o remount,bind,ro ${place}`;
	const empty = clients.map(name => `${place}/bin/${name}`).join(' ');
	return `mkdir -p ${place}; cp -r ${server.home}/. ${place}/; touch ${empty}; chmod 755 ${empty}`;
}

const clients = 'psql pg_dump pg_dumpall pg_restore createdb createuser dropdb dropuser vacuumdb'.split(' ');

/** Debian builds its client programs to look for sockets in /var/run/postgresql, while others look in /tmp. */
function likeDebians(root: string, major: string, server: Server | undefined): void {
	if (!server || server.home.startsWith('/usr/lib/postgresql/')) return;
	mkdirSync(join(root, 'clients', major), { recursive: true });
	for (const name of clients) {
		// Debian's own programs, which another version may use, are elsewhere now.
		const folders = server.path.map(folder => folder.replace('/usr/lib/postgresql/', `${root}/debian/`));
		const real = folders.map(folder => join(folder, name)).find(file => existsSync(file));
		if (!real) continue;
		const script = join(root, 'clients', major, name);
		writeFileSync(script, `#!/bin/sh\nexec env PGHOST="\${PGHOST:-/var/run/postgresql}" ${real} "$@"\n`);
		chmodSync(script, 0o755);
		sh(`mount --bind ${script} /usr/lib/postgresql/${major}/bin/${name}`);
	}
}

/** Writes a stand-in for `apt-get`. Like the real one, it asks first; it only knows the packages of these versions. */
function aptGet(root: string, majors: string, installing: readonly string[]): void {
	const file = join(root, 'bin', 'apt-get');
	writeFileSync(
		file,
		`#!/bin/bash
verb=$1; shift; yes=; packages=()
for word in "$@"; do case "$word" in -y|--yes) yes=1 ;; -*) echo "E: Command line option $word is not understood" >&2; exit 100 ;; *) packages+=("$word") ;; esac; done
for package in "\${packages[@]}"; do
	known=; for major in ${majors}; do case "$package" in postgresql-$major|postgresql-client-$major) known=1 ;; esac; done
	[ -n "$known" ] || { echo "E: Unable to locate package $package" >&2; exit 100; }
done
case "$verb" in
update) exit 0 ;;
install|purge) [ -n "$yes" ] || { printf 'Do you want to continue? [Y/n] '; read -r answer; case "$answer" in ''|y|Y) ;; *) echo Abort.; exit 1 ;; esac; } ;;
*) echo "E: Invalid operation $verb" >&2; exit 100 ;;
esac
if [ $verb = install ]; then
	${installing.join(' ')}
fi
echo "simulated: apt-get $verb \${packages[*]}"
`,
	);
	chmodSync(file, 0o755);
}

/** Builds the layout of Debian's packages. `withSynapse`: also starts Synapse. */
export function buildDebian(job: Job, played: Played, withSynapse = true): void {
	const { root } = played;
	const {
		stated: { from = '', to = '', port = '5432' },
		locale,
	} = job;
	debianFolders(played, [...new Set([from, to])]);
	// If Synapse's cluster has another port, a command that does not name it reaches another server on the default port.
	if (port !== '5432') sh(`pg_createcluster -p 5432 ${from} another --start`);
	if (played.locales) sh(`mount --bind ${played.locales} /usr/lib/locale`);
	sh(`pg_createcluster -p ${port} ${from} main --start${locale ? ` -- ${initdb[locale]}` : ''}`);
	aptGet(root, `${from} ${to}`, [
		"grep -q '^create_main_cluster *= *false' /etc/postgresql-common/createcluster.conf ||",
		`pg_createcluster ${to} main > /dev/null`,
	]);
	const psql = `runuser -u postgres -- psql -X -p ${port}`;
	sh(`cd /; ${psql} -c "CREATE ROLE synapse_user LOGIN PASSWORD '${databasePassword}'"
runuser -u postgres -- createdb -p ${port} --encoding=UTF8 --locale=C --template=template0 --owner=synapse_user synapse
${others(psql, `${psql} -d NAME`, 'another')}`);
	homeserver(played, {
		name: 'psycopg2',
		args: {
			user: 'synapse_user',
			password: databasePassword,
			dbname: 'synapse',
			host: '127.0.0.1',
			port: Number(port),
			cp_min: 1,
			cp_max: 5,
		},
	});
	splitOff(played);
	if (withSynapse) sh('systemctl start matrix-synapse', surroundingsOf(played));
	if (withSynapse && hasBridge(job)) {
		// Connected and idle, as a bridge is at night.
		writeFileSync(
			join(root, 'bridge.sh'),
			`sleep infinity | PGPASSWORD=another psql -Xq -h 127.0.0.1 -p ${port} -U bridge -d bridge\n`,
		);
		sh(`systemctl start ${bridgeUnit}`, surroundingsOf(played));
	}
}

/** Starts two servers that are only reached over the network. The admin can create databases but is not a superuser. */
function buildManaged({ stated: { from = '', to = '' } }: Job, played: Played): void {
	const { root, servers, user } = played;
	const begin = (major: string, address: string, script: string) => {
		const server = servers[major];
		if (!server) throw new Error(`PostgreSQL ${major} is missing`);
		const env = { ...process.env, PATH: [...server.path, process.env.PATH].join(':') };
		const data = join(root, `data-${major}`);
		sh(
			`mkdir -p ${data} && chown ${user} ${data}
setpriv --reuid ${user} --regid ${played.group} --clear-groups initdb -D ${data} -U postgres -A trust -E UTF8 --locale=C.UTF-8 > /dev/null
echo 'host all all all scram-sha-256' > ${data}/pg_hba.conf; echo 'local all all trust' >> ${data}/pg_hba.conf`,
			env,
		);
		const log = openSync(join(root, `server-${major}.log`), 'a');
		spawn(
			'setpriv',
			[
				'--reuid',
				user,
				'--regid',
				played.group,
				'--clear-groups',
				'postgres',
				'-D',
				data,
				'-c',
				`listen_addresses=${address}`,
				'-c',
				`unix_socket_directories=${data}`,
				'-c',
				'fsync=off',
			],
			{ env, detached: true, stdio: ['ignore', log, log] },
		).unref();
		closeSync(log);
		sh(
			`for i in $(seq 100); do pg_isready -q -h ${data} && break; sleep 0.1; done\n${script.replaceAll('PSQL', `psql -X -h ${data} -U postgres`)}`,
			env,
		);
	};
	begin(
		from,
		addresses.old,
		`PSQL -c "CREATE ROLE synapse LOGIN PASSWORD '${databasePassword}'" -c "CREATE DATABASE synapse OWNER synapse TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
${others('PSQL', 'PSQL -d NAME', databasePassword)}`,
	);
	begin(to, addresses.new, `PSQL -c "CREATE ROLE boss LOGIN CREATEDB CREATEROLE PASSWORD '${databasePassword}'"`);
	// The admin has the client programs of the newer version.
	const newest = servers[String(Math.max(Number(from), Number(to)))];
	for (const name of ['psql', 'pg_dump', 'pg_restore', 'createdb', 'createuser', 'vacuumdb', 'pg_dumpall']) {
		const from = newest?.path.map(folder => join(folder, name)).find(file => existsSync(file));
		writeFileSync(join(root, 'bin', name), `#!/bin/bash\nexec '${from}' "$@"\n`);
		chmodSync(join(root, 'bin', name), 0o755);
	}
	homeserver(played, {
		name: 'psycopg2',
		args: { user: 'synapse', password: databasePassword, dbname: 'synapse', host: 'old.example', cp_min: 1, cp_max: 5 },
	});
	sh('systemctl start matrix-synapse', surroundingsOf(played));
}
