// A real Synapse for tests: installed once into a cache folder, started in seconds, ended with the process that started
// it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
	closeSync,
	copyFileSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	openSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../tools/verify/machine/port.ts';

export const SYNAPSE = '1.163.2';

/** The variable in which test files find the Synapse that the whole run shares: an `Address` as JSON. */
export const SHARED = 'GLIA_TEST_SYNAPSE';

const PYTHONS = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10'];
const TEMPLATE = 'template.db';
const LOG = 'homeserver.log';

export type Account = { userId: string; accessToken: string; deviceId: string };

export type Address = { url: string; serverName: string; secret: string };

/** What a test needs from a homeserver that it shares with other tests. */
export type Homeserver = {
	/** `http://127.0.0.1:port`, the same after a restart. */
	url: string;
	serverName: string;
	/** Can be serialised as JSON, to give another process the same homeserver; see `homeserver`. */
	address: Address;
	/** `name` is a localpart. Throws if it is taken. */
	registerUser(name: string, password: string, options?: { admin?: boolean }): Promise<Account>;
};

/** A separate homeserver that the test can stop and kill. */
export type Synapse = Homeserver & {
	/** Contains homeserver.yaml, homeserver.db and homeserver.log. Deleted when the process that started Synapse ends. */
	dir: string;
	/** Sends SIGTERM and waits for the end. Data and port are kept for `restart`. */
	stop(): Promise<void>;
	/** Sends SIGKILL and waits for the end. */
	kill(): Promise<void>;
	/** Stops Synapse if it is running, then starts it with the same data and port. Resolves once it responds. */
	restart(): Promise<void>;
	/** The last lines of the log, by default 40. */
	logTail(lines?: number): string;
};

export type SynapseOptions = {
	/** The part of user IDs after the colon; by default `glia.test`. */
	serverName?: string;
	/** `raised` (the default): nothing that a test does is limited; `default`: Synapse's own limits. */
	rateLimits?: 'raised' | 'default';
	/** For example `'10'`; by default Synapse's own (12). */
	defaultRoomVersion?: string;
	/** The database of an earlier Synapse with the same server name, which is copied. */
	database?: string;
	/** More of homeserver.yaml: objects are merged into what is generated, anything else replaces it. */
	config?: Record<string, unknown>;
};

/**
 * Starts a separate Synapse in a temporary folder, on a free port on 127.0.0.1. Installs it first if needed, and throws
 * one sentence if that is impossible. It ends with this process, however that ends.
 */
export async function startSynapse(options: SynapseOptions = {}): Promise<Synapse> {
	const installed = await install();
	const dir = mkdtempSync(join(tmpdir(), 'glia-synapse-'));
	copyFileSync(options.database ?? join(installed, TEMPLATE), join(dir, 'homeserver.db'));
	const server = await serverIn(dir, pythonOf(installed), options);
	return { ...homeserver(server.address), ...server };
}

/**
 * The Synapse that the whole run shares (test/all.ts starts it), or a separate one if a test file runs alone.
 * Other tests use it too, so each test needs its own rooms and people. The first call on a machine installs Synapse, so
 * a test file sets `vi.setConfig({ testTimeout: 60_000, hookTimeout: 600_000 })` and calls this in `beforeAll`.
 */
export function sharedSynapse(): Promise<Homeserver> {
	const given = process.env[SHARED];
	shared ??= given ? Promise.resolve(homeserver(JSON.parse(given) as Address)) : startSynapse();
	return shared;
}

let shared: Promise<Homeserver> | undefined;

