// The options of each release, as read from its code: which exist, their defaults, and what they accept.
import type { Version } from '../deployment/version.ts';
import { compare, isCandidate } from '../deployment/version.ts';
import { memo } from '../runtime/memo.ts';
import { isReached, stateAt, type Table, type TimelineEntry } from './timeline.ts';
import { amountIn, type WhenSet } from './values.ts';

/** What was read about an option in one release; see tools/refresh/code/options.py. */
export type OptionState = {
	/** The file that reads it. */
	file: string;
	/** The code's default; absent: it is computed, or unknown. */
	default?: unknown;
	/** The default according to the manual, if it differs from the code's. */
	documented?: unknown;
	documentedType?: string | string[];
	/** The release's schema does not name it. Absent if there is no schema yet. */
	undocumented?: true;
	required?: true;
	type?: string | string[];
	/** With any other kind the release does not start. `duration` and `size` are numbers, or strings like 10m and 50M. */
	accepts?: string[];
	/** The release does not start if it is set. */
	refused?: WhenSet;
	/** The release only logs a warning if it is set. */
	warned?: WhenSet;
};
export type Options = { read: readonly Version[]; byPath: ReadonlyMap<string, TimelineEntry<OptionState>> };

/** Stands for the file of options that only the schema names. */
export const schemaFile = 'schema/synapse-config.schema.yaml';

export function optionsOf({ read, entries }: Table<OptionState>): Options {
	return { read, byPath: new Map(entries.map(entry => [entry.key, entry])) };
}

/** The option in this release; null: it has none of that name. */
export function optionAt(options: Options, path: string, release: Version): OptionState | null {
	const entry = options.byPath.get(path);
	return entry ? stateAt(entry.changes, release) : null;
}

/** The history of an option. `since` undefined: it is older than the oldest release that was read, or unknown. */
export type Life = {
	path: string;
	since: Version | undefined;
	/** The code does not name it, and the first schema already does, so its start is unknown. */
	undated?: true;
	/** The release that removed or refused it for good: it has had no effect from then on. */
	removed: Version | undefined;
	/** The first release that refuses to start with it. */
	refused?: Version;
	/** The first release that warns about it. */
	warned?: Version;
	/** Its state in the newest release that has it. */
	state: OptionState;
	/** `value` undefined: from then on the code computes it, or it is unknown. */
	defaults: { from: Version; value: unknown }[];
};

export function lifeOf(options: Options, path: string): Life | undefined {
	return lives(options).get(path);
}

/** All histories, computed once, since comparing two releases needs all of them. */
export const lives = memo((options: Options): ReadonlyMap<string, Life> => {
	const schema = firstSchema(options);
	return new Map(
		[...options.byPath.values()].flatMap(entry => {
			const life = lifeFrom(options, entry, schema);
			return life ? [[entry.key, life] as const] : [];
		}),
	);
});

/** The first release with a schema; before it, options that only the schema names cannot be dated. */
const firstSchema = memo(({ byPath }: Options): Version | undefined => {
	const releases = new Set(
		[...byPath.values()].flatMap(
			({ changes }) => changes.find(([, state]) => state?.documentedType !== undefined)?.[0] ?? [],
		),
	);
	return [...releases].sort(compare)[0];
});

function lifeFrom(options: Options, entry: TimelineEntry<OptionState>, schema: Version | undefined): Life | undefined {
	const { key: path, changes } = entry;
	const first = changes[0];
	const state = changes.findLast(([, state]) => state !== null)?.[1];
	if (!first || !state) return undefined;
	const lastCounted = changes.findLastIndex(([, state]) => counts(state));
	const undated = isUndated(changes, schema);
	const refused = changes.find(([, state]) => state?.refused)?.[0];
	const warned = changes.find(([, state]) => state?.warned)?.[0];
	return {
		path,
		since: undated || first[0] === options.read[0] ? undefined : first[0],
		...(undated && { undated }),
		removed: changes[lastCounted + 1]?.[0],
		...(refused !== undefined && { refused }),
		...(warned !== undefined && { warned }),
		state,
		defaults: defaultsOf(entry),
	};
}

/**
 * The default changes when the code's does. If the code states none, or only an empty value, it usually computes the
 * value elsewhere: in that case the manual's default applies, back to the release where the code's last changed.
 * Otherwise the code is right.
 */
function defaultsOf({ changes }: TimelineEntry<OptionState>): Life['defaults'] {
	const runs: { from: Version; code: unknown; type: OptionState['type']; documented?: { value: unknown } }[] = [];
	let isOpen = false;
	for (const [from, state] of changes) {
		if (!state || state.refused) {
			isOpen = false;
			continue;
		}
		const run = isOpen ? runs.at(-1) : undefined;
		const documented = 'documented' in state ? { documented: { value: state.documented } } : {};
		isOpen = true;
		if (run && isSameDefault(run.code, state.default, state.type)) {
			Object.assign(run, documented);
			// Use the newest spelling: 500M and 500MiB are the same default.
			if (state.default !== undefined) run.code = state.default;
		} else runs.push({ from, code: state.default, type: state.type, ...documented });
	}
	const defaults: Life['defaults'] = [];
	for (const { from, code, documented } of runs) {
		const value = documented && isLeftOpen(code, documented.value) ? documented.value : code;
		const before = defaults.at(-1);
		if (before ? !same(before.value, value) : value !== undefined) defaults.push({ from, value });
	}
	return defaults;
}

