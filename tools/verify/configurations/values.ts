// npm run verify -- values [release…]: finds out which kinds of value each option refuses, by giving every option a
// value of every kind and reading the configuration with the release itself. Writes knowledge/synapse/code/values.json.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { type Options, optionAt } from '../../../src/configuration/options.ts';
import { collapse, expand, type Table } from '../../../src/configuration/timeline.ts';
import type { ValueKind, ValueState } from '../../../src/configuration/wrong-values.ts';
import { compare, type Version } from '../../../src/deployment/version.ts';
import { openCode } from '../../../src/knowledge/code-tables.ts';
import { readKnowledge } from '../../../src/knowledge/load.ts';
import type { Release } from '../../../src/knowledge/schema/synapse.ts';
import { cache, environment, extras, shimmed, Unavailable } from '../machine/environment.ts';
import { contextsFileShape } from './shapes.ts';

const here = new URL('./', import.meta.url);
const folder = new URL('../../../knowledge/', import.meta.url);
const file = new URL('synapse/code/values.json', folder);

type Measured = {
	found: Record<string, ValueState>;
	/** Sections that could not be tried, and what the release said. */
	skipped: Record<string, string>;
	messages: Record<string, Record<string, string>>;
	loads: number;
};

/** Tries the values with each of these releases, and adds the results to the table. `whole`: see values.py. */
export async function measureValues(releases: readonly string[], whole: boolean): Promise<number> {
	const known = readKnowledge(folder);
	const options = openCode(folder).options();
	const before: Table<ValueState> = existsSync(file)
		? JSON.parse(readFileSync(file, 'utf8'))
		: { read: [], entries: [] };
	const states = expand(before);
	for (const version of releases.length ? releases : before.read) {
		const release = known.releases.find(other => other.version === version);
		if (!release) throw new Unavailable(`${version} is not a known release of Synapse.`);
		const question = { ...questionOf(options, version, whole), before: newestOf(states) };
		const { found, skipped, loads, messages } = await measured(release, question);
		// Options that were tried and refuse nothing are listed too, so that they differ from those that were not tried.
		const tried = question.options.filter(
			path => !((path.includes('.') || path.includes('[')) && section(path) in skipped),
		);
		states.set(
			version,
			new Map(
				tried.map(path => [
					path,
					plainState(found[path], messages[path], {
						kinds: kindsOf(options, path, version),
						hasMembers: hasMembers(options, path),
					}),
				]),
			),
		);
		console.log(`${version}: ${loads} configurations read, ${Object.keys(found).length} options refuse something`);
		for (const [section, why] of Object.entries(skipped)) console.log(`  ${section || 'top level'} not tried: ${why}`);
		writeFileSync(file, tableText(collapse(states)));
	}
	return 0;
}

/** What the newest release tried so far refuses, as a guess for others. */
function newestOf(states: ReadonlyMap<Version, ReadonlyMap<string, ValueState>>): Record<string, ValueKind[]> {
	const newest = [...states.keys()].sort(compare).at(-1);
	const known = newest === undefined ? [] : [...(states.get(newest) ?? [])];
	return Object.fromEntries(known.map(([path, { refuses }]) => [path, refuses]));
}

/** What the release says about each option. Kept in the user's cache folder, because it takes minutes. */
export async function measured(release: Release, question: unknown): Promise<Measured> {
	const input = JSON.stringify(question);
	const script = fileURLToPath(new URL('values.py', here));
	const { before: _, ...lasting } = question as { before: unknown };
	const key = createHash('sha256').update(JSON.stringify(lasting)).digest('hex').slice(0, 8);
	const kept = join(cache, `values-${release.version}-${key}.json`);
	if (existsSync(kept)) return JSON.parse(readFileSync(kept, 'utf8')) as Measured;
	const python = await environment(release, { packages: extras });
	const { stdout, stderr, status } = spawnSync(python, [script], {
		input,
		encoding: 'utf8',
		env: shimmed(release.version, undefined),
		maxBuffer: 100_000_000,
	});
	if (status !== 0) throw new Error(`${release.version}: ${stderr.slice(-1000)}`);
	const answer = stdout.slice(stdout.indexOf('{"found"'));
	writeFileSync(kept, answer);
	return JSON.parse(answer) as Measured;
}

