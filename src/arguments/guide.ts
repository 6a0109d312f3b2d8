// Parses guide parameters as people type them.

import { Refusal } from '../answer.ts';
import { parseTerm } from '../deployment/facts.ts';
import { kindWords, readValue } from '../knowledge/schema/parameter.ts';
import type { Guide } from '../knowledge/schema/synapse.ts';
import { enumerate } from '../text/format.ts';
import { code, quoted } from '../text/markdown.ts';

/** A guide's words without `start` and `all`; `asked` also omits words that only affect the form of the answer. */
export function takeStart(words: readonly string[]): { begin: boolean; all: boolean; rest: string[]; asked: string } {
	const all = words.some(word => /^all$/i.test(word));
	const said = words.filter(word => !/^all$/i.test(word));
	const rest = said.filter(word => !/^start[.!]?$/i.test(word));
	const asked = rest.filter(word => !/^(file|markdown)$/i.test(word)).join(' ');
	return { begin: rest.length < said.length, all, rest, asked };
}

/**
 * The values stated for a guide's parameters (`dbname=matrix`, `way=dump`, or a bare `managed` if it is the value
 * of one of them), and the remaining words. Refuses invalid values, and two values of one parameter.
 */
export function takeParameters(
	words: readonly string[],
	guide: Pick<Guide, 'parameters' | 'ways'>,
): { stated: Map<string, string>; rest: string[] } {
	const ways = { name: 'way', means: 'the way', values: guide.ways.map(({ id }) => id) };
	const parameters = [ways, ...guide.parameters.filter(({ derived }) => !derived)];
	const stated = new Map<string, string>();
	const rest: string[] = [];
	for (const word of words) {
		const [, name = '', typed = ''] = /^([a-z][a-z0-9-]*)=(.*)$/i.exec(word) ?? [];
		const bare = parameters.filter(({ values }) => values?.includes(word.toLowerCase()));
		const only = bare.length === 1 && !parseTerm(word.toLowerCase()) ? bare[0] : undefined;
		const parameter = parameters.find(other => other.name === name.toLowerCase()) ?? only;
		if (!parameter) {
			rest.push(word);
			continue;
		}
		const value = readValue(parameter, only === parameter ? word : typed);
		if (value === undefined) throw new Refusal(unfitting(parameter, typed));
		const before = stated.get(parameter.name);
		if (before !== undefined && before !== value)
			throw new Refusal(`${code(parameter.name)} takes one value: use ${quoted(before)} or ${quoted(value)}.`);
		stated.set(parameter.name, value);
	}
	return { stated, rest };
}

function unfitting(
	{ name, values, kind }: Pick<Guide['parameters'][number], 'name' | 'values' | 'kind'>,
	typed: string,
) {
	const expected = values
		? enumerate(
				values.map(value => code(`${name}=${value}`)),
				'or',
			)
		: kind && kindWords[kind];
	return `${quoted(typed)} is not a valid ${code(name)}. Use ${expected}.`;
}
