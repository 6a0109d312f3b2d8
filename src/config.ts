// The configuration: YAML → Config, or every mistake with its line. Secrets may stand in files or in the environment.
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { type Document, isCollection, isMap, LineCounter, type Node, parseDocument } from 'yaml';
import { z } from 'zod';
import { usualLimits } from './advice/watch/subscription.ts';
import { Refusal } from './answer.ts';
import { parseServerName } from './deployment/server-name.ts';

const person = /^@[^:\s]+:\S+$/;
const server = /^(\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9.-]+)(:\d{1,5})?$/;

const matrix = z.strictObject({
	homeserver: z.url({ protocol: /^https?$/, error: 'the address of the homeserver, like https://matrix.example.org' }),
	user: z.string().regex(person, 'the whole id of the bot, like "@glia:example.org"'),
	password: z.string().min(1).optional(),
	passwordFile: z.string().min(1).optional(),
	accessToken: z.string().min(1).optional(),
	accessTokenFile: z.string().min(1).optional(),
	allow: z
		.array(
			z.string().refine(entry => entry === '*' || person.test(entry) || server.test(entry), {
				error: 'a person ("@admin:example.org"), a server ("example.org") or "*"',
			}),
			{ error: 'the list of who may invite the bot: people, servers, or "*" for everyone; it has no default' },
		)
		.min(1, 'nobody could invite the bot: name at least one person, one server, or "*"'),
	changes: z
		.union([z.literal('state_default'), z.int()], { error: 'a power level (a whole number) or state_default' })
		.default('state_default'),
	bare: z.boolean().default(true),
	device: z.string().min(1).default('Glia'),
	forgetAfterDays: z.number().min(0).default(7),
});

const encryption = z.strictObject({
	passphrase: z.string().min(1).optional(),
	passphraseFile: z.string().min(1).optional(),
	seeds: z.string().min(1).optional(),
	seedsFile: z.string().min(1).optional(),
	reset: z.boolean().default(false),
});

const hours = (standard: number) =>
	z.number('a number of hours').min(0.05, 'not more often than every three minutes').default(standard);
const address = (standard: string, ...needed: string[]) =>
	z
		.url({ protocol: /^https$/, error: 'an address that begins with https://' })
		.refine(text => needed.every(part => text.includes(part)), {
			error: `an address with ${needed.join(' and ')} in it`,
		})
		.default(standard);
const github = 'https://api.github.com/repos/element-hq/synapse';
const raw = 'https://raw.githubusercontent.com';
const mdad = `${raw}/spantaleev/matrix-docker-ansible-deploy/master`;

const live = z.strictObject({
	enabled: z.boolean().default(true),
	seconds: z.number().min(1).default(60),
	token: z.string().min(1).optional(),
	tokenFile: z.string().min(1).optional(),
	releases: z.strictObject({ address: address(`${github}/releases?per_page=100`), hours: hours(1) }).prefault({}),
	upgradeNotes: z
		.strictObject({ address: address(`${raw}/element-hq/synapse/{tag}/docs/upgrade.md`, '{tag}'), hours: hours(6) })
		.prefault({}),
	files: z
		.strictObject({ address: address(`${raw}/element-hq/synapse/{tag}/{path}`, '{tag}', '{path}'), hours: hours(6) })
		.prefault({}),
	advisories: z
		.strictObject({
			address: address(`${github}/security-advisories?per_page=100`),
			post: z.string().min(1).optional(),
			hours: hours(6),
		})
		.prefault({}),
	lifecycles: z
		.strictObject({
			address: address('https://endoflife.date/api/v1/products/{product}', '{product}'),
			hours: hours(24),
		})
		.prefault({}),
	playbook: z
		.strictObject({
			changes: address(`${mdad}/CHANGELOG.md`),
			defaults: address(`${mdad}/roles/custom/matrix-synapse/defaults/main.yml`),
			hours: hours(6),
		})
		.prefault({}),
});

const watch = z.strictObject({
	contact: z
		.string()
		.regex(/^[\x20-\x7E]{1,200}$/, 'printable ASCII, like an address or a Matrix id')
		.optional(),
	exclude: z
		.array(
			z.string().refine(entry => parseServerName(entry.replace(/^\*\./, '')) !== undefined, {
				error: 'a server name, or "*.example.org" for all below',
			}),
		)
		.default([]),
	addresses: z
		.array(z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], { error: 'an address or a range, like "10.0.0.0/8"' }))
		.default([]),
	resolvers: z
		.array(
			z
				.string()
				.regex(
					/^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:]+\])(:\d{1,5})?$/,
					'an address, perhaps with a port: "192.0.2.1:53"',
				),
		)
		.default([]),
	authorities: z.array(z.string().min(1)).default([]),
	atOnce: z.int().min(1).max(1000).default(50),
	perAddress: z.int().min(1).max(100).default(4),
	requestSeconds: z.number().min(1).max(120).default(15),
	lookSeconds: z.number().min(1).max(600).default(30),
	hours: hours(usualLimits.every / 3600_000),
	perRoom: z.int().min(1).default(usualLimits.perRoom),
	perPerson: z.int().min(1).default(usualLimits.perPerson),
});

