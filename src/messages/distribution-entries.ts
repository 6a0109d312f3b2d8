// Words for a distribution's entries: breaking, possibly breaking, good to know, and uncurated.
import type { Section } from '../answer.ts';
import type { Source } from '../knowledge/schema/synapse.ts';
import { count, enumerate, list } from '../text/format.ts';
import { code } from '../text/markdown.ts';
import { link } from './sections.ts';

/** An entry of either distribution, as needed for words. */
export type EntryTold = {
	id: string;
	date: string;
	chart?: string;
	title: string;
	breaking: boolean;
	waits?: boolean | undefined;
	concerned: true | 'unknown';
	byDefault?: true;
	components: readonly string[];
	onlyIf?: string | undefined;
	refuses?: string | undefined;
	text: string;
	do?: string | undefined;
	first?: string | undefined;
	sources: readonly Source[];
};

export function entryValue(entry: EntryTold): Record<string, unknown> {
	const { id, date, chart, title, breaking, waits, components, concerned, byDefault, onlyIf, refuses } = entry;
	return {
		id,
		date,
		...(chart !== undefined && { chart }),
		title,
		breaking,
		...(waits !== undefined && { waits }),
		components,
		concerned,
		...(byDefault && { byDefault }),
		...(onlyIf !== undefined && { onlyIf }),
		...(refuses !== undefined && { refuses }),
		text: entry.text,
		...(entry.do !== undefined && { do: entry.do }),
		...(entry.first !== undefined && { first: entry.first }),
		sources: entry.sources,
	};
}

export type SortedEntries = { sure: EntryTold[]; perhaps: EntryTold[]; rest: EntryTold[] };

/** Sorts entries into those that break something here, those that may, and those that are only good to know. */
export function sorted(entries: readonly EntryTold[]): SortedEntries {
	const breaking = entries.filter(entry => entry.breaking);
	return {
		// Refusals first; otherwise in their original order.
		sure: breaking
			.filter(({ concerned }) => concerned === true)
			.sort((a, b) => Number(b.refuses !== undefined) - Number(a.refuses !== undefined)),
		perhaps: breaking.filter(({ concerned }) => concerned !== true),
		rest: entries.filter(entry => !entry.breaking),
	};
}

export function verdict({ sure, perhaps }: SortedEntries, unread: number): string {
	if (sure.length)
		return `${sure.length === 1 ? 'one breaking change affects' : `${sure.length} breaking changes affect`} you`;
	if (unread) return `read ${count(unread, 'new entry', 'new entries')} first`;
	return perhaps.length
		? `${count(perhaps.length, 'breaking change affects', 'breaking changes affect')} only some servers`
		: 'nothing breaks';
}

export function leadOf(
	{ sure, perhaps, rest }: SortedEntries,
	halts: readonly HaltTold[],
	unread: number,
	ends: readonly string[],
): string {
	const first = halts.filter(({ concerned }) => concerned === true).length;
	const maybeFirst = halts.length - first;
	const refused = sure.filter(({ refuses }) => refuses !== undefined).length;
	const lines = [
		...(sure.length
			? [
					`🔴 **${count(sure.length, 'breaking change affects', 'breaking changes affect')} you**${refused ? `; ${refused === sure.length ? '' : `for ${refused} of them, `}the playbook may refuse to run until you have dealt with ${refused === 1 ? 'it' : 'them'}` : ''}.`,
				]
			: []),
		...(first ? [`🔴 **You cannot update in one step:** do ${count(first, 'thing')} before you pull.`] : []),
		...(maybeFirst
			? [`🟡 **You may have to do ${count(maybeFirst, 'thing')} before you pull,** depending on your setup.`]
			: []),
		...(perhaps.length
			? [
					`🟡 **${someWords(perhaps.length, sure.length > 0)} only some servers:** each entry says which. Name your components to shorten this.`,
				]
			: []),
		...(unread ? [`⚠️ **${count(unread, 'entry', 'entries')} not reviewed yet:** see below.`] : []),
		...(sure.length + perhaps.length + unread ? [] : ['✅ **No breaking changes.**']),
		...(rest.length
			? [`${count(rest.length, 'other change')} ${rest.length === 1 ? 'breaks' : 'break'} nothing.`]
			: []),
	];
	return [lines.join('\\\n'), ends.join(' ')].join('\n\n');
}

function someWords(number: number, isMore: boolean): string {
	const more = isMore ? 'more ' : '';
	return count(number, `${more}breaking change affects`, `${more}breaking changes affect`);
}

export type HaltTold = Pick<EntryTold, 'date' | 'title' | 'concerned' | 'onlyIf' | 'first' | 'components'>;

export function haltSection(halts: readonly HaltTold[]): Section[] {
	if (!halts.length) return [];
	const mark = halts.some(({ concerned }) => concerned === true) ? '🔴' : '🟡';
	return [
		{
			title: `Before you pull past these dates (${halts.length})`,
			mark,
			markdown: list(halts.map(haltLine)),
			fold: false,
		},
	];
}

export function haltLine({ date, title, concerned, onlyIf, first = '', components }: HaltTold): string {
	const condition = onlyIf === undefined ? `if you use ${enumerate(components.map(code), 'or')}` : `only if ${onlyIf}`;
	const whose = concerned === true ? '' : `${condition}: `;
	return `**${date}**, ${title}: ${whose}${oneLine(first)}`;
}

