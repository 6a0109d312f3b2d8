// A guide's parameters: their values, how these are filled into texts, and conditions on them.

import { holds, joined } from '../../deployment/condition.ts';
import type { Profile } from '../../deployment/facts.ts';
import { compareNumbers, parseTerm } from '../../deployment/facts.ts';
import { namesIn, parameterTerm, placeholder } from '../../knowledge/schema/parameter.ts';
import type { Guide, GuideCondition, Parameter } from '../../knowledge/schema/synapse.ts';

/** A value and its origin: stated, derived from a stated fact, or the default. */
export type ParameterValue = { value: string; by: 'stated' | 'fact' | 'default' };
/** By name; missing parameters are unknown. */
export type Values = ReadonlyMap<string, ParameterValue>;

/** What is known about a deployment while it follows a guide: its facts, and the guide's parameter values. */
export type GuideSituation = { profile: Profile; values: Values };

/** True; false with the statements that exclude it; or unknown with the facts and parameters that would decide. */
export type Applicability = { is: true } | { is: false; because: string[] } | { is: 'unknown'; ask: string[] };

/** The values of all known parameters: stated, derived, or default. */
export function valuesOf(guide: Pick<Guide, 'parameters'>, stated: ReadonlyMap<string, string>, profile: Profile) {
	const values = new Map<string, ParameterValue>();
	// Before the parameters, because conditions may ask for the chosen way.
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

/** The text with the values filled in; unknown parameters appear in capitals, to be replaced by hand. */
export function filled(text: string, values: Values): string {
	return text.replace(placeholder, (_, name: string) => values.get(name)?.value ?? name.toUpperCase());
}

/** Whether a condition on facts and parameters holds here; no condition always holds. */
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

/** Whether a value equals the word, or starts with it if the word ends in `*`. */
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
