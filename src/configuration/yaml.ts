// Parses YAML as Synapse does (PyYAML's SafeLoader), with a line for every value, and limits against hostile text.
import { createRequire } from 'node:module';
import type { Document, LineCounter, Node } from 'yaml';
import { breakIn } from './broken-yaml.ts';
import { layoutOf, withPlainBreaks } from './layout.ts';
import { maxDepth, refusalOf, type UnreadableYaml } from './limits.ts';

let library: typeof import('yaml') | undefined;

/** Not imported at the top: it is seventy files, and only answers about a configuration need them. */
function yaml(): typeof import('yaml') {
	library ??= createRequire(import.meta.url)('yaml') as typeof import('yaml');
	return library;
}

/** A position: the file as the administrator named it, and the line and column from 1. */
export type Place = { file: string; line: number; column: number };
/** A PyYAML value with its position. `hidden`: a skeleton or a template conceals the real value. */
export type Value = Place &
	(
		| { kind: 'mapping'; entries: MappingEntry[] }
		| { kind: 'list'; items: Value[] }
		| { kind: 'string'; value: string }
		| { kind: 'number'; value: number; integer: boolean }
		| { kind: 'boolean'; value: boolean }
		| { kind: 'null' }
		| { kind: 'date'; value: string }
		| { kind: 'hidden'; as?: string }
	);
export type MappingEntry = Place & { key: string; value: Value };
/** A key that occurs twice in one mapping: PyYAML silently uses the last one. */
export type Duplicate = Place & { path: string; first: number };

export type Parsed = { documents: Value[]; duplicates: Duplicate[] };

const maxNodes = 200_000;

class YamlError extends Error {
	readonly at: UnreadableYaml;
	constructor(why: string, line?: number, limit = false) {
		super(why);
		this.at = { why, ...(line !== undefined && { line }), ...(limit && { limit: true }) };
	}
}

/** `lineOf` maps a skeleton's line to the original's. In skeletons hidden numbers are written as 0 and 0.1. */
export type Skeleton = { lineOf: (line: number) => number };

/**
 * Parses every document in a text; `file` is the name in positions. Never throws, whatever the text is.
 * `skeleton`: the text was printed by the script that hides values. `reader`: Ansible uses libyaml, which allows tabs
 * between values.
 */
export function parseYaml(
	text: string,
	file: string,
	skeleton?: Skeleton,
	reader: 'pyyaml' | 'libyaml' = 'pyyaml',
): Parsed | UnreadableYaml {
	const { text: bare, lineOf } = withPlainBreaks(text.replace(/^\uFEFF/, ''));
	const shown = ({ line, ...rest }: UnreadableYaml) => ({ ...rest, ...(line !== undefined && { line: lineOf(line) }) });
	const refused = refusalOf(bare);
	if (refused) return shown(refused);
	const { tab, colon, question, indented } = layoutOf(bare);
	if (reader === 'pyyaml' && tab !== undefined)
		return shown({ why: 'There is a tab where YAML needs spaces.', line: tab });
	if (colon !== undefined)
		return shown({ why: 'A value in brackets begins with a colon; put it in quotes.', line: colon });
	if (reader === 'pyyaml' && question !== undefined)
		return shown({ why: 'A value in brackets has a question mark; put it in quotes.', line: question });
	try {
		const asWritten = readDocuments(bare);
		const again = asWritten.error && indented !== bare ? readDocuments(indented) : asWritten;
		const { documents, lines, error, text: used } = again.error ? asWritten : again;
		if (error) {
			const { why, offset } = breakIn(error, { text: used, documents }, yaml().visit);
			throw new YamlError(why, lineOf(lines.linePos(offset).line));
		}
		const values = new YamlReader(used, file, offset => position(lines, lineOf, offset), skeleton);
		return {
			documents: documents.map(({ contents }) => values.value(contents, contents, '', 0)),
			duplicates: values.duplicates,
		};
	} catch (error) {
		if (error instanceof YamlError) return error.at;
		// The parser is recursive; Synapse would not be able to parse anything nested deeper than its stack either.
		if (error instanceof RangeError) return { why: `It is nested more deeply than ${maxDepth} levels.`, limit: true };
		return { why: 'It is not readable YAML.' };
	}
}

function position(lines: LineCounter, lineOf: (line: number) => number, offset: number) {
	const { line, col } = lines.linePos(offset);
	return { line: lineOf(line), column: col };
}

