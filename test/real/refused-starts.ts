// Starts Synapse releases with various mistakes, and saves what they print as the texts for test/advice/why.
//   node test/real/refused-starts.ts VENVS OUT.json [NAME]
//   VENVS: a folder with synapse-<release>-…/bin/python in it
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** `wanted`: the expected first answer, by its ID or by the option that it names. */
type Wrong = {
	name: string;
	release?: string;
	wanted: { id: string } | { option: string };
	/** Merged into the usual configuration; null removes an option. */
	config?: Record<string, unknown>;
	/** An additional worker file; the worker is then started. */
	worker?: Record<string, unknown>;
	files?: Record<string, string>;
	/** Appended to the YAML unchanged. */
	appended?: string;
	database?: (path: string) => void;
	arguments?: string[];
	/** A port that another program is using meanwhile. */
	taken?: number;
};

const newest = '1.163.2';
const oidc = { idp_id: 'x', idp_name: 'X', issuer: 'https://id.example.org/', client_id: 'synapse', discover: false };
const mas = { enabled: true, endpoint: 'http://127.0.0.1:1/', secret: 'never-told' };
const workerFile = { worker_app: 'synapse.app.generic_worker', worker_name: 'w1' };
const postgres = { name: 'psycopg2', args: { user: 'synapse', host: '127.0.0.1', port: 1, dbname: 'synapse' } };

