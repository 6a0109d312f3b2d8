// npm run verify -- guide mdad --playbook <clone>: runs the vars.yml of every kind of deployment through the playbook's
// own checks and templates, and loads the results into a real Synapse; then moves a simulated machine with real data,
// and back.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Guided } from '../../../src/advice/guide/guide.ts';
import type { Guide, Knowledge } from '../../../src/knowledge/schema/synapse.ts';
import { environment, Unavailable } from '../machine/environment.ts';
import { run } from '../machine/process.ts';
import { deployments, filledIn, mistakes } from './deployments.ts';
import { moveOnMachine } from './moving.ts';
import { command, openPlaybook, type Playbook, type Rendered, render } from './playbook.ts';
import { verifyProxies } from './proxies.ts';
import type { Trial } from './trial.ts';
import { guidedFor, varsOf } from './vars.ts';

type Keep = (trials: readonly Trial[]) => void;

/** Resolves to what failed, in words. */
export async function verifyMove(
	guide: Guide,
	known: Knowledge,
	{ playbook: folder, words }: { playbook: string | undefined; words: readonly string[] },
	keep: Keep,
): Promise<string[]> {
	const playbook = await openPlaybook(folder);
	console.log(
		`The playbook at ${playbook.commit} with Synapse ${playbook.synapse}, Ansible ${playbook.ansible.version}.${playbook.missing.length ? ` Without the roles ${playbook.missing.join(', ')}.` : ''}`,
	);
	const release = known.releases.find(({ version }) => version === playbook.synapse);
	if (!release) throw new Unavailable(`Synapse ${playbook.synapse} is not known`);
	// What the official image has beyond the minimum, for previews and OpenID Connect.
	const python = await environment(release, { packages: ['lxml', 'beautifulsoup4', 'authlib'] });
	const failed: string[] = [];
	const parts: Record<string, () => Promise<string[]> | string[]> = {
		names: () => unknownNames(playbook, known),
		vars: () => everyVars(guide, playbook, python, keep),
		ansible: () => ansibleFailures(guide, playbook, keep),
		proxies: () => verifyProxies(guide, playbook.synapse, keep),
		machine: () => moveOnMachine(guide, playbook, { python, release: release.version }, keep),
		...Object.fromEntries(
			(['sqlite', 'keep', 'elsewhere'] as const).map(kind => [
				kind,
				() => moveOnMachine(guide, playbook, { python, release: release.version, kind }, keep),
			]),
		),
	};
	for (const [name, part] of Object.entries(parts)) {
		if (words.length && !words.includes(name)) continue;
		console.log(`mdad ${name}`);
		try {
			failed.push(...(await part()));
		} catch (error) {
			if (error instanceof Unavailable) console.log(`  cannot be tried here: ${error.message}`);
			else failed.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
		}
	}
	return failed;
}