function readDocuments(text: string): {
	text: string;
	documents: Document.Parsed[];
	lines: LineCounter;
	error: Document.Parsed['errors'][number] | undefined;
} {
	const lines = new (yaml().LineCounter)();
	const read = yaml().parseAllDocuments(text, {
		version: '1.1',
		schema: 'failsafe',
		merge: false,
		uniqueKeys: false,
		strict: true,
		prettyErrors: false,
		logLevel: 'silent',
		lineCounter: lines,
	});
	const documents = Array.isArray(read) ? (read as Document.Parsed[]) : [];
	// PyYAML needs no space between a bracket or a quote and a comment.
	const isComment = ({ code, pos }: Document.Parsed['errors'][number]) =>
		code === 'MISSING_CHAR' && text[pos[0]] === '#';
	const error = documents.flatMap(({ errors }) => errors.find(one => !isComment(one)) ?? [])[0];
	return { text, documents, lines, error };
}

class YamlReader {
	readonly duplicates: Duplicate[] = [];
	readonly #position: (offset: number) => { line: number; column: number };
	#nodes = 0;
	readonly #open = new Set<Node>();
	#anchors = new Map<string, Node>();

	readonly #text: string;

	readonly #file: string;

	readonly #skeleton: Skeleton | undefined;

	constructor(
		text: string,
		file: string,
		position: (offset: number) => { line: number; column: number },
		skeleton: Skeleton | undefined,
	) {
		this.#skeleton = skeleton;
		this.#text = text;
		this.#file = file;
		this.#position = position;
	}

