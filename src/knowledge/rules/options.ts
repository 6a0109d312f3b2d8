// Checks the options that notes, faults and effects name: each exists in some release.
import { distance } from 'fastest-levenshtein';
import type { Condition } from '../../configuration/condition.ts';
import type { Files, KnowledgeRule } from './rule.ts';

/** Names that no release in the table reads from its configuration files, with where they really belong. */
const elsewhere: Readonly<Record<string, string>> = {
	'server-name': 'a command-line flag of 0.2.0',
	'database-path': 'a command-line flag of 0.2.0',
	'bind-port': 'a command-line flag of 0.2.0',
	'unsecure-port': 'a command-line flag of 0.2.0',
	structured: 'the log configuration',
	drains: 'the log configuration',
	synctl_cache_factor: 'read by synctl, not by Synapse',
	allow_unsafe_locale: 'what people set at the top by mistake: it counts only under the database',
};

type NamedOption = { option: string; place: string };

/** Every option in a curated file exists; a misspelt one would never match anyone's configuration. */
export const optionsExist: KnowledgeRule = files => {
	// A folder without the table, like most test data, has no options to compare with.
	if (!files.options.length) return [];
	const known = knownPaths(files.options);
	const named = namedIn(files);
	const unknown = named.filter(({ option }) => !(plain(option) in elsewhere) && !isKnown(option, known));
	const unneeded = Object.keys(elsewhere).filter(
		option => known.has(option) || !named.some(other => plain(other.option) === option),
	);
	return [
		...unknown.map(
			({ option, place }) => `${place} expected an option of some release, got ${option}${near(option, files.options)}`,
		),
		...(isComplete(files) ? unneeded : []).map(
			option => `src/knowledge/rules/options.ts unnecessary exception: ${option} is known or no longer named`,
		),
	];
};

/** `listeners[].tls` and `listeners.tls` mean the same option, and so do `instance_map.*.port` and `instance_map.port`. */
function plain(option: string): string {
	return option.replaceAll('[]', '').replaceAll(/\.(\*|"[^"]*")/g, '');
}

/** Plain paths of all options and of the sections above them; true if options are known below the path. */
function knownPaths(options: readonly string[]): ReadonlyMap<string, boolean> {
	const known = new Map<string, boolean>();
	for (const option of options) {
		const segments = plain(option).split('.');
		for (let length = 1; length <= segments.length; length++) {
			const path = segments.slice(0, length).join('.');
			known.set(path, known.get(path) === true || length < segments.length);
		}
	}
	return known;
}

/** Whether an option is known, or is below one whose value Synapse passes on, such as a module's settings. */
function isKnown(option: string, known: ReadonlyMap<string, boolean>): boolean {
	const path = plain(option);
	if (known.has(path)) return true;
	const segments = path.split('.');
	for (let length = segments.length - 1; length > 0; length--) {
		const hasMembers = known.get(segments.slice(0, length).join('.'));
		if (hasMembers !== undefined) return !hasMembers;
	}
	return false;
}

/** The most similar option. The same name in another section counts as closer than a similar path. */
function near(option: string, options: readonly string[]): string {
	const path = plain(option);
	const ranked = options
		.map(other => ({
			other,
			far: distance(path, plain(other)),
			isElsewhere: nameIn(plain(other)) === nameIn(path),
		}))
		.sort((a, b) => Number(b.isElsewhere) - Number(a.isElsewhere) || a.far - b.far || a.other.localeCompare(b.other));
	const [best] = ranked;
	return best ? `; the nearest is ${best.other}` : '';
}

function nameIn(path: string): string {
	return path.slice(path.lastIndexOf('.') + 1);
}

function namedIn({ notes, faults, effects }: Files): NamedOption[] {
	return [
		...notes.flatMap(({ value, at }) =>
			value.notes.flatMap((note, index) => [
				...note.options.map((option, i) => ({ option, place: at('notes', index, 'options', i) })),
				...asked(note.found, (...path) => at('notes', index, 'found', ...path)),
				...asked(note.refusesIf, (...path) => at('notes', index, 'refusesIf', ...path)),
				...asked(note.deadline?.found, (...path) => at('notes', index, 'deadline', 'found', ...path)),
			]),
		),
		...faults.flatMap(({ value, at }) =>
			value.faults.flatMap(({ found }, index) => asked(found, (...path) => at('faults', index, 'found', ...path))),
		),
		...effects.flatMap(({ value, at }) =>
			value.effects.flatMap(({ found, option }, index) => [
				...asked(found, (...path) => at('effects', index, 'found', ...path)),
				{ option, place: at('effects', index, 'option') },
			]),
		),
	];
}

type AtPath = (...path: PropertyKey[]) => string;

/** The options in a condition; `above` is the list element that its tests are about. */
function asked(condition: Condition | undefined, at: AtPath, above = ''): NamedOption[] {
	if (condition === undefined || 'package' in condition) return [];
	const inside = (option: string) => (above ? `${above}.${option}` : option);
	if ('option' in condition) {
		// The log configuration belongs to Python's logging.
		if (condition.in === 'log-config') return [];
		const { option, aboveMember, aboveOption, equalsOption, notIn, notKeyOf } = condition;
		const paths = { option: inside(option), aboveMember: aboveMember && inside(aboveMember) };
		const all = Object.entries({ ...paths, aboveOption, equalsOption, notIn, notKeyOf });
		return all.flatMap(([key, path]) => (path === undefined ? [] : [{ option: path, place: at(key) }]));
	}
	if ('absent' in condition)
		return condition.absent.map((option, i) => ({ option: inside(option), place: at('absent', i) }));
	const { each, any = [], all = [], not } = condition as Inner;
	const element = each === undefined ? above : inside(each);
	return [
		...(each === undefined ? [] : [{ option: element, place: at('each') }]),
		...any.flatMap((part, i) => asked(part, (...path) => at('any', i, ...path), element)),
		...all.flatMap((part, i) => asked(part, (...path) => at('all', i, ...path), element)),
		...asked(not, (...path) => at('not', ...path), element),
	];
}

type Inner = { each?: string; any?: Condition[]; all?: Condition[]; not?: Condition };

/** Whether the files are complete, so that unneeded exceptions can be reported: test data and broken files are not. */
function isComplete({ broken, effects, notes }: Files): boolean {
	return !broken.size && effects.length > 0 && notes.length > 100;
}
