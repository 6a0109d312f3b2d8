// Options from the environment: GLIA_ and the option's path in capitals. The names are derived from the shape, so
// that none can be forgotten.
import { parse } from 'yaml';
import type { z } from 'zod';

/** How a variable's text is read: unchanged, as a comma-separated list, or parsed as a YAML number or boolean. */
type VariableShape = 'text' | 'list' | 'scalar';

type Option = { path: readonly string[]; reading: VariableShape };

/**
 * Variables with our prefix that are not options: those of tests, and those that Kubernetes and Docker set for a
 * service whose name is `glia` or begins with `glia-`.
 */
function isForeign(name: string, text: string): boolean {
	if (/^GLIA_(?:TEST_|(?:\w+_)?SERVICE_(?:HOST|PORT)|(?:\w+_)?PORT_\d+_(?:TCP|UDP|SCTP))/.test(name)) return true;
	return /^GLIA_(?:\w+_)?PORT$/.test(name) && /^(?:tcp|udp|sctp):\/\//.test(text);
}

/** The option of each variable, in the order of the shape. */
export function optionsByVariable(shape: z.ZodType): ReadonlyMap<string, Option> {
	return new Map(leaves(shape, []).map(option => [variableOf(option.path), option]));
}

function variableOf(path: readonly string[]): string {
	return `GLIA_${path.map(key => key.replace(/[A-Z]/g, '_$&').toUpperCase()).join('_')}`;
}

function leaves(shape: z.ZodType, path: readonly string[]): Option[] {
	const inner = bare(shape);
	if (inner.type === 'object') {
		const { shape: parts } = inner as z.ZodObject<Record<string, z.ZodType>>;
		return Object.entries(parts).flatMap(([key, part]) => leaves(part, [...path, key]));
	}
	return [{ path, reading: readingOf(inner) }];
}

/** Unwraps defaults, optionals and short forms. */
function bare(shape: z.ZodType): z.ZodType {
	const { innerType, out } = shape.def as { innerType?: z.ZodType; out?: z.ZodType };
	const inner = innerType ?? out;
	return inner === undefined ? shape : bare(inner);
}

function readingOf({ type }: z.ZodType): VariableShape {
	if (type === 'array') return 'list';
	return type === 'string' || type === 'enum' ? 'text' : 'scalar';
}

export type Overlaid = {
	options: unknown;
	/** The variable that each option came from, by dotted path. */
	variables: ReadonlyMap<string, string>;
	/** Variables with our prefix that are not options. */
	unknown: readonly string[];
};

/**
 * The file's options, overridden by those from the environment. An empty variable counts as unset. A secret from the
 * environment replaces the file that the configuration names for it, and vice versa.
 */
export function overlay(
	options: unknown,
	shape: z.ZodType,
	environment: Readonly<Record<string, string | undefined>>,
): Overlaid {
	const known = optionsByVariable(shape);
	const variables = new Map<string, string>();
	const given = Object.entries(environment).filter(([name, text]) => name.startsWith('GLIA_') && text);
	const unknown = given.filter(([name, text = '']) => !known.has(name) && !isForeign(name, text)).map(([name]) => name);
	const result = structuredClone(options ?? {});
	fillSections(result, known);
	for (const [name, text = ''] of given) {
		const option = known.get(name);
		if (option && put(result, option.path, valueFrom(text, option.reading))) variables.set(option.path.join('.'), name);
	}
	// Only after all variables have been applied: if both of a pair are set, that is a mistake to report.
	for (const path of variables.keys()) {
		const other = path.endsWith('File') ? path.slice(0, -4) : `${path}File`;
		if (!variables.has(other)) remove(result, other.split('.'));
	}
	return { options: result, variables, unknown };
}

/**
 * YAML reads a section with all options commented out as null. Inside other sections it becomes an empty one, because
 * its presence may have a meaning (`tls`). A short form becomes a section, so that variables can add to it.
 */
function fillSections(options: unknown, known: ReadonlyMap<string, Option>): void {
	if (!isSection(options)) return;
	for (const [key, value] of Object.entries(options)) if (value === null) delete options[key];
	for (const { path } of known.values()) {
		let section: unknown = options;
		for (const key of path.slice(0, -1)) {
			if (!isSection(section)) break;
			if (section[key] === null) section[key] = {};
			section = section[key];
		}
	}
	const { store } = options;
	if (isSection(store) && typeof store.postgres === 'string') store.postgres = { url: store.postgres };
}

function valueFrom(text: string, reading: VariableShape): unknown {
	if (reading === 'text') return text;
	const listed = text.trimStart().startsWith('[');
	if (reading === 'list' && !listed) return text.split(',').flatMap(item => item.trim() || []);
	try {
		const value: unknown = parse(text);
		return listed || typeof value === 'number' || typeof value === 'boolean' ? value : text;
	} catch {
		return text;
	}
}

/** False if the file has something other than a section there, which is reported for the file. */
function put(options: unknown, [key = '', ...rest]: readonly string[], value: unknown): boolean {
	if (!isSection(options)) return false;
	if (rest.length > 0) {
		options[key] ??= {};
		return put(options[key], rest, value);
	}
	options[key] = value;
	return true;
}

function remove(options: unknown, path: readonly string[]): void {
	const last = path.at(-1) ?? '';
	const section = path.slice(0, -1).reduce<unknown>((part, key) => (isSection(part) ? part[key] : undefined), options);
	if (isSection(section)) delete section[last];
}

function isSection(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
