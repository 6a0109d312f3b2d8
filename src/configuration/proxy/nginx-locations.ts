// nginx's `location` blocks, and which of them answers a path.
import type { Directive } from './nginx-syntax.ts';
import type { Pattern, Patterns } from './pattern.ts';
import type { ReverseProxy } from './route.ts';

export type Location = {
	place: { file: string; line: number };
	kind: 'exact' | 'prefix' | 'first prefix' | 'expression' | 'named';
	path: string;
	pattern?: Pattern;
	body: Directive[];
	inner: Location[];
	/** nginx itself answers the same path without the slash at its end, with a redirect. */
	redirects: boolean;
};

export type FoundLocation =
	/** `final`: no expression takes precedence over it. */
	| { is: 'final' | 'prefix'; location: Location }
	/** `undecided`: an expression that cannot be evaluated may match. */
	| { is: 'redirect' | 'undecided'; location: Location }
	| { is: 'none' };

const modifiers: Record<string, Location['kind']> = {
	'=': 'exact',
	'^~': 'first prefix',
	'~': 'expression',
	'~*': 'expression',
};

/** The locations in a block, in order. Adds their paths to `rules`. */
export function locationsIn(body: readonly Directive[], rules: ReverseProxy['rules'], patterns: Patterns): Location[] {
	return body.flatMap((directive): Location[] => {
		const { name, words, block, file, line } = directive;
		if (name !== 'location' || !block) return [];
		const [first = '', second] = words;
		const modifier = second === undefined ? (/^(=|\^~|~\*|~)/.exec(first)?.[0] ?? '') : first;
		const path = second ?? first.slice(modifier.length);
		const kind = modifiers[modifier] ?? (path.startsWith('@') ? 'named' : 'prefix');
		if (kind !== 'named') rules.push({ file, line, path, kind: kind === 'first prefix' ? 'prefix' : kind });
		return [
			{
				place: { file, line },
				kind,
				path,
				...(kind === 'expression' && { pattern: patterns.of(path, modifier === '~*') }),
				body: block,
				inner: locationsIn(block, rules, patterns),
				redirects: path.endsWith('/') && block.some(inner => inner.name === 'proxy_pass'),
			},
		];
	});
}

/**
 * nginx's order: exact match, then what the longest prefix contains, then the first matching expression unless that
 * prefix is marked `^~`, then the longest prefix itself.
 */
export function locationFor(locations: readonly Location[], path: string): FoundLocation {
	const exact = locations.find(({ kind, path: own }) => kind === 'exact' && own === path);
	if (exact) return { is: 'final', location: exact };
	const prefixes = locations.filter(({ kind }) => kind === 'prefix' || kind === 'first prefix');
	const longest = prefixes.reduce<Location | undefined>(
		(best, one) => (path.startsWith(one.path) && (!best || one.path.length > best.path.length) ? one : best),
		undefined,
	);
	const redirecting = locations.find(
		({ kind, path: own, redirects }) => redirects && kind !== 'expression' && own === `${path}/`,
	);
	if (redirecting && longest?.path !== path) return { is: 'redirect', location: redirecting };
	let found: FoundLocation = { is: 'none' };
	if (longest) {
		const inner = locationFor(longest.inner, path);
		if (inner.is !== 'none' && inner.is !== 'prefix') return inner;
		found = inner.is === 'prefix' ? inner : { is: 'prefix', location: longest };
	}
	if (longest?.kind === 'first prefix') return found;
	for (const location of locations) {
		const is = location.pattern?.(path) ?? false;
		if (is === 'unknown') return { is: 'undecided', location };
		if (!is) continue;
		const inner = locationFor(location.inner, path);
		if (inner.is === 'undecided' || inner.is === 'redirect') return { ...inner, is: 'undecided' };
		return { is: 'final', location: inner.is === 'none' ? location : inner.location };
	}
	return found;
}
