// What became of a playbook variable that older documentation mentions.
import type { PlaybookVariables } from '../../knowledge/distributions.ts';
import type { Renamed } from '../../knowledge/schema/synapse.ts';

/** A variable's history, followed to its end. Without `new`, nothing replaces it. */
export type Fate = {
	old: string;
	new?: string;
	says: string[];
	/** A list that the playbook fills itself: redefining it loses today's entries. */
	filled?: string;
	never: boolean;
	changes: { date: string; url: string }[];
};

/** The form of a playbook variable: it starts in lower case and contains an underscore. */
export const variableWord = /^[a-z][A-Za-z0-9]*_[A-Za-z0-9_]+:?$/;

/** Undefined if nothing is known about it: then it may well be a current name. */
export function fateOf(name: string, renamed: readonly Renamed[]): Fate | undefined {
	const fate: Fate = { old: name, says: [], never: false, changes: [] };
	let current: string | undefined = name;
	// Visit each name once: the table may say that a name in a family was kept.
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
	// A list that the playbook fills itself: redefining it, as old instructions do, loses entries that are needed today.
	if (/_auto$/.test(current)) {
		fate.filled = current;
		current = current.replace(/_auto$/, '_custom');
	}
	return { ...fate, new: current };
}

/** Where the history really ends: a role may since have renamed or removed the new name. */
export function endOf(fate: Fate | undefined, { refused }: PlaybookVariables): Fate | undefined {
	if (fate?.new === undefined || !Object.hasOwn(refused, fate.new)) return fate;
	const { new: _, ...rest } = fate;
	const next = refused[fate.new]?.[0];
	return next ? { ...rest, new: next } : rest;
}

/**
 * Like `fateOf`, plus what the roles reject today: their own repositories rename variables too, which the
 * playbook's table does not have. `current`: the playbook knows the variable as it is.
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

/** The entry for exactly this name; otherwise that of the longest matching family. */
function entryFor(name: string, renamed: readonly Renamed[]): Renamed | undefined {
	const families = renamed.filter(({ old }) => old.endsWith('*') && name.startsWith(old.slice(0, -1)));
	return renamed.find(({ old }) => old === name) ?? families.toSorted((a, b) => b.old.length - a.old.length)[0];
}
