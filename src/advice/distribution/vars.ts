// Checks a vars.yml against the current playbook: names that it rejects, does not know, or ignores.
import type { PlaybookVariables } from '../../knowledge/distributions.ts';
import type { PlaybookKnowledge } from '../../knowledge/schema/distribution.ts';
import type { Renamed } from '../../knowledge/schema/synapse.ts';
import { type ComponentNames, matches, type Vars } from './components.ts';
import type { PlaybookEntryShown } from './playbook.ts';
import { endOf, type Fate, fateOf } from './playbook-variables.ts';

/** A variable as parsed: of its value, only what decides something. */
export type VariableRead = {
	name: string;
	file: string;
	line: number;
	value: true | false | 'set';
	/** The text, if it is one of the playbook's own words, such as a version or a homeserver implementation. */
	word?: string;
	isEmpty: boolean;
};

export type VarsFinding = {
	/**
	 * `refuses`: the playbook stops. `undefined`: its value uses a variable that no longer exists, so a run fails
	 * when it is rendered. `renamed`, `removed`, `without-effect`, `unknown`: the run continues, but this does
	 * nothing.
	 */
	kind: 'refuses' | 'renamed' | 'removed' | 'without-effect' | 'unknown' | 'undefined' | 'duplicate' | 'invalid';
	option: string;
	file: string;
	line: number;
	replacedBy?: string;
	/** The most similar known name. */
	nearest?: string;
	fate?: Fate;
	/** The changelog entry about it. */
	note?: string;
	/** The variable that must be on for the role to check it, if these files do not say. */
	ifOn?: string;
	/** For `refuses`: what is rejected. */
	why?: 'name' | 'migration' | 'migration-missing' | 'values' | 'required' | 'not-among';
	/** The value that the playbook requires. */
	wants?: string;
	first?: number;
	/** For `undefined`: the variable that no longer exists. */
	uses?: string;
};

export type VarsChecked = {
	findings: VarsFinding[];
	/** Whether the playbook stops before it changes anything. */
	refuses: boolean;
	unjudged: { file: string; line: number; option: string; why: 'own' | 'role' }[];
};

type VarsRequest = {
	variables: readonly VariableRead[];
	mentioned: ReadonlySet<string>;
	/** Names that templates in values require, with the variable whose value uses them. */
	used: readonly { name: string; in: string; file: string; line: number }[];
	isWhole: boolean;
	/** The file and line for findings without a place of their own. */
	where: { file: string; line: number };
	names: ComponentNames;
	/** Whether a component is on, by its variable. */
	isOn: (variable: string) => boolean | undefined;
	/** Entries that apply to these variables, from any date. */
	entries: readonly PlaybookEntryShown[];
	nearest: (name: string, names: readonly string[]) => string | undefined;
};

type VarsKnowledge = {
	playbook: PlaybookKnowledge;
	table: PlaybookVariables;
	renamed: readonly Renamed[];
};

const migrationVariable = 'matrix_playbook_migration_validated_version';

export function checkVars(request: VarsRequest, known: VarsKnowledge): VarsChecked {
	const names = new Set(known.table.names);
	const prefixes = prefixesOf(known.table);
	const findings: VarsFinding[] = [];
	const unjudged: VarsChecked['unjudged'] = [];
	for (const variable of request.variables) {
		const { name, file, line } = variable;
		const found = findingOf(name, request, { ...known, names });
		if (found === 'known') continue;
		if (found) findings.push({ ...found, option: name, file, line });
		else if (request.mentioned.has(name) || !prefixes.own.some(prefix => name.startsWith(prefix)))
			unjudged.push({ file, line, option: name, why: 'own' });
		else if (prefixes.unread.some(prefix => name.startsWith(prefix)))
			unjudged.push({ file, line, option: name, why: 'role' });
		else {
			const near = request.nearest(name, known.table.names);
			findings.push({ kind: 'unknown', option: name, file, line, ...(near !== undefined && { nearest: near }) });
		}
	}
	const values = valueFindings(request);
	const told = new Set(values.map(({ option }) => option));
	const required = requiredFindings(request, known.playbook).filter(({ option }) => !told.has(option));
	findings.push(...values, ...required, ...migrationFinding(request, known.playbook));
	findings.push(...undefinedFindings(request, { ...known, names }));
	const refuses = findings.some(({ kind, ifOn }) => kind === 'refuses' && ifOn === undefined);
	return { findings, refuses, unjudged };
}

