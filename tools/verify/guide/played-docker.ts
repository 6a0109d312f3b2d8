// A stand-in for `docker`: the few commands that guides use, for services of a compose file that are processes here.
// What the official PostgreSQL image does at startup is done step by step, with the programs of that version.
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
import { join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { container } from './played-containers.ts';
import {
	database,
	entrypoint,
	fail,
	isVolume,
	majorOf,
	pidOf,
	played,
	type Service,
	socketOf,
	state,
	volumesFolder,
} from './played-image.ts';

const [command, ...words] = process.argv.slice(2);

function composeFile(): { name: string; services: Record<string, Service> } {
	const name =
		['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'].find(file => existsSync(file)) ??
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

/** A project as the real one prints it: mounts in the long form, folders with their full path. */
function canonical(services: Record<string, Service>, names: readonly string[]): string {
	const mount = (line: string) => {
		const [source = '', target = ''] = line.split(':');
		return isVolume(source)
			? { type: 'volume', source, target, volume: {} }
			: { type: 'bind', source: resolve(source), target, bind: {} };
	};
	const whole = names.map(name => {
		const { volumes: mounts = [], ...service } = services[name] ?? {};
		return [name, { ...service, ...(mounts.length && { volumes: mounts.map(mount) }) }];
	});
	return stringify({ name: 'home', services: Object.fromEntries(whole) });
}

async function stop(service: string): Promise<void> {
	const pid = pidOf(service);
	if (pid === undefined) return;
	process.kill(pid, isDatabase(service) ? 'SIGINT' : 'SIGTERM');
	while (pidOf(service) !== undefined) await new Promise(done => setTimeout(done, 50));
}

/** Without `-f`, the real one asks; without `-s`, it leaves running containers alone. */
async function remove(service: string, options: readonly string[]): Promise<void> {
	if (!options.some(word => word.includes('f'))) fail('simulated: docker compose rm needs -f, or it asks');
	if (options.some(word => word.includes('s'))) await stop(service);
	if (pidOf(service) !== undefined) fail('No stopped containers');
	for (const end of ['pid', 'json']) rmSync(join(state, `${service}.${end}`), { force: true });
	rmSync(join(state, `${service}-nameless`), { recursive: true, force: true });
}

function isDatabase(service: string): boolean {
	return /postgres/.test(composeFile().services[service]?.image ?? '');
}

/** `run --entrypoint program service arguments`, in the order of `exec`. */
function entered(args: string[]): string[] {
	const at = args.indexOf('--entrypoint');
	const program = args[at + 1] ?? fail('only `run` with an entrypoint is simulated');
	const [name = '', ...rest] = args.slice(at + 2);
	return [...args.slice(0, at).filter(word => word === '-T'), name, program, ...rest];
}

/** Starts what is not running, and restarts what has changed in the file since it was started. */
async function up(name: string, service: Service): Promise<void> {
	const was = join(state, `${name}.json`);
	const is = JSON.stringify(service);
	if (pidOf(name) !== undefined && readFileSync(was, 'utf8') === is) return;
	await stop(name);
	// A recreated container does not have its old anonymous volumes.
	if (existsSync(was) && readFileSync(was, 'utf8') !== is)
		rmSync(join(state, `${name}-nameless`), { recursive: true, force: true });
	writeFileSync(was, is);
	if (service.image) keepImages([...images(), service.image]);
	const log = openSync(join(state, `${name}.log`), 'a');
	const started = isDatabase(name) ? database(name, service, log) : program(name, log);
	closeSync(log);
	writeFileSync(join(state, `${name}.pid`), String(started.pid));
	started.unref();
	console.error(` Container ${name}  Started`);
}

/** Starts a container as it was created. The real one ignores changes to the file; here, they are an error. */
async function start(name: string, service: Service): Promise<void> {
	const was = join(state, `${name}.json`);
	if (!existsSync(was)) fail(`service "${name}" has no container to start`);
	if (readFileSync(was, 'utf8') !== JSON.stringify(service)) fail('simulated: start needs an unchanged file');
	await up(name, service);
}

/** Services that are restarted along with these. From Compose 2.17 on, that includes stopped ones. */
function restartedWith(restarted: readonly string[], services: Record<string, Service>): string[] {
	const dependents = Object.entries(services)
		.filter(([name, { depends_on: on }]) => {
			const isWith = (other: string) => on && !Array.isArray(on) && on[other]?.restart === true;
			return !restarted.includes(name) && restarted.some(isWith);
		})
		.map(([name]) => name);
	return dependents.length ? [...dependents, ...restartedWith([...restarted, ...dependents], services)] : [];
}

/** The containers of the compose file as they were created. Even stopped ones keep their image and volumes in use. */
function containers(): Service[] {
	const notes = readdirSync(state).filter(file => file.endsWith('.json') && file !== 'images.json');
	return notes.map(file => JSON.parse(readFileSync(join(state, file), 'utf8')) as Service);
}

/** Images that were pulled, by name or for a container. */
function images(): string[] {
	const file = join(state, 'images.json');
	return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as string[]) : [];
}

function keepImages(all: readonly string[]): void {
	writeFileSync(join(state, 'images.json'), JSON.stringify([...new Set(all)]));
}

function program(name: string, log: number) {
	const [run = '', ...args] = played.programs[name] ?? fail(`nothing is simulated for the service ${name}`);
	return spawn(run, args, { detached: true, stdio: ['ignore', log, log] });
}

/** Like the real one, consumes all available input, even if the program reads none: lines pasted after it are lost. */
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
		env.PGDATA = entrypoint(name, service).env.PGDATA;
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
	keepImages([...images(), image]);
	console.log(`simulated: docker pull ${image}`);
} else if (command === 'image') {
	const [verb, image = ''] = words;
	if (verb !== 'rm') fail(`docker image ${verb} is not simulated`);
	if (!images().includes(image)) fail(`Error response from daemon: No such image: ${image}`);
	if (containers().some(container => container.image === image))
		fail(
			`Error response from daemon: conflict: unable to remove repository reference "${image}" (must force) - container is using its referenced image`,
		);
	keepImages(images().filter(other => other !== image));
	console.log(`simulated: docker image rm ${image}`);
} else if (command === 'volume') volumeOf(words);
else if (command === 'compose') await compose(words);
else if (command !== undefined && /^(?:network|ps|run|exec|rm|logs)$/.test(command)) await container(command, words);
else if (command === 'info') informed(words);
else fail(`docker: '${command}' is not simulated`);

