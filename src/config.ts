// Parses the configuration: YAML into Config, or every mistake with its line. Secrets may be in files or in the
// environment.
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { usualLimits } from './advice/watch/subscription.ts';
import { Refusal } from './answer.ts';
import { parseServerName } from './deployment/server-name.ts';
import { publicKey } from './knowledge/bundle.ts';
import { optionsByVariable, overlay } from './settings/environment.ts';
import { hours, https, live, longest } from './settings/live.ts';
import { homeserver, isServer, isUserId, userId } from './settings/matrix-names.ts';
import { type Mistake, mistakeAt, mistakeLines, mistakesOf, type Places, sorted } from './settings/mistakes.ts';
import { certificate, filePath, reason, type SettingsReader, secret } from './settings/named-files.ts';
import { noSuchVariable } from './settings/no-such-option.ts';
import { readOptions } from './settings/options-file.ts';
import { addressOf, type PostgresAddress, postgres } from './settings/postgres.ts';

const account = z.strictObject({
	homeserver,
	user: userId,
	password: z.string().min(1).optional(),
	passwordFile: filePath.optional(),
	accessToken: z.string().min(1).optional(),
	accessTokenFile: filePath.optional(),
	allow: z
		.array(
			z.string().refine(entry => entry === '*' || isUserId(entry) || isServer(entry), {
				error: 'a user ("@admin:example.org"), a server ("example.org") or "*"',
			}),
			{
				error:
					'a list of who may invite the bot, like ["@admin:example.org", "example.org"], or ["*"] for everyone; it has no default',
			},
		)
		.min(1, 'nobody could invite the bot: name at least one user, one server, or "*"'),
	changes: z
		.union([z.literal('state_default'), z.int()], { error: 'a power level (a whole number) or state_default' })
		.default('state_default'),
	bare: z.boolean().default(true),
	device: z.string().min(1).default('Glia'),
	forgetAfterDays: z.number().min(0, 'at least 0').max(longest, `at most ${longest}`).default(7),
});

/** A name without a dot is unlikely to be a server: probably the rest of a user id is missing. */
const matrix = account.superRefine(({ allow, user }, context) => {
	const own = isUserId(user) ? user.slice(user.indexOf(':') + 1) : 'example.org';
	for (const [index, entry] of allow.entries()) {
		if (!isServer(entry) || /[.:]/.test(entry) || entry === own || entry === 'localhost') continue;
		const message = `${entry} is neither a user nor a server: write "@${entry}:${own}", or a server like "${own}"`;
		context.addIssue({ code: 'custom', path: ['allow', index], message });
	}
});

const encryption = z.strictObject({
	passphrase: z.string().min(1).optional(),
	passphraseFile: filePath.optional(),
	seeds: z.string().min(1).optional(),
	seedsFile: filePath.optional(),
	reset: z.boolean().default(false),
});

const resolver = /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:]+\])(:\d{1,5})?$/;
const resolverWanted = 'an address, optionally with a port: "192.0.2.1:53"';

