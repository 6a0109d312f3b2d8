// What a distribution changed on its own account, in words, joined with the plan for the Synapse releases it went through.
import type { ChartPlan, chartNotes } from '../advice/distribution/charts.ts';
import { chartComponent } from '../advice/distribution/charts.ts';
import type { PlaybookPlan } from '../advice/distribution/playbook.ts';
import type { Plan } from '../advice/upgrade/plan.ts';
import type { Answer, Section } from '../answer.ts';
import { count, enumerate, list } from '../text/format.ts';
import { code, escapeMarkdown } from '../text/markdown.ts';
import {
	type EntryTold,
	entrySection,
	entrySections,
	entryValue,
	haltSection,
	hiddenLines,
	leadOf,
	sorted,
	unreadLines,
	verdict,
} from './distribution-entries.ts';
import { firstScreen } from './first-screen.ts';
import { planValue, planWords } from './plan.ts';
import { fateWords } from './playbook.ts';

export type DistributionManner = {
	/** What was understood, as sentences. */
	taken: readonly string[];
	/** Every text, as the word `all` asks for it. */
	all: boolean;
	/** The command as typed, without the sign and without `all`. */
	asked: string;
};

/** `plan`: that of the Synapse releases in between, if there are any. */
export function playbookWords(found: PlaybookPlan, plan: Plan | undefined, manner: DistributionManner): Answer {
	const { from, to, read, entries, hidden, halts, variables, migration, synapse, unread } = found;
	const shown = sorted(entries);
	const sections = [
		...haltSection(halts),
		...entrySections(shown, manner.all),
		...variableSection(variables),
		...migrationSection(migration),
		...hiddenLines(hidden, manner.all),
		...unreadLines(
			unread.map(({ date, heading, url, text }) => ({
				name: `${date}: ${heading}`,
				url,
				...(text !== undefined && { text }),
			})),
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
		...(!manner.all && { brief: true as const }),
	};
}

export function chartWords(found: ChartPlan, plan: Plan | undefined, manner: DistributionManner): Answer {
	const { from, to, read, hidden, halts, charts, synapse, unread } = found;
	const entries: EntryTold[] = found.entries.map(entry => ({
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
				unread.map(({ chart, part, bullet, url, text }) => ({
					name: `${chart}: ${part}, ${bullet}`,
					url,
					...(text !== undefined && { text }),
				})),
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
		...(!manner.all && { brief: true as const }),
	};
}

export function chartNotesWords(
	{ chart, entries, unread }: ReturnType<typeof chartNotes>,
	taken: readonly string[],
): Answer {
	const shown = entries.map(
		(entry): EntryTold => ({
			...entry,
			date: chart.date,
			concerned: entry.components.length + entry.uses.length ? 'unknown' : true,
			components: [...new Set(entry.components.map(chartComponent))],
		}),
	);
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
				unread.map(({ part, bullet, url, text }) => ({
					name: `${part}, ${bullet}`,
					url,
					...(text !== undefined && { text }),
				})),
				'item',
			),
		],
		kind: 'answer',
	};
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

function synapseSections(
	plan: Plan | undefined,
	{ from, to }: { from: string | undefined; to: string | undefined },
	{ taken, all, asked }: DistributionManner,
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
