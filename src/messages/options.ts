// Words for !option and !options, and for new options in a plan.
import type { OptionsBetween } from '../advice/options/between.ts';
import type { OptionLife } from '../advice/options/option.ts';
import type { Plan } from '../advice/upgrade/plan.ts';
import type { Answer, Section } from '../answer.ts';
import type { OptionState } from '../configuration/options.ts';
import { schemaFile } from '../configuration/options.ts';
import type { Version } from '../deployment/version.ts';
import { compare } from '../deployment/version.ts';
import type { Effect, Note, Source } from '../knowledge/schema/synapse.ts';
import { count, enumerate, list } from '../text/format.ts';
import { code, quoted } from '../text/markdown.ts';
import { link } from './sections.ts';

/** The first and last release whose code was read. */
export type OptionSpan = { first: Version; last: Version };

/** Missing, `null` and empty values in words; anything else as code of at most 120 characters. */
function defaultWords(value: unknown): string {
	if (value === undefined) return 'set by the code';
	if (value === null) return 'none';
	if (JSON.stringify(value) === '[]' || JSON.stringify(value) === '{}') return 'empty';
	const text = typeof value === 'string' && value !== '' ? value : JSON.stringify(value);
	return code(text.length > 120 ? `${text.slice(0, 119)}…` : text);
}

function since({ life }: OptionLife, { first }: OptionSpan): string {
	if (life.since !== undefined) return `Added in ${life.since}.`;
	return life.undated
		? 'It is not known when it was added: only the configuration schema names it.'
		: `Added in ${first} or earlier (I have no data on older code).`;
}

function end({ life, deprecated, replacedBy }: OptionLife, last: Version): string[] {
	const isOver = life.removed !== undefined;
	return [
		...(deprecated === undefined
			? []
			: [`${isOver ? 'Deprecated in' : 'Deprecated since'} ${deprecated}${isOver ? '.' : ', but still supported.'}`]),
		...(life.removed === undefined
			? deprecated === undefined
				? [`Still present in ${last}.`]
				: []
			: [
					life.refused === life.removed
						? `From ${life.removed} on, Synapse refuses to start with it.`
						: life.refused === undefined
							? `From ${life.removed} on, Synapse silently ignores it.`
							: `From ${life.removed} on, Synapse ignores it, and from ${life.refused} on, it refuses to start with it.`,
				]),
		...(replacedBy === undefined ? [] : [`Replacement: ${replacedBy.replace(/\.$/, '')}.`]),
	];
}

/** What the option accepts in the newest release that has it. */
function kinds({ accepts, documentedType, type, required }: OptionState): string | undefined {
	const named = [accepts ?? documentedType ?? type ?? []].flat().filter(kind => kind !== 'null');
	if (!named.length && !required) return undefined;
	const what = named.length
		? `It accepts a ${named.join(' or a ').replace(/\ba (?=[aeiou])/g, 'an ')}`
		: 'It has no default';
	return `${what}${named.length && required ? ', and is required' : ''}${accepts ? '; anything else keeps Synapse from starting' : ''}.`;
}

function defaultsWords({ life: { defaults } }: OptionLife): string | undefined {
	const [only, ...changes] = defaults;
	if (!only) return undefined;
	if (!changes.length) return `Default: ${defaultWords(only.value)}.`;
	return `Default: ${defaultWords(only.value)} at first, ${enumerate(changes.map(({ from, value }, i) => `${defaultWords(value)} from ${from}${i === changes.length - 1 ? ' on' : ''}`))}.`;
}

/** Where the newest release that has the option names it in its code, and what upstream wrote. */
function sourcesOf({ life, notes, newest }: OptionLife): Source[] {
	const { file } = life.state;
	const where = {
		document: file,
		section: `Synapse ${newest}`,
		url: `https://github.com/element-hq/synapse/blob/v${newest}/${file}`,
	};
	const seen = new Set<string>();
	return [where, ...notes.flatMap(({ sources }) => sources)].filter(({ url }) => !seen.has(url) && seen.add(url));
}

/** For a name that no release has: the names that may have been meant, or how to search for it. */
export function noOptionWords(typed: string, near: readonly string[], first: Version): string {
	const none = `No release since ${first} has had an option called ${quoted(typed)}.`;
	if (near.length) return `${none} Did you mean ${enumerate(near.map(code), 'or')}?`;
	return `${none} ${code('!options 1.98 1.163')} lists changes between two releases, and ${code('!check')} checks your configuration file.`;
}