export function oneLine(text: string): string {
	return text.replace(/\s*\n\s*/g, ' ').trim();
}

export function entrySections({ sure, perhaps, rest }: SortedEntries, all: boolean): Section[] {
	if (all) return [...sure, ...perhaps, ...rest].map(entrySection);
	return [
		...sure.map(entrySection),
		...(perhaps.length
			? [
					{
						title: `Breaks only some servers (${perhaps.length})`,
						markdown: list(perhaps.map(useLine)),
						fold: true,
					},
				]
			: []),
		...(rest.length
			? [
					{
						title: `Good to know (${rest.length})`,
						markdown: list(rest.map(({ date, chart, title }) => `${chart ?? date}: ${title}`)),
						fold: true,
					},
				]
			: []),
	];
}

export function useLine(entry: EntryTold): string {
	const { date, chart, title, components, onlyIf, refuses } = entry;
	const many = components.length > 4;
	const names = many ? `one of ${components.length} components` : components.map(code).join(', ');
	const whose = [...(names ? [names] : []), ...(onlyIf ? [`only if ${onlyIf}`] : [])].join('; ');
	return `${chart ?? date}: **${title}**${whose ? ` (${whose})` : ''}.${refuses ? ' Blocks the update until you have dealt with it.' : ''} ${oneLine(entry.do ?? '')}`;
}

export function entrySection(entry: EntryTold): Section {
	const { date, chart, title, refuses, breaking, concerned } = entry;
	return {
		title: fitting(`${chart ?? date}: ${title}`),
		...(breaking && concerned === true && { mark: refuses ? '🔴' : '⚠️' }),
		markdown: entryText(entry),
		fold: !(breaking && concerned === true),
	};
}

/** Who is affected, what changed, what to do, and where upstream says so. */
export function entryText(entry: EntryTold): string {
	const { chart, refuses, breaking, waits, onlyIf, byDefault, components, concerned } = entry;
	const whose =
		concerned === true
			? byDefault
				? `*On unless you turned it off: ${components.map(code).join(', ')}.*\n\n`
				: ''
			: components.length && components.length <= 6
				? `*If you use ${enumerate(components.map(code), 'or')}.*\n\n`
				: '';
	const condition = onlyIf ? `*Only if ${onlyIf}.*\n\n` : '';
	const parts = [
		`${whose}${condition}${entry.text}`,
		...(entry.first ? [`**Before you ${chart === undefined ? 'pull' : 'upgrade'}:** ${entry.first}`] : []),
		...(entry.do ? [`**Do:** ${entry.do}`] : []),
		...(refuses ? [refusalWords(refuses, chart)] : []),
		...(breaking && waits ? ['This can wait until after the update.'] : []),
		sourceLine(entry.sources),
	];
	return parts.filter(Boolean).join('\n\n');
}

/** Shortens a title to fit a fold's line. */
function fitting(title: string): string {
	return title.length <= 80 ? title : `${title.slice(0, 79)}…`;
}

function refusalWords(refuses: string, chart: string | undefined): string {
	if (refuses === 'variables') return 'While an old variable is set, the playbook stops before it changes anything.';
	if (refuses === 'data') return 'The playbook stops if it finds the old state on the server.';
	const refusing = chart === undefined ? 'The playbook stops' : 'The chart fails';
	return `${refusing} before it changes anything, until the values are correct.`;
}

function sourceLine(sources: readonly Source[]): string {
	const links = sources.map(({ document, section, heading, bullet, url }) => {
		if (document === 'commit') return link(`commit ${section}`, url);
		const name = bullet ? `${section}, ${heading} ${bullet}` : (heading ?? section);
		return link(document === 'CHANGELOG.md' ? name : `${document}`, url);
	});
	return links.length ? `Upstream: ${links.join(', ')}` : '';
}

type HiddenTold = { date: string; title: string; because: readonly string[] };

/** What the stated facts excluded, as parts of a fold. */
export function hiddenParts(hidden: readonly HiddenTold[]): (readonly [title: string, lines: readonly string[]])[] {
	if (!hidden.length) return [];
	const lines = hidden.map(({ date, title, because }) => `${date}: ${title} (${because.join(', ')})`);
	return [[`Left out because of what you said (${hidden.length})`, lines]];
}

export function hiddenLines(hidden: readonly HiddenTold[], all: boolean): Section[] {
	if (!all && hidden.length)
		return [
			{
				title: '',
				markdown: `${count(hidden.length, 'entry does', 'entries do')} not affect you, according to what you said.`,
				fold: false,
			},
		];
	return hiddenParts(hidden).map(([title, lines]) => ({ title, markdown: list(lines), fold: true }));
}

export type UnreadTold = { name: string; url: string; text?: string };

export function unreadLine({ name, url, text }: UnreadTold): string {
	return `${link(name, url)}${text ? `\n\n${text}` : ''}`;
}

export function unreadLines(unread: readonly UnreadTold[], one: string, many: string): Section[] {
	if (!unread.length) return [];
	const lines = unread.map(unreadLine);
	return [
		{
			title: `Not reviewed yet (${unread.length})`,
			mark: '⚠️',
			markdown: `Nobody has reviewed ${unread.length === 1 ? `this ${one}` : `these ${many}`} yet; the words are upstream's:\n\n${list(lines)}`,
			fold: true,
		},
	];
}
