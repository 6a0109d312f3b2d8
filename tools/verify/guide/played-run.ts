// A stand-in for `docker` as the playbook runs it: `run`, `exec` and `container inspect` for PostgreSQL images, with
// mounts, users, networks and environment files; and, as `serve UNIT`, the server that a systemd unit describes.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { entrypoint, fail, majorOf, played, type Service } from './played-image.ts';

const valued = new Set([
	'name',
	'user',
	'network',
	'env-file',
	'entrypoint',
	'mount',
	'log-driver',
	'cap-drop',
	'tmpfs',
]);
const bare = new Set(['--rm', '-i', '--read-only']);

type Run = {
	values: Map<string, string>;
	mounts: [source: string, target: string][];
	isInteractive: boolean;
	image: string;
	words: string[];
};

function runOf(args: readonly string[]): Run {
	const values = new Map<string, string>();
	const mounts: Run['mounts'] = [];
	let at = 0;
	let isInteractive = false;
	for (; args[at]?.startsWith('-'); at++) {
		const word = args[at] ?? '';
		const [, name = '', given] = /^--([a-z-]+)(?:=(.*))?$/.exec(word) ?? [];
		if (bare.has(word)) isInteractive ||= word === '-i';
		else if (name === 'shm-size' && given) values.set(name, given);
		else if (valued.has(name)) {
			const value = given ?? args[++at] ?? fail(`flag needs an argument: ${word}`);
			if (name === 'mount') mounts.push(mountOf(value));
			else values.set(name, value);
		} else fail(`unknown flag: ${word}`);
	}
	return { values, mounts, isInteractive, image: args[at] ?? '', words: args.slice(at + 1) };
}

/** Like the real one, creates no folder for `--mount`, but refuses a missing source. */
function mountOf(text: string): Run['mounts'][number] {
	const source = /(?:^|,)src=([^,]+)/.exec(text)?.[1] ?? fail(`invalid argument "${text}" for "--mount"`);
	const target = /(?:^|,)dst=([^,]+)/.exec(text)?.[1] ?? fail(`invalid argument "${text}" for "--mount"`);
	if (!existsSync(source))
		fail(
			`docker: Error response from daemon: invalid mount config for type "bind": bind source path does not exist: ${source}`,
		);
	return [source, target];
}

function environmentIn(file: string | undefined): Record<string, string> {
	if (file === undefined) return {};
	if (!existsSync(file)) fail(`docker: open ${file}: no such file or directory`);
	const lines = readFileSync(file, 'utf8').split('\n');
	return Object.fromEntries(
		lines
			.filter(line => /^[A-Za-z_]\w*=/.test(line))
			.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
	);
}

function pathOf(image: string): string {
	const server = played.servers[majorOf({ image })] ?? fail(`Unable to find image '${image}' locally`);
	return [...server.path, process.env.PATH].join(':');
}

function here(word: string, mounts: Run['mounts']): string {
	return mounts.reduce(
		(text, [source, target]) => text.replace(new RegExp(`${target.replaceAll('.', '\\.')}(?=[/\\s'"]|$)`, 'g'), source),
		word,
	);
}

function networkMustBe(name: string | undefined): void {
	const made = join(played.root, 'networks');
	if (name !== undefined && !(existsSync(made) && readFileSync(made, 'utf8').split('\n').includes(name)))
		fail(`docker: Error response from daemon: network ${name} not found`);
}

function run(args: readonly string[]): never {
	const { values, mounts, isInteractive, image, words } = runOf(args);
	networkMustBe(values.get('network'));
	const [uid = '0', gid = uid] = (values.get('user') ?? '0').split(':');
	const program = values.get('entrypoint') ?? words[0] ?? fail('simulated: run needs a program');
	const rest = (values.has('entrypoint') ? words : words.slice(1)).map(word => here(word, mounts));
	const env = { PATH: pathOf(image), LANG: 'C.UTF-8', ...environmentIn(values.get('env-file')) };
	const own = ['--reuid', uid, '--regid', gid, '--clear-groups', program === '/bin/sh' ? 'sh' : program, ...rest];
	const { status } = spawnSync('setpriv', own, {
		stdio: [isInteractive ? 'inherit' : 'ignore', 'inherit', 'inherit'],
		env,
	});
	process.exit(status ?? 1);
}

/** The image, mounts and environment with which a unit of the playbook's role creates its container. */
function unitOf(name: string): { image: string; mounts: Run['mounts']; environment: Record<string, string> } {
	const text = readFileSync(`/etc/systemd/system/${name}.service`, 'utf8').replaceAll('\\\n', ' ');
	const line = /ExecStartPre=.*?docker create (.*)$/m.exec(text)?.[1] ?? fail(`the unit ${name} creates no container`);
	const { values, mounts, image } = runOf(line.trim().split(/\s+/));
	return { image, mounts, environment: environmentIn(values.get('env-file')) };
}

function exec(args: readonly string[]): never {
	const { values, isInteractive, image: name, words } = runOf(args);
	if (spawnSync('systemctl', ['is-active', '-q', name]).status !== 0)
		fail(`Error response from daemon: No such container: ${name}`);
	const own = name === 'matrix-postgres' ? unitOf(name).mounts : [];
	const [program = '', ...rest] = words.map(word => here(word, own));
	const isDatabase = name === 'matrix-postgres';
	const env: NodeJS.ProcessEnv = {
		PATH: isDatabase ? pathOf(unitOf(name).image) : process.env.PATH,
		LANG: 'C.UTF-8',
		...environmentIn(values.get('env-file')),
	};
	const { status } = spawnSync(program, rest, {
		stdio: [isInteractive ? 'inherit' : 'ignore', 'inherit', 'inherit'],
		env,
	});
	process.exit(status ?? 1);
}

/** Runs the server in the foreground until it is stopped. */
function serve(name: string): void {
	const { image, mounts, environment } = unitOf(name);
	const service: Service = { image, environment, volumes: mounts.map(pair => pair.join(':')) };
	const { script, env } = entrypoint(name, service);
	const socket = mounts.find(([, target]) => target === '/run/postgresql')?.[0] ?? join(played.root, 'socket');
	const log = openSync(join(played.root, `${name}.log`), 'a');
	const own = ['--reuid', played.user, '--regid', played.group, '--clear-groups', 'bash', '-c', script];
	let stop: () => unknown = () => process.exit(130);
	for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop());
	setTimeout(() => {
		const child = spawn('setpriv', own, { stdio: ['ignore', log, log], env: { ...env, PGHOST: socket } });
		stop = () => child.kill('SIGINT');
		child.on('exit', status => process.exit(status ?? 1));
	}, secondsLate() * 1000);
}

/** How many seconds late a server starts, as on a slow disk. The file says `20` or, for one start only, `20 once`. */
function secondsLate(): number {
	const file = join(played.root, 'slow');
	if (!existsSync(file)) return 0;
	const [seconds, once] = readFileSync(file, 'utf8').trim().split(' ');
	if (once) rmSync(file);
	return Number(seconds);
}

const [verb = '', ...args] = process.argv.slice(2);
if (verb === 'run') run(args);
else if (verb === 'exec') exec(args);
else if (verb === 'serve') serve(args[0] ?? '');
else if (verb === 'container' && args[0] === 'inspect') {
	if (spawnSync('systemctl', ['is-active', '-q', args[1] ?? '']).status !== 0)
		fail(`Error response from daemon: No such container: ${args[1]}`);
	console.log('matrix-postgres');
} else fail(`docker: '${verb}' is not simulated`);
