// Starts Synapse once, with a configuration in a folder, and waits a limited time until it listens or exits.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TrialSetup } from '../../src/knowledge/schema/synapse.ts';
import { registrationSecret, unlimited } from './fill.ts';
import { cache } from './machine/environment.ts';
import { freePort } from './machine/port.ts';
import { lastWords } from './machine/said.ts';

export type Started =
	| {
			listens: true;
			base: string;
			/** Everything it has printed and logged so far. */
			log(): string;
			stop(): Promise<void>;
	  }
	| { listens: false; error: string };

export type Start = {
	/** The Python of the environment with the release. */
	python: string;
	env: NodeJS.ProcessEnv;
	/** Holds the configuration, the log and everything the start writes. */
	dir: string;
	/** The `database` of homeserver.yaml. */
	database: unknown;
	attempt?: TrialSetup | undefined;
	/** How many seconds the start may take, including migrations. Taking longer is a failed trial, not an outcome. */
	timeout?: number;
};

const usualTimeout = 180;

/** Processes to kill when this process exits. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
	for (const child of running) child.kill('SIGKILL');
});

/** Throws if Synapse neither listens nor exits in time. */
export async function start(how: Start): Promise<Started> {
	const { python, dir, attempt, timeout = usualTimeout } = how;
	const { port, configs } = await configure(how);
	const worker = attempt?.worker;
	const app = worker ? 'generic_worker' : 'homeserver';
	const output = join(dir, 'output.log');
	const log = openSync(output, 'w');
	// Not isolated (-I): a module of the attempt is in the folder that it starts in.
	const child = spawn('nice', [python, '-m', `synapse.app.${app}`, ...configs.flatMap(name => ['-c', name])], {
		cwd: dir,
		env: { ...how.env, ...attempt?.env },
		stdio: ['ignore', log, log],
	});
	closeSync(log);
	running.add(child);
	const ended = once(child, 'exit').finally(() => running.delete(child));
	const said = () => lastWords(readFileSync(output, 'utf8'), [dir, cache]);
	const giveUp = Date.now() + timeout * 1000;
	while (!(await answers(port))) {
		if (child.exitCode !== null || child.signalCode !== null) {
			await ended;
			const error = said();
			// Some old releases exit with 0 after a traceback.
			if (child.exitCode === 0 && !/^\w+(Error|Exception|Exit)\b/.test(error))
				throw new Error(`it exited with status 0: ${error}`);
			return { listens: false, error };
		}
		if (Date.now() > giveUp) {
			await stop(child);
			throw new Error(`it neither listened nor exited within ${timeout} seconds: ${said()}`);
		}
		await sleep(100);
	}
	return {
		listens: true,
		base: `http://127.0.0.1:${port}`,
		log: () => readFileSync(output, 'utf8'),
		stop: () => stop(child),
	};
}

/** Runs a program of the release in a folder with the configuration. Resolves to the output and the exit status. */
export async function runProgram(how: Start, [program = '', ...args]: readonly string[]): Promise<[string, number]> {
	await configure(how);
	const { python, dir } = how;
	const said = (text: string) => text.replaceAll('$DIR', dir);
	const own = program.startsWith('bin/') ? join(dirname(python), program.slice('bin/'.length)) : program;
	const child = spawn(python, [own, ...args].map(said), {
		cwd: dir,
		env: { ...how.env, ...how.attempt?.env },
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	running.add(child);
	let output = '';
	for (const stream of [child.stdout, child.stderr])
		stream.setEncoding('utf8').on('data', text => {
			output += text;
		});
	const giveUp = setTimeout(() => child.kill('SIGKILL'), usualTimeout * 1000);
	const [status] = (await once(child, 'close')) as [number | null];
	clearTimeout(giveUp);
	running.delete(child);
	return [output, status ?? -1];
}

/** Writes the configuration. Returns its files, the main one first, and the port on which Synapse will listen. */
async function configure({ dir, database, attempt }: Start): Promise<{ port: number; configs: string[] }> {
	const port = await freePort();
	const within = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value).replaceAll('$DIR', dir)) as Value;
	const { config = {}, worker, files = {} } = attempt ?? {};
	const listening = listener(port);
	const own = configuration(dir, worker ? listener(await freePort()) : listening);
	// YAML contains JSON.
	const write = (name: string, value: unknown) => writeFileSync(join(dir, name), JSON.stringify(value, null, 1));
	const { listeners = [], ...rest } = within(config);
	const all = [own.listeners, listeners].flat();
	write('homeserver.yaml', { ...own, database, ...rest, listeners: all });
	write('worker.yaml', {
		worker_app: 'synapse.app.generic_worker',
		worker_listeners: [listening],
		...within(worker ?? {}),
	});
	for (const [name, text] of Object.entries(within(files))) writeFileSync(join(dir, name), text);
	const key = join(dir, 'signing.key');
	if (!existsSync(key)) {
		writeFileSync(key, `ed25519 a_test ${randomBytes(32).toString('base64').replace(/=+$/, '')}\n`);
	}
	return { port, configs: ['homeserver.yaml', ...(worker ? ['worker.yaml'] : [])].map(name => join(dir, name)) };
}

async function stop(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const ended = once(child, 'exit');
	child.kill('SIGTERM');
	const killTimer = setTimeout(() => child.kill('SIGKILL'), 20_000);
	await ended;
	clearTimeout(killTimer);
}

function listener(port: number): Record<string, unknown> {
	return {
		port,
		type: 'http',
		tls: false,
		bind_addresses: ['127.0.0.1'],
		resources: [{ names: ['client'], compress: false }],
	};
}

/** The minimum with which every release since 1.0.0 starts. */
function configuration(dir: string, listening: Record<string, unknown>): Record<string, unknown> {
	return {
		server_name: 'verify.test',
		public_baseurl: 'http://127.0.0.1/',
		listeners: [listening],
		media_store_path: join(dir, 'media'),
		signing_key_path: join(dir, 'signing.key'),
		pid_file: join(dir, 'homeserver.pid'),
		macaroon_secret_key: 'for trials only',
		form_secret: 'for trials only',
		registration_shared_secret: registrationSecret,
		...unlimited,
		report_stats: false,
		federation_domain_whitelist: [],
		trusted_key_servers: [],
		// Only newer releases know it, and it shortens their trials.
		background_updates: { sleep_enabled: false, background_update_duration_ms: 1000 },
	};
}

async function answers(port: number): Promise<boolean> {
	try {
		const response = await fetch(`http://127.0.0.1:${port}/_matrix/client/versions`, {
			signal: AbortSignal.timeout(5000),
		});
		return 'versions' in ((await response.json()) as object);
	} catch {
		return false;
	}
}