/** Whether the elements of a list are mappings: whether there are options below them. */
function hasMembers(options: Options, path: string): boolean {
	return [...options.byPath.keys()].some(other => other.startsWith(`${path}[].`));
}

/**
 * The types of an option according to the code or else the documents, including those of later releases, since old ones
 * name no types. If neither says, the types follow from the options below it.
 */
function kindsOf(options: Options, path: string, version: Version): string[] {
	const later = (options.byPath.get(path)?.changes ?? []).flatMap(([, state]) => state ?? []);
	const said = [optionAt(options, path, version), ...later].flatMap(
		state => state?.accepts ?? state?.documentedType ?? state?.type ?? [],
	);
	if (said.length) return [...new Set(said)];
	const below = [...options.byPath.keys()].flatMap(other => {
		const rest = other.startsWith(path) ? other.slice(path.length) : '';
		return rest.startsWith('[]') ? ['list'] : rest.startsWith('.') ? ['mapping'] : [];
	});
	return [...new Set(below)];
}

/** The types of an option according to this release's documents, or else its code. */
function kindsIn(options: Options, path: string, version: Version): string[] {
	const state = optionAt(options, path, version);
	return [state?.documentedType ?? state?.type ?? state?.accepts ?? []].flat();
}

/** The type of each of these values, as the documents name them. */
const documentedKinds: Readonly<Record<string, readonly string[]>> = {
	true: ['boolean'],
	false: ['boolean'],
	zero: ['integer', 'number', 'duration', 'size'],
	negative: ['integer', 'number'],
	integer: ['integer', 'number', 'duration', 'size'],
	float: ['number'],
	'empty string': ['string'],
	digits: ['string'],
	duration: ['string', 'duration'],
	size: ['string', 'size'],
	text: ['string'],
	'empty list': ['list'],
	strings: ['list'],
	numbers: ['list'],
	nulls: ['list'],
	mappings: ['list'],
	'empty mapping': ['mapping'],
	mapping: ['mapping'],
};

/** Refusals about something other than the value: its context, a file, a library. */
const elsewhere =
	/both|onflict|incompatib|requires?\b|required when|is required|must be (set|enabled|configured|disabled)|must also|cannot be (set|enabled)|only be enforced|without|greater than|exceeds|No module|DependencyException|ccessing file|Failed to (read|parse config)|No such file|s a directory|must specify|not native|NoneType|Bad byte size None|not in the list|Could not (find|validate Matrix)|does not exist|does not appear/i;

/** Said because a value is missing. If null was tried, the refusal is about the value after all. */
const ofNull = /NoneType|Bad byte size None/g;

/** Said about a whole section, whichever member has the wrong type. */
const ofSection = /^ConfigError: Could not validate Matrix Authentication Service/;

/** Said if a text names a file that does not exist. */
const noFile = /TemplateNotFound|ccessing file|No such file/;

/** Raised by Python itself if a value of this type cannot be used in this way. */
const ofKind = /^(TypeError|AttributeError)/;

/** Said about an unknown key, which is one argument too many for the class that reads the section. */
const unknownMember = /unexpected keyword argument|xtra (inputs|fields)/;

/** Values that stand only for themselves, not for others of their type. */
const exact: ReadonlySet<ValueKind> = new Set([
	'null',
	'true',
	'false',
	'zero',
	'empty string',
	'empty list',
	'empty mapping',
]);

/**
 * What the refusals say about other values of the same type. A wrong type is refused whatever the value. For a right
 * type, nothing follows for other values, except for texts that a release tries to read as numbers.
 */
