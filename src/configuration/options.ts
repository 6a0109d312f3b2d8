// The options of each release, as its code reads them: which there are, their defaults, what they may be.
import type { Version } from '../deployment/version.ts';
import { compare, isCandidate } from '../deployment/version.ts';
import { memo } from '../runtime/memo.ts';
import { stateAt, type Table, type TimelineEntry } from './timeline.ts';
import { amountIn, type WhenSet } from './values.ts';

/** What was read of an option in one release; see tools/refresh/code/options.py. */
export type OptionState = {
	/** The file that reads it. */
	file: string;
	/** What the code falls back to; absent: it computes it, or nobody knows. */
	default?: unknown;
	/** What the manual calls the default, where it differs from the code's. */
	documented?: unknown;
	documentedType?: string | string[];
	/** The release's schema does not name it. Absent where there is no schema yet. */
	undocumented?: true;
	required?: true;
	type?: string | string[];
	/** With any other kind the release does not start. `duration` and `size` are numbers, or texts like 10m and 50M. */
	accepts?: string[];
	/** The release does not start where it is set. */
	refused?: WhenSet;
	/** The release only logs a warning where it is set. */
	warned?: WhenSet;
};
export type Options = { read: readonly Version[]; byPath: ReadonlyMap<string, TimelineEntry<OptionState>> };

/** The file of options that only the schema names. */
export const schemaFile = 'schema/synapse-config.schema.yaml';

export function optionsOf({ read, entries }: Table<OptionState>): Options {
	return { read, byPath: new Map(entries.map(entry => [entry.key, entry])) };
}

/** The option in this release; null: it has none of that name. */
export function optionAt(options: Options, path: string, release: Version): OptionState | null {
	const entry = options.byPath.get(path);
	return entry ? stateAt(entry.changes, release) : null;
}

/** The life of an option. `since` undefined: it is older than the oldest release that was read, or nobody knows. */
export type Life = {
	path: string;
	since: Version | undefined;
	/** The code does not name it, and it is older than the first schema: since when is not known. */
	undated?: true;
	/** The first of the releases without it, or that refuse it, after which it never counts again. */
	removed: Version | undefined;
	/** The first release that refuses to start with it. */
	refused?: Version;
	/** The first release that warns where it is set. */
	warned?: Version;
	/** What the newest release that has it says. */
	state: OptionState;
	/** `value` undefined: from there on the code computes it, or nobody knows. */
	defaults: { from: Version; value: unknown }[];
};

export function lifeOf(options: Options, path: string): Life | undefined {
	return lives(options).get(path);
}

/** All of them, worked out once: a difference between two releases asks for each. */
export const lives = memo((options: Options): ReadonlyMap<string, Life> => {
	const schema = firstSchema(options);
	return new Map(
		[...options.byPath.values()].flatMap(entry => {
			const life = lifeFrom(options, entry, schema);
			return life ? [[entry.key, life] as const] : [];
		}),
	);
});

/** The first release that has a schema; before it, what only the schema names cannot be dated. */
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
 * A default changes when the code's does. Where the code falls back to nothing, it often works the value out elsewhere:
 * there the manual's stands for it, as far back as the code stayed the same. Where both say something, the code is right.
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
			// The newest spelling: 500M and 500MiB are one default.
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

/** Whether the code's fallback says less than the manual's default. A section's default is that of its members. */
function isLeftOpen(code: unknown, documented: unknown): boolean {
	if (typeof documented === 'object' && documented !== null && !Array.isArray(documented)) return false;
	if (code === undefined) return true;
	return (code === null || same(code, []) || same(code, {})) && !isNothing(documented);
}

/** Whether two defaults of the code mean the same: a fallback to null, an empty list or false says no. */
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

/** The default that counts in a release, as `defaults` of its life says it. */
export function defaultAt(options: Options, path: string, release: Version): unknown {
	const life = lifeOf(options, path);
	return life?.defaults.findLast(({ from }) => compare(from, release) <= 0)?.value;
}

/** The plain default of an option in a release; an option that the release does not have is not set. */
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

/** What is new, gone or has another default after `from` and up to `to`. */
export type Difference = {
	added: { option: string; release: Version; default?: unknown }[];
	removed: { option: string; release: Version }[];
	defaults: { option: string; release: Version; before: unknown; after: unknown }[];
};

export function difference(options: Options, from: Version, to: Version): Difference {
	const isInside = (version: Version) => compare(version, from) > 0 && compare(version, to) <= 0;
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
		// A fallback to null after something else: the code works it out from other options from there on.
		if (change && old !== undefined && now !== undefined && now !== null && !same(old, now))
			found.defaults.push({ option: path, release: change.from, before: old, after: now });
	}
	found.added = addedBetween(options, from, to).map(one => {
		const value = defaultAt(options, one.option, to);
		return { ...one, ...(value !== undefined && { default: value }) };
	});
	return found;
}

/** What is new after `from` and up to `to`, without its defaults: cheap enough for every plan. */
export function addedBetween(options: Options, from: Version, to: Version): { option: string; release: Version }[] {
	const isInside = (version: Version) => compare(version, from) > 0 && compare(version, to) <= 0;
	return [...options.byPath.values()].flatMap(({ key, changes }) => {
		// Most options are older than most ways are long.
		if (!changes.some(([version]) => isInside(version))) return [];
		if (!counts(stateAt(changes, to)) || counts(stateAt(changes, from))) return [];
		const release = sinceWhen(changes, true, isInside);
		const isNew = release !== undefined && release !== options.read[0] && !isUndated(changes, firstSchema(options));
		return isNew ? [{ option: key, release }] : [];
	});
}

/** Since when within a range an option stands as it does at its end: it may have come and gone before. */
function sinceWhen(
	changes: TimelineEntry<OptionState>['changes'],
	isThere: boolean,
	isInside: (version: Version) => boolean,
): Version | undefined {
	const inside = changes.filter(([at]) => isInside(at));
	const last = inside.findLastIndex(([, state]) => counts(state) !== isThere);
	return inside[last + 1]?.[0];
}

/** What only the schema names, and already named when it began, may be of any age. */
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