/** Old names that the playbook checks for but the table does not have. */
function unknownNames({ dir }: Playbook, { renamed }: Knowledge): string[] {
	const roles = ['matrix_playbook_migration', 'matrix-base', 'matrix-synapse', 'matrix-authentication-service'];
	const texts = roles.map(role => readFileSync(join(dir, 'roles/custom', role, 'tasks/validate_config.yml'), 'utf8'));
	const old = texts.flatMap(text =>
		[...text.matchAll(/\{\s*['"]old['"]:\s*['"]([^'"]+)['"]/g)].map(([, name = '']) => name),
	);
	const lacking = [...new Set(old)].filter(name => !/\s/.test(name) && !renamed.some(one => one.old === name));
	const own = lacking.filter(name => name !== 'federation_ip_range_blacklist');
	console.log(`  the playbook checks for ${old.length} old names; ${renamed.length} are in the table`);
	return own.map(name => `the table of old names does not have ${name}`);
}

async function everyVars(guide: Guide, playbook: Playbook, python: string, keep: Keep): Promise<string[]> {
	const scratch = mkdtempSync(join(tmpdir(), 'glia-vars-'));
	try {
		const guided = new Map(deployments.map(one => [one.name, guidedFor(guide, one, playbook.synapse)]));
		const host = (name: string) => `matrix.${name}.example.org`;
		const vars = new Map([...guided].map(([name, one]) => [host(name), filledIn(varsOf(one))]));
		for (const { failure, vars: wrong, of = 'nginx' } of mistakes)
			vars.set(`${failure}.example.org`, wrong(vars.get(host(of)) ?? ''));
		const all = render(playbook, vars, scratch);
		const failed: string[] = [];
		const versions = { playbook: playbook.commit, 'ansible-core': playbook.ansible.version, synapse: playbook.synapse };
		for (const [name, one] of guided) {
			const rendered = all.get(host(name));
			const wrong = await mistakeIn(rendered, one, join(scratch, name), python);
			console.log(`  ${name}: ${wrong ?? 'accepted, rendered and loaded'}`);
			if (wrong !== undefined) {
				failed.push(`${name}: ${wrong}`);
				continue;
			}
			const value = (key: string) => one.parameters.find(parameter => parameter.name === key)?.value ?? '';
			const by = {
				way: one.way,
				proxy: value('proxy'),
				login: value('login'),
				'federation-port': value('federation-port'),
			};
			keep([{ of: 'vars', with: by, versions, played: loadedOnly }]);
		}
		const texts = new Map(guide.stages.flatMap(({ failures }) => failures.map(one => [one.id, one.text] as const)));
		for (const { failure } of mistakes) {
			const rendered = all.get(`${failure}.example.org`);
			const saw = rendered && 'refused' in rendered ? rendered.refused : undefined;
			if (saw === undefined || !has(saw, texts.get(failure) ?? ''))
				failed.push(`${failure}: it said ${saw ?? 'nothing'}`);
			else keep([{ of: failure, with: {}, versions, saw: shortened(saw, texts.get(failure) ?? '') }]);
			console.log(`  ${failure}: ${saw === undefined ? 'NOT REFUSED' : 'refused'}`);
		}
		return failed;
	} finally {
		if (!process.env.GLIA_KEEP) rmSync(scratch, { recursive: true, force: true });
	}
}

const loadedOnly =
	"The playbook's own checks accepted the file, its templates rendered `homeserver.yaml` from it, and Synapse loaded that. Nothing was installed.";

/** Whether all pieces of a known error occur in the output, in order. */
export function has(said: string, text: string): boolean {
	const plain = (words: string) => words.replace(/\s+/g, ' ');
	let from = 0;
	for (const piece of plain(text).split(/…|\{[a-z-]+\}/)) {
		const at = plain(said).indexOf(piece.trim(), from);
		if (at < 0) return false;
		from = at + piece.trim().length;
	}
	return true;
}

/** The line with the message, or the beginning of the output, without folders of this machine. */
export function shortened(said: string, text: string): string {
	const lines = said.split('\n').filter(line => has(line, text));
	const line = (lines.at(-1) ?? said.replace(/\s+/g, ' ')).trim();
	// Folders in the playbook's containers stay.
	return line.replace(/(?<![\w.])\/(?!data|matrix|run-postgres)[\w.-]+\/[^\s:'",)]*/g, '…').slice(0, 300);
}

/** What is wrong with the result: refused, not read by Synapse, or an old value is missing. */
async function mistakeIn(
	rendered: Rendered | undefined,
	guided: Guided,
	dir: string,
	python: string,
): Promise<string | undefined> {
	if (!rendered) return 'there is no result';
	if ('refused' in rendered) return `refused: ${rendered.refused}`;
	const value = (key: string) => guided.parameters.find(parameter => parameter.name === key)?.value ?? '';
	const config = parse(rendered.homeserver) as Record<string, unknown>;
	const lost = Object.entries(expected(guided)).filter(([key, wanted]) => {
		const found = key
			.split('.')
			.reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], config);
		return JSON.stringify(found) !== JSON.stringify(wanted);
	});
	if (lost.length) return `not carried over: ${lost.map(([key]) => key).join(', ')}`;
	const read = await loaded(rendered.homeserver, value('host'), dir, python);
	if (typeof read === 'string') return `Synapse does not read it: ${read}`;
	if (read.key !== 'ed25519:a_old') return `Synapse reads another signing key: ${read.key}`;
	if (read.name !== value('domain')) return `the server is called ${read.name}`;
	return undefined;
}

/** Options in homeserver.yaml that must have the old value in this deployment. */
function expected({ profile, parameters, way }: Guided): Record<string, unknown> {
	const value = (key: string) => parameters.find(parameter => parameter.name === key)?.value ?? '';
	const isMas = value('login') === 'mas';
	return {
		server_name: value('domain'),
		public_baseurl: `https://${value('host')}/`,
		macaroon_secret_key: 'old macaroon_secret_key',
		form_secret: 'old form_secret',
		registration_shared_secret: 'old registration_shared_secret',
		allow_public_rooms_over_federation: false,
		forget_rooms_on_leave: false,
		'password_config.enabled': !isMas,
		...(!isMas && { 'password_config.pepper': 'old password_config.pepper' }),
		...(way === 'keep' && {
			'database.args.password': 'old database.args.password',
			'database.args.host': value('db-host'),
		}),
		...(way !== 'keep' && { 'database.args.database': 'synapse', 'database.args.user': 'synapse' }),
		...(profile.email === true && !isMas && { 'email.smtp_pass': 'old email.smtp_pass' }),
		...(profile.turn === true && { turn_shared_secret: 'old turn_shared_secret' }),
		...(profile.appservices === true && { app_service_config_files: ['/data/appservices/bridge.yaml'] }),
		...(profile['url-previews'] !== undefined && { url_preview_enabled: profile['url-previews'] }),
		...(profile.workers === true && { 'redis.enabled': true }),
	};
}

const script = `import json, sys
from synapse.config.homeserver import HomeServerConfig
config = HomeServerConfig.load_config("", ["-c", sys.argv[1]])
key = config.key.signing_key[0]
print(json.dumps({"key": key.alg + ":" + key.version, "name": config.server.server_name}))
`;

export const oldKey = 'ed25519 a_old c2lnbmVkIGJ5IG5vYm9keSBmb3IgdHJpYWxzIG9ubHk\n';

/** Replaces the container's paths with those on this machine. */
export function placed(homeserver: string, dir: string): string {
	return homeserver
		.replaceAll('/data/', `${dir}/data/`)
		.replaceAll('/matrix-media-store-parent/', `${dir}/media/`)
		.replaceAll('/homeserver.pid', `${dir}/homeserver.pid`)
		.replaceAll('/run-postgres', `${dir}/run-postgres`)
		.replaceAll('/run-valkey', `${dir}/run-valkey`);
}

/** What a real Synapse reads from it, or the error. */
async function loaded(
	homeserver: string,
	host: string,
	dir: string,
	python: string,
): Promise<{ key: string; name: string } | string> {
	mkdirSync(join(dir, 'data', 'appservices'), { recursive: true });
	const write = (name: string, text: string) => writeFileSync(join(dir, name), text);
	write('homeserver.yaml', placed(homeserver, dir));
	write(`data/${host}.signing.key`, oldKey);
	write(`data/${host}.log.config`, 'version: 1\nroot: { level: WARNING }\n');
	write(
		'data/appservices/bridge.yaml',
		'id: bridge\nurl: http://bridge:1\nas_token: a\nhs_token: h\nsender_localpart: bridge\nnamespaces: {}\n',
	);
	// Stand-ins for modules that a custom image would contain.
	write(
		'glia_module.py',
		'class Module:\n    def __init__(self, config, api): pass\n    @staticmethod\n    def parse_config(config): return config\n',
	);
	write(
		's3_storage_provider.py',
		'from synapse.media.storage_provider import StorageProvider\nclass S3StorageProviderBackend(StorageProvider):\n    @staticmethod\n    def parse_config(config): return config\n',
	);
	try {
		const env = { ...process.env, PYTHONPATH: dir, PYTHONWARNINGS: 'ignore' };
		const said = await run(python, ['-c', script, join(dir, 'homeserver.yaml')], { cwd: dir, env });
		return JSON.parse(said.trim().split('\n').at(-1) ?? '') as { key: string; name: string };
	} catch (error) {
		return error instanceof Error ? error.message : String(error);
	}
}

/** Compares Ansible's messages about missing roles, collections and media with the guide's errors. */
function ansibleFailures(guide: Guide, playbook: Playbook, keep: Keep): string[] {
	const scratch = mkdtempSync(join(tmpdir(), 'glia-ansible-'));
	const failed: string[] = [];
	const versions = { playbook: playbook.commit, 'ansible-core': playbook.ansible.version };
	const texts = new Map(guide.stages.flatMap(({ failures }) => failures.map(one => [one.id, one.text] as const)));
	const local = `localhost ansible_connection=local ansible_python_interpreter=${join(playbook.ansible.bin, 'python')}`;
	const tries: Record<string, string> = {
		'roles-missing': '- hosts: all\n  gather_facts: false\n  roles: [galaxy/not_fetched]\n',
		'collections-missing':
			'- hosts: all\n  gather_facts: false\n  tasks:\n    - community.docker.docker_image_pull: { name: x }\n',
		'media-missing': importing(join(scratch, 'nowhere')),
		'no-media-store': importing(scratch),
	};
	try {
		writeFileSync(join(scratch, 'hosts'), `[all]\n${local}\n`);
		// The module that copies is in a collection that is not installed. The checks before it end the play anyway.
		const own = readFileSync(join(playbook.dir, 'roles/custom/matrix-synapse/tasks/import_media_store.yml'), 'utf8');
		writeFileSync(join(scratch, 'import.yml'), own.replace('ansible.posix.synchronize', 'ansible.builtin.debug'));
		for (const [id, text] of Object.entries(tries)) {
			writeFileSync(join(scratch, 'play.yml'), text);
			const said = command(playbook, ['-i', join(scratch, 'hosts'), join(scratch, 'play.yml')], { cwd: scratch });
			const wanted = texts.get(id) ?? '';
			const seen = has(said, wanted);
			console.log(`  ${id}: ${seen ? 'refused' : 'NOT SEEN'}`);
			if (seen) keep([{ of: id, with: {}, versions, saw: shortened(said, wanted) }]);
			else failed.push(`${id}: it said ${said.slice(-600)}`);
		}
		return failed;
	} finally {
		rmSync(scratch, { recursive: true, force: true });
	}
}

/** A play with the playbook's own tasks for importing media. */
function importing(store: string): string {
	return `- hosts: all
  gather_facts: false
  vars: { server_path_media_store: ${store}, matrix_s3_media_store_enabled: false }
  tasks:
    - ansible.builtin.include_tasks: import.yml
`;
}