function plainState(
	state: ValueState | undefined,
	messages: Record<string, string> = {},
	{ kinds, hasMembers }: { kinds: readonly string[]; hasMembers: boolean },
): ValueState {
	if (!state) return { refuses: [] };
	const isTaken = (kind: ValueKind) => !state.refuses.includes(kind);
	const taken = Object.entries(documentedKinds).flatMap(([kind, names]) =>
		isTaken(kind as ValueKind) && !exact.has(kind as ValueKind) ? names : [],
	);
	// If no type is documented, the types that it accepts count as right.
	const namesFile = noFile.test(messages.text ?? '');
	const own = kinds.length ? kinds : [...taken, ...(state.words || state.shapes || namesFile ? ['string'] : [])];
	const isRight = (kind: ValueKind) => documentedKinds[kind]?.some(name => own.includes(name)) === true;
	const isNumber = state.words?.every(word => /^[\d.]+$/.test(word)) === true;
	const refuses = state.refuses.filter(kind => {
		const message = messages[kind] ?? '';
		if (kind === 'absent')
			return /KeyError|is a required property|is required|must have the|expected a string/.test(message);
		const about = kind === 'null' || kind === 'nulls' ? message.replace(ofNull, '') : message;
		const isOwnKind = ofSection.test(message) && kinds.length > 0 && !isRight(kind);
		if ((elsewhere.test(about) && !isOwnKind) || own.length === 0) return false;
		// If booleans are right, a refusal of only one of them is about other options.
		if (isRight(kind) && (kind === 'true' || kind === 'false')) return !isTaken('true') && !isTaken('false');
		if (!isRight(kind) || exact.has(kind)) return true;
		if (isText(kind)) return isNumber && !state.shapes;
		if (kind === 'negative') return isTaken('integer');
		const isFilled = kind === 'mappings' || kind === 'strings' || kind === 'numbers' || kind === 'nulls';
		if (isFilled && ofKind.test(message) && !unknownMember.test(message)) return true;
		// Elements of one type are wrong if elements of another are right.
		if (kind === 'mappings') return isTaken('strings') || isTaken('numbers');
		if (kind === 'strings' || kind === 'numbers' || kind === 'nulls')
			return hasMembers || isTaken('strings') || isTaken('mappings');
		return false;
	});
	const only = (gates: ValueState['switched']) => {
		const left = Object.entries(gates ?? {}).map(
			([option, list]) => [option, list.filter(kind => refuses.includes(kind))] as const,
		);
		return Object.fromEntries(left.filter(([, list]) => list.length > 0));
	};
	const [switched, unless] = [only(state.switched), only(state.unless)];
	return {
		refuses,
		...(Object.keys(switched).length > 0 && { switched }),
		...(Object.keys(unless).length > 0 && { unless }),
		...(state.words && refuses.length > 0 && { words: state.words }),
		...(state.shapes && refuses.some(isText) && { shapes: state.shapes }),
		...(unknownMember.test(messages.mapping ?? '') && { closed: true as const }),
	};
}

function isText(kind: ValueKind): boolean {
	return documentedKinds[kind]?.includes('string') === true;
}

function section(path: string): string {
	return path.split(/[.[]/, 1)[0] ?? '';
}

/** What to try on a release. Elements of plain lists are tried like options. */
export function questionOf(options: Options, version: Version, whole: boolean) {
	const contexts = contextsFileShape.parse(parse(readFileSync(new URL('contexts.yaml', here), 'utf8')));
	const paths = [...options.byPath.keys()].flatMap(path => {
		const state = optionAt(options, path, version);
		// Read by the same code as `oidc_providers[]` and `listeners[]`.
		if (!state || /^(oidc_config|worker_listeners)\b./.test(path)) return [];
		const isList = [state.documentedType ?? state.type ?? []].flat().includes('list');
		const hasMembers = [...options.byPath.keys()].some(other => other.startsWith(`${path}[]`));
		return isList && !hasMembers ? [path, `${path}[]`] : [path];
	});
	const textless = paths.filter(path => {
		const kinds = kindsIn(options, path, version);
		return kinds.length > 0 && !kinds.includes('string');
	});
	return { ...contexts, options: paths, textless, whole };
}

/** One entry per line, so that a new release changes only a few lines. */
function tableText({ read, entries }: Table<ValueState>): string {
	return `{\n"read": ${JSON.stringify(read)},\n"entries": [\n${entries.map(entry => JSON.stringify(entry)).join(',\n')}\n]\n}\n`;
}
