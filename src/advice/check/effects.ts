// What the code of a release does with a configuration, unless a note's refusal covers the same place.
import { type Condition, decide, placesOf } from '../../configuration/condition.ts';
import { plainDefaults } from '../../configuration/options.ts';
import { holdsIn } from '../../deployment/version.ts';
import type { Effect } from '../../knowledge/schema/synapse.ts';
import { type CheckRequest, type Finding, spotOf } from './findings.ts';
import { nameable } from './written-options.ts';

export type EffectFindings = {
	findings: Finding[];
	/** Whether a refusal among these already says that this required member is missing from its section. */
	reports: (missing: Pick<Finding, 'option' | 'file' | 'line'>) => boolean;
};

/** `told`: the spots that notes already cover. */
export function effectFindings(
	{ configuration, options, to }: CheckRequest,
	effects: readonly Effect[],
	told: ReadonlySet<string>,
): EffectFindings {
	const reported = new Set<string>();
	const findings = effects.flatMap(({ kind, option, found, since, until, says, replacedBy }): Finding[] => {
		if (!holdsIn(to, since, until)) return [];
		const decision = decide(found as Condition, { configuration, defaultOf: plainDefaults(options), release: to });
		if (decision.is !== true) return [];
		const places = placesOf(decision).map(at => ({ ...at, option: nameable(at.option, options) }));
		const shown = places.length ? places : [{ file: '', line: 0, option }];
		const missing = kind === 'refuses' ? missingIn(found as Condition) : [];
		for (const { file, line } of shown) for (const path of missing) reported.add(keyOf({ option: path, file, line }));
		const more = { why: says, ...(since && { release: since }), ...(replacedBy && { replacedBy }) };
		return shown.flatMap(place => (told.has(spotOf(place)) ? [] : [{ kind, ...place, ...more }]));
	});
	return { findings, reports: missing => reported.has(keyOf(missing)) };
}

/** The options whose absence is part of a condition. */
function missingIn(condition: Condition, each?: string): string[] {
	if ('absent' in condition && Array.isArray(condition.absent)) return condition.absent.map(key => `${each}.${key}`);
	if ('option' in condition) return condition.absent ? [condition.option] : [];
	if ('package' in condition) return [];
	const {
		any = [],
		all = [],
		each: list = each,
	} = condition as { any?: Condition[]; all?: Condition[]; each?: string };
	return [...any, ...all].flatMap(part => missingIn(part, list));
}

/** The line only matters if the section may occur several times: it is not always the one that a condition points to. */
function keyOf({ option, file, line }: Pick<Finding, 'option' | 'file' | 'line'>): string {
	return /\[\]|\*/.test(option) ? `${file} ${line} ${option}` : `${file} ${option}`;
}
