// The parameters of a guide: what may stand for them, how they are filled into texts, and what is said on them.

import { holds, joined } from '../../deployment/condition.ts';
import type { Profile } from '../../deployment/facts.ts';
import { compareNumbers, parseTerm } from '../../deployment/facts.ts';
import { namesIn, parameterTerm, placeholder } from '../../knowledge/schema/parameter.ts';
import type { Guide, GuideCondition, Parameter } from '../../knowledge/schema/synapse.ts';

/** A value and how it came: typed, from a fact that was stated, or because nothing else was said. */
export type ParameterValue = { value: string; by: 'stated' | 'fact' | 'default' };
/** By name; a parameter that is not in it is unknown. */
export type Values = ReadonlyMap<string, ParameterValue>;

/** What is known of a deployment while a guide is read: its facts, and the values of the guide's parameters. */
export type GuideSituation = { profile: Profile; values: Values };

/** True, false with the statements that exclude it, or unknown with the facts and parameters that would decide. */
export type Applicability = { is: true } | { is: false; because: string[] } | { is: 'unknown'; ask: string[] };

/** The values of all parameters that are known: stated, following from what is known, or usual. */
export function valuesOf(guide: Pick<Guide, 'parameters'>, stated: ReadonlyMap<string, string>, profile: Profile) {
	const values = new Map<string, ParameterValue>();
	// Before the parameters: conditions may ask for the way that somebody chose.
	const way = stated.get('way');
	if (way !== undefined) values.set('way', { value: way, by: 'stated' });
	for (const parameter of guide.parameters) {
		const value = oneValue(parameter, stated.get(parameter.name), { profile, values });
		if (value) values.set(parameter.name, value);
	}
	return values;
}

function oneValue(
	parameter: Parameter,
	stated: string | undefined,
	situation: GuideSituation,
): ParameterValue | undefined {
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

/** Whether a condition on facts and parameters holds here; absent, it holds. */
export function stands(condition: GuideCondition | undefined, situation: GuideSituation): Applicability {
	if (!condition) return { is: true };
	const terms = 'all' in condition ? condition.all : condition.any;
	return joined(
		'all' in condition ? 'all' : 'any',
		terms.map(text => standing(text, situation)),
	);
}

function standing(text: string, { profile, values }: GuideSituation): Applicability {
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