/** `children`: options directly below it; `effects`: what the code does with it that no note mentions. */
export function optionWords(
	found: OptionLife,
	reach: OptionSpan,
	{ children, effects }: { children: readonly string[]; effects: readonly Effect[] },
): Answer {
	const { life, deprecated, replacedBy, notes } = found;
	const undocumented = life.state.undocumented && 'The configuration manual does not mention it.';
	const unread = life.state.file === schemaFile && 'I found no code that reads it, so it may have no effect.';
	const result =
		life.removed === undefined ? (deprecated === undefined ? '' : ', deprecated') : `, removed in ${life.removed}`;
	const sentences = [
		since(found, reach),
		...end(found, reach.last),
		...[defaultsWords(found), kinds(life.state)].flatMap(words => words ?? []),
		...[undocumented, unread].flatMap(words => words || []),
		...effects.flatMap(effect => (effect.kind === 'without-effect' ? [withoutEffect(effect)] : [])),
	];
	const text = sentences.join(' ');
	const sources = sourcesOf(found);
	const sections: Section[] = [
		...(notes.length ? [notesSection(notes)] : []),
		...(children.length
			? [
					{
						title: `Options under it (${children.length})`,
						markdown: list(children.map(code)),
						fold: children.length > 8,
					},
				]
			: []),
		{
			title: 'Sources',
			markdown: list(
				sources.map(({ document, heading, section, url }) => `${link(heading ?? document, url)}, ${section}`),
			),
			fold: true,
		},
	];
	return {
		value: {
			format: 1,
			option: life.path,
			...(life.since !== undefined && { first: life.since }),
			...(deprecated !== undefined && { deprecated }),
			...(life.removed !== undefined && { removed: life.removed }),
			...(replacedBy !== undefined && { replacedBy }),
			defaults: life.defaults,
			notes: notes.map(({ id }) => id),
			text,
			sources,
			gaps: life.since === undefined ? ['first'] : [],
		},
		lead: [`**${code(life.path)}${result}**`, text].join('\n\n'),
		sections: sections.filter(({ markdown }) => markdown !== ''),
		kind: 'answer',
	};
}

/** For an option that is read but changes nothing, which its documentation does not reveal. */
function withoutEffect({ since, until, says }: Effect): string {
	const when = [since && `from ${since}${until ? '' : ' on'}`, until && `until ${until}`]
		.flatMap(words => words || [])
		.join(' ');
	return `It may have no effect${when ? ` (${when})` : ''}: ${says}.`;
}

function notesSection(notes: readonly Note[]): Section {
	const lines = notes.map(({ release, title }) => `${release}: ${title} (${code(`!notes ${release}`)})`);
	return { title: `Notes that mention it (${notes.length})`, markdown: list(lines), fold: notes.length > 5 };
}

type Subject = { title: string; lines: string[] };

/** Options by subject (their first segment). A section added or removed as a whole stands for everything in it. */
function bySubject<One extends { option: string; release: Version }>(
	list: readonly One[],
	words: (one: One) => string,
): Subject[] {
	const names = new Set(list.map(({ option }) => option));
	const isBelow = (option: string) => ancestors(option).some(above => names.has(above));
	const isTwin = ({ option }: One) => twinOf(option) !== undefined && names.has(twinOf(option) ?? '');
	const own = list.filter(one => !isBelow(one.option) && !isTwin(one));
	const line = (one: One) => {
		const inner = list.filter(({ option }) => ancestors(option).includes(one.option)).length;
		return `${words(one)}${inner ? ` (with ${count(inner, 'option')} under it)` : ''}`;
	};
	const subjects = Map.groupBy(own, ({ option }) => subjectOf(option));
	return [...subjects]
		.sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b))
		.map(([title, ones]) => ({ title, lines: ones.map(line) }));
}