const watch = z.strictObject({
	contact: z
		.string()
		.regex(/^[\x20-\x7E]{1,200}$/, 'printable ASCII, like a URL or a Matrix ID')
		.optional(),
	exclude: z
		.array(
			z.string().refine(entry => parseServerName(entry.replace(/^\*\./, '')) !== undefined, {
				error: 'a server name, or "*.example.org" for all subdomains',
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
				.regex(resolver, resolverWanted)
				.refine(entry => !resolver.test(entry) || isServer(entry), resolverWanted),
		)
		.default([]),
	authorities: z.array(filePath).default([]),
	atOnce: z.int().min(1).max(1000).default(50),
	perAddress: z.int().min(1).max(100).default(4),
	requestSeconds: z.number().min(1).max(120).default(15),
	lookSeconds: z.number().min(1).max(600).default(30),
	hours: hours(usualLimits.every / 3600_000),
	perRoom: z.int().min(1).default(usualLimits.perRoom),
	perPerson: z.int().min(1).default(usualLimits.perPerson),
});

/** An address and a port, or only a port, on the loopback interface. */
const listen = /^(?:(?:\[([0-9a-fA-F:.]+)\]|(\d{1,3}(?:\.\d{1,3}){3}|localhost)):)?(\d{1,5})$/;

const health = z.strictObject({
	listen: z
		.union([z.int(), z.string()], { error: 'an address and a port: "127.0.0.1:9090"' })
		.transform((text, context) => {
			const [, six, four, port] = listen.exec(String(text)) ?? [];
			const host = six === undefined ? four : `[${six}]`;
			if (port !== undefined && isServer(`${host ?? 'localhost'}:${port}`))
				return { host: six ?? four ?? '127.0.0.1', port: Number(port) };
			context.addIssue({ code: 'custom', message: 'an address and a port: "127.0.0.1:9090" or "[::1]:9090"' });
			return z.NEVER;
		})
		.optional(),
	syncSeconds: z.number().min(60, 'at least 60: a quiet sync takes 30 seconds').default(120),
	servers: z.boolean().default(false),
});

const publicKeyText = z.string().refine(text => publicKey(text) !== undefined, {
	error: 'a public key as `npm run bundle -- key` printed it: 44 characters that end in =',
});

const knowledge = z.strictObject({
	updates: z
		.strictObject({
			address: https.optional(),
			key: z
				.union([publicKeyText, z.array(publicKeyText).min(1).max(5)])
				.transform(one => (typeof one === 'string' ? [one] : one))
				.optional(),
			hours: hours(1),
		})
		.superRefine(({ address, key }, context) => {
			if ((address === undefined) === (key === undefined)) return;
			const path = [address === undefined ? 'address' : 'key'];
			const message = 'is missing: published knowledge needs an address and the key of its publisher';
			context.addIssue({ code: 'custom', path, message });
		})
		.prefault({}),
});

const room = 'a room ID, like "!abc:example.org": clients show it in the room settings';

const shape = z.strictObject({
	matrix,
	encryption: encryption.prefault({}),
	store: z.strictObject({ path: filePath.default('./data'), postgres: postgres.optional() }).prefault({}),
	live: live.prefault({}),
	watch: watch.prefault({}),
	knowledge: knowledge.prefault({}),
	health: health.prefault({}),
	operator: z
		.strictObject({
			room: z
				.string()
				.regex(/^![^:\s]+(:\S+)?$/, room)
				.optional(),
		})
		.prefault({}),
	log: z
		.strictObject({
			level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
			format: z.enum(['auto', 'text', 'json']).default('auto'),
		})
		.prefault({}),
});

/** The configuration file's shape. Secrets, which may be in files or the environment, are checked by `parseConfig`. */
export { shape as configShape };

/** The environment variable of each option, in the order of the options. */
const optionVariables: readonly string[] = [...optionsByVariable(shape).keys()];

export { optionVariables as variables };

const optionPaths = [...optionsByVariable(shape).values()].map(({ path }) => path);

/** Defaults for polling servers without a configuration, in the terminal. */
export const plainWatch = watch.parse({});

type Shape = z.infer<typeof shape>;

/**
 * The bot's configuration. Paths are absolute, and secrets and certificates have been read; it has a password, an
 * access token or both.
 */
export type Config = Omit<Shape, 'matrix' | 'encryption' | 'live' | 'store'> & {
	store: { path: string; postgres?: PostgresAddress };
	matrix: Omit<Shape['matrix'], 'passwordFile' | 'accessTokenFile'>;
	encryption: { passphrase?: string; seeds?: Seeds; reset: boolean };
	live: Omit<Shape['live'], 'tokenFile'>;
};

/** The private keys of the bot's identity, 43 characters each. */
export type Seeds = { master: string; selfSigning: string; userSigning: string };

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads a configuration file. Throws a Refusal with every mistake, one per line: `config.yaml:4: matrix.allow: …`. */
export function readConfig(path: string, environment: Environment): Config {
	const text = readText(path);
	const result = parseConfig(text, dirname(resolve(path)), environment);
	if (Array.isArray(result)) throw new Refusal(mistakeLines(path, result));
	return result;
}

/**
 * Returns the folder of the store and the trusted publishers' keys: all that an answer in the terminal needs.
 * Throws a Refusal with every mistake in these options; mistakes in other options do not matter here.
 */
export function readUpdates(path: string, environment: Environment): { path: string; keys: readonly string[] } {
	const { store, knowledge } = shape.shape;
	const { sections } = readSections(path, environment, { store, knowledge });
	return { path: absolute(sections.store.path, dirname(resolve(path))), keys: sections.knowledge.updates.key ?? [] };
}

/**
 * Returns where the store is. Throws a Refusal with every mistake in these options; mistakes in other options do not
 * matter here, nor whether the other secrets can be read.
 */
export function readStore(path: string, environment: Environment): Config['store'] {
	const folder = dirname(resolve(path));
	const { sections, places } = readSections(path, environment, { store: shape.shape.store });
	const { path: to, postgres } = sections.store;
	const mistakes: Mistake[] = [];
	const database = postgres && addressOf(readerInto(mistakes, places, folder), postgres);
	if (mistakes.length > 0) throw new Refusal(mistakeLines(path, sorted(mistakes)));
	return { path: absolute(to, folder), ...(database && { postgres: database }) };
}

/** Some sections of a configuration file, and where they are written. Throws a Refusal with every mistake in them. */
function readSections<Sections extends z.ZodRawShape>(path: string, environment: Environment, wanted: Sections) {
	const { document, lines, options: written, mistakes } = readOptions(readText(path));
	if (mistakes.length > 0) throw new Refusal(mistakeLines(path, sorted(mistakes)));
	const { options, variables } = overlay(written, shape, environment);
	const parsed = z.looseObject(wanted).safeParse(options);
	const places = { document, lines, variables };
	if (parsed.success) return { sections: parsed.data, places };
	throw new Refusal(
		mistakeLines(path, sorted(parsed.error.issues.flatMap(issue => mistakesOf(issue, places, optionPaths)))),
	);
}

function readerInto(mistakes: Mistake[], places: Places, folder: string): SettingsReader {
	return {
		mistake: (path, text) => mistakes.push(mistakeAt(path, text, places)),
		file: path => absolute(path, folder),
		folder,
	};
}

/** The text of a configuration file. Throws a Refusal. */
export function readText(path: string): string {
	try {
		return readFileSync(path, 'utf8');
	} catch (error) {
		throw new Refusal(`${path}: cannot be read: ${reason(error)}`);
	}
}

/** Where options are written, and their values, for mistakes that only other checks can find. */
export function locate(text: string, environment: Environment) {
	const { document, lines, options: written } = readOptions(text);
	const { options, variables } = overlay(written, shape, environment);
	return {
		mistakeAt: (path: readonly string[], text: string) => mistakeAt(path, text, { document, lines, variables }),
		valueAt: (path: readonly string[]): unknown =>
			path.reduce<unknown>((part, key) => (part === undefined ? part : Object(part)[key]), options),
	};
}

/** The configuration, or all its mistakes. Paths are relative to `folder`. */
export function parseConfig(text: string, folder: string, environment: Environment): Config | Mistake[] {
	const { document, lines, options: written, mistakes: unreadable } = readOptions(text);
	if (unreadable.length > 0) return sorted(unreadable);
	const { options, variables, unknown } = overlay(written, shape, environment);
	const places = { document, lines, variables };
	const parsed = shape.safeParse(options);
	const mistakes = unknown.map(
		(variable): Mistake => ({ line: 0, variable, text: noSuchVariable(variable, optionVariables) }),
	);
	if (!parsed.success) mistakes.push(...parsed.error.issues.flatMap(issue => mistakesOf(issue, places, optionPaths)));
	if (!parsed.success) return sorted(mistakes);
	const reader = readerInto(mistakes, places, folder);
	const { passwordFile, accessTokenFile, ...matrix } = parsed.data.matrix;
	const password = secret(reader, 'matrix.password', { inline: matrix.password, path: passwordFile });
	const accessToken = secret(reader, 'matrix.accessToken', { inline: matrix.accessToken, path: accessTokenFile });
	const { passphraseFile, seedsFile, ...encryption } = parsed.data.encryption;
	const passphrase = secret(reader, 'encryption.passphrase', { inline: encryption.passphrase, path: passphraseFile });
	const seedsText = secret(reader, 'encryption.seeds', { inline: encryption.seeds, path: seedsFile });
	const seeds = seedsText === undefined ? undefined : seedsOf(seedsText);
	if (seedsText !== undefined && seeds === undefined) {
		const text = 'encryption.seeds: three words of 43 characters, as `npm start -s -- seeds` printed them';
		reader.mistake(['encryption', encryption.seeds ? 'seeds' : 'seedsFile'], text);
	}
	const { tokenFile, token: tokenInline, ...live } = parsed.data.live;
	const token = secret(reader, 'live.token', { inline: tokenInline, path: tokenFile });
	if (token !== undefined && !headerValue.test(token)) {
		const text = 'live.token: a GitHub token has no spaces and only ASCII characters';
		reader.mistake(['live', tokenInline ? 'token' : 'tokenFile'], text);
	}
	if (accessToken !== undefined && !headerValue.test(accessToken)) {
		const text = 'matrix.accessToken: a token has no spaces and only ASCII characters';
		reader.mistake(['matrix', matrix.accessToken ? 'accessToken' : 'accessTokenFile'], text);
	}
	if (!password && !accessToken && mistakes.length === 0) {
		const names = 'GLIA_MATRIX_PASSWORD or GLIA_MATRIX_ACCESS_TOKEN';
		reader.mistake(
			['matrix'],
			`matrix: password or accessToken is missing (also as passwordFile, accessTokenFile, or ${names} in the environment)`,
		);
	}
	const database = parsed.data.store.postgres && addressOf(reader, parsed.data.store.postgres);
	const authorities = parsed.data.watch.authorities.map((file, at) =>
		certificate(reader, ['watch', 'authorities', String(at)], file),
	);
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
		store: { path: absolute(parsed.data.store.path, folder), ...(database && { postgres: database }) },
		watch: { ...parsed.data.watch, authorities },
	};
}

/** A token is sent in a header. */
const headerValue = /^[\x21-\x7E]+$/;

function seedsOf(text: string): Seeds | undefined {
	const [master = '', selfSigning = '', userSigning = '', ...rest] = text.trim().split(/\s+/);
	const seeds = { master, selfSigning, userSigning };
	const good = Object.values(seeds).every(seed => /^[A-Za-z0-9+/]{43}$/.test(seed)) && rest.length === 0;
	return good ? seeds : undefined;
}

function absolute(path: string, folder: string): string {
	return isAbsolute(path) ? path : resolve(folder, path);
}
