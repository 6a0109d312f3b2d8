// A guide's known error outside a session: filled in for the deployment on which it can happen.
import type { Profile } from '../../deployment/facts.ts';
import { allStages } from '../../knowledge/guide-stages.ts';
import type { Guide } from '../../knowledge/schema/guide.ts';
import { filled, valuesOf } from './parameters.ts';

/**
 * The cause and cure of the failure with this ID. Parameters that nobody has stated follow from its stage's
 * conditions, because with the default layout or way the stage may not exist.
 */
export function failureText(guide: Guide, id: string, profile: Profile): { cause: string; cure: string } | undefined {
	for (const { failures, applies } of allStages(guide)) {
		const failure = failures.find(one => one.id === id);
		if (!failure) continue;
		const usual = valuesOf(guide, new Map(), profile);
		const terms = [applies, failure.applies].flatMap(condition =>
			condition && 'all' in condition ? condition.all : [],
		);
		const settled = terms.flatMap((term): [string, string][] => {
			const [, name = '', words = ''] = /^([a-z-]+)=([a-z0-9|-]+)$/.exec(term) ?? [];
			if (!guide.parameters.some(parameter => parameter.name === name)) return [];
			const possible = words.split('|');
			const value = possible.find(one => one === usual.get(name)?.value) ?? possible[0];
			return value === undefined ? [] : [[name, value]];
		});
		const values = valuesOf(guide, new Map(settled), profile);
		return { cause: filled(failure.cause, values), cure: filled(failure.cure, values) };
	}
	return undefined;
}
