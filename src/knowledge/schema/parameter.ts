// The kinds of guide parameters, and how their values are parsed.
/** Allowed values by kind: nothing that a shell, SQL or YAML would read as more than a word. */
export const parameterKinds = {
	/** A PostgreSQL major version. */
	major: /^(9\.[0-6]|[1-9]\d?)$/,
	/** Gigabytes; typed as `20G`, `800M` or `1.5T`. */
	size: /^\d{1,7}(\.\d{1,3})?$/,
	port: /^[1-9]\d{0,4}$/,
	/** The name of a database, role, service or container. */
	name: /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/,
	path: /^[A-Za-z0-9_./][A-Za-z0-9_./-]{0,250}$/,
	/** An absolute path, for commands that run in a different folder from the one it was looked up in. */
	'full-path': /^\/[A-Za-z0-9_./-]{1,250}$/,
	/** A host name, an IP address, or a socket folder. */
	host: /^[A-Za-z0-9/][A-Za-z0-9_.:/-]{0,250}$/,
	/** A Synapse version. */
	release: /^\d+\.\d+\.\d+(rc\d+)?$/,
	/** An image without its tag; a registry may have a port. */
	image: /^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,250}$/,
	/** An image or package tag: `17-alpine`, with the digest if it is pinned to one. */
	tag: /^[A-Za-z0-9_][A-Za-z0-9_.+~-]{0,100}(@sha256:[0-9a-f]{64})?$/,
	email: /^[A-Za-z0-9_.+-]{1,100}@[A-Za-z0-9.-]{1,100}$/,
	url: /^https?:\/\/[A-Za-z0-9.:/_-]{1,250}$/,
} as const;

export type ParameterKind = keyof typeof parameterKinds;

/** How each kind is described to someone who typed something else. */
export const kindWords: Record<ParameterKind, string> = {
	major: 'a major version, like 17',
	size: 'a size, like 20G or 800M',
	port: 'the number of a port, like 5432',
	name: 'a name of letters, digits, hyphens and underscores',
	path: 'a path without spaces, of letters, digits and . _ - /',
	'full-path': 'a full path that begins with / and has no spaces, like /srv/synapse',
	host: 'the name or the address of a host',
	release: 'a release with three parts, like 1.163.2',
	image: 'the name of an image without its tag, like docker.io/postgres',
	tag: 'a tag, like 17-alpine',
	email: 'an email address',
	url: 'an address that begins with https://',
};

/** A name in braces, replaced by that parameter's value wherever a guide's text contains it. */
export const placeholder = /(?<![${])\{([a-z][a-z0-9-]*)\}/g;

/** A term on a parameter: `layout=compose|plain`, `way!=dump`, `to>=18`, `from>={to}`, `data!=/*|.*` (starts with). */
export const parameterTerm = /^([a-z][a-z0-9-]*)(!=|<=|>=|<|>|=)(\S+)$/;

/**
 * Normalises a typed value; undefined if the parameter does not accept it. Sizes become gigabytes. Paths lose the slash
 * that completion adds, because other paths are formed by appending to them.
 */
export function readValue(
	{ kind, values }: { kind?: ParameterKind | undefined; values?: readonly string[] | undefined },
	typed: string,
): string | undefined {
	if (values) return values.includes(typed.toLowerCase()) ? typed.toLowerCase() : undefined;
	const text = kind === 'size' ? gigabytes(typed) : kind === 'path' || kind === 'full-path' ? tidied(typed) : typed;
	return text !== undefined && kind && parameterKinds[kind].test(text) ? text : undefined;
}

function tidied(path: string): string {
	return path
		.slice(0, 1000)
		.replace(/\/{2,}/g, '/')
		.replace(/(?<=.)\/$/, '');
}

const units: Record<string, number> = { m: 1 / 1024, g: 1, t: 1024 };

function gigabytes(typed: string): string | undefined {
	const [, number, unit = ''] = /^(\d{1,6}(?:\.\d{1,3})?)([mgt])(?:i?b)?$/i.exec(typed) ?? [];
	if (number === undefined) return undefined;
	const size = Number(number) * (units[unit.toLowerCase()] ?? 1);
	return String(Math.max(0.001, Math.round(size * 1000) / 1000));
}

/** The names in braces in a text, in order and with repetitions. */
export function namesIn(text: string): string[] {
	return [...text.matchAll(placeholder)].map(([, name = '']) => name);
}
