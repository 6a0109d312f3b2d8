// A stand-in for `docker network`, `ps`, `run`, `exec`, `rm` and `logs`: containers by name, in an isolated network.
// Such a network is a separate namespace, so that nothing outside can be reached, and the ports are free.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { database, entrypoint, fail, majorOf, pidOf, played, type Service, socketOf, state } from './played-image.ts';

/** The address that server names resolve to, as outside. */
const address = '172.31.0.2';

type Options = {
	flags: Set<string>;
	values: Map<string, string>;
	environment: string[];
	volumes: string[];
	rest: string[];
};

const taking = new Set(['--name', '--network', '--entrypoint', '--user', '-e', '-v']);
const bare = new Set(['-d', '--rm', '-i', '--internal', '-f', '-v']);

/** `-v` takes a value in `run`, but not in `rm`. */
function optionsOf(words: readonly string[], verb: string): Options {
	const found: Options = { flags: new Set(), values: new Map(), environment: [], volumes: [], rest: [] };
	let at = 0;
	for (; words[at]?.startsWith('-'); at++) {
		const word = words[at] ?? '';
		if (verb === 'rm' && /^-[fv]+$/.test(word)) for (const letter of word.slice(1)) found.flags.add(`-${letter}`);
		else if (taking.has(word)) {
			const value = words[++at] ?? fail(`flag needs an argument: ${word}`);
			if (word === '-e') found.environment.push(value);
			else if (word === '-v') found.volumes.push(value);
			else found.values.set(word, value);
		} else if (bare.has(word)) found.flags.add(word);
		else fail(`unknown flag: ${word}`);
	}
	found.rest = words.slice(at);
	return found;
}

/** Runs one of these commands. Like the real one, exits with 1 if it fails. */
export async function container(verb: string, words: readonly string[]): Promise<void> {
	if (verb === 'network') return words[0] === 'ls' ? listNetworks(words.slice(1)) : network(words);
	if (verb === 'ps') return list(words);
	const options = optionsOf(words, verb);
	if (verb === 'run') return run(options);
	if (verb === 'exec') return execute(options);
	if (verb === 'rm') return remove(options);
	for (const name of options.rest) console.log(readFileSync(logOf(known(name)), 'utf8').slice(-4000));
}

const logOf = (name: string) => join(state, `${name}.log`);
const noteOf = (name: string) => join(state, `${name}.container`);

function known(name: string): string {
	if (!existsSync(noteOf(name))) fail(`Error response from daemon: No such container: ${name}`);
	return name;
}

/** `-q --filter name=^NAME$`; a network's name takes the place of its ID. */
function listNetworks(words: readonly string[]): void {
	const [quiet, filter, given = ''] = words;
	const name = /^name=\^([\w-]+)\$$/.exec(given)?.[1];
	if (quiet !== '-q' || filter !== '--filter' || name === undefined)
		fail(`docker network ls ${words.join(' ')} is not simulated`);
	if (pidOf(`network-${name}`) !== undefined) console.log(name);
}

function network([verb, ...rest]: readonly string[]): void {
	const { flags, rest: names } = optionsOf(rest, 'network');
	const [name = fail('requires 1 argument')] = names;
	const file = `network-${name}`;
	const used = readdirSync(state).filter(
		note => note.endsWith('.container') && readFileSync(join(state, note), 'utf8') === name,
	);
	if (verb === 'create') {
		if (pidOf(file) !== undefined) fail(`Error response from daemon: network with name ${name} already exists`);
		if (!flags.has('--internal')) fail('simulated: networks must be --internal');
		const holder = spawn('unshare', ['--net', 'sleep', 'infinity'], { detached: true, stdio: 'ignore' });
		writeFileSync(join(state, `${file}.pid`), String(holder.pid));
		holder.unref();
		spawnSync('bash', [
			'-c',
			`for i in $(seq 50); do [ "$(readlink /proc/${holder.pid}/ns/net)" != "$(readlink /proc/self/ns/net)" ] && break; sleep 0.1; done
nsenter --net -t ${holder.pid} bash -c 'ip link set lo up; ip addr add ${address}/32 dev lo'`,
		]);
		console.log(name);
	} else if (verb === 'rm') {
		if (pidOf(file) === undefined) fail(`Error response from daemon: network ${name} not found`);
		if (used.length)
			fail(`Error response from daemon: error while removing network: network ${name} has active endpoints`);
		process.kill(pidOf(file) ?? 0);
		rmSync(join(state, `${file}.pid`));
		console.log(name);
	} else fail(`docker network ${verb} is not simulated`);
}

/** `-aq --filter network=NAME`; a container's name takes the place of its id. */
function list(words: readonly string[]): void {
	const [all, filter, given = ''] = words;
	const net = /^network=(.+)$/.exec(given)?.[1];
	if (all !== '-aq' || filter !== '--filter' || net === undefined)
		fail(`docker ps ${words.join(' ')} is not simulated`);
	for (const note of readdirSync(state).filter(file => file.endsWith('.container')))
		if (readFileSync(join(state, note), 'utf8') === net) console.log(note.slice(0, -'.container'.length));
}

