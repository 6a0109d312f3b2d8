// What to say about an option that does not exist: its name as far as it cannot be a secret, and what was meant.
import { nearest } from '../arguments/nearest.ts';

type OptionPath = readonly string[];

/** `path`: as written; `options`: the paths of all options. */
export function noSuchOption(path: OptionPath, options: readonly OptionPath[]): string {
	const section = path.slice(0, -1);
	const key = path.at(-1) ?? '';
	// `{ password:secret }` is a key without a value.
	const [name = ''] = /^[\w-]{0,40}/.exec(key) ?? [];
	const place = [...section, name].join('.');
	if (key.charAt(name.length) === ':') return `${place}: there is no space after the colon`;
	const written = name === key ? place : `${place}…`;
	const known = knownPaths(options);
	const siblings = known.filter(one => one.length === path.length && section.every((part, at) => one[at] === part));
	const meant = similarTo(name, siblings) ?? theOnly(known.filter(one => plain(one.at(-1) ?? '') === plain(name)));
	return `${written}: there is no such option${meant ? `; did you mean ${meant.join('.')}?` : ''}`;
}

/** `variables`: the names of all options' variables. */
export function noSuchVariable(name: string, variables: readonly string[]): string {
	const short = (text: string) => text.replace(/^GLIA_/, '');
	const meant = nearest(
		short(name),
		variables.map(one => short(one).toLowerCase()),
	);
	return `there is no such option${meant ? `; did you mean GLIA_${meant.toUpperCase()}?` : ''}`;
}

/** Every option and every section. */
function knownPaths(options: readonly OptionPath[]): OptionPath[] {
	const all = options.flatMap(path => path.map((_, at) => path.slice(0, at + 1)));
	return [...new Map(all.map(path => [path.join('.'), path])).values()];
}

function similarTo(name: string, siblings: readonly OptionPath[]): OptionPath | undefined {
	const word = nearest(
		plain(name),
		siblings.map(path => plain(path.at(-1) ?? '')),
	);
	return siblings.find(path => plain(path.at(-1) ?? '') === word);
}

/** Compares `access_token`, `AccessToken` and `accessToken` as the same. */
function plain(name: string): string {
	return name.toLowerCase().replaceAll(/[_-]/g, '');
}

function theOnly<Item>(items: readonly Item[]): Item | undefined {
	return items.length === 1 ? items[0] : undefined;
}
