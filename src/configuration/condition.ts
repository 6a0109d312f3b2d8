// Conditions on a configuration as data (`found` in a note), which evaluate to true, false or unknown.
import { holdsIn, type Version } from '../deployment/version.ts';
import type { Configuration, Part } from './files.ts';
import { parsePath, type Segment } from './path.ts';
import { amountOf } from './values.ts';
import type { Value } from './yaml.ts';

export type Kind = 'string' | 'number' | 'boolean' | 'list' | 'mapping' | 'null';
export type Plain = string | number | boolean | null;
export type Test = {
	option: string;
	type?: Kind | undefined;
	is?: Plain | undefined;
	in?: Part | 'any' | undefined;
	absent?: boolean | undefined;
	notKeyOf?: string | undefined;
	/** Whether a string starts with http:// or https://. */
	url?: boolean | undefined;
	below?: number | string | undefined;
	above?: number | string | undefined;
} & EffectTest;
/** Tests for effects only; the look does not support them. */
export type EffectTest = {
	/** The first release that reads the option; for earlier ones it is not set. */
	since?: Version | undefined;
	/** A string or number other than these. */
	noneOf?: readonly (string | number)[] | undefined;
	/** A string that does not match, or matches, this expression. */
	unlike?: string | undefined;
	like?: string | undefined;
	/** A list with fewer, or more, elements. */
	shorter?: number | undefined;
	longer?: number | undefined;
	/** A number above, or equal to, another option in the shared files; nothing is above an unset option. */
	aboveOption?: string | undefined;
	equalsOption?: string | undefined;
	/** The same for another member of the current element of `each`. */
	aboveMember?: string | undefined;
	/** A mapping with a key other than these, or with one that does not match. */
	unknownKeys?: readonly string[] | undefined;
	keysUnlike?: string | undefined;
	/** A list of mappings, two of which have the same value for this key. */
	repeats?: string | undefined;
	/** A string that is not in the value of this option (in the sense of Python's `in`). */
	notIn?: string | undefined;
};
/**
 * A Python package installed alongside Synapse: `version` is a range like `<1.4.12`; without it, any version matches.
 * Only the look can decide this, since it runs in that environment.
 */
export type PackageTest = { package: string; version?: string | undefined };
export type Condition =
	| Test
	| PackageTest
	| { any: Condition[] }
	| { all: Condition[] }
	| { not: Condition }
	| { each: string; any?: Condition[] | undefined; all?: Condition[] | undefined; not?: Condition | undefined }
	| { absent: string[] };

/** Whether files alone can never decide it, because part of it asks for an installed package. */
export function asksForPackage(condition: Condition): boolean {
	if ('package' in condition) return true;
	if ('option' in condition) return false;
	const { any = [], all = [], not } = condition as { any?: Condition[]; all?: Condition[]; not?: Condition };
	return [...any, ...all, ...(not ? [not] : [])].some(asksForPackage);
}

export type FoundPlace = { file: string; line: number; column?: number; option: string };
/** `at`: the place that makes the condition true, which the answer points to; `more`: further places. */
export type Decision = { is: boolean | 'unknown'; at?: FoundPlace; more?: readonly FoundPlace[] };

export type Question = {
	configuration: Configuration;
	/** The default of an option in a release; undefined if unknown. */
	defaultOf: (option: string, release: Version) => Plain | undefined;
	/** The release whose defaults apply. */
	release: Version;
};

const unknown: Decision = { is: 'unknown' };

/** Evaluates a condition. Unknown if the files cannot tell: a file was not given, or a value is hidden. */
export function decide(condition: Condition, question: Question): Decision {
	return within(condition, question, undefined);
}

function within(condition: Condition, question: Question, element: Value | undefined): Decision {
	if ('each' in condition) return eachOf(condition, question, element);
	if ('any' in condition) return anyOf(condition.any.map(part => within(part, question, element)));
	if ('all' in condition) return allOf(condition.all.map(part => within(part, question, element)));
	if ('not' in condition) return notOf(within(condition.not, question, element));
	if ('option' in condition) return test(condition, question, element);
	// No file says what is installed.
	if ('package' in condition) return unknown;
	// With `absent: [a, b]`, the element has none of them.
	return allOf(condition.absent.map(option => test({ option, absent: true }, question, element)));
}

