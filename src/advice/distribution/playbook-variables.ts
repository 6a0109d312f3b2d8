// What became of a variable of the playbook that older documentation names.
import type { PlaybookVariables } from '../../knowledge/distributions.ts';
import type { Renamed } from '../../knowledge/schema/synapse.ts';

/** A variable's fate, followed to its end. `new` absent: none is in its place. */
export type Fate = {
	old: string;
	new?: string;
	says: string[];
	/** A name that the playbook fills itself: if you redefine it, it loses today's entries. */
	filled?: string;
	never: boolean;
	changes: { date: string; url: string }[];
};

/** What a variable of the playbook looks like: lower case at the start, an underscore in it. */
export const variableWord = /^[a-z][A-Za-z0-9]*_[A-Za-z0-9_]+:?$/;

/** Undefined if nothing is known of it: then it may well be a name of today. */
export function fateOf(name: string, renamed: readonly Renamed[]): Fate | undefined {
	const fate: Fate = { old: name, says: [], never: false, changes: [] };
	let current: string | undefined = name;
	// A name comes by once: the table may say that a name of a family was kept.
	const seen = new Set<string>();
	while (current !== undefined && !seen.has(current)) {
		seen.add(current);
		const entry = entryFor(current, renamed);
		if (!entry) break;
		if (entry.says) fate.says.push(entry.says);
		if (entry.change) fate.changes.push(entry.change);
		else fate.never = true;
		current = entry.new?.endsWith('*') ? entry.new.slice(0, -1) + current.slice(entry.old.length - 1) : entry.new;
	}
	if (seen.size === 1 && current === name) return undefined;
	if (current === undefined) return fate;
	// A list that the playbook fills itself: redefined, as old descriptions do it, it loses what others need today.
	if (/_auto$/.test(current)) {
		fate.filled = current;
		current = current.replace(/_auto$/, '_custom');
	}
	return { ...fate, new: current };
}

/** The new name may have been renamed or removed by a role since. */
export function endOf(fate: Fate | undefined, { refused }: PlaybookVariables): Fate | undefined {
	if (fate?.new === undefined || !Object.hasOwn(refused, fate.new)) return fate;
	const { new: _, ...rest } = fate;
	const next = refused[fate.new]?.[0];
	return next ? { ...rest, new: next } : rest;
}

/**
 * Like `fateOf`, with what the roles refuse today: their own repositories rename variables too, and the table of the
 * playbook's changes does not have those. `current`: the playbook knows the variable as it is.
 */
export function fateToday(
	name: string,
	renamed: readonly Renamed[],
	table: PlaybookVariables,
): Fate | 'current' | undefined {
	const fate = endOf(fateOf(name, renamed), table);
	if (fate) return fate;
	if (!Object.hasOwn(table.refused, name)) return table.names.includes(name) ? 'current' : undefined;
	const now = table.refused[name]?.[0];
	return { old: name, ...(now && { new: now }), says: [], never: false, changes: [] };
}

/** The one of exactly this name; else of those that begin so the longest. */
function entryFor(name: string, renamed: readonly Renamed[]): Renamed | undefined {
	const families = renamed.filter(({ old }) => old.endsWith('*') && name.startsWith(old.slice(0, -1)));
	return renamed.find(({ old }) => old === name) ?? families.toSorted((a, b) => b.old.length - a.old.length)[0];
}