/** A homeserver that another process started. */
export function homeserver(address: Address): Homeserver {
	const { url, serverName } = address;
	return { url, serverName, address, registerUser };

	async function registerUser(name: string, password: string, { admin = false } = {}): Promise<Account> {
		const endpoint = `${url}/_synapse/admin/v1/register`;
		const { nonce } = (await (await fetch(endpoint)).json()) as { nonce: string };
		const signed = [nonce, name, password, admin ? 'admin' : 'notadmin'].join('\0');
		const mac = createHmac('sha1', address.secret).update(signed).digest('hex');
		const response = await fetch(endpoint, {
			method: 'POST',
			body: JSON.stringify({ nonce, username: name, password, admin, mac }),
		});
		const body = (await response.json()) as Record<string, string>;
		const { user_id: userId, access_token: accessToken, device_id: deviceId } = body;
		if (!userId || !accessToken || !deviceId) {
			throw new Error(`registering ${name}: ${response.status} ${body.errcode} ${body.error}`);
		}
		return { userId, accessToken, deviceId };
	}
}

async function serverIn(dir: string, python: string, options: SynapseOptions) {
	const serverName = options.serverName ?? 'glia.test';
	const secret = randomUUID();
	const instance = randomUUID();
	const guard = guarded(dir);
	writeFileSync(join(dir, 'signing.key'), `ed25519 a_test ${randomBytes(32).toString('base64').replace(/=+$/, '')}\n`);

	let port = 0;
	let child: ChildProcess | undefined;
	for (let tries = 5; !child; tries--) {
		port = await freePort();
		const config = configuration({ dir, serverName, secret, instance, port, options });
		writeFileSync(join(dir, 'homeserver.yaml'), JSON.stringify(config, null, 2));
		try {
			await start();
		} catch (error) {
			// Another process may have taken the port between our check and Synapse's start.
			if (tries === 0 || !/Address already in use/.test(logTail())) throw error;
		}
	}

	return {
		dir,
		address: { url: url(), serverName, secret },
		stop: () => end('SIGTERM'),
		kill: () => end('SIGKILL'),
		restart,
		logTail,
	};

	function url(): string {
		return `http://127.0.0.1:${port}`;
	}

	async function start(): Promise<void> {
		const log = openSync(join(dir, LOG), 'a');
		const started = spawn(python, ['-I', '-m', 'synapse.app.homeserver', '-c', join(dir, 'homeserver.yaml')], {
			cwd: dir,
			stdio: ['ignore', log, log],
		});
		closeSync(log);
		started.unref();
		guard.watch(started.pid);
		const giveUp = Date.now() + 120_000;
		while (!(await answers(url(), instance))) {
			if (started.exitCode !== null || started.signalCode !== null) {
				throw new Error(`Synapse ended before it was ready; its log ends with:\n${logTail()}`);
			}
			if (Date.now() > giveUp) {
				started.kill('SIGKILL');
				throw new Error(`Synapse was not ready after two minutes; its log ends with:\n${logTail()}`);
			}
			await sleep(25);
		}
		child = started;
	}

	async function end(signal: NodeJS.Signals): Promise<void> {
		const running = child;
		child = undefined;
		if (!running) return;
		if (running.exitCode === null && running.signalCode === null) {
			running.ref();
			running.kill(signal);
			const killTimer = setTimeout(() => running.kill('SIGKILL'), 20_000);
			await once(running, 'exit');
			clearTimeout(killTimer);
		}
		guard.watch(undefined);
	}

	async function restart(): Promise<void> {
		await end('SIGTERM');
		await start();
	}

	function logTail(lines = 40): string {
		return readFileSync(join(dir, LOG), 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
	}
}

export type Configured = {
	dir: string;
	serverName: string;
	secret: string;
	instance: string;
	port: number;
	options: SynapseOptions;
};

export function configuration({
	dir,
	serverName,
	secret,
	instance,
	port,
	options,
}: Configured): Record<string, unknown> {
	const config = {
		server_name: serverName,
		public_baseurl: `http://127.0.0.1:${port}/`,
		// Another server may be listening on our port: only ours can return this.
		extra_well_known_client_content: { 'glia.test.instance': instance },
		listeners: [{ type: 'http', port, bind_addresses: ['127.0.0.1'], tls: false, resources: [{ names: ['client'] }] }],
		database: { name: 'sqlite3', args: { database: join(dir, 'homeserver.db') } },
		media_store_path: join(dir, 'media'),
		signing_key_path: join(dir, 'signing.key'),
		registration_shared_secret: secret,
		report_stats: false,
		presence: { enabled: false },
		federation_domain_whitelist: [],
		trusted_key_servers: [],
		bcrypt_rounds: 4,
		...(options.defaultRoomVersion ? { default_room_version: options.defaultRoomVersion } : {}),
		...(options.rateLimits === 'default' ? {} : raisedLimits()),
	};
	return merged(config, options.config ?? {});
}

function raisedLimits(): Record<string, unknown> {
	const raised = { per_second: 1e6, burst_count: 1e6 };
	return {
		rc_message: raised,
		rc_registration: raised,
		rc_registration_token_validity: raised,
		rc_login: { address: raised, account: raised, failed_attempts: raised },
		rc_admin_redaction: raised,
		rc_joins: { local: raised, remote: raised },
		rc_joins_per_room: raised,
		rc_invites: { per_room: raised, per_user: raised, per_issuer: raised },
		rc_third_party_invite: raised,
		rc_3pid_validation: raised,
		rc_key_requests: raised,
		rc_media_create: raised,
		rc_room_creation: raised,
		rc_delayed_event_mgmt: raised,
		rc_reports: raised,
		rc_user_directory: raised,
		rc_profile: raised,
	};
}

function merged(under: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
	const result = { ...under };
	for (const [key, value] of Object.entries(over)) {
		const below = result[key];
		result[key] = isObject(below) && isObject(value) ? merged(below, value) : value;
	}
	return result;
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function answers(url: string, instance: string): Promise<boolean> {
	try {
		const response = await fetch(`${url}/.well-known/matrix/client`, { signal: AbortSignal.timeout(5000) });
		return ((await response.json()) as Record<string, unknown>)['glia.test.instance'] === instance;
	} catch {
		return false;
	}
}

/**
 * A small process that outlives this one by a moment: when our end of its pipe closes, for whatever reason, it kills
 * the process that it watches and deletes the folder. Test runners end their workers without running exit handlers.
 */
function guarded(dir: string): { watch(pid: number | undefined): void } {
	const script = 'while read -r line; do pid=$line; done; [ -z "$pid" ] || kill -9 "$pid"; rm -rf "$1"';
	// Detached, because Ctrl-C would otherwise end it before its work is done.
	const child = spawn('sh', ['-c', script, 'sh', dir], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
	child.unref();
	if (child.stdin instanceof Socket) child.stdin.unref();
	return { watch: pid => child.stdin.write(`${pid ?? ''}\n`) };
}

/**
 * Installs Synapse if it is missing. Resolves with the folder of its virtual environment and template database, which
 * only exists if complete. Throws one sentence if Python, its venv module or the network is missing.
 */
export async function install(): Promise<string> {
	const { command, version } = python();
	const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'glia-tests');
	const name = `synapse-${SYNAPSE}-python${version}-${process.platform}-${process.arch}`;
	const home = join(cache, name);
	if (complete(home)) return home;
	mkdirSync(cache, { recursive: true });
	const lock = await locked(join(cache, 'lock.db'));
	const half = `${home}.${randomUUID()}`;
	try {
		if (complete(home)) return home;
		for (const entry of readdirSync(cache)) {
			if (entry.startsWith(name)) rmSync(join(cache, entry), { recursive: true, force: true, maxRetries: 5 });
		}
		console.error(`Installing Synapse ${SYNAPSE} with Python ${version} for the tests, once: a minute or two.`);
		await pip(command, half);
		await prepareTemplate(half);
		renameSync(half, home);
		return home;
	} finally {
		rmSync(half, { recursive: true, force: true });
		lock.close();
	}
}

function complete(home: string): boolean {
	// The environment's Python is a link to the machine's, which may no longer exist.
	return existsSync(pythonOf(home)) && existsSync(join(home, TEMPLATE));
}

function pythonOf(home: string): string {
	return join(home, 'venv', 'bin', 'python');
}

function python(): { command: string; version: string } {
	const probe =
		'import sys, importlib.util as u; print("%d.%d" % sys.version_info[:2], *map(u.find_spec, sys.argv[1:]), sep="\\n")';
	let withoutVenv = '';
	for (const command of PYTHONS) {
		const { stdout } = spawnSync(command, ['-I', '-c', probe, 'venv', 'ensurepip'], { encoding: 'utf8' });
		const [version = '', ...modules] = (stdout ?? '').trim().split('\n');
		const [major = 0, minor = 0] = version.split('.').map(Number);
		if (major !== 3 || minor < 10) continue;
		if (!modules.includes('None')) return { command, version };
		withoutVenv ||= `Python ${version} (${command})`;
	}
	if (withoutVenv) {
		throw new Error(
			`The tests with a real Synapse need Python's venv module, which ${withoutVenv} lacks ` +
				'(Debian and Ubuntu: apt install python3-venv).',
		);
	}
	throw new Error(`The tests with a real Synapse need Python 3.10 or newer, and none of ${PYTHONS.join(', ')} is one.`);
}

async function pip(command: string, half: string): Promise<void> {
	const venv = join(half, 'venv');
	await run(command, ['-I', '-m', 'venv', venv]);
	// Everything that Synapse needs is available as a wheel; a compiler must not be required.
	await run(join(venv, 'bin', 'python'), [
		...['-I', '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--progress-bar', 'off'],
		...['--only-binary', ':all:', `matrix-synapse==${SYNAPSE}`],
	]);
}

async function run(command: string, args: string[]): Promise<void> {
	const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
	let output = '';
	for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => (output += text));
	const [status] = await once(child, 'close');
	if (status === 0) return;
	const said = causeIn(output);
	const unreachable =
		/establish a new connection|Connection\w*Error|ConnectTimeout|ReadTimeout|NewConnection|ProxyError/;
	throw new Error(
		unreachable.test(output)
			? `The tests with a real Synapse need the network once, to install Synapse, and pip cannot reach its package index (${said}).`
			: `Synapse ${SYNAPSE} could not be installed for the tests (${said}).`,
	);
}

/**
 * The cause in the output of a failed command, on one line: the end of the output of a program that it ran, or else its
 * own errors, or else its last lines. A hint to look above is not a cause.
 */
export function causeIn(output: string): string {
	const inner = [...output.matchAll(/\[\d+ lines of output\]\n([\s\S]*?)\[end of output\]/g)].at(-1)?.[1];
	const lines = (inner ?? output)
		.split('\n')
		.map(line => line.trim())
		.filter(line => line && !/^(hint|note|\[notice\])\b|see above/i.test(line));
	const errors = inner ? [] : lines.filter(line => /error|cannot|could not|failed|no space|denied/i.test(line));
	return (errors.length ? errors : lines).slice(-3).join(' / ').slice(-1000) || 'it said nothing';
}

/**
 * Creating the schema with its background updates takes longer than the rest of a start, so it is only done once, and
 * the result copied.
 */
async function prepareTemplate(half: string): Promise<void> {
	const dir = mkdtempSync(join(tmpdir(), 'glia-synapse-'));
	const server = await serverIn(dir, pythonOf(half), {
		config: { background_updates: { sleep_enabled: false, background_update_duration_ms: 1000 } },
	});
	const file = join(dir, 'homeserver.db');
	const database = new DatabaseSync(file, { timeout: 10_000 });
	const left = database.prepare('SELECT count(*) AS count FROM background_updates');
	while (Number(left.get()?.count)) await sleep(100);
	database.close();
	await server.stop();
	copyFileSync(file, join(half, TEMPLATE));
	rmSync(dir, { recursive: true });
}

/** Waits for a lock that processes share. The system releases it when the process that holds it ends. */
async function locked(file: string): Promise<DatabaseSync> {
	const database = new DatabaseSync(file, { timeout: 0 });
	for (;;) {
		try {
			database.exec('BEGIN EXCLUSIVE');
			return database;
		} catch (error) {
			if (!/locked/.test(String(error))) throw error;
			await sleep(200);
		}
	}
}