/** Whether everything holds for some element. */
function eachOf(
	{ each, any, all, not }: Extract<Condition, { each: string }>,
	question: Question,
	element: Value | undefined,
): Decision {
	const found = select(each, 'any', question.configuration, element);
	const inner = [...(any ? [{ any }] : []), ...(all ?? []), ...(not ? [{ not }] : [])];
	const decisions = found.matches.map(match => {
		const decision = allOf(inner.map(part => within(part, question, match.value)));
		return decision.is === true ? withPlaces(placesOf(decision), each, match) : decision;
	});
	return anyOf([...decisions, ...(found.unsure ? [unknown] : [])]);
}

/** An element's members are named from the top: `listeners[].port`. */
function withPlaces(places: readonly FoundPlace[], each: string, element: Match): Decision {
	const [at = placeOf(element), ...more] = places.map(place => ({ ...place, option: `${each}.${place.option}` }));
	return { is: true, at, ...(more.length && { more }) };
}

export function anyOf(decisions: readonly Decision[]): Decision {
	const [first, ...others] = decisions.filter(({ is }) => is === true);
	if (!first) return decisions.find(({ is }) => is === 'unknown') ?? { is: false };
	if (!others.length) return first;
	const [at, ...more] = [first, ...others].flatMap(placesOf);
	return at ? { is: true, at, ...(more.length && { more }) } : first;
}

/** Every place that makes a condition true. */
export function placesOf({ at, more = [] }: Decision): FoundPlace[] {
	return at ? [at, ...more] : [];
}

export function allOf(decisions: readonly Decision[]): Decision {
	const no = decisions.find(({ is }) => is === false) ?? decisions.find(({ is }) => is === 'unknown');
	return no ?? decisions.find(({ at }) => at) ?? { is: true };
}

function notOf({ is }: Decision): Decision {
	return { is: is === 'unknown' ? 'unknown' : !is };
}

type Match = { value: Value; option: string };
type FoundValue = {
	matches: Match[];
	/** Whether something hidden, or a file not given, could add more. */
	unsure: boolean;
};

function placeOf({ value, option }: Match): FoundPlace {
	return { file: value.file, line: value.line, column: value.column, option };
}

function test(asked: Test, question: Question, element: Value | undefined): Decision {
	if (!holdsIn(question.release, asked.since, undefined)) return { is: asked.absent === true };
	const { matches, unsure } = select(asked.option, asked.in ?? 'any', question.configuration, element);
	const no: Decision = unsure ? unknown : { is: false };
	if (asked.absent) {
		const [match] = matches;
		return match ? { is: false } : unsure ? unknown : { is: true };
	}
	const wanted = (match: Match): Decision => {
		const is = holds(asked, match.value, question, element);
		return is === true ? { is, at: placeOf(match) } : { is };
	};
	if (matches.length) return anyOf([...matches.map(wanted), ...(unsure ? [unknown] : [])]);
	// An element or a member that nobody wrote has no default.
	if (asked.is === undefined || unsure || element || /\[\]|\*/.test(asked.option)) return no;
	// If nothing is written, the release's default applies.
	const value = question.defaultOf(asked.option, question.release);
	return value === undefined ? unknown : { is: value === asked.is };
}

function holds(asked: Test, value: Value, question: Question, element?: Value): boolean | 'unknown' {
	const { type, is, notKeyOf, url, below, above } = asked;
	const parts: (boolean | 'unknown')[] = [...effectParts(asked, value, question, element)];
	if (type !== undefined)
		parts.push(value.kind === 'hidden' ? (value.as ? value.as === type : 'unknown') : kindOf(value) === type);
	if (is !== undefined) parts.push(equals(value, is));
	if (notKeyOf !== undefined) parts.push(isNoKeyOf(value, notKeyOf, question));
	if (url !== undefined)
		parts.push(
			value.kind === 'hidden' ? 'unknown' : value.kind === 'string' && /^https?:\/\//.test(value.value) === url,
		);
	if (below !== undefined || above !== undefined) {
		const amount = amountOf(value);
		if (value.kind === 'hidden') parts.push('unknown');
		else if (amount === undefined) parts.push(false);
		else
			parts.push(
				(below === undefined || amount < asNumber(below)) && (above === undefined || amount > asNumber(above)),
			);
	}
	if (parts.includes(false)) return false;
	return parts.includes('unknown') ? 'unknown' : true;
}

