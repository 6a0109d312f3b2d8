// Synapse as on large servers: PostgreSQL, Redis, two event persisters, a sync worker, two client workers, nginx.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { postgresql } from '../../tools/verify/machine/database.ts';
import { freePort } from '../../tools/verify/machine/port.ts';
import { startLag } from './lag.ts';
import { type Address, configuration } from './synapse.ts';
import { packages } from './worker-packages.ts';

/** In starting order. */
export const instances = ['main', 'persister1', 'persister2', 'sync1', 'client1', 'client2'] as const;
export type Instance = (typeof instances)[number];

export type Deployment = {
	address: Address;
	dir: string;
	/** Stops a process with a signal and starts it again. Resolves once it responds. */
	restart(name: Instance, signal?: NodeJS.Signals): Promise<void>;
	/** Sets how many milliseconds pass before the other processes see what one of them writes. */
	setLag(ms: number): void;
	stop(): Promise<void>;
};

/** Sets everything up in a temporary folder, on free ports on 127.0.0.1. It ends with this process. */
export async function startDeployment(lagMs: number): Promise<Deployment> {
	const { python, redis, nginx, libraries } = await packages();
	const dir = mkdtempSync(join(tmpdir(), 'glia-workers-'));
	const children = new Map<string, ChildProcess>();
	process.once('exit', () => {
		for (const child of children.values()) child.kill('SIGKILL');
		rmSync(dir, { recursive: true, force: true });
	});
	const ports = Object.fromEntries(
		await Promise.all(instances.map(async name => [name, [await freePort(), await freePort()]])),
	) as Record<Instance, [client: number, replication: number]>;
	const [redisPort, front] = [await freePort(), await freePort()];
	// PostgreSQL runs as `nobody`, who needs access to its folder.
	mkdirSync(join(dir, 'database'), { mode: 0o755 });
	chmodSync(dir, 0o755);
	const database = await postgresql(17, join(dir, 'database'));
	await database.create('synapse');

	const around = { ...process.env, LD_LIBRARY_PATH: libraries };
	launch('redis', redis, ['--port', `${redisPort}`, '--bind', '127.0.0.1', '--save', '', '--dir', dir], around);
	const line = await startLag(redisPort, 0);
	const secret = randomUUID();
	writeConfigs();
	for (const name of instances) await start(name);
	writeFileSync(join(dir, 'nginx.conf'), nginxConfig(front, ports, dir));
	launch('nginx', nginx, ['-p', dir, '-e', join(dir, 'nginx.log'), '-c', join(dir, 'nginx.conf')]);
	await answers(front);
	line.set(lagMs);

	return {
		address: { url: `http://127.0.0.1:${front}`, serverName: 'glia.test', secret },
		dir,
		async restart(name, signal = 'SIGTERM') {
			await end(name, signal);
			await start(name);
		},
		setLag: line.set,
		async stop() {
			for (const name of [...children.keys()].reverse()) await end(name, 'SIGTERM');
			await line.stop();
			await database.close();
			rmSync(dir, { recursive: true, force: true });
		},
	};

	function writeConfigs(): void {
		writeFileSync(
			join(dir, 'signing.key'),
			`ed25519 a_test ${randomBytes(32).toString('base64').replace(/=+$/, '')}\n`,
		);
		const place = (name: Instance) => ({ host: '127.0.0.1', port: ports[name][1] });
		const shared = {
			instance_map: { main: place('main'), persister1: place('persister1'), persister2: place('persister2') },
			stream_writers: { events: ['persister1', 'persister2'] },
			redis: { enabled: true, host: '127.0.0.1', port: line.port },
			worker_replication_secret: randomUUID(),
		};
		for (const name of instances) {
			const listeners = [listener(ports[name][0], ['client']), listener(ports[name][1], ['replication'])];
			const own =
				name === 'main'
					? { listeners }
					: { listeners: [], worker_app: 'synapse.app.generic_worker', worker_name: name, worker_listeners: listeners };
			const config = configuration({
				...{ dir, serverName: 'glia.test', secret, instance: randomUUID(), port: front },
				options: { config: { ...shared, ...own } },
			});
			writeFileSync(
				join(dir, `${name}.yaml`),
				JSON.stringify({ ...config, database: database.config('synapse') }, null, 2),
			);
		}
	}

	function launch(name: string, command: string, args: string[], env = process.env): ChildProcess {
		const log = openSync(join(dir, `${name}.out`), 'a');
		const child = spawn(command, args, { cwd: dir, stdio: ['ignore', log, log], env });
		children.set(name, child);
		return child;
	}

	async function start(name: Instance): Promise<void> {
		const app = name === 'main' ? 'synapse.app.homeserver' : 'synapse.app.generic_worker';
		const child = launch(name, python, ['-I', '-m', app, '-c', join(dir, `${name}.yaml`)]);
		await answers(ports[name][0], () => {
			if (child.exitCode === null) return;
			throw new Error(`${name} ended:\n${readFileSync(join(dir, `${name}.out`), 'utf8').slice(-3000)}`);
		});
	}

	async function end(name: string, signal: NodeJS.Signals): Promise<void> {
		const child = children.get(name);
		children.delete(name);
		if (!child || child.exitCode !== null || child.signalCode !== null) return;
		child.kill(signal);
		const killTimer = setTimeout(() => child.kill('SIGKILL'), 20_000);
		await once(child, 'exit');
		clearTimeout(killTimer);
	}
}