const shape = z.strictObject({
	matrix,
	encryption: encryption.prefault({}),
	store: z.strictObject({ path: z.string().min(1).default('./data') }).prefault({}),
	live: live.prefault({}),
	watch: watch.prefault({}),
	log: z
		.strictObject({ level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info') })
		.prefault({}),
});

/** How servers are looked at where no configuration says it: on the terminal. */
export const plainWatch = watch.parse({});

type Shape = z.infer<typeof shape>;

/**
 * What the bot runs with. Paths are absolute, secrets and certificates are read; at least one of password and accessToken
 * is there.
 */
export type Config = Omit<Shape, 'matrix' | 'encryption' | 'live'> & {
	matrix: Omit<Shape['matrix'], 'passwordFile' | 'accessTokenFile'>;
	encryption: { passphrase?: string; seeds?: Seeds; reset: boolean };
	live: Omit<Shape['live'], 'tokenFile'>;
};

/** The private halves of the bot's identity, 43 letters each. */
export type Seeds = { master: string; selfSigning: string; userSigning: string };

export type Mistake = { line: number; text: string };

/** Environment variables that may hold a secret instead of the file. */
const environmentNames = {
	'matrix.password': 'GLIA_MATRIX_PASSWORD',
	'matrix.accessToken': 'GLIA_MATRIX_ACCESS_TOKEN',
	'encryption.passphrase': 'GLIA_ENCRYPTION_PASSPHRASE',
	'encryption.seeds': 'GLIA_ENCRYPTION_SEEDS',
	'live.token': 'GLIA_LIVE_TOKEN',
} as const;

/** Reads a configuration file. Throws a Refusal with every mistake, one a line: `config.yaml:4: matrix.allow: …`. */
export function readConfig(path: string, environment: Record<string, string | undefined>): Config {
	let text: string;
	try {
		text = readFileSync(path, 'utf8');
	} catch (error) {
		throw new Refusal(`${path}: cannot be read: ${reason(error)}`);
	}
	const result = parseConfig(text, dirname(resolve(path)), environment);
	if (Array.isArray(result)) throw new Refusal(result.map(({ line, text }) => `${path}:${line}: ${text}`).join('\n'));
	return result;
}

/** The configuration, or all its mistakes. Paths are taken relative to `folder`. */
export function parseConfig(
	text: string,
	folder: string,
	environment: Record<string, string | undefined>,
): Config | Mistake[] {
	const lines = new LineCounter();
	const document = parseDocument(text, { lineCounter: lines });
	if (document.errors.length) {
		return document.errors.map(error => ({
			line: error.linePos?.[0].line ?? 1,
			text: `not YAML: ${(error.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '')}`,
		}));
	}
	const parsed = shape.safeParse(document.toJS() ?? {});
	const mistakes = parsed.success ? [] : parsed.error.issues.flatMap(issue => mistakesOf(issue, document, lines));
	if (!parsed.success) return sorted(mistakes);
	const at = (path: string[]) => lineOf(document, path, lines);
	const reader: Reader = { mistakes, at, file: path => absolute(path, folder), environment };
	const { passwordFile, accessTokenFile, ...matrix } = parsed.data.matrix;
	const password = secret(reader, 'matrix.password', { inline: matrix.password, path: passwordFile });
	const accessToken = secret(reader, 'matrix.accessToken', { inline: matrix.accessToken, path: accessTokenFile });
	const { passphraseFile, seedsFile, ...encryption } = parsed.data.encryption;
	const passphrase = secret(reader, 'encryption.passphrase', { inline: encryption.passphrase, path: passphraseFile });
	const seedsText = secret(reader, 'encryption.seeds', { inline: encryption.seeds, path: seedsFile });
	const seeds = seedsText === undefined ? undefined : seedsOf(seedsText);
	if (seedsText !== undefined && seeds === undefined) {
		const text = 'encryption.seeds: three words of 43 letters, as `npm start -s -- seeds` printed them';
		mistakes.push({ line: at(['encryption', encryption.seeds ? 'seeds' : 'seedsFile']), text });
	}
	const { tokenFile, token: tokenInline, ...live } = parsed.data.live;
	const token = secret(reader, 'live.token', { inline: tokenInline, path: tokenFile });
	if (token !== undefined && !/^[\x21-\x7E]+$/.test(token)) {
		const text = 'live.token: a token of GitHub’s has no spaces and no letters beyond ASCII';
		mistakes.push({ line: at(['live', tokenInline ? 'token' : 'tokenFile']), text });
	}
	if (!password && !accessToken && mistakes.length === 0) {
		const names = `${environmentNames['matrix.password']} or ${environmentNames['matrix.accessToken']}`;
		mistakes.push({
			line: at(['matrix']),
			text: `matrix: password or accessToken is missing (also as passwordFile, accessTokenFile, or ${names} in the environment)`,
		});
	}
	const authorities = parsed.data.watch.authorities.map((file, at) => certificates(reader, file, at));
	if (mistakes.length) return sorted(mistakes);
	return {
		...parsed.data,
		matrix: {
			...matrix,
			homeserver: matrix.homeserver.replace(/\/+$/, ''),
			...(password && { password }),
			...(accessToken && { accessToken }),
		},
		live: { ...live, ...(token && { token }) },
		encryption: { reset: encryption.reset, ...(passphrase && { passphrase }), ...(seeds && { seeds }) },
		store: { path: absolute(parsed.data.store.path, folder) },
		watch: { ...parsed.data.watch, authorities },
	};
}

/** Reads what the configuration names instead of holding it: secrets and certificates. Mistakes are gathered. */
type Reader = {
	mistakes: Mistake[];
	/** The line of an option, and an absolute path of a file. */
	at: (path: string[]) => number;
	file: (path: string) => string;
	environment: Record<string, string | undefined>;
};

function certificates({ mistakes, at, file }: Reader, path: string, index: number): string {
	const line = at(['watch', 'authorities', String(index)]);
	try {
		const text = readFileSync(file(path), 'utf8');
		if (/-----BEGIN CERTIFICATE-----/.test(text)) return text;
		mistakes.push({ line, text: `watch.authorities.${index}: no certificate (PEM) in this file` });
	} catch (error) {
		mistakes.push({ line, text: `watch.authorities.${index}: ${reason(error)}` });
	}
	return '';
}

/** A secret from the environment, the configuration or a file, in this order. */
function secret(
	{ mistakes, at, file, environment }: Reader,
	name: keyof typeof environmentNames,
	{ inline, path }: { inline: string | undefined; path: string | undefined },
): string | undefined {
	const [section = '', key = ''] = name.split('.');
	const inEnvironment = environment[environmentNames[name]] || undefined;
	const line = at([section, `${key}File`]);
	if (inline && path) mistakes.push({ line, text: `${section}: give either ${key} or ${key}File, not both` });
	if (!path || inline) return inEnvironment ?? inline;
	try {
		const read = readFileSync(file(path), 'utf8').trim();
		if (read) return inEnvironment ?? read;
		mistakes.push({ line, text: `${name}File: the file is empty` });
	} catch (error) {
		mistakes.push({ line, text: `${name}File: ${reason(error)}` });
	}
	return undefined;
}

function seedsOf(text: string): Seeds | undefined {
	const [master = '', selfSigning = '', userSigning = '', ...rest] = text.trim().split(/\s+/);
	const seeds = { master, selfSigning, userSigning };
	const good = Object.values(seeds).every(seed => /^[A-Za-z0-9+/]{43}$/.test(seed)) && rest.length === 0;
	return good ? seeds : undefined;
}

function sorted(mistakes: Mistake[]): Mistake[] {
	return mistakes.sort((a, b) => a.line - b.line);
}

function absolute(path: string, folder: string): string {
	return isAbsolute(path) ? path : resolve(folder, path);
}

function reason(error: unknown): string {
	const code = error instanceof Error && 'code' in error ? error.code : undefined;
	if (code === 'ENOENT') return 'there is no such file';
	if (code === 'EACCES') return 'reading is not permitted';
	if (code === 'EISDIR') return 'this is a folder';
	return error instanceof Error ? error.message : String(error);
}

/** What the shapes call types, for people who write YAML. */
const kinds: Record<string, string> = {
	string: 'a text: put it in quotes',
	boolean: 'true or false',
	object: 'options below it',
	array: 'a list',
	int: 'a whole number',
};

function mistakesOf(issue: z.core.$ZodIssue, document: Document, lines: LineCounter): Mistake[] {
	const line = (path: PropertyKey[]) => lineOf(document, path, lines);
	const name = issue.path.join('.');
	if (issue.code === 'unrecognized_keys') {
		return issue.keys.map(key => ({
			line: line([...issue.path, key]),
			text: `${[name, key].filter(Boolean).join('.')}: there is no such option`,
		}));
	}
	const typed = issue.code === 'invalid_type' && issue.message.startsWith('Invalid input') ? issue.expected : undefined;
	const wanted = typed && (kinds[typed] ?? `a ${typed}`);
	const text = wanted ? (document.hasIn(issue.path) ? `expected ${wanted}` : 'is missing') : issue.message;
	return [{ line: line(issue.path), text: name ? `${name}: ${text}` : text }];
}

/** The line of the deepest part of the path that is written down. */
function lineOf(document: Document, path: PropertyKey[], lines: LineCounter): number {
	for (let length = path.length; length > 0; length--) {
		const node = keyOf(document, path.slice(0, length));
		if (node?.range) return lines.linePos(node.range[0]).line;
	}
	return 1;
}

/** The node of a map's key (where people look), or of a list's item. */
function keyOf(document: Document, path: PropertyKey[]): Node | undefined {
	const parent = document.getIn(path.slice(0, -1), true);
	const last = path.at(-1);
	const collection = path.length === 1 ? document.contents : parent;
	if (isMap(collection)) {
		const pair = collection.items.find(item => String(item.key) === String(last));
		return pair?.key as Node | undefined;
	}
	if (isCollection(collection)) return collection.get(last, true) as Node | undefined;
	return undefined;
}