/** Results of the tests for effects that are present. */
function effectParts(
	{
		noneOf,
		unlike,
		like,
		shorter,
		longer,
		aboveOption,
		equalsOption,
		aboveMember,
		unknownKeys,
		keysUnlike,
		notIn,
		repeats,
	}: EffectTest,
	value: Value,
	question: Question,
	element: Value | undefined,
): (boolean | 'unknown')[] {
	const parts: (boolean | 'unknown')[] = [];
	const text = value.kind === 'string' ? value.value : undefined;
	const isHidden = value.kind === 'hidden';
	if (noneOf)
		parts.push(
			isHidden
				? 'unknown'
				: 'value' in value && ['string', 'number'].includes(value.kind) && !noneOf.some(one => one === value.value),
		);
	if (unlike !== undefined) parts.push(isHidden ? 'unknown' : text !== undefined && !new RegExp(unlike).test(text));
	// A skeleton shows empty strings, so a hidden one is not empty.
	if (like === '.' && value.kind === 'hidden' && value.as === 'string') parts.push(true);
	else if (like !== undefined) parts.push(isHidden ? 'unknown' : text !== undefined && new RegExp(like).test(text));
	const items = value.kind === 'list' ? value.items.length : undefined;
	if (shorter !== undefined) parts.push(isHidden ? 'unknown' : items !== undefined && items < shorter);
	if (longer !== undefined) parts.push(isHidden ? 'unknown' : items !== undefined && items > longer);
	const keys = value.kind === 'mapping' ? value.entries.map(({ key }) => key) : [];
	if (unknownKeys) parts.push(isHidden ? 'unknown' : keys.some(key => !unknownKeys.includes(key)));
	if (keysUnlike !== undefined) parts.push(isHidden ? 'unknown' : keys.some(key => !new RegExp(keysUnlike).test(key)));
	if (repeats !== undefined) parts.push(isHidden ? 'unknown' : hasTwice(value, repeats));
	if (notIn !== undefined) parts.push(isHidden ? 'unknown' : isNotIn(text, notIn, question));
	if (aboveOption !== undefined)
		parts.push(compared(value, boundOf(aboveOption, question), (own, bound) => own > bound));
	if (equalsOption !== undefined)
		parts.push(compared(value, boundOf(equalsOption, question), (own, bound) => own === bound));
	if (aboveMember !== undefined)
		parts.push(
			compared(
				value,
				element && select(aboveMember, 'any', question.configuration, element).matches[0]?.value,
				(own, bound) => own > bound,
			),
		);
	return parts;
}

/** The value or default of another option; unknown if the files cannot tell. */
function boundOf(
	path: string,
	{ configuration, defaultOf, release }: Question,
): Value | number | undefined | 'unknown' {
	const { matches, unsure } = select(path, 'main', configuration, undefined);
	const [match] = matches;
	if (match) return match.value;
	if (unsure) return 'unknown';
	const fallback = defaultOf(path, release);
	return typeof fallback === 'string' || typeof fallback === 'number' ? asNumber(fallback) : undefined;
}

function compared(
	value: Value,
	other: Value | number | undefined | 'unknown',
	holdsFor: (own: number, bound: number) => boolean,
): boolean | 'unknown' {
	if (value.kind === 'hidden' || other === 'unknown' || (typeof other === 'object' && other.kind === 'hidden'))
		return 'unknown';
	const own = amountOf(value);
	const bound = typeof other === 'object' ? amountOf(other) : other;
	return own !== undefined && bound !== undefined && holdsFor(own, bound);
}

function hasTwice(value: Value, key: string): boolean {
	const own = (value.kind === 'list' ? value.items : []).flatMap(item => {
		const member = item.kind === 'mapping' ? item.entries.find(entry => entry.key === key)?.value : undefined;
		return member && 'value' in member ? [member.value] : [];
	});
	return new Set(own).size < own.length;
}