function listener(port: number, names: string[]): Record<string, unknown> {
	return { type: 'http', port, bind_addresses: ['127.0.0.1'], tls: false, resources: [{ names }] };
}

/** Resolves once the client API on this port responds. */
async function answers(port: number, check = () => {}): Promise<void> {
	const over = Date.now() + 180_000;
	for (;;) {
		const answer = await fetch(`http://127.0.0.1:${port}/_matrix/client/versions`).catch(() => undefined);
		if (answer?.ok) return;
		check();
		if (Date.now() > over) throw new Error(`nothing responds on port ${port}`);
		await sleep(200);
	}
}

/**
 * Which process serves what, following Synapse's page on workers. The two client workers alternate, so the call after a
 * write goes to the other one. Compresses every response if the client supports that.
 */
function nginxConfig(front: number, ports: Record<Instance, [number, number]>, dir: string): string {
	const server = (name: Instance) => `server 127.0.0.1:${ports[name][0]} max_fails=0;`;
	const paths = [
		'(createRoom|publicRooms|joined_rooms|login|register|search|capabilities|account/whoami)$',
		'(devices|keys|room_keys|join|knock|profile|directory/room)(/|$)',
		'rooms/.*/(joined_members|members|state|context|event|send|redact|join|invite|leave|ban|unban|kick|aliases)(/|$)',
	];
	const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
		kind => `${kind}_temp_path ${dir}/nginx-${kind};`,
	);
	return `daemon off; pid ${dir}/nginx.pid; worker_processes 1; error_log ${dir}/nginx.log warn;
events { worker_connections 1024; }
http {
	access_log off; client_max_body_size 50m; ${temporary.join(' ')}
	gzip on; gzip_types *; gzip_proxied any; gzip_min_length 20; gzip_http_version 1.0;
	upstream main { ${server('main')} }
	upstream sync { ${server('sync1')} }
	upstream clients { ${server('client1')} ${server('client2')} }
	upstream pages { ${server('client1')} }
	proxy_http_version 1.1; proxy_read_timeout 120s; proxy_next_upstream off;
	proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header Accept-Encoding "";
	server {
		listen 127.0.0.1:${front};
		location ~ ^/_matrix/client/(r0|v3)/sync$ { proxy_pass http://sync; }
		location ~ ^/_matrix/client/(r0|v3)/rooms/[^/]+/messages$ { proxy_pass http://pages; }
${paths.map(path => `\t\tlocation ~ ^/_matrix/client/(r0|v3|unstable)/${path} { proxy_pass http://clients; }`).join('\n')}
		location / { proxy_pass http://main; }
	}
}
`;
}