/**
 * Playbook variables that templates use but that no longer exist: the run fails when they are rendered. User-defined
 * names cannot be judged.
 */
function undefinedFindings(
	{ used, variables }: VarsRequest,
	{ table, renamed, names }: VarsKnowledge & { names: ReadonlySet<string> },
): VarsFinding[] {
	const own = new Set(variables.map(({ name }) => name));
	return used.flatMap(({ name, in: option, file, line }): VarsFinding[] => {
		if (own.has(name)) return [];
		const isRefused = Object.hasOwn(table.refused, name) || matches(name, table.families);
		if (!isRefused && names.has(name)) return [];
		const fate = endOf(fateOf(name, renamed), table);
		if (!isRefused && (!fate || fate.never)) return [];
		const now = fate?.new ?? table.refused[name]?.[0];
		return [{ kind: 'undefined', option, uses: name, file, line, ...(now && { replacedBy: now }) }];
	});
}

type VarsFound = Omit<VarsFinding, 'option' | 'file' | 'line'>;

/** `known`: the playbook knows the name. Undefined: nothing is known about it. */
function findingOf(
	name: string,
	{ entries, isOn }: VarsRequest,
	{ table, renamed, names }: VarsKnowledge & { names: ReadonlySet<string> },
): VarsFound | 'known' | undefined {
	const isRefused = Object.hasOwn(table.refused, name) || matches(name, table.families);
	if (!isRefused && names.has(name)) return 'known';
	const fate = endOf(fateOf(name, renamed), table);
	const [said, guard = ''] = Object.hasOwn(table.refused, name) ? (table.refused[name] ?? []) : [];
	const now = fate?.new ?? (said || undefined);
	const on = guard === '' || matches(name, table.families) ? true : isOn(guard);
	const note = entries.find(({ uses }) => matches(name, uses))?.id;
	const more = {
		...(fate && { fate }),
		...(now !== undefined && { replacedBy: now }),
		...(note !== undefined && { note }),
	};
	// A role that is off checks nothing, so what it would reject has no effect.
	if (isRefused && on === false) return { kind: now === undefined ? 'removed' : 'renamed', ...more };
	if (isRefused) return { kind: 'refuses', why: 'name', ...more, ...(on === undefined && { ifOn: guard }) };
	if (fate) return { kind: fate.never ? 'without-effect' : now === undefined ? 'removed' : 'renamed', ...more };
	// Only the curated entry knows it; nothing in the playbook does any more.
	return note === undefined ? undefined : { kind: 'removed', note };
}

/** Entries about rejected values, if these variables show that theirs are among those. */
function valueFindings({ entries, where, variables }: VarsRequest): VarsFinding[] {
	return entries.flatMap(({ id, refuses, concerned, onlyIf, byDefault, uses, unless }): VarsFinding[] => {
		if (refuses !== 'values' || concerned !== true || byDefault || id.endsWith('/migration-validation')) return [];
		const at = variables.find(({ name }) => matches(name, uses));
		if (onlyIf !== undefined && !at) return [];
		const place = at ? { file: at.file, line: at.line } : where;
		return [{ kind: 'refuses', why: 'values', option: at?.name ?? unless[0] ?? '', note: id, ...place }];
	});
}

