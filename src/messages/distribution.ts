// What a distribution changed on its own account, in words, joined with the plan for the Synapse releases it went through.
import type { ChartPlan, chartNotes } from '../advice/distribution/charts.ts';
import { chartComponent } from '../advice/distribution/charts.ts';
import type { PlaybookPlan } from '../advice/distribution/playbook.ts';
import type { Plan } from '../advice/upgrade/plan.ts';
import type { Answer, Section } from '../answer.ts';
import type { Source } from '../knowledge/schema/synapse.ts';
import { count, enumerate, list } from '../text/format.ts';
import { code, escapeMarkdown } from '../text/markdown.ts';
import { firstScreen } from './first-screen.ts';
import { planValue, planWords } from './plan.ts';
import { fateWords } from './playbook.ts';
import { link } from './sections.ts';

/** An entry of either distribution, as words need it. */
type Entry = {
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

export type Manner = {
	/** What was understood, as sentences. */
	taken: readonly string[];
	/** Every text, as the word `all` asks for it. */
	all: boolean;
	/** The command as typed, without the sign and without `all`. */
	asked: string;
};

/** `plan`: that of the Synapse releases in between, if there are any. */
export function playbookWords(found: PlaybookPlan, plan: Plan | undefined, manner: Manner): Answer {
	const { from, to, read, entries, hidden, halts, variables, migration, synapse, unread } = found;
	const shown = sorted(entries);
	const sections = [
		...haltSection(halts),
		...entrySections(shown, manner.all),
		...variableSection(variables),
		...migrationSection(migration),
		...hiddenLines(hidden, manner.all),
		...unreadLines(
			unread.map(({ date, heading, url, text }) => ({ name: `${date}: ${heading}`, url, ...(text !== undefined && { text }) })),
			'section',
		),
		...synapseSections(plan, synapse, manner),
	];
	const until = to > read ? ` What came after ${read} nobody has curated yet.` : '';
	const ends = [...manner.taken, `The playbook’s history is known up to ${read}.${until}`];
	return {
		value: {
			format: 1,
			distribution: 'mdad',
			from,
			to,
			horizon: { read },
			entries: entries.map(entryValue),
			hidden,
			halts,
			variables: variables.map(({ old, new: now, says, never, date }) => ({
				old,
				...(now !== undefined && { new: now }),
				...(says.length && { says: says.join('; ') }),
				...(never && { never }),
				...(date && { date }),
			})),
			...(migration !== undefined && { migration }),
			synapse,
			unread,
			...(plan && { plan: planValue(plan) }),
		},
		lead: leadOf(shown, halts.length, unread.length, ends),
		title: `Playbook ${from} → ${to}: ${verdict(shown, unread.length)}`,
		sections,
		kind: 'answer',
		brief: true,
	};
}

export function chartWords(found: ChartPlan, plan: Plan | undefined, manner: Manner): Answer {
	const { from, to, read, hidden, halts, charts, synapse, unread } = found;
	const entries: Entry[] = found.entries.map(entry => ({
		...entry,
		components: [...new Set(entry.components.map(chartComponent))],
	}));
	const shown = sorted(entries);
	const last = charts.at(-1);
	const also = [
		...(last?.mas ? [`Matrix Authentication Service ${last.mas}`] : []),
		...(last?.elementWeb ? [`Element Web ${last.elementWeb}`] : []),
	];
	const installs = `${to} installs Synapse ${synapse.to}${also.length ? `, ${enumerate(also)}` : ''}.`;
	return {
		value: {
			format: 1,
			distribution: 'ess',
			from,
			to,
			horizon: { read },
			charts,
			entries: entries.map(entryValue),
			hidden,
			halts,
			synapse,
			unread,
			...(plan && { plan: planValue(plan) }),
		},
		lead: leadOf(shown, halts.length, unread.length, [
			...manner.taken,
			installs,
			`The charts are known up to ${read}.`,
		]),
		title: `ESS ${from} → ${to}: ${verdict(shown, unread.length)}`,
		sections: [
			...haltSection(halts),
			...entrySections(shown, manner.all),
			...hiddenLines(hidden, manner.all),
			...unreadLines(
				unread.map(({ chart, part, bullet, url }) => ({ name: `${chart}: ${part}, ${bullet}`, url })),
				'item',
			),
			{
				title: `The charts (${charts.length})`,
				markdown: list(
					charts.map(
						({ chart, date, synapse: version, mas, elementWeb }) =>
							`${chart} (${date}): Synapse ${version}${mas ? `, MAS ${mas}` : ''}${elementWeb ? `, Element Web ${elementWeb}` : ''}`,
					),
				),
				fold: true,
			},
			...synapseSections(plan, synapse, manner),
		],
		kind: 'answer',
		brief: true,
	};
}

export function chartNotesWords({ chart, entries, unread }: ReturnType<typeof chartNotes>, taken: readonly string[]): Answer {
	const shown = entries.map((entry): Entry => ({
		...entry,
		date: chart.date,
		concerned: entry.components.length + entry.uses.length ? 'unknown' : true,
		components: [...new Set(entry.components.map(chartComponent))],
	}));
	const breaking = shown.filter(entry => entry.breaking).length;
	const result = unread.length
		? `${count(unread.length, 'item')} not curated yet`
		: shown.length
			? `${count(shown.length, 'entry', 'entries')}, ${breaking || 'none'} of them breaking`
			: 'nothing of its own to do';
	const facts = [
		`released ${chart.date}`,
		`Synapse ${chart.synapse}: ${code(`!notes ${chart.synapse}`)}`,
		...(chart.mas ? [`Matrix Authentication Service ${chart.mas}`] : []),
		...(chart.elementWeb ? [`Element Web ${chart.elementWeb}`] : []),
	];
	return {
		value: { format: 1, distribution: 'ess', ...chart, entries: shown.map(entryValue), unread },
		lead: [`**ESS ${chart.chart}: ${result}.**`, ...taken].join('\n\n'),
		title: `Notes: ESS ${chart.chart}`,
		sections: [
			{ title: `Facts of ${chart.chart}`, markdown: list(facts), fold: false },
			...shown.map(entrySection),
			...unreadLines(
				unread.map(({ part, bullet, url }) => ({ name: `${part}, ${bullet}`, url })),
				'item',
			),
		],
		kind: 'answer',
	};
}

function entryValue(entry: Entry): Record<string, unknown> {
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

type Sorted = { sure: Entry[]; perhaps: Entry[]; rest: Entry[] };

/** What breaks those who are concerned, what may break them, and what is only good to know. */
function sorted(entries: readonly Entry[]): Sorted {
	const breaking = entries.filter(entry => entry.breaking);
	return {
		sure: breaking.filter(({ concerned }) => concerned === true),
		perhaps: breaking.filter(({ concerned }) => concerned !== true),
		rest: entries.filter(entry => !entry.breaking),
	};
}

function verdict({ sure, perhaps }: Sorted, unread: number): string {
	if (sure.length) return `${sure.length === 1 ? 'one thing breaks' : `${sure.length} things break`} something of yours`;
	if (unread) return `read ${count(unread, 'new entry', 'new entries')} first`;
	return perhaps.length ? `${count(perhaps.length, 'break')}, if you use it` : 'nothing breaks';
}

function leadOf({ sure, perhaps, rest }: Sorted, halts: number, unread: number, ends: readonly string[]): string {
	const refused = sure.filter(({ refuses }) => refuses !== undefined).length;
	const lines = [
		...(sure.length
			? [
					`🔴 **${count(sure.length, 'change')} that break something concern you**${refused ? `; the run is refused for ${refused} of them until they are done` : ''}.`,
				]
			: []),
		...(halts ? [`🔴 **Not past everything at once:** ${count(halts, 'thing')} must be done before you pull.`] : []),
		...(perhaps.length ? [`🟡 **${count(perhaps.length, 'more break', 'more breaks')} only if you use the component:** name yours to shorten this.`] : []),
		...(unread ? [`⚠️ **${count(unread, 'entry', 'entries')} nobody has curated yet:** see below.`] : []),
		...(sure.length + perhaps.length + unread ? [] : ['✅ **Nothing that breaks something.**']),
		...(rest.length ? [`${count(rest.length, 'other change')} ${rest.length === 1 ? 'breaks' : 'break'} nothing.`] : []),
	];
	return [lines.join('\\\n'), ends.join(' ')].join('\n\n');
}

function haltSection(halts: readonly Pick<Entry, 'date' | 'title' | 'concerned' | 'first' | 'components'>[]): Section[] {
	if (!halts.length) return [];
	const lines = halts.map(({ date, title, concerned, first = '', components }) => {
		const whose = concerned === true ? '' : `if you use ${components.map(code).join(' or ')}: `;
		return `**${date}**, ${title}: ${whose}${oneLine(first)}`;
	});
	return [{ title: `Before you pull past (${halts.length})`, mark: '🔴', markdown: list(lines), fold: false }];
}

function oneLine(text: string): string {
	return text.replace(/\s*\n\s*/g, ' ').trim();
}

function entrySections({ sure, perhaps, rest }: Sorted, all: boolean): Section[] {
	if (all) return [...sure, ...perhaps, ...rest].map(entrySection);
	return [
		...sure.map(entrySection),
		...(perhaps.length
			? [
					{
						title: `Breaks, only if you use it (${perhaps.length})`,
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

function useLine(entry: Entry): string {
	const { date, chart, title, components, onlyIf, refuses } = entry;
	const many = components.length > 4;
	const names = many ? `one of ${components.length} components` : components.map(code).join(', ');
	const whose = [...(names ? [names] : []), ...(onlyIf ? [`only if ${onlyIf}`] : [])].join('; ');
	return `${chart ?? date}: **${title}**${whose ? ` (${whose})` : ''}.${refuses ? ' Refused until done.' : ''} ${oneLine(entry.do ?? '')}`;
}

function entrySection(entry: Entry): Section {
	const { date, chart, title, refuses, breaking, waits, onlyIf, byDefault, components, concerned } = entry;
	const whose =
		concerned === true
			? byDefault
				? `*On unless you turned it off: ${components.map(code).join(', ')}.*\n\n`
				: ''
			: components.length && components.length <= 6
				? `*If you use ${components.map(code).join(' or ')}.*\n\n`
				: '';
	const condition = onlyIf ? `*Only if ${onlyIf}.*\n\n` : '';
	const parts = [
		`${whose}${condition}${entry.text}`,
		...(entry.first ? [`**Before you pull:** ${entry.first}`] : []),
		...(entry.do ? [`**Do:** ${entry.do}`] : []),
		...(refuses ? [refusalWords(refuses)] : []),
		...(breaking && waits ? ['It can wait until after the update.'] : []),
		sourceLine(entry.sources),
	];
	return {
		title: fitting(`${chart ?? date}: ${title}`),
		...(breaking && concerned === true && { mark: refuses ? '🔴' : '⚠️' }),
		markdown: parts.filter(Boolean).join('\n\n'),
		fold: !(breaking && concerned === true),
	};
}

/** The line of a fold on a phone. */
function fitting(title: string): string {
	return title.length <= 80 ? title : `${title.slice(0, 79)}…`;
}

function refusalWords(refuses: string): string {
	if (refuses === 'variables') return 'The playbook stops before it changes anything while an old variable is set.';
	if (refuses === 'data') return 'The playbook stops when it finds the old state on the server.';
	return 'It is refused until the values are right, before anything changes.';
}

function sourceLine(sources: readonly Source[]): string {
	const links = sources.map(({ document, section, heading, bullet, url }) => {
		if (document === 'commit') return link(`commit ${section}`, url);
		const name = bullet ? `${section}, ${heading} ${bullet}` : (heading ?? section);
		return link(document === 'CHANGELOG.md' ? name : `${document}`, url);
	});
	return links.length ? `Upstream: ${links.join(', ')}` : '';
}

const maxVariables = 60;

function variableSection(variables: PlaybookPlan['variables']): Section[] {
	if (!variables.length) return [];
	const lines = variables.slice(0, maxVariables).map(fateWords);
	const more = variables.length - lines.length;
	return [
		{
			title: `Variables renamed or gone (${variables.length})`,
			markdown: list([...lines, ...(more > 0 ? [`and ${more} more: ${code('!why <name>')} tells of one`] : [])]),
			fold: true,
		},
	];
}

function migrationSection(migration: string | undefined): Section[] {
	if (migration === undefined) return [];
	return [
		{
			title: 'When all is read and done',
			markdown: `Set ${code(`matrix_playbook_migration_validated_version: ${migration}`)} in ${code('vars.yml')}: the playbook stops until it is there.`,
			fold: false,
		},
	];
}

function hiddenLines(hidden: readonly { date: string; title: string; because: readonly string[] }[], all: boolean): Section[] {
	if (!hidden.length) return [];
	const lines = hidden.map(({ date, title, because }) => `${date}: ${title} (${because.join(', ')})`);
	return all
		? [{ title: `Left out (${hidden.length})`, markdown: list(lines), fold: true }]
		: [{ title: '', markdown: `${count(hidden.length, 'entry', 'entries')} do not concern you, by what you said.`, fold: false }];
}

function unreadLines(unread: readonly { name: string; url: string; text?: string }[], what: string): Section[] {
	if (!unread.length) return [];
	const lines = unread.map(({ name, url, text }) => `${link(name, url)}${text ? `\n\n${text}` : ''}`);
	return [
		{
			title: `Not curated yet (${unread.length})`,
			mark: '⚠️',
			markdown: `Upstream wrote ${unread.length === 1 ? `this ${what}` : `these ${what}s`}, and nobody has judged ${unread.length === 1 ? 'it' : 'them'} yet; the words are upstream’s:\n\n${list(lines)}`,
			fold: true,
		},
	];
}

function synapseSections(
	plan: Plan | undefined,
	{ from, to }: { from: string | undefined; to: string | undefined },
	{ taken, all, asked }: Manner,
): Section[] {
	if (!plan) {
		const words =
			from !== undefined && from === to
				? `It installs Synapse ${from} at both ends: no release of Synapse lies in between.`
				: 'Which Synapse was installed then is not known.';
		return [{ title: 'Synapse', markdown: words, fold: false }];
	}
	const { lead, title = '', sections } = all ? planWords(plan, taken) : firstScreen(plan, []);
	return [
		{ title: escapeMarkdown(`Synapse ${title || `${from} → ${to}`}`), markdown: lead, fold: false },
		...sections,
		...(all ? [] : [{ title: '', markdown: `Every text, with its sources: ${code(`!${asked} all`)}`, fold: false }]),
	];
}
