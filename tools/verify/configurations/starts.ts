// npm run verify -- starts [release [sample…]]: really starts each sample, every process as systemd would, first as it
// is and then mended (mends.yaml), and writes the outcomes to starts.json. A unit test compares them with !check. Only
// folders, ports, addresses that this machine does not have, and the locations of PostgreSQL and of OpenID Connect
// providers are changed in the files. There is no Redis, because nothing waits for it at startup.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { compare, type Version } from '../../../src/deployment/version.ts';
import { readKnowledge } from '../../../src/knowledge/load.ts';
import { cache, environment, extras, shimmed, Unavailable } from '../machine/environment.ts';
import { freePort } from '../machine/port.ts';
import { run } from '../machine/process.ts';
import { lastWords } from '../machine/said.ts';
import { type Server, startServer } from '../machine/server.ts';
import { placed, readSamples, type Sample } from './samples.ts';

/** The outcome for the processes of a sample: null if all of them became ready, otherwise the first refusal. */
type Outcome = string | null;
/** `mended`: the outcome once the sample is mended; absent if it needs no mending. */
export type Starts = Record<Version, Record<string, { asIs: Outcome; mended?: Outcome }>>;

const file = new URL('starts.json', import.meta.url);
const mendsShape = z.record(
	z.string(),
	z.array(z.strictObject({ file: z.string(), from: z.string().min(1), to: z.string() })).min(1),
);

export function readStarts(): Starts {
	return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

/** A sample without what 1.163.2 refuses in it; undefined if nothing has to be mended. */
export function mended(sample: Sample): Sample | undefined {
	const text = readFileSync(new URL('../../../test/configuration/samples/mends.yaml', import.meta.url), 'utf8');
	const own = mendsShape.parse(parse(text))[sample.name];
	if (!own) return undefined;
	const files = sample.files.map(({ name, text }) => ({
		name,
		text: own
			.filter(mend => mend.file === name)
			.reduce((before, { from, to }) => {
				if (before.split(from).length !== 2) throw new Error(`${sample.name}/${name} must contain once: ${from}`);
				return before.replace(from, () => to);
			}, text),
	}));
	return { name: sample.name, files };
}

/** The sample configuration of 1.61.0, for a server called example.org. It is Synapse's, and not stored here. */
export async function officialSample(into = cache): Promise<Sample> {
	// By running its command, because refresh and verify import nothing from each other.
	const script = fileURLToPath(new URL('../../refresh/archive.ts', import.meta.url));
	const archive = (await run(process.execPath, [script, '1.61.0', into])).trim();
	const text = readFileSync(join(archive, 'docs', 'sample_config.yaml'), 'utf8')
		.replaceAll('SERVERNAME', 'example.org')
		.replaceAll(/CONFDIR|DATADIR/g, '/data');
	return { name: 'official', files: [{ name: 'homeserver.yaml', text }] };
}

/** What the samples need while they run. */
type World = {
	python: string;
	env: NodeJS.ProcessEnv;
	postgresql: Server;
	/** The folder of PostgreSQL's socket. */
	socket: string;
	/** The base URL of an OpenID Connect provider. */
	provider: string;
};

/** How many seconds a process may take to become ready on a busy machine. */
const timeout = 300;
const script = fileURLToPath(new URL('notified.py', import.meta.url));

/** Resolves to the exit status. Without names, starts all samples. */
export async function startSamples([version = '1.163.2', ...names]: readonly string[]): Promise<number> {
	const release = readKnowledge(new URL('../../../knowledge/', import.meta.url)).releases.find(
		other => other.version === version,
	);
	if (!release) throw new Unavailable(`${version} is not a known release of Synapse.`);
	const packages = [...extras, 'matrix-synapse-ldap3', 'synapse-s3-storage-provider'];
	const python = await environment(release, { packages });
	const home = mkdtempSync(join(tmpdir(), 'glia-starts-'));
	chmodSync(home, 0o755);
	const provider = await openProvider(home);
	const data = join(home, 'postgresql');
	mkdirSync(data, { mode: 0o755 });
	const postgresql = await startServer(15, data, ['fsync=off', `unix_socket_directories=${data}`]);
	const all = readStarts();
	try {
		for (const role of ['synapse', 'synapse_user']) await postgresql.query(`CREATE ROLE ${role} SUPERUSER LOGIN`);
		const env = {
			...shimmed(version, undefined),
			PGPORT: String(postgresql.port),
			SSL_CERT_FILE: join(home, 'authority.pem'),
			PATH: `${home}:${process.env.PATH}`,
		};
		// SAML only checks at startup that the program exists.
		writeFileSync(join(home, 'xmlsec1'), '#!/bin/sh\n', { mode: 0o755 });
		const world = { python, env, postgresql, socket: data, provider: provider.base };
		const samples = [...readSamples(), await officialSample()];
		for (const sample of samples.filter(({ name }) => !names.length || names.includes(name))) {
			const other = mended(sample);
			const asIs = await startSample(sample, world);
			const result = { asIs, ...(other && { mended: await startSample(other, world) }) };
			all[version] = { ...all[version], [sample.name]: result };
			console.log(`${version} ${sample.name}: ${JSON.stringify(result)}`);
		}
	} finally {
		provider.close();
		await postgresql.stop();
		rmSync(home, { recursive: true, force: true });
	}
	const sorted = Object.fromEntries(
		Object.entries(all)
			.sort(([a], [b]) => compare(a, b))
			.map(([of, said]) => [of, Object.fromEntries(Object.entries(said).sort(([a], [b]) => (a < b ? -1 : 1)))]),
	);
	writeFileSync(file, `${JSON.stringify(sorted, null, '\t')}\n`);
	return 0;
}

/** Starts the main process, then each worker alongside it, on a new database. */
async function startSample(sample: Sample, world: World): Promise<Outcome> {
	const dir = mkdtempSync(join(tmpdir(), 'glia-start-'));
	const running: Running[] = [];
	try {
		await world.postgresql.query(`CREATE DATABASE synapse TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'`);
		mkdirSync(join(dir, 'empty'));
		certificate(dir, 'fullchain.pem', 'privkey.pem', 'matrix.example.org');
		const ports = new Map<string, number>();
		for (const [name, text] of Object.entries(placed(sample))) {
			// Empty files stand for certificates, which have just been created.
			if (text !== '') writeFileSync(join(dir, name), (await here(text, ports, world)).replaceAll('$DIR', dir));
		}
		for (const [index, { name, text }] of sample.files.entries()) {
			const app = index ? (/^worker_app: *(\S+)/m.exec(text)?.[1] ?? '') : 'synapse.app.homeserver';
			const configs = (index ? ['homeserver.yaml', name] : [name]).flatMap(one => ['-c', join(dir, one)]);
			const process = await startProcess(dir, ['-m', app, ...configs], world);
			running.push(process);
			if (process.refusal !== undefined) return index ? `${name}: ${process.refusal}` : process.refusal;
		}
		return null;
	} finally {
		for (const process of running.reverse()) await process.stop();
		await world.postgresql.query('DROP DATABASE IF EXISTS synapse WITH (FORCE)');
		rmSync(dir, { recursive: true, force: true });
	}
}

type Running = { refusal?: string; stop(): Promise<void> };

async function startProcess(dir: string, args: readonly string[], { python, env }: World): Promise<Running> {
	const child = spawn('python3', ['-I', script, dir, String(timeout), python, ...args], {
		cwd: dir,
		// Modules may be next to the configuration.
		env: { ...env, PYTHONPATH: dir },
		stdio: ['pipe', 'pipe', 'pipe'],
	});
	let output = '';
	child.stderr.setEncoding('utf8').on('data', text => {
		output += text;
	});
	const [word] = (await once(createInterface(child.stdout), 'line')) as [string];
	const stop = () => stopped(child);
	if (word === 'ready') return { stop };
	await stop();
	if (word === 'slow') throw new Error(`not ready within ${timeout} seconds: ${output.slice(-2000)}`);
	const said = lastWords(output, [dir, cache]) || output.slice(-500);
	return { refusal: said.slice(0, 200), stop };
}

async function stopped(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null) return;
	const ended = once(child, 'exit');
	child.stdin?.end();
	await ended;
}

