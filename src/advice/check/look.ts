// The look: which conditions of a plan hold, asked where the configuration lies, so that nothing of it leaves the machine.
import type { Condition, Plain } from '../../configuration/condition.ts';
import { defaultAt, type Options, optionAt } from '../../configuration/options.ts';
import { parsePath } from '../../configuration/path.ts';
import { concern } from '../../deployment/condition.ts';
import type { Profile } from '../../deployment/facts.ts';
import { compare, finalOf, type Version } from '../../deployment/version.ts';
import type { Note } from '../../knowledge/schema/synapse.ts';
import type { Checked, Finding, Unjudged } from './findings.ts';

type LookRange = { from: Version; to: Version; profile: Profile };

/** The notes of a range that a configuration decides, for this deployment. */
export function askedByLook(notes: readonly Note[], { from, to, profile }: LookRange): Note[] {
	return notes.filter(
		({ release, found, applies }) =>
			found !== undefined &&
			compare(release, from) > 0 &&
			compare(release, finalOf(to)) <= 0 &&
			concern(applies, profile).is !== false,
	);
}

/** The script with these conditions in it: paths taken apart, and each release's defaults beside what is compared. */
export function lookScript(template: string, notes: readonly Note[], options: Options): string {
	const conditions = notes.map(({ id, release, found, partly }) => [
		id,
		prepared(found as Condition, release, options),
		partly === true,
	]);
	const json = JSON.stringify(conditions).replaceAll('],["', '],\n["');
	return template.replace('CONDITIONS', () => `r'''${json}'''`);
}

function prepared(condition: Condition, release: Version, options: Options): unknown {
	const all = (parts: readonly Condition[]) => parts.map(part => prepared(part, release, options));
	if ('each' in condition)
		return {
			each: parsePath(condition.each),
			...(condition.any && { any: all(condition.any) }),
			...(condition.all && { all: all(condition.all) }),
			...(condition.not && { not: prepared(condition.not, release, options) }),
		};
	if ('any' in condition) return { any: all(condition.any) };
	if ('all' in condition) return { all: all(condition.all) };
	if ('not' in condition) return { not: prepared(condition.not, release, options) };
	if (!('option' in condition)) return { absent: condition.absent.map(path => parsePath(path)) };
	const { option, notKeyOf, is, ...rest } = condition;
	const value = is === undefined ? undefined : defaultOf(option, release, options);
	return {
		option: parsePath(option),
		...rest,
		...(is !== undefined && { is }),
		...(value !== undefined && { default: value }),
		...(notKeyOf !== undefined && { notKeyOf: parsePath(notKeyOf) }),
	};
}

function defaultOf(option: string, release: Version, options: Options): Plain | undefined {
	if (optionAt(options, option, release) === null) return null;
	const value = defaultAt(options, option, release);
	return value === null || ['string', 'number', 'boolean'].includes(typeof value) ? (value as Plain) : undefined;
}

/** What was printed: ids that hold, `?` before what could not be told; `none`. Whatever was asked and is not named, does not hold. */
export function decidedByLook(asked: readonly Note[], printed: readonly string[]): Map<string, boolean> {
	const said = new Set(printed);
	return new Map(asked.flatMap(({ id }): [string, boolean][] => (said.has(`?${id}`) ? [] : [[id, said.has(id)]])));
}

/** What the look's output says of a target: of notes only, since nobody here has seen the configuration. */
export function checkedByLook(
	asked: readonly Note[],
	decided: ReadonlyMap<string, boolean>,
	{ from, to }: { from?: Version; to: Version },
): Checked {
	const stops = ({ refuses, release, until }: Note) =>
		refuses && compare(release, finalOf(to)) <= 0 && (until === undefined || compare(to, until) < 0);
	const findings = asked.flatMap((note): Finding[] => {
		if (decided.get(note.id) !== true) return [];
		const place = { file: '', line: 0, option: note.options[0] ?? '', release: note.release, note };
		if (note.refuses) return stops(note) && !note.refusesIf ? [{ kind: 'refuses', ...place }] : [];
		const { deadline } = note;
		if (!deadline || deadline.withdrawn || (deadline.landed !== undefined && compare(deadline.landed, to) <= 0))
			return [];
		const { replacedBy } = deadline;
		return [{ kind: 'deprecated', ...place, ...(replacedBy && { replacedBy }) }];
	});
	const unjudged = asked.flatMap((note): Unjudged[] => {
		const isOpen =
			decided.get(note.id) === undefined || (decided.get(note.id) === true && note.refusesIf !== undefined);
		return stops(note) && isOpen ? [{ file: '', line: 0, option: note.options[0] ?? '', why: 'undecided', note }] : [];
	});
	return {
		to,
		...(from !== undefined && { from }),
		findings,
		refuses: findings.some(({ kind }) => kind === 'refuses'),
		unjudged,
		decided,
		starts: new Set(),
	};
}