const wrongs: Wrong[] = [
	{
		name: 'msc3861 block',
		config: { experimental_features: { msc3861: { enabled: false } } },
		wanted: { id: 'symptom/msc3861-removed' },
	},
	{ name: 'numeric form_secret', config: { form_secret: 123 }, wanted: { option: 'form_secret' } },
	{
		name: 'app services as text',
		config: { app_service_config_files: 'bridge.yaml' },
		wanted: { id: 'symptom/appservice-list' },
	},
	{ name: 'listeners as text', config: { listeners: 'http' }, wanted: { option: 'listeners' } },
	{
		name: 'profile limit alone',
		config: { limit_profile_requests_to_users_who_share_rooms: true },
		wanted: { option: 'limit_profile_requests_to_users_who_share_rooms' },
	},
	{
		name: 'redis user alone',
		config: { redis: { enabled: true, username: 'synapse' } },
		wanted: { option: 'redis.username' },
	},
	{
		name: 'msc4388 mode',
		config: { matrix_authentication_service: mas, experimental_features: { msc4388_mode: 'bogus' } },
		wanted: { option: 'experimental_features.msc4388_mode' },
	},
	{
		name: 'key servers as text',
		config: { trusted_key_servers: 'matrix.org' },
		wanted: { option: 'trusted_key_servers' },
	},
	{ name: 'numeric base URL', config: { public_baseurl: 12 }, wanted: { id: 'symptom/configuration-crash' } },
	{ name: 'base URL of FTP', config: { public_baseurl: 'ftp://example.org/' }, wanted: { option: 'public_baseurl' } },
	{
		name: 'signing key unreadable',
		config: { signing_key_path: '$DIR/nowhere/signing.key' },
		wanted: { id: 'symptom/file-missing' },
	},
	{
		name: 'log configuration is a folder',
		config: { log_config: '$DIR/media' },
		wanted: { id: 'symptom/file-missing' },
	},
	{
		name: 'engine unknown',
		config: { database: { name: 'mysql' } },
		wanted: { id: "refusal/synapse/config/database.py Unsupported database type '{}'" },
	},
	{
		name: 'cache factor as text',
		config: { caches: { global_factor: 'much' } },
		wanted: { option: 'caches.global_factor' },
	},
	{
		name: 'e-mail without a server',
		config: { email: { enable_notifs: true } },
		wanted: { option: 'email.notif_from' },
	},
	{
		name: 'open registration',
		config: { enable_registration: true },
		wanted: { option: 'enable_registration_without_verification' },
	},
	{
		name: 'retention upside down',
		config: { retention: { enabled: true, allowed_lifetime_min: '10d', allowed_lifetime_max: '1d' } },
		wanted: {
			id: "refusal/synapse/config/retention.py Invalid retention policy limits: 'allowed_lifetime_min' can not be greater than 'allowed_lifetime_max'",
		},
	},
	{
		name: 'TURN secret twice',
		config: { turn_shared_secret: 'a', turn_shared_secret_path: '/x' },
		wanted: { option: 'turn_shared_secret' },
	},
	{
		name: 'OIDC without its library',
		config: { oidc_providers: [oidc] },
		wanted: { id: 'symptom/extras-missing' },
	},
	{ name: 'room version unknown', config: { default_room_version: '99' }, wanted: { option: 'default_room_version' } },
	{ name: 'stream writer unknown', config: { stream_writers: { events: 'w7' } }, wanted: { option: 'instance_map' } },
	{ name: 'report_stats missing', config: { report_stats: null }, wanted: { option: 'report_stats' } },
	{ name: 'server_name missing', config: { server_name: null }, wanted: { option: 'server_name' } },
	{ name: 'tab in YAML', appended: '\nemail:\n\tnotif_from: x\n', wanted: { id: 'symptom/yaml-broken' } },
	{ name: 'bracket open in YAML', appended: '\nip_range_whitelist: [\n', wanted: { id: 'symptom/yaml-broken' } },
	{ name: 'database too new', database: tooNew, wanted: { id: 'symptom/too-new' } },
	{ name: 'PostgreSQL away', config: { database: postgres }, wanted: { id: 'symptom/postgres-away' } },
	{
		name: 'module missing',
		config: { modules: [{ module: 'nowhere.Module', config: {} }] },
		wanted: { id: 'symptom/module-missing' },
	},
	{
		name: 'templates missing',
		config: { templates: { custom_template_directory: '$DIR/nowhere' } },
		wanted: { id: 'refusal/synapse/config/_base.py Configured template directory does not exist: {}' },
	},
	{
		name: 'worker_app in the main file',
		config: {
			worker_app: 'synapse.app.generic_worker',
			worker_name: 'w1',
			instance_map: { main: { host: '127.0.0.1', port: 18012 } },
		},
		wanted: { option: 'worker_app' },
	},
	{ name: 'worker without a map', worker: workerFile, wanted: { id: 'symptom/worker-map' } },
	{
		name: 'worker with the old host',
		release: '1.88.0',
		worker: { ...workerFile, worker_replication_host: '127.0.0.1' },
		wanted: { option: 'worker_replication_host' },
	},
	{
		name: 'MAS without a secret',
		config: { matrix_authentication_service: { ...mas, secret: null } },
		wanted: { option: 'matrix_authentication_service' },
	},
	{
		name: 'MAS and registration',
		config: {
			matrix_authentication_service: mas,
			enable_registration: true,
			enable_registration_without_verification: true,
		},
		wanted: { option: 'enable_registration' },
	},
	{ name: 'range invalid', config: { ip_range_blacklist: ['10.0.0.0/99'] }, wanted: { option: 'ip_range_blacklist' } },
	{
		name: 'TLS without a certificate',
		config: { listeners: [{ port: 18448, type: 'http', tls: true, resources: [{ names: ['client'] }] }] },
		wanted: { option: 'tls_certificate_path' },
	},
	{
		name: 'listener resource unknown',
		config: { listeners: [{ port: 18008, type: 'http', resources: [{ names: ['webclient'] }] }] },
		wanted: { id: 'refusal/synapse/config/server.py Unknown listener resource' },
	},
	{
		name: 'duration with a wrong unit',
		config: { session_lifetime: '3 moons' },
		wanted: { id: 'symptom/configuration-crash' },
	},
	{
		name: 'port taken',
		taken: 18011,
		config: {
			listeners: [{ port: 18011, bind_addresses: ['127.0.0.1'], type: 'http', resources: [{ names: ['client'] }] }],
		},
		wanted: { id: 'symptom/port-in-use' },
	},
	{ name: 'argument unknown', arguments: ['--frobnicate'], wanted: { id: 'symptom/argument-unknown' } },
	{
		name: 'no SQLite file',
		database: path => writeFileSync(path, 'this is no database, but it is long enough to be read as one\n'.repeat(20)),
		wanted: { id: 'symptom/sqlite-malformed' },
	},
	{
		name: 'SQLite folder missing',
		config: { database: { name: 'sqlite3', args: { database: '$DIR/nowhere/homeserver.db' } } },
		wanted: { id: 'symptom/sqlite-cannot-open' },
	},
	{
		name: 'worker before the main process',
		worker: workerFile,
		config: {
			instance_map: { main: { host: '127.0.0.1', port: 18012 }, w1: { host: '127.0.0.1', port: 18013 } },
			redis: { enabled: true },
		},
		wanted: { id: 'symptom/worker-before-main' },
	},
	{
		name: 'msc4108 beside MAS',
		release: '1.136.0',
		config: { matrix_authentication_service: mas, experimental_features: { msc4108_enabled: true } },
		wanted: { id: 'refusal/synapse/config/experimental.py MSC4108 requires MSC3861 to be enabled' },
	},
	{
		name: 'worker of 1.84.0 before the main process',
		release: '1.84.0',
		worker: workerFile,
		wanted: { id: 'symptom/worker-before-main' },
	},
	{
		name: 'app services as text in 1.82.0',
		release: '1.82.0',
		config: { app_service_config_files: 'bridge.yaml' },
		wanted: { id: 'symptom/appservice-list' },
	},
	{ name: 'log_file in 1.20.1', release: '1.20.1', config: { log_file: '$DIR/x.log' }, wanted: { option: 'log_file' } },
	{
		name: 'CAS without a base URL in 1.38.0',
		release: '1.38.0',
		config: { public_baseurl: null, cas_config: { enabled: true, server_url: 'https://cas.example.org' } },
		wanted: { option: 'cas_config' },
	},
	{
		name: 'account validity without a period in 1.81.0',
		release: '1.81.0',
		config: { account_validity: { enabled: true } },
		wanted: { id: "refusal/synapse/config/account_validity.py 'period' is required when using account validity" },
	},
];

