// The playbook's components as users name them, and whether a deployment has one.
import type {
	DerivedComponent,
	EnabledByDefault,
	PlaybookEntry,
	PlaybookKnowledge,
} from '../../knowledge/schema/distribution.ts';
import type { Renamed } from '../../knowledge/schema/synapse.ts';
import { fateOf } from './playbook-variables.ts';

/** The variables of a `vars.yml`: true and false as such, `set` for any other value or a template. */
export type Vars = {
	values: ReadonlyMap<string, true | false | 'set'>;
	/** Variables that are set to nothing. */
	empty: ReadonlySet<string>;
	/** Values that are plain words, such as `matrix_homeserver_implementation: tuwunel`. */
	words: ReadonlyMap<string, string>;
	/** Whether variables that are not set there are not set at all. */
	isWhole: boolean;
};

export type Deployment = {
	/** Components that a person named or denied: the variable's newest name → whether it is on. */
	stated: ReadonlyMap<string, boolean>;
	vars?: Vars | undefined;
};

export type ComponentNames = {
	/** Variables that enable something, by every name that people may use for them. */
	byWord: ReadonlyMap<string, ReadonlySet<string>>;
	/** The newest name of a variable; one that was never renamed is returned as it is. */
	newest: (variable: string) => string;
};

/** `matrix_bridge_mautrix_telegram_enabled` → `mautrix-telegram`. */
export function shortName(variable: string): string {
	return variable
		.replace(/_enabled$/, '')
		.replace(/^matrix_(synapse_ext_synapse_|synapse_ext_|playbook_)?/, '')
		.replace(/^(bridge|client)_/, '')
		.replaceAll('_', '-');
}

/**
 * Words that identify a component: its short name, with and without `bot-`, and its variable, with and without
 * `_enabled`.
 */
function wordsFor(variable: string): string[] {
	const short = shortName(variable);
	return [short, short.replace(/^bot-/, ''), variable, variable.replace(/_enabled$/, '')];
}

export function namesOf(
	entries: readonly PlaybookEntry[],
	enabled: readonly EnabledByDefault[],
	renamed: readonly Renamed[],
): ComponentNames {
	const known = new Map<string, string>();
	const newest = (variable: string) => {
		const before = known.get(variable);
		if (before !== undefined) return before;
		const now = fateOf(variable, renamed)?.new;
		// `new` may be a phrase (“one or another”) instead of a name; the table of variables shows it.
		const found = now === undefined || now.includes(' ') ? variable : now;
		known.set(variable, found);
		return found;
	};
	const byWord = new Map<string, Set<string>>();
	for (const old of [...entries.flatMap(({ components }) => components), ...enabled.map(({ variable }) => variable)])
		for (const variable of new Set([old, newest(old)]))
			for (const word of wordsFor(variable)) {
				const list = byWord.get(word) ?? new Set();
				byWord.set(word, list.add(newest(old)));
			}
	return { byWord, newest };
}

/** What decides about a component that `vars.yml` does not set. */
export type ComponentDefaults = Pick<PlaybookKnowledge, 'enabled' | 'derived'>;

/** `default`: nobody has said, but it is on unless turned off. Undefined: unknown. */
type ComponentState = true | false | 'default' | undefined;

export function isOn(
	variable: string,
	day: string,
	deployment: Deployment,
	names: ComponentNames,
	defaults: ComponentDefaults,
): ComponentState {
	const { stated, vars } = deployment;
	const name = names.newest(variable);
	const said = stated.get(name);
	if (said !== undefined) return said;
	for (const [key, value] of vars?.values ?? []) {
		if (names.newest(key) === name) return value === 'set' ? undefined : value;
	}
	const applies = ({ variable: other, since, until }: EnabledByDefault) =>
		names.newest(other) === name && (since === undefined || since <= day) && (until === undefined || day <= until);
	const rule = defaults.derived.find(applies);
	const derived = rule && derivedState(rule, day, deployment, names, defaults);
	if (derived) return derived.state;
	if (defaults.enabled.some(applies)) return 'default';
	return vars?.isWhole ? false : undefined;
}