	value(node: Node | null, root: Node | null, path: string, depth: number): Value {
		if (node === root) this.#anchors = this.anchorsIn(root);
		if (node === null || node === undefined) return { kind: 'null', file: this.#file, line: 1, column: 1 };
		const place = this.place(node);
		if (++this.#nodes > maxNodes)
			throw new YamlError(`It expands to more than ${maxNodes.toLocaleString('en')} values.`, place.line, true);
		if (depth > maxDepth) throw new YamlError(`It is nested more deeply than ${maxDepth} levels.`, place.line, true);
		if (yaml().isAlias(node)) {
			const target = this.#anchors.get(node.source);
			if (!target || offsetOf(target) > offsetOf(node))
				throw new YamlError('An alias (`*name`) has no anchor (`&name`).', place.line);
			if (this.#open.has(target)) throw new YamlError('An anchor contains itself.', place.line);
			return { ...this.value(target, null, path, depth + 1), ...place };
		}
		this.#open.add(node);
		try {
			if (yaml().isMap(node)) return this.mapping(node, path, depth, place);
			if (yaml().isSeq(node)) {
				this.collectionTag(node, ['seq', 'omap', 'pairs'], place);
				return {
					kind: 'list',
					items: node.items.map(item => this.value(item as Node, null, `${path}[]`, depth + 1)),
					...place,
				};
			}
			if (yaml().isScalar(node)) {
				const value = scalar(node, place);
				return this.#skeleton && isPlaceholder(value) ? { kind: 'hidden', as: 'number', ...place } : value;
			}
			throw new YamlError('It is not readable YAML.', place.line);
		} finally {
			this.#open.delete(node);
		}
	}

	/** PyYAML refuses a document in which a name stands for two values. */
	anchorsIn(root: Node | null): Map<string, Node> {
		const anchors = new Map<string, Node>();
		const waiting: unknown[] = [root];
		while (waiting.length) {
			const node = waiting.pop() as AnchoredNode | null;
			if (!node || typeof node !== 'object') continue;
			const before = node.anchor && anchors.get(node.anchor);
			if (before) {
				const later = offsetOf(before) > offsetOf(node) ? before : node;
				throw new YamlError('An anchor (`&name`) occurs twice.', this.place(later).line);
			}
			if (node.anchor) anchors.set(node.anchor, node);
			if (Array.isArray(node.items)) for (const item of node.items) waiting.push(item);
			if (node.key && typeof node.key === 'object') waiting.push(node.key);
			if (node.value && typeof node.value === 'object') waiting.push(node.value);
		}
		return anchors;
	}

	place(node: Node): Place {
		const offset = offsetOf(node);
		const { line, column } = this.#position(offset);
		if (!this.#skeleton) return { file: this.#file, line, column };
		// A skeleton puts the elements of one line below each other, so its columns do not distinguish them.
		return { file: this.#file, line: this.#skeleton.lineOf(line), column: offset + 1 };
	}

	collectionTag(node: Node, own: readonly string[], { line }: Place): void {
		const { tag } = node as { tag?: string };
		const name = tag?.replace('tag:yaml.org,2002:', '');
		if (name !== undefined && !own.includes(name) && name !== '!')
			throw new YamlError('It has a tag (`!name`) that Synapse cannot read.', line);
	}

	mapping(node: Node & { items: unknown[] }, path: string, depth: number, place: Place): Value {
		this.collectionTag(node, ['map', 'set'], place);
		const entries = new Map<string, MappingEntry>();
		const merged: MappingEntry[] = [];
		for (const pair of node.items as { key: Node | null; value: Node | null }[]) {
			const at = pair.key ? this.place(pair.key) : place;
			if (pair.key && yaml().isScalar(pair.key) && pair.key.type === 'PLAIN' && pair.key.source === '<<') {
				merged.push(...this.mergedFrom(pair.value, path, depth));
				continue;
			}
			const key = this.key(pair.key, path, depth, at);
			const value = pair.value
				? this.value(pair.value, null, `${path}${path && '.'}${key}`, depth + 1)
				: { kind: 'null' as const, ...at };
			const before = entries.get(key);
			if (before) this.duplicates.push({ path: `${path}${path && '.'}${key}`, first: before.line, ...at });
			entries.delete(key);
			entries.set(key, { key, value, ...at });
		}
		for (const entry of merged) if (!entries.has(entry.key)) entries.set(entry.key, entry);
		return { kind: 'mapping', entries: [...entries.values()], ...place };
	}

	/** A key as a string: what PyYAML parses differently (a number, true, null) matches no option of Synapse's. */
	key(node: Node | null, path: string, depth: number, at: Place): string {
		if (node === null || isLeftOut(node, this.#text)) throw new YamlError('A key is missing before a colon.', at.line);
		const value = this.value(node, null, path, depth + 1);
		if (value.kind === 'hidden' && yaml().isScalar(node)) return String(node.value ?? node.source ?? '');
		if (value.kind === 'string' || value.kind === 'date') return value.value;
		if (value.kind === 'number' || value.kind === 'boolean')
			return yaml().isScalar(node) ? String(node.source ?? value.value) : String(value.value);
		if (value.kind === 'null') return 'null';
		throw new YamlError('A key is a list or a mapping.', at.line);
	}

	mergedFrom(node: Node | null, path: string, depth: number): MappingEntry[] {
		const value = this.value(node, null, path, depth + 1);
		const sources = value.kind === 'list' ? value.items : [value];
		const entries = new Map<string, MappingEntry>();
		for (const source of sources) {
			if (source.kind !== 'mapping')
				throw new YamlError('`<<` is followed by something that is not a mapping.', value.line);
			for (const entry of source.entries) if (!entries.has(entry.key)) entries.set(entry.key, entry);
		}
		return [...entries.values()];
	}
}

/** PyYAML needs a `?` for a key that is not there. */
function isLeftOut({ source, type, tag, range, ...rest }: Scalar & { anchor?: string }, text: string): boolean {
	if (source !== '' || type !== 'PLAIN' || tag !== undefined || rest.anchor !== undefined) return false;
	return !text.slice(0, range?.[0]).trimEnd().endsWith('?');
}

type AnchoredNode = Node & { anchor?: string; items?: unknown[]; key?: unknown; value?: unknown };

const offsetOf = (node: Node) => node.range?.[0] ?? 0;

type Scalar = Node & { source?: string; value?: unknown; type?: string; tag?: string };

function scalar(node: Scalar, place: Place): Value {
	const text = typeof node.value === 'string' ? node.value : String(node.source ?? '');
	const plain = node.type === 'PLAIN' || node.type === undefined;
	switch (node.tag) {
		case undefined:
			return plain ? resolvePlain(text, place) : stringOf(text, place);
		case '!':
		case 'tag:yaml.org,2002:str':
			return { kind: 'string', value: text, ...place };
		case 'tag:yaml.org,2002:float':
		case 'tag:yaml.org,2002:int':
		case 'tag:yaml.org,2002:bool':
		case 'tag:yaml.org,2002:timestamp':
			return tagged(node.tag, text, place);
		case 'tag:yaml.org,2002:binary':
			if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text.replaceAll(/\s/g, '')))
				throw misfit(place);
			return { kind: 'hidden', ...place };
		case 'tag:yaml.org,2002:null':
			return { kind: 'null', ...place };
		case '!tag':
			return { kind: 'hidden', ...place };
		default:
			// `!ENV`, `!secret`, `!!python/object`: the SafeLoader rejects all of them.
			throw new YamlError('It has a tag (`!name`) that Synapse cannot read.', place.line);
	}
}

/** PyYAML fails on a value that does not fit its tag. A template may still become one that does. */
function tagged(tag: string, text: string, place: Place): Value {
	const exponent = tag.endsWith(':float') && /^[-+]?[0-9.]+e[-+]?[0-9]+$/i.test(text) ? Number(text) : Number.NaN;
	if (!Number.isNaN(exponent)) return { kind: 'number', value: exponent, integer: false, ...place };
	const value = resolvePlain(text, place);
	if (value.kind === 'number' && tag.endsWith(':float')) return { ...value, integer: false };
	if (value.kind === 'number' && value.integer && tag.endsWith(':int')) return value;
	const kind = tag.endsWith(':bool') ? 'boolean' : tag.endsWith(':timestamp') ? 'date' : 'hidden';
	if (value.kind !== kind && value.kind !== 'hidden') throw misfit(place);
	return value;
}

function misfit({ line }: Place): YamlError {
	return new YamlError('A value does not fit its tag (`!!int` before a word, for example).', line);
}

/** The skeleton writes 0 and 0.1 for numbers that it hides. */
function isPlaceholder(value: Value): boolean {
	return value.kind === 'number' && (value.value === 0 || value.value === 0.1);
}

/** `"***"` is what the skeleton writes for a string that it hides. */
function stringOf(text: string, place: Place): Value {
	return text === '***' ? { kind: 'hidden', as: 'string', ...place } : { kind: 'string', value: text, ...place };
}

// The expressions of PyYAML's resolver (yaml/resolver.py, 6.0): close to YAML 1.1, with its own peculiarities.
const boolean = /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/;
const truthy = /^(?:yes|true|on)$/i;
const float =
	/^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const integer =
	/^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;
const timestamp =
	/^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)$/;
/** Ansible, Helm and shell templates: Synapse will read something else. */
const template = /\{\{.*\}\}|\{%.*%\}|\$\{[^}]+\}/;

/** The value that PyYAML parses an unquoted text as. */
export function resolvePlain(text: string, place: Place): Value {
	if (text === '' || text === '~' || text === 'null' || text === 'Null' || text === 'NULL')
		return { kind: 'null', ...place };
	if (boolean.test(text)) return { kind: 'boolean', value: truthy.test(text), ...place };
	if (integer.test(text)) return { kind: 'number', value: integerOf(text), integer: true, ...place };
	if (float.test(text)) return { kind: 'number', value: floatOf(text), integer: false, ...place };
	if (timestamp.test(text) && !isDay(text)) throw new YamlError('It has a date that does not exist.', place.line);
	if (timestamp.test(text)) return { kind: 'date', value: text, ...place };
	if (template.test(text)) return { kind: 'hidden', ...place };
	return { kind: 'string', value: text, ...place };
}

function isDay(text: string): boolean {
	const [year = 0, month = 0, day = 0] = (/^(\d+)-(\d+)-(\d+)/.exec(text) ?? []).slice(1).map(Number);
	const date = new Date(Date.UTC(year, month - 1, day));
	return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

function integerOf(text: string): number {
	const bare = text.replaceAll('_', '');
	const sign = bare.startsWith('-') ? -1 : 1;
	const digits = bare.replace(/^[-+]/, '');
	if (digits === '0') return 0;
	if (digits.startsWith('0b')) return sign * Number.parseInt(digits.slice(2), 2);
	if (digits.startsWith('0x')) return sign * Number.parseInt(digits.slice(2), 16);
	if (digits.startsWith('0')) return sign * Number.parseInt(digits, 8);
	if (digits.includes(':')) return sign * sexagesimal(digits);
	return sign * Number(digits);
}

function floatOf(text: string): number {
	const bare = text.replaceAll('_', '').toLowerCase();
	const sign = bare.startsWith('-') ? -1 : 1;
	const digits = bare.replace(/^[-+]/, '');
	if (digits === '.inf') return sign * Number.POSITIVE_INFINITY;
	if (digits === '.nan') return Number.NaN;
	return sign * (digits.includes(':') ? sexagesimal(digits) : Number(digits));
}

/** `1:30` is ninety: a YAML 1.1 quirk, known from port mappings such as `22:22`. */
function sexagesimal(digits: string): number {
	return digits.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}
