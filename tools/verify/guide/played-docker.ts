// Played in place of `docker`: the few commands that guides use, for services of a compose file that are processes here.
// What the official image of PostgreSQL does when it starts is done step by step, by the programs of that version.
import { spawn, spawnSync } from 'node:child_process';
import {
	closeSync,
	constants,
	existsSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	readSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import type { Played } from './played.ts';

type Service = {
	image?: string;
	environment?: string[] | Record<string, string>;
	volumes?: string[];
};

const played = JSON.parse(readFileSync(process.env.GLIA_PLAYED ?? '', 'utf8')) as Played;
const state = join(played.root, 'containers');
const volumesFolder = join(played.root, 'volumes');
const [command, ...words] = process.argv.slice(2);

function fail(said: string): never {
	console.error(said);
	process.exit(1);
}

function composeFile(): { name: string; services: Record<string, Service> } {
	const name =
		['compose.yaml', 'docker-compose.yml'].find(file => existsSync(file)) ??
		fail('no configuration file provided: not found');
	const file = parse(readFileSync(name, 'utf8')) as {
		services: Record<string, Service>;
		volumes?: Record<string, unknown>;
	};
	for (const [service, { volumes: mounts = [] }] of Object.entries(file.services))
		for (const line of mounts) {
			const source = line.split(':')[0] ?? '';
			if (isVolume(source) && !Object.hasOwn(file.volumes ?? {}, source))
				fail(`service "${service}" refers to undefined volume ${source}: invalid compose project`);
		}
	return { name: resolve(name), services: file.services };
}

/** What begins with neither a dot nor a slash is the name of a volume. */
function isVolume(source: string): boolean {
	return !/^[./~]/.test(source);
}

function pidOf(service: string): number | undefined {
	const file = join(state, `${service}.pid`);
	if (!existsSync(file)) return undefined;
	const pid = Number(readFileSync(file, 'utf8'));
	// A process that has ended and that nobody has waited for is no longer there.
	const status = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : '';
	return /^State:\s+[^ZX]/m.test(status) ? pid : undefined;
}

async function stop(service: string): Promise<void> {
	const pid = pidOf(service);
	if (pid === undefined) return;
	process.kill(pid, isDatabase(service) ? 'SIGINT' : 'SIGTERM');
	while (pidOf(service) !== undefined) await new Promise(done => setTimeout(done, 50));
}

function isDatabase(service: string): boolean {
	return /postgres/.test(composeFile().services[service]?.image ?? '');
}

function majorOf(service: Service): string {
	return /:(\d+)/.exec(service.image ?? '')?.[1] ?? fail(`no major version in ${service.image}`);
}

function environmentOf({ environment = [] }: Service): Record<string, string> {
	if (!Array.isArray(environment)) return environment;
	return Object.fromEntries(
		environment.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
	);
}

/** Where a path of the container lies here: under the longest mount, or in a volume without a name. */
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

/** The steps of the image's entrypoint, as a script; 172.31.0.2 is the address that `db` has. */
function entrypoint(name: string, service: Service): { script: string; env: Record<string, string> } {
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
	echo "host all all all $(postgres -D "$PGDATA" -C password_encryption)" >> "$PGDATA/pg_hba.conf"
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

function socketOf(name: string): string {
	const folder = join(state, `${name}-socket`);
	mkdirSync(folder, { recursive: true });
	spawnSync('chown', [played.user, folder]);
	return folder;
}

/** `run --entrypoint program service arguments`, in the order of `exec`. */
function entered(args: string[]): string[] {
	const at = args.indexOf('--entrypoint');
	const program = args[at + 1] ?? fail('only `run` with an entrypoint is played');
	const [name = '', ...rest] = args.slice(at + 2);
	return [...args.slice(0, at).filter(word => word === '-T'), name, program, ...rest];
}

/** Starts what does not run, anew where its part of the file is another than it was started with. */
async function up(name: string, service: Service): Promise<void> {
	const was = join(state, `${name}.json`);
	const is = JSON.stringify(service);
	if (pidOf(name) !== undefined && readFileSync(was, 'utf8') === is) return;
	await stop(name);
	// A container that is made anew has no nameless volume of before.
	if (existsSync(was) && readFileSync(was, 'utf8') !== is)
		rmSync(join(state, `${name}-nameless`), { recursive: true, force: true });
	writeFileSync(was, is);
	const log = openSync(join(state, `${name}.log`), 'a');
	const started = isDatabase(name) ? database(name, service, log) : program(name, log);
	closeSync(log);
	writeFileSync(join(state, `${name}.pid`), String(started.pid));
	started.unref();
	console.error(` Container ${name}  Started`);
}

function database(name: string, service: Service, log: number) {
	const { script, env } = entrypoint(name, service);
	const data = env.PGDATA ?? '';
	mkdirSync(data, { recursive: true });
	for (let folder = data; folder.startsWith(played.root) && folder !== played.root; folder = dirname(folder))
		if (statSync(folder).uid === 0) spawnSync('chmod', ['a+rx', folder]);
	spawnSync('chown', ['-R', played.user, data]);
	spawnSync('chmod', ['700', data]);
	return spawn('setpriv', ['--reuid', played.user, '--regid', played.group, '--clear-groups', 'bash', '-c', script], {
		detached: true,
		stdio: ['ignore', log, log],
		env,
	});
}

function program(name: string, log: number) {
	const [run = '', ...args] = played.programs[name] ?? fail(`nothing is played for the service ${name}`);
	return spawn(run, args, { detached: true, stdio: ['ignore', log, log] });
}

/** The real one passes on all that can be read, whether the program wants it or not: lines pasted behind it are gone. */
function takeInput(): void {
	const rest = Buffer.alloc(65_536);
	try {
		if (!statSync('/dev/stdin').isFIFO() && !statSync('/dev/stdin').isSocket()) return;
		const waiting = openSync('/proc/self/fd/0', constants.O_RDONLY | constants.O_NONBLOCK);
		while (readSync(waiting, rest, 0, rest.length, null) > 0);
		closeSync(waiting);
	} catch {
		// Nothing is waiting.
	}
}

function exec(args: string[], mustRun = true): never {
	const env: Record<string, string | undefined> = { ...process.env };
	let rest = args;
	let isTerminal = true;
	for (; rest[0]?.startsWith('-'); rest = rest[0] === '-e' || rest[0] === '-u' ? rest.slice(2) : rest.slice(1)) {
		if (rest[0] === '-T') isTerminal = false;
		else if (rest[0] !== '-e' && rest[0] !== '-u') fail(`unknown shorthand flag: '${rest[0]?.[1]}' in ${rest[0]}`);
	}
	if (isTerminal) fail('the input device is not a TTY');
	const [name = '', program = '', ...words] = rest;
	const service = composeFile().services[name] ?? fail(`no such service: ${name}`);
	if (mustRun && pidOf(name) === undefined) fail(`service "${name}" is not running`);
	if (!isDatabase(name)) env.PATH = [join(played.root, 'synapse'), process.env.PATH].join(':');
	else {
		env.PATH = [...(played.servers[majorOf(service)]?.path ?? []), process.env.PATH].join(':');
		env.PGHOST = socketOf(name);
		if (!args.includes('PGPASSWORD')) delete env.PGPASSWORD;
	}
	const { status } = spawnSync(program, words, { stdio: 'inherit', env: env as NodeJS.ProcessEnv });
	takeInput();
	process.exit(status ?? 1);
}

mkdirSync(state, { recursive: true });
if (command === 'pull') {
	const [image = ''] = words;
	if (!played.servers[majorOf({ image })])
		fail(`Error response from daemon: manifest for ${image} not found: manifest unknown`);
	console.log(`played: docker pull ${image}`);
} else if (command === 'image') {
	const [verb, image = ''] = words;
	if (verb !== 'rm') fail(`docker image ${verb} is not played`);
	const users = Object.entries(composeFile().services).filter(([, service]) => service.image === image);
	if (users.some(([name]) => pidOf(name) !== undefined))
		fail(`Error response from daemon: conflict: unable to remove repository reference "${image}" (must force)`);
	console.log(`played: docker image rm ${image}`);
} else if (command === 'volume') volumeOf(words);
else if (command === 'compose') await compose(words);
else fail(`docker: '${command}' is not played`);

/** `ls -q --filter label=com.docker.compose.volume=NAME` and `rm NAME`. */
function volumeOf([verb, ...rest]: string[]): void {
	const all = existsSync(volumesFolder) ? readdirSync(volumesFolder) : [];
	if (verb === 'ls') {
		const wanted = /^label=com\.docker\.compose\.volume=(.+)$/.exec(rest.at(-1) ?? '')?.[1];
		console.log(all.filter(name => name === `home_${wanted}`).join('\n'));
	} else if (verb === 'rm') {
		for (const name of rest) {
			if (!all.includes(name)) fail(`Error response from daemon: get ${name}: no such volume`);
			const isUsed = Object.values(composeFile().services).some(({ volumes: mounts = [] }) =>
				mounts.some(line => `home_${line.split(':')[0]}` === name),
			);
			if (isUsed) fail(`Error response from daemon: remove ${name}: volume is in use`);
			rmSync(join(volumesFolder, name), { recursive: true });
		}
	} else fail(`docker volume ${verb} is not played`);
}

async function compose([verb, ...rest]: string[]): Promise<void> {
	const { services } = composeFile();
	const options = rest.filter(word => word.startsWith('-'));
	const known: Record<string, RegExp> = {
		config: /^--services$/,
		stop: /^$/,
		up: /^-d$/,
		logs: /^--tail$/,
	};
	const wrong = known[verb ?? ''] && options.find(word => !known[verb ?? '']?.test(word));
	if (wrong) fail(`unknown flag: ${wrong}`);
	const names = rest.filter(word => !word.startsWith('-') && !/^\d+$/.test(word));
	const lacking = verb === 'exec' || verb === 'run' ? undefined : names.find(word => !Object.hasOwn(services, word));
	if (lacking !== undefined) fail(`no such service: ${lacking}`);
	const meant = names.length ? names : Object.keys(services);
	if (verb === 'config') console.log(Object.keys(services).join('\n'));
	else if (verb === 'stop') for (const name of meant) await stop(name);
	else if (verb === 'up')
		for (const name of meant.sort((a, b) => Number(isDatabase(b)) - Number(isDatabase(a))))
			await up(name, services[name] ?? {});
	else if (verb === 'exec') exec(rest);
	else if (verb === 'run') exec(entered(rest), false);
	else if (verb === 'logs') for (const name of meant) console.log(logOf(name).split('\n').slice(-20).join('\n'));
	else fail(`docker compose ${verb} is not played`);
}

function logOf(name: string): string {
	const file = join(state, `${name}.log`);
	return readdirSync(state).includes(`${name}.log`) ? readFileSync(file, 'utf8') : '';
}