/** What the variable that a component depends on says about it; undefined if that variable is not set. */
function derivedState(
	{ variable, from, is, maybe }: DerivedComponent,
	day: string,
	deployment: Deployment,
	names: ComponentNames,
	defaults: ComponentDefaults,
): { state: ComponentState } | undefined {
	if (!is) return { state: isOn(from, day, deployment, names, defaults) };
	// Two components that need different values of one variable exclude each other.
	const excluded = defaults.derived.some(
		other =>
			other.variable !== variable &&
			other.from === from &&
			deployment.stated.get(names.newest(other.variable)) === true &&
			!other.is?.some(word => is.includes(word)),
	);
	if (excluded) return { state: false };
	const { vars } = deployment;
	const word = vars?.words.get(from);
	if (word !== undefined) return { state: maybe?.includes(word) ? undefined : is.includes(word) };
	// Any other value is a template, and can be anything.
	return vars?.values.has(from) && !vars.empty.has(from) ? { state: undefined } : undefined;
}

/** Whether a variable matches one of these patterns; a trailing `*` stands for anything. */
export function matches(variable: string, patterns: readonly string[]): boolean {
	return patterns.some(pattern =>
		pattern.endsWith('*') ? variable.startsWith(pattern.slice(0, -1)) : variable === pattern,
	);
}

export type EntryConcern = { concerned: true | false | 'unknown'; because: string[]; byDefault?: true };

/** Whether an entry applies to a deployment, and what excludes it. */
export function concernOf(
	entry: PlaybookEntry,
	deployment: Deployment,
	names: ComponentNames,
	defaults: ComponentDefaults,
): EntryConcern {
	const found = concernBy(entry, deployment, names, defaults);
	// The variable that shows that it is done may be in another file.
	const isOpen = entry.unless.length + entry.unlessEmpty.length > 0 && deployment.vars?.isWhole === false;
	// Whether a component is present does not decide a condition that only words express.
	const isConditional =
		entry.onlyIf !== undefined && !uses(entry, deployment) && !derives(entry, deployment, names, defaults);
	return (isOpen || isConditional) && found.concerned === true ? { concerned: 'unknown', because: [] } : found;
}

/** Whether any variable is set whose presence makes the entry apply. */
function uses(entry: PlaybookEntry, { vars }: Deployment): boolean {
	return [...(vars?.values.keys() ?? [])].some(variable => matches(variable, entry.uses));
}

/** Whether a component is on because of the variable it depends on, and the entry is about setting that component. */
function derives(
	{ date, components, uses: used }: PlaybookEntry,
	deployment: Deployment,
	names: ComponentNames,
	defaults: ComponentDefaults,
): boolean {
	return components.some(
		variable =>
			matches(variable, used) &&
			defaults.derived.some(({ variable: other, is }) => other === variable && is) &&
			isOn(variable, date, deployment, names, defaults) === true,
	);
}

function concernBy(
	entry: PlaybookEntry,
	deployment: Deployment,
	names: ComponentNames,
	defaults: ComponentDefaults,
): EntryConcern {
	const { vars } = deployment;
	const set = [...(vars?.values.keys() ?? [])];
	const isDone = entry.unlessEmpty.some(variable => vars?.empty.has(variable));
	if (isDone || (entry.unless.length && set.some(variable => matches(variable, entry.unless))))
		return { concerned: false, because: ['configuration'] };
	if (uses(entry, deployment)) return { concerned: true, because: [] };
	if (derives(entry, deployment, names, defaults)) return { concerned: true, because: [] };
	if (entry.uses.length && vars?.isWhole) return { concerned: false, because: ['configuration'] };
	if (!entry.components.length) return { concerned: entry.uses.length === 0 || 'unknown', because: [] };
	const states = entry.components.map(variable => isOn(variable, entry.date, deployment, names, defaults));
	if (states.includes(true)) return { concerned: true, because: [] };
	// A component that is on by default decides nothing if the entry depends on which variables are set.
	if (states.includes('default') && !entry.uses.length) return { concerned: true, because: [], byDefault: true };
	if (states.includes('default')) return { concerned: 'unknown', because: [] };
	if (states.includes(undefined)) return { concerned: 'unknown', because: [] };
	const denied = entry.components.filter(variable => deployment.stated.get(names.newest(variable)) === false);
	return {
		concerned: false,
		because: denied.length ? [...new Set(denied.map(variable => `no-${shortName(variable)}`))] : ['configuration'],
	};
}
