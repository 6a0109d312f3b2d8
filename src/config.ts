// The configuration: YAML → Config, or every mistake with its line. Secrets may stand in files or in the environment.
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { type Document, isCollection, isMap, LineCounter, type Node, parseDocument } from 'yaml';
import { z } from 'zod';
import { Refusal } from './command.ts';

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

const shape = z.strictObject({
	matrix,
	store: z.strictObject({ path: z.string().min(1).default('./data') }).prefault({}),
	live: z.strictObject({ enabled: z.boolean().default(true) }).prefault({}),
	log: z
		.strictObject({ level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info') })
		.prefault({}),
});

type Shape = z.infer<typeof shape>;

/** What the bot runs with. Paths are absolute, secrets are read; at least one of password and accessToken is there. */
export type Config = Omit<Shape, 'matrix'> & {
	matrix: Omit<Shape['matrix'], 'passwordFile' | 'accessTokenFile'>;
};

export type Mistake = { line: number; text: string };

/** Environment variables that may hold a secret instead of the file. */
const environmentNames = { password: 'GLIA_MATRIX_PASSWORD', accessToken: 'GLIA_MATRIX_ACCESS_TOKEN' } as const;

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
	const { passwordFile, accessTokenFile, ...matrix } = parsed.data.matrix;
	const password = secret('password', matrix.password, passwordFile);
	const accessToken = secret('accessToken', matrix.accessToken, accessTokenFile);
	if (!password && !accessToken && mistakes.length === 0) {
		const names = Object.values(environmentNames).join(' or ');
		mistakes.push({
			line: at(['matrix']),
			text: `matrix: password or accessToken is missing (also as passwordFile, accessTokenFile, or ${names} in the environment)`,
		});
	}
	if (mistakes.length) return sorted(mistakes);
	return {
		...parsed.data,
		matrix: {
			...matrix,
			homeserver: matrix.homeserver.replace(/\/+$/, ''),
			...(password && { password }),
			...(accessToken && { accessToken }),
		},
		store: { path: absolute(parsed.data.store.path, folder) },
	};

	function secret(key: keyof typeof environmentNames, inline: string | undefined, file: string | undefined) {
		const inEnvironment = environment[environmentNames[key]] || undefined;
		if (inline && file) {
			mistakes.push({ line: at(['matrix', `${key}File`]), text: `matrix: give either ${key} or ${key}File, not both` });
		}
		if (!file || inline) return inEnvironment ?? inline;
		try {
			const read = readFileSync(absolute(file, folder), 'utf8').trim();
			if (read) return inEnvironment ?? read;
			mistakes.push({ line: at(['matrix', `${key}File`]), text: `matrix.${key}File: the file is empty` });
		} catch (error) {
			mistakes.push({ line: at(['matrix', `${key}File`]), text: `matrix.${key}File: ${reason(error)}` });
		}
		return undefined;
	}
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
