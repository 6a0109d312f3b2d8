// The messages with which releases refuse to start: where each is in the code, its option, and what the code wants.
import type { Code, RefusalState } from '../../configuration/code.ts';
import type { Options } from '../../configuration/options.ts';
import type { Version } from '../../deployment/version.ts';
import { squeeze } from './template.ts';

/** One place in the code that prints it. `until`: the first release without it. */
export type RefusalSite = {
	file: string;
	function: string;
	raises: string;
	since: Version;
	/** It was already in the oldest release that was read. */
	always: boolean;
	until?: Version;
	options: string[];
};

/** The releases that print it there, as a range; `*` is any release. */
export function rangeOf({ since, always, until }: RefusalSite): string {
	return [...(always ? [] : [`>=${since}`]), ...(until ? [`<${until}`] : [])].join(' ') || '*';
}

/** A message and every place that prints it. */
export type RefusalText = { text: string; sites: RefusalSite[] };

/** What the code wants, in a form that can be worded. */
export type Want =
	| { is: 'type'; type: 'text' | 'list' | 'mapping' | 'number' | 'boolean' | 'duration' | 'size' | 'url' }
	| { is: 'library'; name: string }
	| { is: 'floor'; of: string; least: string }
	| {
			is:
				| 'insecure'
				| 'exclusive'
				| 'inline-secret'
				| 'mas-excludes'
				| 'removed'
				| 'file'
				| 'needs'
				| 'one-of'
				| 'order'
				| 'instance'
				| 'unix-socket'
				| 'listener'
				| 'database'
				| 'schema'
				| 'duplicate'
				| 'module'
				| 'value'
				| 'bug'
				| 'place';
	  };

export function refusalTexts(code: Code): RefusalText[] {
	const { read, entries } = code.refusals();
	// Messages that differ only in punctuation and quotes are the same.
	const byText = new Map<string, RefusalText & { sites: RefusalSite[] }>();
	for (const { key, changes } of entries) {
		const space = key.indexOf(' ');
		const [file, text] = [key.slice(0, space), key.slice(space + 1)];
		const last = changes.findLast(([, state]) => state !== null)?.[1];
		const first = changes.find(([, state]) => state !== null)?.[0];
		const end = changes.at(-1);
		if (!last || first === undefined) continue;
		const bare = piecesOf(text)
			.map(piece => squeeze(piece).join())
			.filter(Boolean)
			.join(' ');
		const known = byText.get(bare) ?? { text, sites: [] };
		known.sites.push({
			file,
			function: last.in,
			raises: last.raises,
			since: first,
			always: first === read[0],
			...(end && end[1] === null && { until: end[0] }),
			options: optionsOfState(last),
		});
		byText.set(bare, known);
	}
	return [...byText.values()];
}

function optionsOfState({ option }: RefusalState): string[] {
	return option === undefined ? [] : typeof option === 'string' ? [option] : option;
}

/** The literal pieces of a message; gaps are `{}`, or `%s` in older code. */
export function piecesOf(text: string): string[] {
	return text
		.replace(/\{\{|\}\}/g, ' ')
		.split(/\{\}|%\(\w{1,30}\)[sdr]|%[sdr]/)
		.filter(piece => piece !== '');
}

/** Maps a path printed by the code to the option in the configuration file; undefined if no release knows it. */
export function optionNamed(path: string, { byPath }: Options): string | undefined {
	const plain = path
		.replace(/\.(?:\d{1,6}|<item \d{1,6}>)(?=\.|$)/g, '.*')
		.replace(/\.\*/g, '[]')
		.replace(/^experimental\./, 'experimental_features.');
	const tries = [plain, plain.replace(/\[\]/g, '.*'), plain.replace(/^[a-z_]+\./, '')];
	const known = tries.find(name => byPath.has(name));
	if (known !== undefined) return known;
	// A nested name without a known history counts if the option that contains it is known.
	const root = /^[a-z_]+/.exec(plain)?.[0] ?? '';
	return /^[a-z0-9_.[\]]{1,100}$/.test(plain) &&
		(byPath.has(root) || [...byPath.keys()].some(key => key.startsWith(`${root}.`)))
		? plain
		: undefined;
}

const word = /[a-z][a-z0-9_]*(?:\.[a-z0-9_*]+)*/g;

/** Values that messages quote the same way as options. */
const quotedValues = new Set(
	'true false none off open public authenticated allow deny livekit local main media str list'.split(' '),
);