function tooNew(path: string): void {
	const database = new DatabaseSync(path);
	database.exec(
		"CREATE TABLE schema_version (Lock CHAR(1) NOT NULL DEFAULT 'X' UNIQUE, version INTEGER NOT NULL, upgraded BOOL NOT NULL)",
	);
	database.exec(
		"CREATE TABLE schema_compat_version (Lock CHAR(1) NOT NULL DEFAULT 'X' UNIQUE, compat_version INTEGER NOT NULL)",
	);
	database.exec('INSERT INTO schema_version (version, upgraded) VALUES (999, 1)');
	database.exec('INSERT INTO schema_compat_version (compat_version) VALUES (990)');
	database.close();
}

const usual = (dir: string) => ({
	server_name: 'example.org',
	report_stats: false,
	public_baseurl: 'https://matrix.example.org/',
	pid_file: `${dir}/homeserver.pid`,
	signing_key_path: `${dir}/signing.key`,
	media_store_path: `${dir}/media`,
	macaroon_secret_key: 'never-told-macaroon',
	form_secret: 'never-told-form',
	suppress_key_server_warning: true,
	trusted_key_servers: [],
	listeners: [{ port: 18008, bind_addresses: ['127.0.0.1'], type: 'http', resources: [{ names: ['client'] }] }],
	database: { name: 'sqlite3', args: { database: `${dir}/homeserver.db` } },
});

async function printed(wrong: Wrong, python: string): Promise<string> {
	const dir = mkdtempSync(join(tmpdir(), 'glia-refused-'));
	const config: Record<string, unknown> = { ...usual(dir), ...wrong.config };
	for (const [key, value] of Object.entries(config)) if (value === null) delete config[key];
	const yaml = (value: unknown) => JSON.stringify(value, null, 1).replaceAll('$DIR', dir).replaceAll('\\u0009', '\t');
	const asLines = (all: Record<string, unknown>) =>
		Object.entries(all)
			.map(([key, value]) => `${key}: ${yaml(value)}`)
			.join('\n');
	writeFileSync(join(dir, 'homeserver.yaml'), `${asLines(config)}${wrong.appended ?? ''}\n`);
	writeFileSync(join(dir, 'signing.key'), 'ed25519 a_test 3TfvpYiJFWG1jVhYAJmaQnIYpbyd8TTtUdyKZfmjTGU\n');
	for (const [name, text] of Object.entries(wrong.files ?? {})) writeFileSync(join(dir, name), text);
	if (wrong.worker) writeFileSync(join(dir, 'worker.yaml'), asLines(wrong.worker));
	mkdirSync(join(dir, 'media'));
	wrong.database?.(join(dir, 'homeserver.db'));
	const server = wrong.taken === undefined ? undefined : createServer().listen(wrong.taken, '127.0.0.1');
	if (server) await once(server, 'listening');
	const app = wrong.worker ? 'synapse.app.generic_worker' : 'synapse.app.homeserver';
	const files = ['homeserver.yaml', ...(wrong.worker ? ['worker.yaml'] : [])].flatMap(file => [
		'--config-path',
		join(dir, file),
	]);
	const child = spawn(python, ['-m', app, ...files, ...(wrong.arguments ?? [])], { cwd: dir });
	const timer = setTimeout(() => child.kill('SIGTERM'), 25_000);
	let text = '';
	child.stdout.on('data', data => {
		text += data;
	});
	child.stderr.on('data', data => {
		text += data;
	});
	await once(child, 'close');
	clearTimeout(timer);
	server?.close();
	rmSync(dir, { recursive: true });
	const venv = python.replace(/\/bin\/python$/, '');
	return text
		.replaceAll(dir, '/etc/matrix-synapse')
		.replaceAll(venv, '/opt/venvs/matrix-synapse')
		.replace(/\/[\w./-]*?\/(?=lib\/python3)/g, '/opt/python/')
		.slice(-6000);
}

const [venvs = '', out = '', only = ''] = process.argv.slice(2);
const folders = readdirSync(venvs);
const kept = existsSync(out)
	? (JSON.parse(readFileSync(out, 'utf8')) as { texts: { name: string; text: string }[] }).texts
	: [];
const texts = [];
for (const wrong of wrongs) {
	const release = wrong.release ?? newest;
	const folder = folders.find(name => name.startsWith(`synapse-${release}-`));
	if (!folder) throw new Error(`no ${release} in ${venvs}`);
	const known = kept.find(({ name }) => name === wrong.name);
	const text =
		known && !wrong.name.startsWith(only || '-') ? known.text : await printed(wrong, join(venvs, folder, 'bin/python'));
	process.stdout.write(`${wrong.name}: ${text.trim().split('\n').at(-1)?.slice(0, 120)}\n`);
	texts.push({ name: wrong.name, release, wanted: wrong.wanted, text });
}
writeFileSync(out, `${JSON.stringify({ texts }, null, '\t')}\n`);
