// The parameters of a guide: what may stand for them, how they are filled into texts, and what is said on them.
import type { Condition, Guide, Parameter } from '../knowledge/shape.ts';
import type { Profile } from './profile.ts';
import { compareNumbers, holds, joined, parseTerm } from './profile.ts';

/** What may stand for a parameter: nothing that a shell, SQL or YAML would read as more than a word. */
export const parameterKinds = {
	/** A major version of PostgreSQL. */
	major: /^(9\.[0-6]|[1-9]\d?)$/,
	/** Gigabytes; typed as `20G`, `800M` or `1.5T`. */
	size: /^\d{1,7}(\.\d{1,3})?$/,
	port: /^[1-9]\d{0,4}$/,
	/** Of a database, a role, a service, a container. */
	name: /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/,
	path: /^[A-Za-z0-9_./][A-Za-z0-9_./-]{0,250}$/,
	/** A server's name, an IP address, or the folder of a socket. */
	host: /^[A-Za-z0-9/][A-Za-z0-9_.:/-]{0,250}$/,
	/** A version of Synapse. */
	release: /^\d+\.\d+\.\d+(rc\d+)?$/,
	/** Of an image or a package: `17-alpine`. */
	tag: /^[A-Za-z0-9_][A-Za-z0-9_.+~-]{0,100}$/,
	email: /^[A-Za-z0-9_.+-]{1,100}@[A-Za-z0-9.-]{1,100}$/,
	url: /^https?:\/\/[A-Za-z0-9.:/_-]{1,250}$/,
} as const;
export type ParameterKind = keyof typeof parameterKinds;

/** How each kind is said to somebody who typed something else. */
export const kindWords: Record<ParameterKind, string> = {
	major: 'a major version, like 17',
	size: 'a size, like 20G or 800M',
	port: 'the number of a port, like 5432',
	name: 'a name of letters, digits, hyphens and underscores',
	path: 'a path without spaces, of letters, digits and . _ - /',
	host: 'the name or the address of a host',
	release: 'a release with three parts, like 1.163.2',
	tag: 'a tag, like 17-alpine',
	email: 'an e-mail address',
	url: 'an address that begins with https://',
};

/** A name in braces, filled with the value of that parameter wherever a text of the guide has it. */
export const placeholder = /(?<![${])\{([a-z][a-z0-9-]*)\}/g;

/** A statement on a parameter: `layout=compose|plain`, `way!=dump`, `to>=18`, `from>={to}`, `data!=/*|.*` (begins with). */
export const parameterTerm = /^([a-z][a-z0-9-]*)(!=|<=|>=|<|>|=)(\S+)$/;

/** A value and how it came: typed, from a fact that was stated, or because nothing else was said. */
export type Value = { value: string; by: 'stated' | 'fact' | 'default' };
/** By name; a parameter that is not in it is unknown. */
export type Values = ReadonlyMap<string, Value>;

/** What is known of a deployment while a guide is read: its facts, and the values of the guide's parameters. */
export type Situation = { profile: Profile; values: Values };

/** True, false with the statements that exclude it, or unknown with the facts and parameters that would decide. */
export type Standing = { is: true } | { is: false; because: string[] } | { is: 'unknown'; ask: string[] };

/** The value as it is kept, or undefined if it is none of that parameter. Sizes become gigabytes. */
export function readValue({ kind, values }: Pick<Parameter, 'kind' | 'values'>, typed: string): string | undefined {
	if (values) return values.includes(typed.toLowerCase()) ? typed.toLowerCase() : undefined;
	const text = kind === 'size' ? gigabytes(typed) : typed;
	return text !== undefined && kind && parameterKinds[kind].test(text) ? text : undefined;
}

const units: Record<string, number> = { m: 1 / 1024, g: 1, t: 1024 };

function gigabytes(typed: string): string | undefined {
	const [, number, unit = ''] = /^(\d{1,6}(?:\.\d{1,3})?)([mgt])(?:i?b)?$/i.exec(typed) ?? [];
	if (number === undefined) return undefined;
	const size = Number(number) * (units[unit.toLowerCase()] ?? 1);
	return String(Math.max(0.001, Math.round(size * 1000) / 1000));
}

/** The values of all parameters that are known: stated, following from what is known, or usual. */
export function valuesOf(guide: Pick<Guide, 'parameters'>, stated: ReadonlyMap<string, string>, profile: Profile) {
	const values = new Map<string, Value>();
	// Before the parameters: conditions may ask for the way that somebody chose.
	const way = stated.get('way');
	if (way !== undefined) values.set('way', { value: way, by: 'stated' });
	for (const parameter of guide.parameters) {
		const value = oneValue(parameter, stated.get(parameter.name), { profile, values });
		if (value) values.set(parameter.name, value);
	}
	return values;
}

function oneValue(parameter: Parameter, stated: string | undefined, situation: Situation): Value | undefined {
	if (stated !== undefined) return { value: stated, by: 'stated' };
	const following = parameter.follows.find(({ when }) => stands(when, situation).is === true);
	if (following) return { value: filled(following.is, situation.values), by: 'fact' };
	if (parameter.default === undefined) return undefined;
	return { value: filled(parameter.default, situation.values), by: 'default' };
}

/** The text with the values put in; a parameter without one stands there in capitals, to be replaced by hand. */
export function filled(text: string, values: Values): string {
	return text.replace(placeholder, (_, name: string) => values.get(name)?.value ?? name.toUpperCase());
}

/** The names of all parameters that a text has. */
export function namesIn(text: string): string[] {
	return [...text.matchAll(placeholder)].map(([, name = '']) => name);
}

/** Whether a condition on facts and parameters holds here; absent, it holds. */
export function stands(condition: Condition | undefined, situation: Situation): Standing {
	if (!condition) return { is: true };
	const terms = 'all' in condition ? condition.all : condition.any;
	return joined(
		'all' in condition ? 'all' : 'any',
		terms.map(text => standing(text, situation)),
	);
}

function standing(text: string, { profile, values }: Situation): Standing {
	if (parseTerm(text)) return holds(text, profile);
	const [, name = '', operator = '', right = ''] = parameterTerm.exec(filledTerm(text, values)) ?? [];
	const known = values.get(name);
	const lacking = namesIn(right).filter(other => !values.has(other));
	if (!known || lacking.length) return { is: 'unknown', ask: [...(known ? [] : [name]), ...lacking] };
	return compared(known.value, operator, right) ? { is: true } : { is: false, because: [`${name}=${known.value}`] };
}

function filledTerm(text: string, values: Values): string {
	return text.replace(placeholder, (whole, name: string) => values.get(name)?.value ?? whole);
}

/** Whether a value is the word, or begins with it where the word ends in `*`. */
function fits(value: string, pattern: string): boolean {
	return pattern.endsWith('*') ? value.startsWith(pattern.slice(0, -1)) : value === pattern;
}

function compared(value: string, operator: string, right: string): boolean {
	if (operator === '=') return right.split('|').some(pattern => fits(value, pattern));
	if (operator === '!=') return !right.split('|').some(pattern => fits(value, pattern));
	const order = compareNumbers(value, right);
	if (operator === '<') return order < 0;
	if (operator === '<=') return order <= 0;
	return operator === '>' ? order > 0 : order >= 0;
}
