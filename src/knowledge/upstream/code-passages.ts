// Differences between a release's code and the previous one's, as passages that are read like those in the documents.
import type { Code } from '../../configuration/code.ts';
import type { OptionState } from '../../configuration/options.ts';
import type { Table } from '../../configuration/timeline.ts';
import type { Version } from '../../deployment/version.ts';
import { compare, finalOf } from '../../deployment/version.ts';

export const codeKinds = ['option', 'refusal', 'dependency', 'route', 'delta', 'build', 'admin'] as const;
export type CodeKind = (typeof codeKinds)[number];
/** The last four only occur for options. `refused` and `warned`: a release begins to refuse, or to warn. */
export const codeChanges = ['added', 'gone', 'changed', 'default', 'accepts', 'refused', 'warned'] as const;
export type CodeChange = (typeof codeChanges)[number];

export type CodePassage = {
	kind: CodeKind;
	/** The table's key: an option's path, `file message`, a package, `workers ^pattern`, `store number/file`, a system. */
	key: string;
	change: CodeChange;
	/** The release; for a candidate, its final release. */
	release: Version;
	/** The options that a refusal mentions. */
	options?: readonly string[];
	was: unknown;
	is: unknown;
};

/** Sorted by release, kind and key. The oldest release that was read has nothing to compare with. */
export function codePassages(code: Code): CodePassage[] {
	const { read, byPath } = code.options();
	const found = [
		...differences('option', { read: [...read], entries: [...byPath.values()] }, optionChange),
		...differences('refusal', code.refusals(), presence),
		...differences('dependency', code.dependencies(), anyChange),
		...differences('route', code.routes(), anyChange),
		...differences('delta', code.deltas(), presence),
		...differences('build', code.builds(), presence),
		...differences('admin', code.admin(), presence),
	];
	return withoutParts(found).sort(
		(a, b) =>
			compare(a.release, b.release) ||
			codeKinds.indexOf(a.kind) - codeKinds.indexOf(b.kind) ||
			(a.key < b.key ? -1 : a.key > b.key ? 1 : 0),
	);
}

/**
 * Drops what belongs to a new option: the options below it, and the refusals that mention only new options. They affect
 * only people who set it.
 */
function withoutParts(passages: readonly CodePassage[]): CodePassage[] {
	const added = new Set(
		passages.flatMap(({ kind, change, key, release }) =>
			kind === 'option' && change === 'added' ? [`${release} ${key}`] : [],
		),
	);
	const isPart = (release: Version, path: string) => ancestorsOf(path).some(above => added.has(`${release} ${above}`));
	return passages.filter(({ kind, change, key, release, options }) => {
		if (kind === 'option') return change !== 'added' || !isPart(release, key);
		if (kind !== 'refusal' || change !== 'added') return true;
		const isNew = (path: string) => added.has(`${release} ${path}`) || isPart(release, path);
		return !options?.length || !options.every(isNew);
	});
}

/** `a[].b.c` → `a`, `a[].b`. */
function ancestorsOf(path: string): string[] {
	return [...path.matchAll(/[.[]/g)].map(({ index }) => path.slice(0, index)).filter(above => !above.endsWith(']'));
}

export function codePassageName({ kind, key, change, release }: CodePassage): string {
	return `code › ${release} › ${kind} ${change} › ${key}`;
}

function differences<State>(
	kind: CodeKind,
	{ read, entries }: Table<State>,
	changeOf: (was: State | null, is: State | null) => CodeChange | undefined,
): CodePassage[] {
	return entries.flatMap(({ key, changes }) =>
		changes.flatMap(([version, is], index): CodePassage[] => {
			if (version === read[0]) return [];
			const was = changes[index - 1]?.[1] ?? null;
			const change = changeOf(was, is);
			if (change === undefined) return [];
			const option = (is as { option?: string | string[] } | null)?.option;
			const options = option === undefined ? {} : { options: [option].flat() };
			return [{ kind, key, change, release: finalOf(version), was, is, ...(kind === 'refusal' && options) }];
		}),
	);
}

function presence(was: unknown, is: unknown): CodeChange | undefined {
	if (was === null) return 'added';
	return is === null ? 'gone' : undefined;
}

function anyChange(was: unknown, is: unknown): CodeChange {
	return presence(was, is) ?? 'changed';
}

/** Moves between files, and changes that are only in the schema, do not count. */
function optionChange(was: OptionState | null, is: OptionState | null): CodeChange | undefined {
	const there = presence(was, is);
	if (there || !was || !is) return there;
	if (is.refused && !was.refused) return 'refused';
	if (is.warned && !was.warned) return 'warned';
	if ('default' in was && 'default' in is && !isSame(was.default, is.default)) return 'default';
	if (is.required && !was.required) return 'changed';
	return isSame(was.accepts, is.accepts) ? undefined : 'accepts';
}

function isSame(a: unknown, b: unknown): boolean {
	return JSON.stringify(a) === JSON.stringify(b);
}