/** Options that the message itself names, without those it recommends instead. */
export function optionsNamedIn(text: string, options: Options): string[] {
	const about =
		text.split(/, use |\. (?:Use|Please|You should|Consider)|Please disable|please (?:place|use)/)[0] ?? text;
	const names = [...about.matchAll(word)].map(([name]) => name).filter(name => /[_.]/.test(name));
	const known = names.flatMap(name => optionNamed(name, options) ?? []);
	if (known.length) return [...new Set(known)];
	// For nested options without a known history, the code's own words are enough: they contain no user values.
	const quoted = [...about.matchAll(/[`'"]([a-z][a-z0-9_.]{1,60})[`'"]/g)].flatMap(([, name]) => name ?? []);
	return [
		...new Set([...quoted, ...names.filter(name => /^[a-z0-9]+_/.test(name))].filter(name => !quotedValues.has(name))),
	];
}

/** The first match wins, so specific ones come before general ones. */
const wants: readonly (readonly [RegExp, Want])[] = [
	[/very insecure|isn't what you want|known vector for spam|^For security/, { is: 'insecure' }],
	[/or neither/, { is: 'needs' }],
	[/Bad duration/, { is: 'type', type: 'duration' }],
	[/expect an in-line secret/, { is: 'inline-secret' }],
	[/when OAuth delegation is enabled|replaced by Matrix Authentication Service/, { is: 'mas-excludes' }],
	[
		/this is a bug|Synapse problem|Passing bytes|sdnotify|config==None|same name in v|does not provide the feature|requires a section name|double-quote/,
		{ is: 'bug' },
	],
	[
		/\bboth\b|mutually incompatible|onflicting|Cannot specify|Can't specify|Cannot use both|cannot be set at the same time|conflicts with|incompatible with|at the same time|should not both|Can't use|for the same resource/,
		{ is: 'exclusive' },
	],
	[
		/too new for the server|schema version|schema delta|delta dir|ninitialised database|full schemas|module spec|needs to be upgraded|upgrade database|module schemas/,
		{ is: 'schema' },
	],
	[/unix socket/i, { is: 'unix-socket' }],
	[/instance_map|specify one instance|at least one instance|worker|faster_joins|list of instances/, { is: 'instance' }],
	[/no longer support|was removed|has been replaced|is no longer a supported|not supported in/, { is: 'removed' }],
	[
		/incorrect (?:collation|ctype|encoding)|incorrectly configured|[Uu]nsupported database|database config|one database/,
		{ is: 'database' },
	],
	[/listener|resource/i, { is: 'listener' }],
	[/missing required methods|known interface|is not a subclass|register_/, { is: 'module' }],
	[/greater than|exceeds/, { is: 'order' }],
	[/Multiple |reuse |overlap/, { is: 'duplicate' }],
	[
		/must be one of|can only have|only versions|Unknown|Unrecognised|Unsupported|not in the list|expected no suffix|is not a known/,
		{ is: 'one-of' },
	],
	[/Bad duration|duration/, { is: 'type', type: 'duration' }],
	[/byte size/, { is: 'type', type: 'size' }],
	[/true or false/, { is: 'type', type: 'boolean' }],
	[/\b(?:HTTP\(S\)|https?) URL|scheme|parse URL|MXC URI|query parameters/i, { is: 'type', type: 'url' }],
	[
		/(?:be|expected|Expected|is|not) (?:an? )?(?:[a-z-]+ )?(?:string|type str|str)\b|is not a string/,
		{ is: 'type', type: 'text' },
	],
	[/(?:be|xpected) a list|must be a list/, { is: 'type', type: 'list' }],
	[/dictionary|mapping|an object/, { is: 'type', type: 'mapping' }],
	[/number|integer|positive value/, { is: 'type', type: 'number' }],
	[
		/Error accessing|Error reading|find (?:email )?template|template directory|[Dd]irectory|Failed to (?:read|parse existing)|certificate file|key file|No signing keys|Failed making|CONFIG property/,
		{ is: 'file' },
	],
	[
		/requires?\b|required|must (?:also )?(?:be )?(?:'true'|set|specif|provide|have|point)|Must (?:specify|have)|missing|Missing|lacking|Neither|must be disabled|must also be|Please opt|not set|without|depends/,
		{ is: 'needs' },
	],
	[
		/nvalid|Unable to parse|not allowed|Could not validate|Failed to parse|malformed|incorrect|only alphanumeric|must not|cannot be|does not support|needs characters|may only|must start/i,
		{ is: 'value' },
	],
];

export function wantOf(text: string): Want {
	const library = /[Mm]issing ([\w-]+) library|(\w+) (?:module )?is not installed/.exec(text);
	if (library) return { is: 'library', name: library[1] ?? library[2] ?? '' };
	const floor = /requires (PostgreSQL|sqlite|Python) ([\d.]+)\+? or above/i.exec(text);
	if (floor) return { is: 'floor', of: floor[1] ?? '', least: floor[2] ?? '' };
	return wants.find(([pattern]) => pattern.test(text))?.[1] ?? { is: 'place' };
}