/** As in Python's `in`: list elements, mapping keys, substrings. */
function isNotIn(text: string | undefined, path: string, { configuration }: Question): boolean | 'unknown' {
	if (text === undefined) return false;
	const { matches, unsure } = select(path.replace(/\[\]$/, ''), 'any', configuration, undefined);
	const isIn = matches.map(({ value }) => {
		if (value.kind === 'hidden') return 'unknown';
		if (value.kind === 'string') return value.value.includes(text);
		if (value.kind === 'mapping') return value.entries.some(({ key }) => key === text);
		if (value.kind !== 'list') return false;
		if (value.items.some(item => item.kind === 'string' && item.value === text)) return true;
		return value.items.some(({ kind }) => kind === 'hidden') ? 'unknown' : false;
	});
	if (isIn.includes(true)) return false;
	return unsure || isIn.includes('unknown') ? 'unknown' : true;
}

function asNumber(bound: number | string): number {
	if (typeof bound === 'number') return bound;
	return amountOf({ kind: 'string', value: bound, file: '', line: 0, column: 0 }) ?? Number.NaN;
}

export function kindOf(value: Value): Kind | 'hidden' {
	return value.kind === 'date' ? 'string' : value.kind;
}

function equals(value: Value, wanted: Plain): boolean | 'unknown' {
	switch (value.kind) {
		case 'hidden':
			return value.as !== undefined && typeof wanted !== value.as ? false : 'unknown';
		case 'null':
			return wanted === null;
		case 'string':
		case 'number':
		case 'boolean':
			return value.value === wanted;
		default:
			return false;
	}
}

function isNoKeyOf(value: Value, path: string, { configuration }: Question): boolean | 'unknown' {
	if (value.kind === 'hidden') return 'unknown';
	const name = value.kind === 'string' ? value.value : undefined;
	// The main process needs no entry.
	if (name === undefined || name === 'master') return false;
	const { matches, unsure } = select(path, 'any', configuration, undefined);
	const names = matches.flatMap(({ value: found }) =>
		found.kind === 'mapping' ? found.entries.map(({ key }) => key) : [],
	);
	if (names.includes(name)) return false;
	return unsure || matches.some(({ value: found }) => found.kind === 'hidden') ? 'unknown' : true;
}

/** Every value at a path: in an element, or in the processes that `part` names. */
export function select(
	path: string,
	part: Part | 'any',
	configuration: Configuration,
	element: Value | undefined,
): FoundValue {
	const segments = parsePath(path) ?? [];
	if (element) return inside(element, segments, path);
	const roots = configuration.processes.filter(({ part: own }) =>
		part === 'any' ? own !== 'log-config' : own === part,
	);
	const found = roots.map(root => inside(root.value, segments, path));
	const given = part === 'any' || part === 'main' ? configuration.has.main : configuration.has[part];
	const workersMissing = part === 'any' && configuration.mayHave.worker && !configuration.has.worker;
	return {
		matches: distinct(found.flatMap(({ matches }) => matches)),
		unsure:
			found.some(({ unsure }) => unsure) ||
			!given ||
			// Such a file may contain anything.
			configuration.unreadable.length > 0 ||
			(workersMissing && isOfWorkers(segments)),
	};
}

/** Whether an option belongs in a worker's own file; all others are in the shared files. */
function isOfWorkers([first = '']: readonly Segment[]): boolean {
	return first.startsWith('worker_');
}

/** Drops repeats: every process has the values of the shared files, which were written only once. */
function distinct(matches: readonly Match[]): Match[] {
	const seen = new Set<string>();
	return matches.filter(({ value, option }) => {
		const key = `${option} ${value.file} ${value.line} ${value.column}`;
		return !seen.has(key) && seen.add(key);
	});
}

function inside(value: Value, [first, ...rest]: readonly Segment[], option: string): FoundValue {
	if (first === undefined) return { matches: [{ value, option }], unsure: false };
	if (value.kind === 'hidden') return { matches: [], unsure: true };
	const children =
		first === '[]'
			? value.kind === 'list'
				? value.items
				: []
			: value.kind === 'mapping'
				? value.entries
						.filter(({ key }) => first === '*' || key === first)
						.map(entry => ({ ...entry.value, ...lineOfKey(entry) }))
				: [];
	const found = children.map(child => inside(child, rest, option));
	return { matches: found.flatMap(({ matches }) => matches), unsure: found.some(({ unsure }) => unsure) };
}

/** The line of the key, which is what people look for. */
function lineOfKey({ file, line, column }: { file: string; line: number; column: number }) {
	return { file, line, column };
}