/** `info -f '{{.DockerRootDir}}'`. */
function informed(words: readonly string[]): void {
	if (words.join(' ') !== '-f {{.DockerRootDir}}') fail(`docker info ${words.join(' ')} is not simulated`);
	console.log(state);
}

/** `ls -q` with filters by label, and `rm NAME`. The project is always `home`. */
function volumeOf([verb, ...rest]: string[]): void {
	const all = existsSync(volumesFolder) ? readdirSync(volumesFolder) : [];
	if (verb === 'ls') {
		const labels = rest.flatMap((word, at) => (rest[at - 1] === '--filter' ? [word.replace(/^label=/, '')] : []));
		const isWanted = (name: string) =>
			labels.every(label => {
				const [key, value] = label.split('=');
				if (key === 'com.docker.compose.project') return value === undefined || value === 'home';
				if (key !== 'com.docker.compose.volume') fail(`simulated: volumes have no label ${key}`);
				return name === `home_${value}`;
			});
		console.log(all.filter(isWanted).join('\n'));
	} else if (verb === 'rm') {
		for (const name of rest) {
			if (!all.includes(name)) fail(`Error response from daemon: get ${name}: no such volume`);
			const isUsed = containers().some(({ volumes: mounts = [] }) =>
				mounts.some(line => `home_${line.split(':')[0]}` === name),
			);
			if (isUsed) fail(`Error response from daemon: remove ${name}: volume is in use`);
			rmSync(join(volumesFolder, name), { recursive: true });
		}
	} else fail(`docker volume ${verb} is not simulated`);
}

async function compose([verb, ...rest]: string[]): Promise<void> {
	const { services } = composeFile();
	const options = rest.filter(word => word.startsWith('-'));
	const known: Record<string, RegExp> = {
		config: /^--(?:services|images)$/,
		restart: /^$/,
		start: /^$/,
		stop: /^$/,
		rm: /^-(?:s|f|sf|fs)$/,
		down: /^$/,
		up: /^-d$/,
		logs: /^--tail$/,
	};
	const wrong = known[verb ?? ''] && options.find(word => !known[verb ?? '']?.test(word));
	if (wrong) fail(`unknown flag: ${wrong}`);
	const names = rest.filter(word => !word.startsWith('-') && !/^\d+$/.test(word));
	const lacking = verb === 'exec' || verb === 'run' ? undefined : names.find(word => !Object.hasOwn(services, word));
	if (lacking !== undefined) fail(`no such service: ${lacking}`);
	const meant = names.length ? names : Object.keys(services);
	if (verb === 'config' && options.includes('--images'))
		console.log(
			Object.values(services)
				.map(({ image = '' }) => image)
				.join('\n'),
		);
	else if (verb === 'config' && options.includes('--services')) console.log(Object.keys(services).join('\n'));
	else if (verb === 'config') console.log(canonical(services, meant));
	else if (verb === 'restart')
		for (const name of [...meant, ...restartedWith(meant, services)]) {
			await stop(name);
			await up(name, services[name] ?? {});
		}
	else if (verb === 'start') for (const name of meant) await start(name, services[name] ?? {});
	else if (verb === 'stop') for (const name of meant) await stop(name);
	else if (verb === 'rm') for (const name of meant) await remove(name, options);
	else if (verb === 'down') for (const name of meant) await remove(name, ['-sf']);
	else if (verb === 'up')
		for (const name of meant.sort((a, b) => Number(isDatabase(b)) - Number(isDatabase(a))))
			await up(name, services[name] ?? {});
	else if (verb === 'exec') exec(rest);
	else if (verb === 'run') exec(entered(rest), false);
	else if (verb === 'logs') for (const name of meant) console.log(logOf(name).split('\n').slice(-20).join('\n'));
	else fail(`docker compose ${verb} is not simulated`);
}

function logOf(name: string): string {
	const file = join(state, `${name}.log`);
	return readdirSync(state).includes(`${name}.log`) ? readFileSync(file, 'utf8') : '';
}
