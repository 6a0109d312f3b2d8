// npm run verify -- samples [release…]: reads the configurations in test/configuration/samples with real releases, each
// process its own files, and writes the results to samples.json. A unit test compares them with !check.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compare, type Version } from '../../../src/deployment/version.ts';
import { readKnowledge } from '../../../src/knowledge/load.ts';
import { environment, extras, shimmed, Unavailable } from '../machine/environment.ts';

/** What a release said about a sample: null, or the refusal, by release and sample. */
export type SaidToSamples = Record<Version, Record<string, string | null>>;
export type Sample = { name: string; files: { name: string; text: string }[] };

const folder = new URL('../../../test/configuration/samples/', import.meta.url);
const file = new URL('samples.json', import.meta.url);

/** The main file first, then those of workers. */
export function readSamples(): Sample[] {
	const text = (path: string) => readFileSync(new URL(path, folder), 'utf8');
	const names = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isDirectory());
	return names.map(({ name }) => {
		const workers = new URL(`${name}/workers/`, folder);
		const others = existsSync(workers) ? readdirSync(workers).sort() : [];
		return {
			name,
			files: [
				{ name: 'homeserver.yaml', text: text(`${name}/homeserver.yaml`) },
				...others.map(worker => ({ name: worker, text: text(`${name}/workers/${worker}`) })),
			],
		};
	});
}

export function readSaid(): SaidToSamples {
	return JSON.parse(readFileSync(file, 'utf8'));
}

/** Folders of typical deployments, all of which become one. */
const places = /\/(?:etc\/matrix-synapse|var\/lib\/matrix-synapse|var\/run|run\/[a-z-]+|data|home\/matrix\/synapse)\//g;
const log = 'version: 1\nhandlers: { c: { class: logging.StreamHandler } }\nroot: { handlers: [c] }\n';
const module = (name: string) =>
	`class ${name}:\n    def __init__(self, *args, **named):\n        pass\n\n    @staticmethod\n    def parse_config(config):\n        return config\n`;
/** Other files that the samples refer to. */
const named: Record<string, string> = {
	'whatsapp.yaml': registration('whatsapp'),
	'doublepuppet.yaml': registration('doublepuppet'),
	'ldap_auth_provider.py': `${module('LdapAuthProvider')}\n${module('LdapAuthProviderModule')}`,
	'old_checker.py': module('Checker'),
	's3_storage_provider.py': module('S3StorageProviderBackend'),
	'idp.xml': '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example.org/"/>',
	'fullchain.pem': '',
	'privkey.pem': '',
};

function registration(id: string): string {
	return JSON.stringify({ id, url: null, as_token: `a${id}`, hs_token: 'h', sender_localpart: id, namespaces: {} });
}

/** The files of a sample and those they refer to, by name. All their folders become `$DIR`. */
export function placed({ files }: Sample): Record<string, string> {
	const own = files.map(({ name, text }) => [
		name,
		text.replaceAll('/etc/matrix-synapse/templates', '$DIR/empty').replace(places, '$DIR/'),
	]);
	const keys = files.flatMap(({ text }) => [...text.matchAll(/[\w.-]+\.signing\.key/g)].flat());
	const logs = files.flatMap(({ text }) => [...text.matchAll(/[\w.-]*\blog[\w.-]*\.(?:yaml|config)/g)].flat());
	const key = 'ed25519 a_abcd 0aGrE1hsx2WTWRcOXhHUCbvSgP3QDm4Sz7xxBeXyJ4M\n';
	return {
		...named,
		...Object.fromEntries([...keys.map(path => [path, key]), ...logs.map(path => [path, log]), ...own]),
	};
}

/** A sample as input for probe.py. */
function caseOf({ name, files }: Sample) {
	return {
		case: name,
		files: placed({ name, files }),
		processes: files.map(({ name }, index) => (index ? ['homeserver.yaml', name] : [name])),
	};
}

/** Enough of a refusal to recognise it, without the temporary folder. */
function firstLine(why: string): string {
	const line = why.split('\n').find(part => /[a-z]/.test(part.replace(/^\w+: ?/, ''))) ?? why;
	return line.replace(/\/tmp\/\w+/g, '$DIR').slice(0, 160);
}

/** Resolves to the exit status. Without releases, tries those in samples.json again. */
export async function trySamples(releases: readonly string[]): Promise<number> {
	const known = readKnowledge(new URL('../../../knowledge/', import.meta.url));
	// SAML only checks that the program exists.
	const bin = mkdtempSync(join(tmpdir(), 'glia-samples-'));
	writeFileSync(join(bin, 'xmlsec1'), '#!/bin/sh\n', { mode: 0o755 });
	const said: SaidToSamples = existsSync(file) ? readSaid() : {};
	for (const version of releases.length ? releases : Object.keys(said)) {
		const release = known.releases.find(other => other.version === version);
		if (!release) throw new Unavailable(`${version} is not a known release of Synapse.`);
		const python = await environment(release, { packages: extras });
		const { stdout, stderr, status } = spawnSync(python, [fileURLToPath(new URL('probe.py', import.meta.url))], {
			input: JSON.stringify(readSamples().map(caseOf)),
			encoding: 'utf8',
			env: { ...shimmed(version, undefined), PATH: `${bin}:${process.env.PATH}` },
			maxBuffer: 100_000_000,
		});
		if (status !== 0) throw new Error(`${version}: ${stderr.slice(-1000)}`);
		const answers = JSON.parse(stdout.slice(stdout.indexOf('{'))) as Record<string, string | null>;
		const shortened = Object.entries(answers).map(([name, why]) => [name, why === null ? null : firstLine(why)]);
		said[version] = Object.fromEntries(shortened) as Record<string, string | null>;
		for (const [name, why] of Object.entries(said[version] ?? {}))
			console.log(`${version} ${name}: ${why ?? 'accepted'}`);
	}
	rmSync(bin, { recursive: true });
	const sorted = Object.fromEntries(Object.entries(said).sort(([a], [b]) => compare(a, b)));
	writeFileSync(file, `${JSON.stringify(sorted, null, '\t')}\n`);
	return 0;
}
