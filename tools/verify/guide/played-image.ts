// What the official PostgreSQL image does when a container starts, step by step, with the programs of that version.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Played } from './played.ts';

export type Service = {
	image?: string;
	environment?: string[] | Record<string, string>;
	volumes?: string[];
	depends_on?: string[] | Record<string, { restart?: boolean }>;
};

export const played = JSON.parse(readFileSync(process.env.GLIA_PLAYED ?? '', 'utf8')) as Played;
/** The folder with the process IDs, logs and sockets of containers. */
export const state = join(played.root, 'containers');
export const volumesFolder = join(played.root, 'volumes');

/** Ends the program with an error, as the real one would. */
export function fail(said: string): never {
	console.error(said);
	process.exit(1);
}

/** Whether a mount's source is the name of a volume: it begins with none of dot, slash and tilde. */
export function isVolume(source: string): boolean {
	return !/^[./~]/.test(source);
}

/** The process of a service or container, if it is running. */
export function pidOf(service: string): number | undefined {
	const file = join(state, `${service}.pid`);
	if (!existsSync(file)) return undefined;
	const pid = Number(readFileSync(file, 'utf8'));
	// A zombie process does not count as running.
	const status = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : '';
	return /^State:\s+[^ZX]/m.test(status) ? pid : undefined;
}

export function majorOf(service: Service): string {
	return /:(9\.\d|\d+)/.exec(service.image ?? '')?.[1] ?? fail(`no major version in ${service.image}`);
}

function environmentOf({ environment = [] }: Service): Record<string, string> {
	if (!Array.isArray(environment)) return environment;
	return Object.fromEntries(
		environment.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
	);
}

/** Maps a container's path to this machine: below the longest matching mount, or in an anonymous volume. */
function placed(name: string, { volumes = [] }: Service): (path: string) => string {
	const mounts = volumes.map(line => line.split(':') as [string, string]).sort((a, b) => b[1].length - a[1].length);
	return path => {
		const mount = mounts.find(([, target]) => path === target || path.startsWith(`${target}/`));
		if (mount)
			return join(
				isVolume(mount[0]) ? join(volumesFolder, `home_${mount[0]}`) : resolve(mount[0]),
				path.slice(mount[1].length),
			);
		return join(state, `${name}-nameless`, path);
	};
}

/** The steps of the image's entrypoint, as a script. */
export function entrypoint(name: string, service: Service): { script: string; env: Record<string, string> } {
	const major = majorOf(service);
	const server = played.servers[major] ?? fail(`Error response from daemon: manifest for ${service.image} not found`);
	const at = placed(name, service);
	const given = environmentOf(service);
	const data =
		given.PGDATA ?? (Number(major) >= 18 ? `/var/lib/postgresql/${major}/docker` : '/var/lib/postgresql/data');
	const inits = (service.volumes ?? []).filter(line => line.split(':')[1]?.startsWith('/docker-entrypoint-initdb.d/'));
	const script = `set -Eeo pipefail
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	if [ -z "$POSTGRES_PASSWORD" ]; then
		echo 'Error: Database is uninitialized and superuser password is not specified.' >&2; exit 1
	fi
	if [ -n "$OLD_DATABASES" ]; then
		echo 'Counter to that, there appears to be PostgreSQL data in:' >&2; echo "  $OLD_DATABASES" >&2; exit 1
	fi
	eval "initdb -D '$PGDATA' --username='$POSTGRES_USER' --pwfile=<(echo '$POSTGRES_PASSWORD') $POSTGRES_INITDB_ARGS"
	auth=$(postgres -D "$PGDATA" -C password_encryption)
	# Before 10, this setting is on or off, and the image uses md5.
	[ "$auth" != on ] || auth=md5
	echo "host all all all $auth" >> "$PGDATA/pg_hba.conf"
	pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -c unix_socket_directories='$PGHOST' -c ssl=off" -w start
	if [ "$POSTGRES_DB" != postgres ]; then
		psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -c "CREATE DATABASE \\"$POSTGRES_DB\\""
	fi
	for f in $INITS; do
		echo "running $f"; psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" --no-password --no-psqlrc -d "$POSTGRES_DB" -f "$f"
	done
	pg_ctl -D "$PGDATA" -m fast -w stop
	echo 'PostgreSQL init process complete; ready for start up.'
else
	echo 'PostgreSQL Database directory appears to contain a database; Skipping initialization'
fi
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories="$PGHOST" -c fsync=off -c ssl=off
`;
	const olds = ['/var/lib/postgresql', '/var/lib/postgresql/data', '/var/lib/postgresql/17/docker'].filter(path =>
		existsSync(join(at(path), 'PG_VERSION')),
	);
	const isMounted = (service.volumes ?? []).some(line => line.split(':')[1] === '/var/lib/postgresql/data');
	const unused =
		Number(major) >= 18 && !given.PGDATA && !olds.length && isMounted
			? ['/var/lib/postgresql/data (unused mount/volume)']
			: [];
	const user = given.POSTGRES_USER ?? 'postgres';
	return {
		script,
		env: {
			...process.env,
			PATH: [...server.path, process.env.PATH].join(':'),
			PGDATA: at(data),
			PGHOST: socketOf(name),
			POSTGRES_USER: user,
			POSTGRES_DB: given.POSTGRES_DB ?? user,
			POSTGRES_PASSWORD: given.POSTGRES_PASSWORD ?? '',
			POSTGRES_INITDB_ARGS: given.POSTGRES_INITDB_ARGS ?? '',
			INITS: inits.map(line => resolve(line.split(':')[0] ?? '')).join(' '),
			OLD_DATABASES: [...(given.PGDATA ? [] : Number(major) >= 18 ? olds : []), ...unused].join(' '),
		},
	};
}

/** The folder of a container's socket, which is created if it does not exist. */
export function socketOf(name: string): string {
	const folder = join(state, `${name}-socket`);
	mkdirSync(folder, { recursive: true });
	spawnSync('chown', [played.user, folder]);
	return folder;
}

/** Starts a server; `inside` is the command that runs it in its own network, if it has one. */
export function database(name: string, service: Service, log: number, inside: readonly string[] = []) {
	const { script, env } = entrypoint(name, service);
	const data = env.PGDATA ?? '';
	mkdirSync(data, { recursive: true });
	for (let folder = data; folder.startsWith(played.root) && folder !== played.root; folder = dirname(folder))
		if (statSync(folder).uid === 0) spawnSync('chmod', ['a+rx', folder]);
	spawnSync('chown', ['-R', played.user, data]);
	spawnSync('chmod', ['700', data]);
	const own = ['setpriv', '--reuid', played.user, '--regid', played.group, '--clear-groups', 'bash', '-c', script];
	const [run = '', ...args] = [...inside, ...own];
	return spawn(run, args, {
		detached: true,
		stdio: ['ignore', log, log],
		env,
	});
}
