// How options changed between two releases: added, removed, deprecated, or with another default.
import { difference, lives, type Options, optionAt } from '../../configuration/options.ts';
import { isReached } from '../../configuration/timeline.ts';
import type { Version } from '../../deployment/version.ts';
import { compare } from '../../deployment/version.ts';
import type { Note } from '../../knowledge/schema/synapse.ts';
import { optionLife } from './option.ts';

export type OptionsBetween = {
	from: Version;
	to: Version;
	added: { option: string; release: Version; default?: unknown }[];
	removed: { option: string; release: Version; replacedBy?: string }[];
	/** Those that the target still has. */
	deprecated: { option: string; release: Version; replacedBy?: string }[];
	defaults: { option: string; release: Version; before: unknown; after: unknown }[];
};

/** After `from`, up to `to`; each list by release, then by name. */
export function optionsBetween(
	from: Version,
	to: Version,
	{ options, notes }: { options: Options; notes: readonly Note[] },
): OptionsBetween {
	const { added, removed, defaults } = difference(options, from, to);
	const isInside = (version: Version) => !isReached(version, from) && isReached(version, to);
	const replacement = (option: string) => {
		const replacedBy = optionLife(option, options, notes)?.replacedBy;
		return replacedBy === undefined ? {} : { replacedBy };
	};
	const deprecated = [...lives(options).keys()].flatMap(option => {
		const state = optionAt(options, option, to);
		if (!state || state.refused || !optionAt(options, option, from)) return [];
		const release = optionLife(option, options, notes)?.deprecated;
		return release !== undefined && isInside(release) ? [{ option, release, ...replacement(option) }] : [];
	});
	return {
		from,
		to,
		added: inOrder(added),
		removed: inOrder(removed.map(one => ({ ...one, ...replacement(one.option) }))),
		deprecated: inOrder(deprecated),
		defaults: inOrder(defaults),
	};
}

function inOrder<One extends { option: string; release: Version }>(list: readonly One[]): One[] {
	return list.toSorted((a, b) => compare(a.release, b.release) || (a.option < b.option ? -1 : 1));
}
