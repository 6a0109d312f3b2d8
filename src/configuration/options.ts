// The options of each release, as its code reads them: which there are, their defaults, what they may be.
import type { Version } from '../deployment/version.ts';
import { compare, isCandidate } from '../deployment/version.ts';
import { stateAt, type Table, type TimelineEntry } from './timeline.ts';

/** What was read of an option in one release; see tools/refresh/code/options.py. */
export type OptionState = {
	/** The file that reads it. */
	file: string;
	/** What the code falls back to; absent: it computes it, or nobody knows. */
	default?: unknown;
	/** What the manual calls the default, where it differs from the code's. */
	documented?: unknown;
	documentedType?: string | string[];
	required?: true;
	type?: string | string[];
	/** With any other kind the release does not start. `duration` and `size` are numbers, or texts like 10m and 50M. */
	accepts?: string[];
	/** The release does not start where it is set. */
	refused?: true;
	/** The release only logs a warning where it is set. */
	warned?: true;
};
export type Options = { read: readonly Version[]; byPath: ReadonlyMap<string, TimelineEntry<OptionState>> };

export function optionsOf({ read, entries }: Table<OptionState>): Options {
	return { read, byPath: new Map(entries.map(entry => [entry.key, entry])) };
}

/** The option in this release; null: it has none of that name. */
export function optionAt(options: Options, path: string, release: Version): OptionState | null {
	const entry = options.byPath.get(path);
	return entry ? stateAt(entry.changes, release) : null;
}

/** The life of an option. `since` undefined: it is older than the oldest release that was read. */
export type Life = {
	path: string;
	since: Version | undefined;
	/** The first release without it, or that refuses it. */
	removed: Version | undefined;
	state: OptionState;
	defaults: { from: Version; value: unknown }[];
};

export function lifeOf(options: Options, path: string): Life | undefined {
	const entry = options.byPath.get(path);
	const first = entry?.changes[0];
	if (!entry || !first) return undefined;
	const last = entry.changes.at(-1);
	const state = entry.changes.findLast(([, state]) => state !== null)?.[1];
	if (!state) return undefined;
	const gone = last?.[1] === null ? last[0] : entry.changes.find(([, state]) => state?.refused)?.[0];
	return {
		path,
		since: first[0] === options.read[0] ? undefined : first[0],
		removed: gone,
		state,
		defaults: defaultsOf(options, entry),
	};
}

/** The manual's default where it has one; it reaches back as far as the code's stayed the same. */
function defaultsOf({ read }: Options, { changes }: TimelineEntry<OptionState>): Life['defaults'] {
	const documented = changes.find(([, state]) => state && 'documented' in state)?.[1];
	const defaults: Life['defaults'] = [];
	for (const [from, state] of changes) {
		if (!state || state.refused) continue;
		const reaches =
			documented &&
			!('documented' in state) &&
			same(state.default, documented.default) &&
			isBefore(from, changes, documented);
		const value = reaches ? documented.documented : 'documented' in state ? state.documented : state.default;
		if (value === undefined) continue;
		if (defaults.length === 0 || !same(defaults.at(-1)?.value, value))
			defaults.push({ from: read[0] === from ? (read[0] ?? from) : from, value });
	}
	return defaults;
}

function isBefore(from: Version, changes: TimelineEntry<OptionState>['changes'], state: OptionState): boolean {
	const at = changes.find(([, other]) => other === state)?.[0];
	return at !== undefined && compare(from, at) < 0;
}

function same(a: unknown, b: unknown): boolean {
	return JSON.stringify(a) === JSON.stringify(b);
}

/** The default that counts in a release, as `defaults` of its life says it. */
export function defaultAt(options: Options, path: string, release: Version): unknown {
	const life = lifeOf(options, path);
	return life?.defaults.findLast(({ from }) => compare(from, release) <= 0)?.value;
}

/** What is new, gone or has another default after `from` and up to `to`. */
export type Difference = {
	added: { option: string; release: Version; default?: unknown }[];
	removed: { option: string; release: Version }[];
	defaults: { option: string; release: Version; before: unknown; after: unknown }[];
};

export function difference(options: Options, from: Version, to: Version): Difference {
	const isInside = (version: Version) => compare(version, from) > 0 && compare(version, to) <= 0;
	const found: Difference = { added: [], removed: [], defaults: [] };
	for (const [path] of options.byPath) {
		const life = lifeOf(options, path);
		if (!life) continue;
		const before = optionAt(options, path, from);
		const after = optionAt(options, path, to);
		const isThere = after !== null && !after.refused;
		const wasThere = before !== null && !before.refused;
		if (isThere && !wasThere && life.since && isInside(life.since)) {
			const value = defaultAt(options, path, to);
			found.added.push({ option: path, release: life.since, ...(value !== undefined && { default: value }) });
		}
		if (wasThere && !isThere && life.removed && isInside(life.removed))
			found.removed.push({ option: path, release: life.removed });
		if (!wasThere || !isThere) continue;
		const [old, now] = [defaultAt(options, path, from), defaultAt(options, path, to)];
		const change = life.defaults.findLast(({ from: since }) => isInside(since));
		if (change && old !== undefined && !same(old, now))
			found.defaults.push({ option: path, release: change.from, before: old, after: now });
	}
	return found;
}

/** The newest stable release whose options were read. */
export function newestRead({ read }: Options): Version | undefined {
	return read.findLast(version => !isCandidate(version));
}
