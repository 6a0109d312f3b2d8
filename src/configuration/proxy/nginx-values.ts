// The values of nginx's variables, as far as the configuration decides them.
import type { Directive } from './nginx-syntax.ts';
import type { Pattern, Patterns } from './pattern.ts';
import type { Effort, Request } from './route.ts';

/** At most this many combinations of variable values are distinguished. */
const maxValues = 50;
const maxLookups = 8;
/** Stands for a value that the files do not show, or that an expression decides that cannot be evaluated. */
const undecidable = '$?';

export type NginxMap = {
	source: string;
	entries: { value: string; literal?: string; pattern?: Pattern }[];
	fallback: string;
	/** It includes a file that was not given. */
	isPartial: boolean;
};
export type Variables = {
	maps: ReadonlyMap<string, NginxMap>;
	/** What `set` has stored so far, by name with the dollar sign. */
	sets: ReadonlyMap<string, string>;
	/** Every variable that some `set` declares: empty until it is set. */
	declared: ReadonlySet<string>;
	upstreams: ReadonlyMap<string, string[]>;
	patterns: Patterns;
	effort: Effort;
};

/**
 * Whether a condition holds. `either`: requests differ in it, for example in their query. `undecided`: the files do
 * not show it.
 */
export type ConditionAnswer = boolean | 'either' | 'undecided';

/** Adds a `map`'s entries, in nginx's order of precedence. */
export function mapOf(source: string, block: readonly Directive[], patterns: Patterns): NginxMap {
	const entries: NginxMap['entries'] = [];
	let fallback = '';
	for (const { name, words } of block) {
		const value = words[0] ?? '';
		if (name === 'default') fallback = value;
		else if (name === 'hostnames' || name === 'volatile' || name === 'include') continue;
		else if (name.startsWith('~')) {
			const ignoreCase = name.startsWith('~*');
			entries.push({ value, pattern: patterns.of(name.slice(ignoreCase ? 2 : 1), ignoreCase) });
		} else entries.push({ value, literal: name.replace(/^\\/, '').toLowerCase() });
	}
	return { source, entries, fallback, isPartial: block.some(({ name }) => name === 'include') };
}

/** `($request_method = GET)`, `($uri ~ ^/x)`, `($flag)`, `(!-f $request_filename)`. */
export function conditionOf(words: readonly string[], request: Request, variables: Variables): ConditionAnswer {
	const [left = '', operator, ...rest] = words
		.join(' ')
		.replace(/^\(\s*/, '')
		.replace(/\s*\)$/, '')
		.split(/\s+/);
	if (/^!?-[fdex]$/.test(left)) return 'either';
	if (operator !== undefined && !/^(?:!?=|!?~\*?)$/.test(operator)) return 'undecided';
	const right = rest.join(' ').replace(/^(["'])(.*)\1$/, '$2');
	const wanted = operator === '=' || operator === '!=' ? valuesOf(right, request, variables) : [right];
	const decided = new Set(
		valuesOf(left, request, variables).flatMap(value => wanted.map(own => comparison(value, operator, own, variables))),
	);
	const [only] = decided;
	if (decided.has('undecided') || only === undefined) return 'undecided';
	return decided.size === 1 ? only : 'either';
}

function comparison(
	value: string,
	operator: string | undefined,
	wanted: string,
	variables: Variables,
): ConditionAnswer {
	if (value.includes(undecidable) || (operator?.endsWith('=') && wanted.includes(undecidable))) return 'undecided';
	if (operator === undefined) return value.includes('$') ? 'either' : value !== '' && value !== '0';
	if (operator === '=' || operator === '!=')
		return value.includes('$') || wanted.includes('$') ? 'either' : (value === wanted) === (operator === '=');
	if (value.includes('$')) return 'either';
	const is = variables.patterns.of(wanted, operator.includes('*'))(value);
	return is === 'unknown' ? 'undecided' : operator.startsWith('!') ? !is : is;
}

/** Every possible value of a text with variables. A variable that only a real request has is left as it is. */
export function valuesOf(text: string, request: Request, variables: Variables, depth = 0): string[] {
	const parts = text.split(/(\$\{\w+\}|\$\w+)/);
	variables.effort.spend(parts.length);
	let values = [''];
	for (const part of parts) {
		const name = /^\$\{?(\w+)\}?$/.exec(part)?.[1];
		const choices = name === undefined ? [part] : variableOf(`$${name}`, request, variables, depth);
		values = values.flatMap(before => choices.map(choice => before + choice));
		if (values.length > maxValues) return [undecidable];
	}
	return [...new Set(values)];
}

function variableOf(name: string, request: Request, variables: Variables, depth: number): string[] {
	if (name === '$request_method') return [request.method];
	if (name === '$uri' || name === '$document_uri') return [request.path];
	if (name === '$request_uri') return [request.path, `${request.path}?a=a`];
	if (name === '$scheme') return ['https'];
	if (depth > maxLookups) return [undecidable];
	// nginx evaluates the value when it sets it.
	const own = variables.sets.get(name);
	if (own !== undefined) return [own];
	const map = variables.maps.get(name);
	if (!map) return [variables.declared.has(name) ? '' : name];
	const results = valuesOf(map.source, request, variables, depth + 1).flatMap(source =>
		mapped(map, source, variables.effort),
	);
	const distinct = [...new Set(results)];
	if (distinct.length > maxValues) return [undecidable];
	return distinct.flatMap(value => valuesOf(value, request, variables, depth + 1));
}

/**
 * A map tries its literals, then its expressions in order. A source that only a real request has may lead to any
 * value.
 */
function mapped({ entries, fallback, isPartial }: NginxMap, source: string, effort: Effort): string[] {
	effort.spend(1 + entries.length / 50);
	if (source.includes(undecidable) || isPartial) return [undecidable];
	if (source.includes('$')) return [...entries.map(({ value }) => value), fallback];
	const asked = source.toLowerCase();
	const literal = entries.find(entry => entry.literal === asked);
	if (literal) return [literal.value];
	for (const { value, pattern } of entries) {
		const is = pattern?.(source);
		if (is === true) return [value];
		if (is === 'unknown') return [undecidable];
	}
	return [fallback];
}