/** Required variables that are missing or have an invalid value. A template can be anything. */
function requiredFindings(
	{ variables, where, isWhole, isOn, names: { newest } }: VarsRequest,
	{ required }: PlaybookKnowledge,
): VarsFinding[] {
	return required.flatMap(({ variable, values, ifOn, optional }): VarsFinding[] => {
		if (ifOn !== undefined && isOn(ifOn) === false) return [];
		const set = variables.find(({ name }) => newest(name) === variable);
		const finding = { kind: 'refuses' as const, option: variable };
		if (!set || set.isEmpty) {
			if (!isWhole || (optional && !set)) return [];
			return [{ ...finding, why: 'required', ...where, ...(set && { file: set.file, line: set.line }) }];
		}
		if (!values || set.word === undefined || values.includes(set.word)) return [];
		return [{ ...finding, why: 'not-among', wants: values.join(' or '), file: set.file, line: set.line }];
	});
}

/** Whether the playbook accepts the value of `matrix_playbook_migration_validated_version`. */
function migrationFinding({ variables, where, isWhole }: VarsRequest, { migration }: PlaybookKnowledge): VarsFinding[] {
	if (migration === undefined) return [];
	const set = variables.find(({ name }) => name === migrationVariable);
	const finding = { kind: 'refuses' as const, option: migrationVariable, wants: migration };
	if (!set || set.isEmpty)
		return isWhole
			? [{ ...finding, why: 'migration-missing', ...where, ...(set && { file: set.file, line: set.line }) }]
			: [];
	// Anything but a plain word is a template, which means “never ask me”.
	if (set.word === undefined || set.word >= migration) return [];
	return [{ ...finding, why: 'migration', file: set.file, line: set.line }];
}

/** Name prefixes of the playbook and its roles, and those of roles that were read at another version. */
function prefixesOf({ names, roles }: PlaybookVariables): { own: string[]; unread: string[] } {
	const own = [...new Set(names.map(name => `${name.split('_')[0]}_`))];
	const unread = Object.entries(roles).flatMap(([role, { wants, read }]) => (wants === read ? [] : [`${role}_`]));
	return { own: [...own, ...unread], unread };
}

export type VarsFact = { fact: string; variable: VariableRead | undefined };

/** Facts that the variables show, each with the variable that shows it; undefined if its absence does. */
export function factsOfVars(
	variables: readonly VariableRead[],
	{ newest }: ComponentNames,
	isWhole: boolean,
): VarsFact[] {
	const byName = new Map(variables.map(variable => [newest(variable.name), variable]));
	const facts = Object.entries(factVariables).flatMap(([fact, name]): VarsFact[] => {
		const variable = byName.get(name);
		if (variable?.value === true) return [{ fact, variable }];
		if (variable?.value === false) return [{ fact: `no-${fact}`, variable }];
		return !variable && isWhole && offByDefault.has(fact) ? [{ fact: `no-${fact}`, variable: undefined }] : [];
	});
	const bridge = variables.find(
		({ name, value }) => value === true && /^matrix_(?:bridge|bot|appservice)_\w+_enabled$/.test(newest(name)),
	);
	const module = variables.find(({ name, value }) => value === true && /^matrix_synapse_ext_\w+_enabled$/.test(name));
	return [
		...facts,
		...(bridge ? [{ fact: 'appservices', variable: bridge }] : []),
		...(module ? [{ fact: 'modules', variable: module }] : []),
	];
}

const factVariables = {
	workers: 'matrix_synapse_workers_enabled',
	mas: 'matrix_authentication_service_enabled',
	metrics: 'matrix_metrics_exposure_enabled',
	federation: 'matrix_homeserver_federation_enabled',
	registration: 'matrix_synapse_enable_registration',
	'url-previews': 'matrix_synapse_url_preview_enabled',
};
const offByDefault = new Set(['workers', 'mas']);

/** The parts of the variables that decide whether an entry applies. */
export function varsOf(variables: readonly VariableRead[], isWhole: boolean): Vars {
	const empty = new Set(variables.flatMap(({ name, isEmpty }) => (isEmpty ? [name] : [])));
	const words = new Map(variables.flatMap(({ name, word }) => (word === undefined ? [] : [[name, word] as const])));
	return { values: new Map(variables.map(({ name, value }) => [name, value])), empty, words, isWhole };
}