async function run({ flags, values, environment, volumes, rest }: Options): Promise<void> {
	const [image = '', ...args] = rest;
	const service: Service = { image, environment, volumes };
	const program = values.get('--entrypoint');
	if (flags.has('--rm')) {
		if (values.get('--network') !== 'none' || !program || !flags.has('-i'))
			fail('simulated: run --rm needs -i, --network none and an entrypoint');
		const env = { ...process.env, PATH: pathOf(service) };
		process.exit(spawnSync(program, args, { stdio: 'inherit', env }).status ?? 1);
	}
	const name = values.get('--name') ?? fail('simulated: containers need a name');
	if (!flags.has('-d')) fail('simulated: only run -d and run --rm');
	if (existsSync(noteOf(name)))
		fail(`docker: Error response from daemon: Conflict. The container name "/${name}" is already in use`);
	const net = values.get('--network') ?? fail('simulated: containers need a network');
	const inside = pidOf(`network-${net}`) ?? fail(`docker: Error response from daemon: network ${net} not found`);
	writeFileSync(noteOf(name), net);
	const log = openSync(logOf(name), 'a');
	const enter = ['nsenter', '--net', '-t', String(inside)];
	const started = /postgres/.test(image)
		? database(name, service, log, enter)
		: program
			? application({ program, args, volumes }, enter, log)
			: fail('simulated: applications need an entrypoint');
	closeSync(log);
	writeFileSync(join(state, `${name}.pid`), String(started.pid));
	started.unref();
	console.log(name);
}

/** The programs of that image: PostgreSQL's of its version, or Synapse's. */
function pathOf(service: Service): string {
	const own = /postgres/.test(service.image ?? '')
		? (played.servers[majorOf(service)]?.path ?? fail(`Unable to find image '${service.image}' locally`))
		: [join(played.root, 'synapse')];
	return [...own, process.env.PATH].join(':');
}

/** Runs a program with its volumes mounted where the container has them. */
function application(
	{ program, args, volumes }: { program: string; args: string[]; volumes: string[] },
	enter: readonly string[],
	log: number,
) {
	const mounts = volumes.map(line => {
		const [from = '', to = '', mode] = line.split(':');
		if (!from.startsWith('/')) fail(`invalid mount: ${from} is no absolute path`);
		if (!existsSync(from)) fail(`simulated: ${from} does not exist and would be created`);
		const bind = `mkdir -p ${to} && mount --bind ${resolve(from)} ${to}`;
		return mode === 'ro' ? `${bind} && mount -o remount,bind,ro ${to}` : bind;
	});
	const [run = '', ...words] = [
		...enter,
		'unshare',
		'--mount',
		'bash',
		'-c',
		`set -e\n${mounts.join('\n')}\nexec "$@"`,
		'-',
		program,
		...args,
	];
	const env = { ...process.env, PATH: pathOf({}), PYTHONWARNINGS: 'ignore' };
	return spawn(run, words, { detached: true, stdio: ['ignore', log, log], env });
}

function execute({ flags, rest }: Options): void {
	const [name = '', program = '', ...args] = rest;
	const pid = pidOf(known(name)) ?? fail(`Error response from daemon: container ${name} is not running`);
	const isDatabase = existsSync(join(state, `${name}-socket`));
	const service: Service = { image: isDatabase ? `postgres:${versionOf(name)}` : '' };
	const env: NodeJS.ProcessEnv = { ...process.env, PATH: pathOf(service) };
	delete env.PGPASSWORD;
	if (isDatabase) Object.assign(env, { PGHOST: socketOf(name), PGDATA: entrypoint(name, service).env.PGDATA });
	// Without -i, its input is empty.
	const input = flags.has('-i') ? 'inherit' : 'ignore';
	const enter = ['--net', ...(isDatabase ? [] : ['--mount']), '-t', String(pid), program, ...args];
	process.exit(spawnSync('nsenter', enter, { stdio: [input, 'inherit', 'inherit'], env }).status ?? 1);
}

/** The major version that a container runs. */
function versionOf(name: string): string {
	const [data] = spawnSync(
		'find',
		[join(state, `${name}-nameless`), '-name', 'PG_VERSION', '-not', '-path', '*/base/*'],
		{
			encoding: 'utf8',
		},
	).stdout.split('\n');
	return data ? readFileSync(data, 'utf8').trim() : fail(`container ${name} has not begun`);
}

/** Like the real one, continues after a missing one, and says so at the end. */
async function remove({ flags, rest }: Options): Promise<void> {
	let isWhole = true;
	for (const name of rest) {
		const pid = pidOf(name);
		const refused = !existsSync(noteOf(name))
			? `No such container: ${name}`
			: pid !== undefined && !flags.has('-f')
				? `cannot remove container "/${name}": container is running: stop the container before removing or force remove`
				: undefined;
		if (refused) {
			console.error(`Error response from daemon: ${refused}`);
			isWhole = false;
			continue;
		}
		await end(name, pid);
		for (const part of ['pid', 'container', 'log']) rmSync(join(state, `${name}.${part}`), { force: true });
		if (flags.has('-v'))
			for (const part of ['nameless', 'socket'])
				rmSync(join(state, `${name}-${part}`), { recursive: true, force: true });
		console.log(name);
	}
	if (!isWhole) process.exit(1);
}

async function end(name: string, pid: number | undefined): Promise<void> {
	if (pid !== undefined) process.kill(pid, 'SIGQUIT');
	for (let tries = 100; pidOf(name) !== undefined && tries > 0; tries--) {
		if (tries === 50 && pid !== undefined) process.kill(pid, 'SIGKILL');
		await new Promise(done => setTimeout(done, 100));
	}
}
