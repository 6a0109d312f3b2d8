// Parses one YAML file and checks its shape. Returns the value and the position of everything in it, or every mistake
// with its position.
import { isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';

type Path = readonly PropertyKey[];

export type YamlFile<Value> = {
	/** The name used in mistakes: relative to the folder of all knowledge. */
	name: string;
	value: Value;
	/** The position of a path, or of the nearest thing around it: `synapse/notes/1.150.0.yaml:9:5`. */
	at(...path: Path): string;
};

/**
 * Returns undefined if the text does not have this shape, and adds each mistake to the list, as one line with its
 * position.
 */
export function readYaml<Value>(
	name: string,
	text: string,
	shape: z.ZodType<Value>,
	mistakes: string[],
): YamlFile<Value> | undefined {
	const counter = new LineCounter();
	const place = (offset: number) => {
		const { line, col } = counter.linePos(offset);
		return `${name}:${line}:${col}`;
	};
	const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
	// After the first syntax error the parser only guesses at the rest.
	const broken = document.errors.findIndex(({ code }) => code !== 'DUPLICATE_KEY');
	for (const { code, message, pos } of broken < 0 ? document.errors : document.errors.slice(0, broken + 1)) {
		const what = code === 'DUPLICATE_KEY' ? `the key ${wordAt(text, pos[0])} is here twice` : `not YAML: ${message}`;
		mistakes.push(`${place(pos[0])} ${what}`);
	}
	if (broken >= 0) return undefined;
	const root = document.contents;
	const offset = (path: Path) => nodeAround(root, path)?.range?.[0] ?? 0;
	const result = shape.safeParse(document.toJS(), { error: expectation });
	if (result.success && document.errors.length) return undefined;
	if (result.success) return { name, value: result.data, at: (...path) => place(offset(path)) };
	for (const issue of result.error.issues.flatMap(told)) {
		for (const [at, what] of describe(issue, root, text)) mistakes.push(`${place(at)} ${what}`);
	}
	return undefined;
}

function wordAt(text: string, offset: number): string {
	return /^["']?([^\s:"']+)/.exec(text.slice(offset))?.[1] ?? '?';
}

type Issue = z.core.$ZodIssue;

/** Replaces zod's own messages with words that complete "expected …". */
function expectation(issue: z.core.$ZodRawIssue): string | undefined {
	if (issue.code === 'invalid_type') {
		const kinds: Record<string, string> = {
			string: 'text',
			boolean: 'true or false',
			array: 'a list',
			object: 'keys and values',
			number: 'a number',
			int: 'a whole number',
		};
		return kinds[String(issue.expected)] ?? String(issue.expected);
	}
	if (issue.code === 'invalid_value') return (issue.values as unknown[]).join(' or ');
	if (issue.code === 'too_small') return issue.origin === 'string' ? 'some text' : 'at least one entry';
	if (issue.code === 'too_big') return `at most ${issue.maximum} characters`;
	if (issue.code === 'invalid_format' && 'prefix' in issue) return `text that starts with ${issue.prefix}`;
	return undefined;
}

/**
 * A union fails as a whole. If one choice is clearly what was meant, because it has the fewest mistakes, returns the
 * mistakes within it, otherwise the union's own.
 */
function told(issue: Issue): Issue[] {
	if (issue.code !== 'invalid_union') return [issue];
	const choices = issue.errors.map(issues => ({ issues, wrong: wrongness(issues) })).sort((a, b) => a.wrong - b.wrong);
	const [best, next] = choices;
	const isClear = best && best.wrong < otherChoice && best.wrong < (next?.wrong ?? otherChoice);
	return isClear ? best.issues.flatMap(inner => told({ ...inner, path: [...issue.path, ...inner.path] })) : [issue];
}

/** Outweighs any number of small mistakes: the wrong type, or a different discriminating word. */
const otherChoice = 1000;

function wrongness(issues: readonly Issue[]): number {
	const isOther = issues.some(({ code, path }) =>
		!path.length ? code === 'invalid_type' : path.length === 1 && code === 'invalid_value',
	);
	return isOther ? otherChoice : issues.length;
}

/** The offset and the text of each mistake in an issue. */
function describe(issue: Issue, root: Node | null, text: string): [number, string][] {
	const around = nodeAround(root, issue.path);
	const start = around?.range?.[0] ?? 0;
	if (issue.code === 'unrecognized_keys') {
		return issue.keys.map(key => [keyOffset(around, key) ?? start, `there is no key ${key} here`]);
	}
	const node = nodeAt(root, issue.path);
	if (!node)
		return [
			[
				start,
				`expected ${issue.path.at(-1) === undefined ? '' : `${String(issue.path.at(-1))}: `}${issue.message}, got nothing`,
			],
		];
	const source = isScalar(node) ? String(node.source ?? node.value) : undefined;
	// YAML parses a two-part version as a number, so 1.10 loses its zero; only the source still has it.
	const isHalfVersion = isScalar(node) && typeof node.value === 'number' && /^a version/.test(issue.message);
	if (isHalfVersion && source) return [[start, `expected ${issue.message}: write ${source}.0, got ${source}`]];
	const written = source ?? text.slice(start, node.range?.[1] ?? start);
	return [[start, `expected ${issue.message}, got ${shown(written)}`]];
}

function shown(source: string): string {
	const line = source.replace(/\s+/g, ' ').trim();
	if (!line) return 'nothing';
	return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}

function nodeAt(root: Node | null, path: Path): Node | undefined {
	let node: unknown = root;
	for (const key of path) {
		const isCollection = node !== null && typeof node === 'object' && 'get' in node && typeof node.get === 'function';
		node = isCollection ? (node as { get(key: PropertyKey, keepScalar: true): unknown }).get(key, true) : undefined;
	}
	return isNode(node) ? node : undefined;
}

function nodeAround(root: Node | null, path: Path): Node | undefined {
	for (let length = path.length; length >= 0; length--) {
		const node = nodeAt(root, path.slice(0, length));
		if (node) return node;
	}
	return undefined;
}

function isNode(value: unknown): value is Node {
	return value !== null && typeof value === 'object' && 'range' in value;
}

function keyOffset(node: Node | undefined, key: string): number | undefined {
	const pair = isMap(node) ? node.items.find(({ key: own }) => isScalar(own) && own.value === key) : undefined;
	return isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
}