/** Whether the code's default is less specific than the manual's. A section's default is that of its members. */
function isLeftOpen(code: unknown, documented: unknown): boolean {
	if (typeof documented === 'object' && documented !== null && !Array.isArray(documented)) return false;
	if (code === undefined) return true;
	return (code === null || same(code, []) || same(code, {})) && !isNothing(documented);
}

/** Whether two defaults in the code are equivalent: null, false and everything empty mean the same. */
function isSameDefault(a: unknown, b: unknown, type: OptionState['type']): boolean {
	if (same(a, b)) return true;
	if (a === undefined || b === undefined) return false;
	if (isNothing(a) && isNothing(b)) return true;
	const kinds = [type ?? []].flat();
	if (!kinds.includes('duration') && !kinds.includes('size')) return false;
	const [before, after] = [numberOf(a), numberOf(b)];
	return before !== undefined && before === after;
}

function isNothing(value: unknown): boolean {
	return value === null || value === false || value === '' || same(value, []) || same(value, {});
}

/** Milliseconds or bytes. */
function numberOf(value: unknown): number | undefined {
	if (typeof value === 'number') return value;
	return typeof value === 'string' ? amountIn(value) : undefined;
}

function same(a: unknown, b: unknown): boolean {
	return JSON.stringify(a) === JSON.stringify(b);
}

/** The default in a release, according to the option's history. */
export function defaultAt(options: Options, path: string, release: Version): unknown {
	const life = lifeOf(options, path);
	return life?.defaults.findLast(({ from }) => isReached(from, release))?.value;
}

/** The plain default of an option in a release; an option that the release does not have is unset. */
export function plainDefaults(
	options: Options,
): (option: string, release: Version) => string | number | boolean | null | undefined {
	return (option, release) => {
		if (optionAt(options, option, release) === null) return null;
		const value = defaultAt(options, option, release);
		return value === null || ['string', 'number', 'boolean'].includes(typeof value)
			? (value as string | number | boolean | null)
			: undefined;
	};
}

/** Options that were added or removed, or whose default changed, after `from` and up to `to`. */
export type Difference = {
	added: { option: string; release: Version; default?: unknown }[];
	removed: { option: string; release: Version }[];
	defaults: { option: string; release: Version; before: unknown; after: unknown }[];
};

export function difference(options: Options, from: Version, to: Version): Difference {
	const isInside = (version: Version) => !isReached(version, from) && isReached(version, to);
	const found: Difference = { added: [], removed: [], defaults: [] };
	for (const [path, life] of lives(options)) {
		const changes = options.byPath.get(path)?.changes ?? [];
		const isThere = counts(stateAt(changes, to));
		const wasThere = counts(stateAt(changes, from));
		const release = sinceWhen(changes, isThere, isInside);
		if (wasThere && !isThere && release !== undefined) found.removed.push({ option: path, release });
		if (!wasThere || !isThere) continue;
		const [old, now] = [defaultAt(options, path, from), defaultAt(options, path, to)];
		const change = life.defaults.findLast(({ from: since }) => isInside(since));
		// After a change to null the code computes the value from other options.
		if (change && old !== undefined && now !== undefined && now !== null && !same(old, now))
			found.defaults.push({ option: path, release: change.from, before: old, after: now });
	}
	found.added = addedBetween(options, from, to).map(one => {
		const value = defaultAt(options, one.option, to);
		return { ...one, ...(value !== undefined && { default: value }) };
	});
	return found;
}

/** Options added after `from` and up to `to`, without their defaults: cheap enough for every plan. */
export function addedBetween(options: Options, from: Version, to: Version): { option: string; release: Version }[] {
	const isInside = (version: Version) => !isReached(version, from) && isReached(version, to);
	return [...options.byPath.values()].flatMap(({ key, changes }) => {
		// Most options did not change in the range.
		if (!changes.some(([version]) => isInside(version))) return [];
		if (!counts(stateAt(changes, to)) || counts(stateAt(changes, from))) return [];
		const release = sinceWhen(changes, true, isInside);
		const isNew = release !== undefined && release !== options.read[0] && !isUndated(changes, firstSchema(options));
		return isNew ? [{ option: key, release }] : [];
	});
}

/** The release from which an option has been in its final state within a range: it may have come and gone before. */
function sinceWhen(
	changes: TimelineEntry<OptionState>['changes'],
	isThere: boolean,
	isInside: (version: Version) => boolean,
): Version | undefined {
	const inside = changes.filter(([at]) => isInside(at));
	const last = inside.findLastIndex(([, state]) => counts(state) !== isThere);
	return inside[last + 1]?.[0];
}

/** An option that only the schema names, and has named from its first release on, may be of any age. */
function isUndated([first]: TimelineEntry<OptionState>['changes'], schema: Version | undefined): boolean {
	return first?.[1]?.file === schemaFile && first[0] === schema;
}

/** Whether setting it has an effect. */
function counts(state: OptionState | null): boolean {
	return state !== null && !state.refused;
}

/** The newest stable release whose options were read. */
export function newestRead({ read }: Options): Version | undefined {
	return read.findLast(version => !isCandidate(version));
}
