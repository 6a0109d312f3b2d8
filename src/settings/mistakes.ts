// Describes what is wrong with a configuration, and where: the line in the file, or the environment variable.
import { type Document, isCollection, isMap, type LineCounter, type Node } from 'yaml';
import type { z } from 'zod';
import { noSuchOption } from './no-such-option.ts';

/** `variable`: the mistake is in the environment, and `line` has no meaning. */
export type Mistake = { line: number; text: string; variable?: string };

/** Where options were written. */
export type Places = {
	document: Document;
	lines: LineCounter;
	/** The environment variable that each option came from, by dotted path. */
	variables: ReadonlyMap<string, string>;
};

/** The shapes' type names, for people who write YAML. */
const kinds: Record<string, string> = {
	string: 'text in quotes',
	boolean: 'true or false',
	object: 'options under it',
	array: 'a list',
	int: 'a whole number',
};

/** `options`: the paths of all options. */
export function mistakesOf(
	issue: z.core.$ZodIssue,
	places: Places,
	options: readonly (readonly string[])[],
): Mistake[] {
	const name = issue.path.join('.');
	if (issue.code === 'unrecognized_keys') {
		return issue.keys.map(key => {
			const path = [...issue.path.map(String), key];
			return mistakeAt(path, noSuchOption(path, options), places);
		});
	}
	const typed = issue.code === 'invalid_type' && issue.message.startsWith('Invalid input') ? issue.expected : undefined;
	const wanted = typed && (kinds[typed] ?? `a ${typed}`);
	const given = places.document.hasIn(issue.path) || variableAt(issue.path, places.variables) !== undefined;
	if (issue.code === 'too_small' && issue.origin === 'string' && issue.message.startsWith('Too small'))
		return [mistakeAt(issue.path, `${name}: is empty`, places)];
	const text = wanted ? (given ? `expected ${wanted}` : 'is missing') : messageOf(issue);
	return [mistakeAt(issue.path, name ? `${name}: ${text}` : text, places)];
}

/** Our own message, or else zod's in plain words. */
function messageOf(issue: z.core.$ZodIssue): string {
	const { message } = issue;
	if (issue.code === 'invalid_value' && message.startsWith('Invalid'))
		return `expected one of ${issue.values.map(String).join(', ')}`;
	if (issue.code === 'too_small' && message.startsWith('Too small')) return `at least ${issue.minimum}`;
	if (issue.code === 'too_big' && message.startsWith('Too big')) return `at most ${issue.maximum}`;
	return message;
}

/** A mistake about an option, at its place. */
export function mistakeAt(path: readonly PropertyKey[], text: string, places: Places): Mistake {
	const variable = variableAt(path, places.variables);
	return { line: lineOf(places.document, path, places.lines), text, ...(variable !== undefined && { variable }) };
}

function variableAt(path: readonly PropertyKey[], variables: Places['variables']): string | undefined {
	for (let length = path.length; length > 0; length--) {
		const variable = variables.get(path.slice(0, length).join('.'));
		if (variable !== undefined) return variable;
	}
	return undefined;
}

/** All mistakes of a file, one per line: `config.yaml:4: matrix.allow: …`. */
export function mistakeLines(path: string, mistakes: readonly Mistake[]): string {
	return mistakes
		.map(({ line, text, variable }) => (variable === undefined ? `${path}:${line}: ${text}` : `${variable}: ${text}`))
		.join('\n');
}

/** Sorts by line; mistakes in the environment come last. */
export function sorted(mistakes: readonly Mistake[]): Mistake[] {
	const place = ({ line, variable }: Mistake) => (variable === undefined ? line : Number.MAX_SAFE_INTEGER);
	return mistakes.toSorted((a, b) => place(a) - place(b));
}

/** The line of the deepest part of the path that exists in the file. */
function lineOf(document: Document, path: readonly PropertyKey[], lines: LineCounter): number {
	for (let length = path.length; length > 0; length--) {
		const node = keyOf(document, path.slice(0, length));
		if (node?.range) return lines.linePos(node.range[0]).line;
	}
	return 1;
}

/** The node of a map's key (where people look), or of a list's item. */
function keyOf(document: Document, path: readonly PropertyKey[]): Node | undefined {
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