/** Adapts a file to this machine. A port that occurs in several files gets the same replacement in all of them. */
async function here(text: string, ports: Map<string, number>, { socket, provider }: World): Promise<string> {
	for (const [, port = ''] of text.matchAll(/\bport: *(\d{4})\b/g))
		if (!ports.has(port)) ports.set(port, await freePort());
	return text
		.replace(/\bport: *(\d{4})\b/g, (_, port: string) => `port: ${ports.get(port)}`)
		.replace(
			/(worker_replication_http_port: *)(\d{4})\b/g,
			(_, key: string, port: string) => `${key}${ports.get(port)}`,
		)
		.replace(/(\bhost: *)(?:(?:\/var)?\/run|\$DIR)\/postgresql\b/g, `$1${socket}`)
		.replaceAll('172.17.0.1', '127.0.0.2')
		.replace(/https:\/\/auth\.example\.org|https:\/\/accounts\.google\.com/g, provider);
}

function certificate(dir: string, cert: string, key: string, name: string): void {
	const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
	const files = ['-keyout', join(dir, key), '-out', join(dir, cert)];
	const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '7', ...subject, ...files];
	execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Serves the metadata that Synapse loads from each provider at startup. */
async function openProvider(dir: string): Promise<{ base: string; close(): void }> {
	certificate(dir, 'authority.pem', 'authority.key', 'localhost');
	const [cert, key] = [readFileSync(join(dir, 'authority.pem')), readFileSync(join(dir, 'authority.key'))];
	const port = await freePort();
	const base = `https://localhost:${port}`;
	const server = createServer({ cert, key }, ({ url = '/' }, response) => {
		const issuer = `${base}${url.replace(/\.well-known\/openid-configuration$/, '').replace(/(?<=[^/])\/$/, '')}`;
		const metadata = {
			issuer,
			authorization_endpoint: `${base}/authorize`,
			token_endpoint: `${base}/token`,
			userinfo_endpoint: `${base}/userinfo`,
			jwks_uri: `${base}/keys`,
			response_types_supported: ['code'],
			subject_types_supported: ['public'],
			id_token_signing_alg_values_supported: ['RS256'],
			backchannel_logout_supported: true,
		};
		response.setHeader('Content-Type', 'application/json');
		response.end(JSON.stringify(url === '/keys' ? { keys: [] } : metadata));
	});
	server.listen(port, '127.0.0.1');
	await once(server, 'listening');
	return { base, close: () => server.close() };
}
