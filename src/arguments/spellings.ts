// Normalises what people write instead of our words: `postgres 15`, `pg15`, an image with its tag, `podman`, a
// server's address.
import { isOpen } from '../deployment/facts.ts';
import { code, quoted } from '../text/markdown.ts';

/** The words in our spelling; `taken` says how words were understood if that is more than a different spelling. */
export type Respelled = { words: string[]; taken: string[] };

/**
 * A number after one of these belongs to it. Synapse's versions begin with 0 or 1, so no release is mistaken for one.
 */
const numbered: readonly { name: RegExp; fact: string; number: RegExp }[] = [
	{ name: /^(postgres(ql)?|pg)$/i, fact: 'postgres', number: /^(8|9|[1-9]\d)(\.\d+)*$/ },
	{ name: /^sqlite3?$/i, fact: 'sqlite', number: /^3(\.\d+)+$/ },
	{ name: /^python3?$/i, fact: 'python', number: /^(2\.7|3\.\d+)(\.\d+)*$/ },
	{ name: /^debian$/i, fact: 'debian-', number: /^([89]|1\d)(\.\d+)?$/ },
	{ name: /^ubuntu$/i, fact: 'ubuntu-', number: /^\d\d\.\d\d$/ },
	{ name: /^(rhel|rocky|almalinux|centos)$/i, fact: 'rhel-', number: /^([89]|10)$/ },
	{ name: /^alpine$/i, fact: 'alpine-', number: /^3\.\d\d$/ },
	{ name: /^freebsd$/i, fact: 'freebsd-', number: /^1\d$/ },
];

/** Replacements word by word. Patterns see the word in lower case. */
const spellings: readonly [RegExp, string][] = [
	[/^(?:postgres(?:ql)?|pg)[=:-]?(\d+(?:\.\d+)*)(?:-\w+)?$/, 'postgres=$1'],
	[/^(?:postgresql|pg)$/, 'postgres'],
	[/^database=(?:postgresql|pg|psycopg2)$/, 'postgres'],
	[/^sqlite3$/, 'sqlite'],
	[/^python=?(3(?:\.\d+)+)$/, 'python=$1'],
	[/^(debian|ubuntu)(\d[\d.]*)$/, '$1-$2'],
	[/^os=(debian|ubuntu)(\d[\d.]*)$/, 'os=$1-$2'],
	[
		/^(?:os=)?(?:rhel|redhat|rocky|rocky-?linux|alma|alma-?linux|centos|centos-?stream|oracle-?linux|el)-?(\d+)(?:\.\d+)?$/,
		'os=rhel-$1',
	],
	[/^(?:os=)?alpine(?:-?linux)?-?(3\.\d+)(?:\.\d+)?$/, 'os=alpine-$1'],
	[/^(?:os=)?freebsd-?(\d+)(?:\.\d+)?$/, 'os=freebsd-$1'],
	[/^(?:docker-?compose|compose)$/, 'docker'],
	[/^(?:install=)?(?:ansible|playbook|matrix-docker-ansible-deploy)$/, 'mdad'],
	[/^(?:install=)?nixos$/, 'nix'],
	[/^(?:nginx|caddy|traefik|haproxy|apache2?)$/, 'reverse-proxy'],
	[/^(?:single-?worker|monolith)$/, 'no-workers'],
];

/**
 * Types of installation that are similar to one of ours, and the difference. A map, because people type words like
 * `constructor`, which every object has.
 */
const near: ReadonlyMap<string, { as: string; but: string }> = new Map([
	['podman', { as: 'docker', but: `in the commands, replace ${code('docker')} with ${code('podman')}` }],
	...['helm', 'kubernetes', 'k8s'].map((word): [string, { as: string; but: string }] => [
		word,
		{ as: 'ess', but: `this is Element's chart; for another one, say ${code('docker')}, since the image is the same` },
	]),
]);

const image =
	/^(?:[a-z0-9.-]+(?::\d+)?\/)?(?:matrixdotorg|matrix-org|element-hq)\/synapse(?::([\w.-]+))?(?:@sha256:[0-9a-f]+)?$/;

const address = /^https?:\/\/([^/?#@]+)(?:[/?#].*)?$/i;

/** Code names of systems. */
const codeNames: ReadonlyMap<string, string> = new Map([
	...Object.entries({ stretch: '9', buster: '10', bullseye: '11', bookworm: '12', trixie: '13' }).map(
		([name, release]): [string, string] => [name, `debian-${release}`],
	),
	...Object.entries({ xenial: '16.04', bionic: '18.04', focal: '20.04', jammy: '22.04', noble: '24.04' }).map(
		([name, release]): [string, string] => [name, `ubuntu-${release}`],
	),
]);

/** These deny the word after them. */
const denying: ReadonlySet<string> = new Set(['no', 'not', 'without']);

/** Whether to keep the word whole: addresses contain characters that split other words. */
export function isAddress(word: string): boolean {
	return address.test(word);
}

/** Replaces other spellings. Unknown words stay as they are. */
export function respelled(words: readonly string[]): Respelled {
	const found: Respelled = { words: [], taken: [] };
	for (let i = 0; i < words.length; i++) {
		const word = words[i] ?? '';
		const next = words[i + 1] ?? '';
		const pair = numbered.find(({ name, number }) => name.test(word) && number.test(next));
		if (pair) {
			found.words.push(pair.fact.endsWith('-') ? `${pair.fact}${next}` : `${pair.fact}=${next}`);
			i++;
			continue;
		}
		const denied = denying.has(word.toLowerCase()) ? respelledWord(next).words : [];
		if (denied.length === 1 && isOpen(denied[0] ?? '')) {
			found.words.push(`no-${denied[0]}`);
			i++;
			continue;
		}
		const one = respelledWord(word);
		found.words.push(...one.words);
		found.taken.push(...one.taken);
	}
	return found;
}

function respelledWord(word: string): Respelled {
	const small = word.toLowerCase();
	const known = near.get(small.replace(/^install=/, ''));
	if (known) return { words: [known.as], taken: [`I read ${quoted(word)} as ${code(known.as)}: ${known.but}.`] };
	const [, tag] = image.exec(small) ?? [];
	if (image.test(small))
		return { words: ['docker', ...(tag === undefined || tag === 'latest' ? [] : [tag])], taken: [] };
	const host = address.exec(word)?.[1];
	if (host !== undefined) return { words: [host], taken: hostTaken(host) };
	const system = codeNames.get(small);
	if (system !== undefined) return { words: [system], taken: [] };
	const spelling = spellings.find(([pattern]) => pattern.test(small));
	return { words: [spelling ? small.replace(...spelling) : word], taken: [] };
}

/** A homeserver's address is not always its server name. */
function hostTaken(host: string): string[] {
	const name = /^(?:matrix|synapse|chat)\.(.+\..+)$/i.exec(host)?.[1];
	return name === undefined
		? []
		: [
				`I read ${quoted(host)} as the server name. If its user IDs look like ${quoted(`@name:${name}`)}, the name is ${quoted(name)}.`,
			];
}
