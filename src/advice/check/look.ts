// The look: evaluates a plan's conditions where the configuration is, so that nothing of it leaves the machine.
import type { Condition, Plain } from '../../configuration/condition.ts';
import { defaultAt, type Options, optionAt } from '../../configuration/options.ts';
import { parsePath } from '../../configuration/path.ts';
import { concern } from '../../deployment/condition.ts';
import { isContradiction, type Profile, parseTerm, profileOf, together } from '../../deployment/facts.ts';
import { compare, finalOf, holdsIn, isAbove, type Version } from '../../deployment/version.ts';
import type { Fault, Knowledge, Note } from '../../knowledge/schema/synapse.ts';
import { faultKey } from '../upgrade/way.ts';
import type { Checked, Finding, Unjudged } from './findings.ts';

type LookRange = { from: Version; to: Version; profile: Profile };

/** A condition that the script evaluates. `printed`: what the script prints if it holds; `id`: its key in plans. */
export type AskedCondition = Pick<Note, 'release' | 'found' | 'partly' | 'applies'> & {
	printed: string;
	id: string;
	/** Absent for a fault. */
	note?: Note;
};

/**
 * The conditions that a configuration and the installed packages decide for an upgrade of this deployment: those of
 * notes in its range, and of faults that it may encounter.
 */
export function askedByLook(
	{ notes, faults }: Pick<Knowledge, 'notes' | 'faults'>,
	{ from, to, profile }: LookRange,
): AskedCondition[] {
	const isAsked = ({ release, found, applies }: Pick<Note, 'release' | 'found' | 'applies'>) =>
		found !== undefined && compare(release, finalOf(to)) <= 0 && concern(applies, profile).is !== false;
	const isMet = ({ fixed }: Fault) => fixed === undefined || isAbove(fixed, from);
	return [
		...notes
			.filter(note => isAsked(note) && compare(note.release, from) > 0)
			.map(note => ({ ...note, printed: note.id, note })),
		...faults
			.filter(fault => isAsked(fault) && isMet(fault))
			.map(({ id, release, found, applies }) => ({
				printed: `fault/${id}`,
				id: faultKey(id),
				release,
				found,
				...(applies && { applies }),
			})),
	];
}

/** The script with these conditions built in: parsed paths, and each release's defaults where values are compared. */
export function lookScript(template: string, asked: readonly AskedCondition[], options: Options): string {
	const conditions = asked.map(({ printed, release, found, partly }) => [
		printed,
		prepared(found as Condition, release, options),
		partly === true,
	]);
	const json = `[${conditions.map(condition => JSON.stringify(condition)).join(',\n')}]`;
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
	if ('package' in condition) return { package: condition.package, version: boundsOf(condition.version) };
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

/** `>=1.4.12 <1.6.0` as `[[">=", [1, 4, 12]], ["<", [1, 6, 0]]]`. */
function boundsOf(range: string | undefined): [string, number[]][] {
	return [...(range ?? '').matchAll(/([<>]=?)([\d.]+)/g)].map(([, operator = '', version = '']) => [
		operator,
		version.split('.').map(Number),
	]);
}

function defaultOf(option: string, release: Version, options: Options): Plain | undefined {
	if (optionAt(options, option, release) === null) return null;
	const value = defaultAt(options, option, release);
	return value === null || ['string', 'number', 'boolean'].includes(typeof value) ? (value as Plain) : undefined;
}

/** The first id that the script with these conditions does not print, if there is one. */
export function strayIn(printed: readonly string[], asked: readonly AskedCondition[]): string | undefined {
	const ids = new Set(asked.map(one => one.printed));
	return printed.map(id => id.replace(/^\?/, '')).find(id => id !== 'none' && !ids.has(id));
}

/**
 * Parses the script's output: ids of conditions that hold, ids with `?` for undecided ones, or `none`. Conditions
 * that were asked about but are not listed do not hold. The keys are those of notes and faults in plans.
 */
export function decidedByLook(asked: readonly AskedCondition[], printed: readonly string[]): Map<string, boolean> {
	const said = new Set(printed);
	return new Map(
		asked.flatMap(({ id, printed: name }): [string, boolean][] => (said.has(`?${name}`) ? [] : [[id, said.has(name)]])),
	);
}

/** Installations that keep the Python that the script ran on; a new image or chart brings its own. */
const keepsPython: readonly unknown[] = ['pip', 'source', 'distro', 'debian'];

/** The deployment with the Python that the script ran on, as `python=3.11`, unless another one was stated. */
export function withPython(profile: Profile, python: string | undefined): Profile {
	if (python === undefined || profile.has('python') || !keepsPython.includes(profile.get('install')?.value))
		return profile;
	const fact = parseTerm(python);
	const added = profileOf(fact ? [fact] : []);
	return isContradiction(added) ? profile : together(added, profile);
}

/** What the script's output says about a target. Only notes, since we have not seen the configuration itself. */
export function checkedByLook(
	asked: readonly AskedCondition[],
	decided: ReadonlyMap<string, boolean>,
	{ from, to }: { from?: Version; to: Version },
): Checked {
	const notes = asked.flatMap(({ note }) => note ?? []);
	const stops = ({ refuses, release, until }: Note) => refuses && holdsIn(to, release, until);
	const findings = notes.flatMap((note): Finding[] => {
		if (decided.get(note.id) !== true) return [];
		const place = { file: '', line: 0, option: note.options[0] ?? '', release: note.release, note };
		if (note.refuses) return stops(note) && !note.refusesIf ? [{ kind: 'refuses', ...place }] : [];
		const { deadline } = note;
		if (!deadline || deadline.withdrawn || (deadline.landed !== undefined && compare(deadline.landed, to) <= 0))
			return [];
		const { replacedBy } = deadline;
		return [{ kind: 'deprecated', ...place, ...(replacedBy && { replacedBy }) }];
	});
	const unjudged = notes.flatMap((note): Unjudged[] => {
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