function ancestors(option: string): string[] {
	const found: string[] = [];
	for (let at = option.search(/[.[]/); at >= 0; ) {
		found.push(option.slice(0, at));
		const next = option.slice(at + 1).search(/[.[]/);
		at = next < 0 ? -1 : at + 1 + next;
	}
	return found.filter(above => above !== '');
}

/** An older section that Synapse reads like the newer one. */
function twinOf(option: string): string | undefined {
	if (option.startsWith('oidc_config.')) return option.replace('oidc_config.', 'oidc_providers[].');
	return option.startsWith('worker_listeners[]') ? option.replace('worker_listeners', 'listeners') : undefined;
}

const general = 'at the top level';
const experimental = 'experimental_features';

function subjectOf(option: string): string {
	return /[.[]/.test(option) ? (option.split(/[.[]/)[0] ?? general) : general;
}

/** Experimental options last: few set them. */
function rank(subject: string): number {
	return subject === general ? 0 : subject === experimental ? 2 : 1;
}

function subjectsWords(subjects: readonly Subject[]): string {
	return subjects
		.map(({ title, lines }) => `**${title === general ? 'Top level' : code(title)}**\n\n${list(lines)}`)
		.join('\n\n');
}

function optionsSection<One extends { option: string; release: Version }>(
	title: string,
	found: readonly One[],
	words: (one: One) => string,
	{ mark, fold = found.length > 12 }: { mark?: string; fold?: boolean } = {},
): Section[] {
	if (!found.length) return [];
	const markdown = subjectsWords(bySubject(found, words));
	return [{ title: `${title} (${found.length})`, ...(mark && { mark }), markdown, fold }];
}

export function optionsWords(between: OptionsBetween, reach: OptionSpan, taken: readonly string[]): Answer {
	const { from, to, added, removed, deprecated, defaults } = between;
	const parts = [
		...(added.length ? [`${added.length} new`] : []),
		...(removed.length ? [`${removed.length} removed`] : []),
		...(deprecated.length ? [`${deprecated.length} deprecated`] : []),
		...(defaults.length ? [`${defaults.length} with a new default`] : []),
	];
	const ends = ({ option, release, replacedBy }: OptionsBetween['removed'][number]) =>
		`${code(option)}, ${release}${replacedBy === undefined ? '' : `. Replacement: ${replacedBy}`}`;
	const sections: Section[] = [
		...optionsSection('Removed', removed, ends, { mark: '⚠️', fold: false }),
		...optionsSection(
			'New defaults',
			defaults,
			({ option, release, before, after }) =>
				`${code(option)}: ${defaultWords(before)} → ${defaultWords(after)}, ${release}`,
			{ fold: false },
		),
		...optionsSection('Deprecated', deprecated, ends),
		...optionsSection('New', added, one =>
			'default' in one && one.default !== undefined
				? `${code(one.option)}, ${one.release}; default ${defaultWords(one.default)}`
				: `${code(one.option)}, ${one.release}`,
		),
	];
	const limits = limitWords(between, reach);
	return {
		value: { format: 1, ...between, gaps: limits === undefined ? [] : ['options'] },
		lead: [
			`**Options from ${from} to ${to}: ${parts.length ? parts.join(', ') : 'no difference'}.**`,
			...taken,
			...(limits === undefined ? [] : [limits]),
			`For details of an option: ${code('!option NAME')}.`,
		].join('\n\n'),
		title: `Options: ${from} → ${to}`,
		sections,
		kind: 'answer',
	};
}

function limitWords({ from, to }: { from: Version; to: Version }, { first, last }: OptionSpan): string | undefined {
	if (compare(from, first) < 0) return `⚠️ I only know the code from ${first} on: earlier changes are not in this list.`;
	return compare(to, last) > 0
		? `⚠️ I only know the code up to ${last}: later changes are not in this list.`
		: undefined;
}

/** New options in a plan: one line, however many there are; undefined if there are none, or nothing was read. */
export function newOptionsLine({
	newOptions = [],
	from,
	to,
}: Pick<Plan, 'newOptions' | 'from' | 'to'>): string | undefined {
	if (!newOptions.length) return undefined;
	return `New options: ${newOptions.length}, none of them required; see ${code(`!options ${from} ${to}`)}.`;
}

export function newOptionsSection(plan: Pick<Plan, 'newOptions' | 'from' | 'to'>): Section[] {
	const line = newOptionsLine(plan);
	return line === undefined ? [] : [{ title: `New options (${plan.newOptions?.length})`, markdown: line, fold: true }];
}
