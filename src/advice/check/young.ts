// Notes that only concern options newer than the running release, so that probably nobody has set them.
import { asksForPackage, type Condition } from '../../configuration/condition.ts';
import { type Options, optionAt } from '../../configuration/options.ts';
import type { Version } from '../../deployment/version.ts';
import type { Note } from '../../knowledge/schema/synapse.ts';

/** Options whose presence can make a condition true. Those that must be absent or different do not count. */
export function optionsOfCondition(condition: Condition): string[] {
	if ('each' in condition)
		return [
			condition.each,
			...[...(condition.any ?? []), ...(condition.all ?? [])].flatMap(part => under(condition.each, part)),
		];
	if ('any' in condition) return condition.any.flatMap(optionsOfCondition);
	if ('all' in condition) return condition.all.flatMap(optionsOfCondition);
	if ('option' in condition) return condition.absent ? [] : [condition.option];
	return [];
}

function under(each: string, part: Condition): string[] {
	return optionsOfCondition(part).map(option => `${each}.${option}`);
}

/** Ids of notes only about options newer than `from`. A path that is not in the table counts like its section. */
export function youngNotes(notes: readonly Note[], options: Options, from: Version): Set<string> {
	const isKnown = (path: string): boolean => {
		for (let part = path; part !== ''; part = part.replace(/(\.?[^.[\]]+|\[\])$/, '')) {
			if (options.byPath.has(part)) return optionAt(options, part, from) !== null;
		}
		return true;
	};
	return new Set(
		notes.flatMap(({ id, found }) => {
			// An installed package may well be older than the option.
			const written = found && !asksForPackage(found as Condition) ? optionsOfCondition(found as Condition) : [];
			return written.length && !written.some(isKnown) ? [id] : [];
		}),
	);
}
