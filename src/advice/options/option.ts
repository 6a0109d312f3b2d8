// The history of one option: found by what someone typed, dated by the code, explained by the notes that name it.
import { type Life, lifeOf, type Options } from '../../configuration/options.ts';
import type { Version } from '../../deployment/version.ts';
import { compare } from '../../deployment/version.ts';
import type { Note } from '../../knowledge/schema/synapse.ts';
import { memo } from '../../runtime/memo.ts';

/**
 * Which option was meant. `several`: several paths end like this; `none`: no release has it, but a similar one
 * may exist.
 */
export type Lookup =
	| { kind: 'one'; path: string }
	| { kind: 'several'; paths: string[] }
	/** Names that may have been meant, likeliest first. */
	| { kind: 'none'; near: string[] };

/** A path as people and notes write it: without the markers for lists and user-defined names. */
export function plainPath(path: string): string {
	return path
		.replaceAll('[]', '')
		.replace(/\.\*(?=\.|$)/g, '')
		.replace(/"/g, '')
		.toLowerCase();
}

const byPlainPath = memo((options: Options): ReadonlyMap<string, string[]> => {
	const found = new Map<string, string[]>();
	for (const path of options.byPath.keys()) {
		const plain = plainPath(path);
		found.set(plain, [...(found.get(plain) ?? []), path]);
	}
	return found;
});

/** At most this many names are suggested for an unknown one. */
const maxNear = 3;

/** Names that contain every part of what was typed, shortest first: `registration` is part of `enable_registration`. */
function sharing(typed: string, names: readonly string[]): string[] {
	const parts = typed.split(/[._]+/).filter(part => part.length > 3);
	const sharing = names.filter(name => parts.length > 0 && parts.every(part => name.split(/[._]+/).includes(part)));
	return sharing.sort((a, b) => a.length - b.length || a.localeCompare(b));
}

/**
 * `nearest` picks the most similar word, if there is one. A whole path takes precedence over the end of one, and a
 * section over its members.
 */
export function lookUp(
	typed: string,
	options: Options,
	nearest: (typed: string, words: readonly string[]) => string | undefined,
): Lookup {
	const known = byPlainPath(options);
	const wanted = plainPath(typed.replace(/^[`'"\s]+|[`'":\s]+$/g, ''));
	if (options.byPath.has(typed)) return { kind: 'one', path: typed };
	const exact = known.get(wanted);
	const paths = exact ?? [...known].flatMap(([plain, all]) => (plain.endsWith(`.${wanted}`) ? all : []));
	const [path, ...others] = paths;
	if (path !== undefined) return others.length ? { kind: 'several', paths: paths.toSorted() } : { kind: 'one', path };
	const whole = nearest(wanted, [...known.keys()]);
	const last = nearest(wanted.split('.').at(-1) ?? wanted, [...new Set([...known.keys()].map(lastOf))]);
	const home = last === undefined ? undefined : [...known.keys()].find(plain => lastOf(plain) === last);
	const shared = sharing(wanted, [...known.keys()]);
	const near = [...new Set(shared.length ? shared : [whole, home])].flatMap(plain => {
		const [path] = (plain !== undefined && known.get(plain)) || [];
		return path === undefined ? [] : [path];
	});
	return { kind: 'none', near: near.slice(0, maxNear) };
}

function lastOf(path: string): string {
	return path.split('.').at(-1) ?? path;
}

export type OptionLife = {
	life: Life;
	/** The newest release whose code names it, if only to reject it. */
	newest: Version;
	/** The first release for which upstream or the code calls it deprecated. */
	deprecated?: Version;
	/** Its replacement in the words of the notes, in Markdown. */
	replacedBy?: string;
	/** Notes that name it, in release order. */
	notes: readonly Note[];
};

export function optionLife(path: string, options: Options, notes: readonly Note[]): OptionLife | undefined {
	const life = lifeOf(options, path);
	if (!life) return undefined;
	const plain = plainPath(path);
	const naming = notesByOption(notes).get(plain) ?? [];
	const announcing = naming.filter(note => deprecates(note, life));
	const announced = announcing.find(({ deadline }) => isNamed(path, deadline?.subject ?? '')) ?? announcing[0];
	const dates = [announced?.release, life.warned].flatMap(version => version ?? []).sort(compare);
	const [deprecated] = dates.filter(version => life.removed === undefined || compare(version, life.removed) < 0);
	const replacing = announced ?? naming.find(note => note.deadline?.replacedBy && note.release === life.removed);
	const [gone, last] = options.byPath.get(path)?.changes.at(-1) ?? [];
	const has = options.read.filter(version => last !== null || (gone !== undefined && compare(version, gone) < 0));
	return {
		life,
		newest: has.at(-1) ?? '',
		...(deprecated !== undefined && { deprecated }),
		...((deprecated ?? life.removed) !== undefined &&
			replacing?.deadline?.replacedBy && { replacedBy: replacing.deadline.replacedBy.trim() }),
		notes: naming,
	};
}

/** The options directly below this one, in any release. */
export function below(path: string, options: Options): string[] {
	const plain = plainPath(path);
	return [...options.byPath.keys()].filter(other => parentOf(plainPath(other)) === plain).toSorted();
}

function parentOf(path: string): string {
	return path.slice(0, Math.max(0, path.lastIndexOf('.')));
}

const notesByOption = memo((notes: readonly Note[]): ReadonlyMap<string, Note[]> => {
	const found = new Map<string, Note[]>();
	for (const note of notes.toSorted((a, b) => compare(a.release, b.release)))
		for (const plain of new Set(note.options.map(plainPath))) found.set(plain, [...(found.get(plain) ?? []), note]);
	return found;
});

/**
 * Whether a note announces the end of the option itself. A deadline may be about something else that involves the
 * option: its default, or one of its values.
 */
function deprecates({ deadline, release }: Note, { path, removed }: Life): boolean {
	if (!deadline || deadline.withdrawn) return false;
	if (isNamed(path, deadline.subject)) return true;
	if (isNamed(path, deadline.promised) && /\b(remov|drop|goes? away|gone)/i.test(deadline.promised)) return true;
	return removed !== undefined && compare(removed, release) > 0 && !isNamed(path, deadline.replacedBy ?? '');
}

/** Whether the text names the option in backticks, in full or by the end of its path, with or without a value. */
function isNamed(path: string, text: string): boolean {
	const plain = plainPath(path);
	return [...text.matchAll(/`([^`]+)`/g)].some(([, word = '']) => {
		const name = plainPath(word.replace(/:.*$/, ''));
		return name === plain || (name !== '' && plain.endsWith(`.${name}`));
	});
}
