// Words for a distribution's own changes, combined with the plan for the Synapse releases in between.
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
	hiddenParts,
	leadOf,
	sorted,
	type UnreadTold,
	unreadLine,
	unreadLines,
	verdict,
} from './distribution-entries.ts';
import { distributionScreen, type Screen } from './distribution-screen.ts';
import { planValue, planWords } from './plan.ts';
import { planCommand } from './plan-command.ts';
import { fateWords } from './playbook.ts';

export type DistributionManner = {
	/** Sentences that say how the command was understood. */
	taken: readonly string[];
	/** Every text, as with the word `all`. */
	all: boolean;
	/** The command as typed, without the prefix and `all`. */
	asked: string;
};

/** `plan`: for the Synapse releases in between, if there are any. */
export function playbookWords(found: PlaybookPlan, plan: Plan | undefined, manner: DistributionManner): Answer {
	const { from, to, read, entries, hidden, halts, variables, migration, synapse, unread } = found;
	const shown = sorted(entries);
	const untold = unread.map(({ date, heading, url, text }) => ({
		name: `${date}: ${heading}`,
		url,
		...(text !== undefined && { text }),
	}));
	const until = to > read ? ` Nothing after ${read} has been reviewed yet.` : '';
	const ends = [...manner.taken, `I know the playbook's history up to ${read}.${until}`];
	const told: Told = {
		title: `Playbook ${from} → ${to}`,
		shown,
		halts,
		migration,
		untold,
		hidden,
		others: variableParts(variables),
		synapse,
		ends,
		now:
			shown.sure.length + shown.perhaps.length
				? `send your ${code('vars.yml')} with ${code(`!check mdad ${from}`)}: I will tell you which of these apply to you.`
				: `pull, and run ${code('just install-all')}.`,
	};
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
		...toldWords(told, plan, manner),
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
	const chartLines = charts.map(
		({ chart, date, synapse: version, mas, elementWeb }) =>
			`${chart} (${date}): Synapse ${version}${mas ? `, MAS ${mas}` : ''}${elementWeb ? `, Element Web ${elementWeb}` : ''}`,
	);
	const [component] = shown.perhaps.flatMap(({ components }) => components.filter(name => !basic.has(name)));
	const told: Told = {
		title: `ESS ${from} → ${to}`,
		shown,
		halts: halts.map(halt => ({ ...halt, components: [...new Set(halt.components.map(chartComponent))] })),
		migration: undefined,
		untold: unread.map(({ chart, part, bullet, url, text }) => ({
			name: `${chart}: ${part}, ${bullet}`,
			url,
			...(text !== undefined && { text }),
		})),
		hidden,
		others: [[`The charts (${charts.length})`, chartLines]],
		synapse,
		ends: [...manner.taken, installs, `I know of the charts released up to ${read}.`],
		now: component
			? `to shorten this, tell me what you run: ${code(`!${manner.asked} ${component}`)}, or ${code(`no-${component}`)} if you do not use it.`
			: `${code('helm upgrade')} to ${to} with your values.`,
	};
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
		...toldWords(told, plan, manner),
		kind: 'answer',
		...(!manner.all && { brief: true as const }),
	};
}

/** Components that almost every installation of a chart has. */
const basic = new Set(['synapse', 'elementweb', 'haproxy', 'matrixauthenticationservice', 'postgres']);

/** The changes of either distribution, before deciding how much of them to show. */
type Told = Omit<Screen, 'unread' | 'noPlan' | 'plan' | 'synapse' | 'all'> & {
	untold: readonly UnreadTold[];
	hidden: Parameters<typeof hiddenLines>[0];
	synapse: { from: string | undefined; to: string | undefined };
};

function toldWords(
	told: Told,
	plan: Plan | undefined,
	manner: DistributionManner,
): Pick<Answer, 'title' | 'lead' | 'sections'> {
	const { title, shown, halts, migration, untold, hidden, others, synapse, ends, now } = told;
	if (manner.all)
		return {
			title: `${title}: ${verdict(shown, untold.length)}`,
			lead: leadOf(shown, halts, untold.length, ends),
			sections: [
				...haltSection(halts),
				...entrySections(shown, true),
				...others.map(([name, lines]) => ({ title: name, markdown: list(lines), fold: true })),
				...migrationSection(migration),
				...hiddenLines(hidden, true),
				...unreadLines(untold, 'entry', 'entries'),
				...synapseSections(plan, synapse, manner),
			],
		};
	return distributionScreen({
		...told,
		unread: untold.map(unreadLine),
		others: [...others, ...hiddenParts(hidden)],
		plan,
		noPlan: noPlanWords(synapse),
		synapse: plan && planCommand(plan),
		all: `!${manner.asked} all`,
		now: `**Now:** ${now} For every detail: ${code(`!${manner.asked} all`)}`,
	});
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
		? `${count(unread.length, 'item')} not reviewed yet`
		: shown.length
			? `${count(shown.length, 'entry', 'entries')}, ${shown.length > 1 ? `${breaking || 'none'} of them` : breaking ? 'which is' : 'not'} breaking`
			: 'nothing to do for the chart itself';
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
			{ title: `Facts about ${chart.chart}`, markdown: list(facts), fold: false },
			...shown.map(entrySection),
			...unreadLines(
				unread.map(({ part, bullet, url, text }) => ({
					name: `${part}, ${bullet}`,
					url,
					...(text !== undefined && { text }),
				})),
				'item',
				'items',
			),
		],
		kind: 'answer',
	};
}

const maxVariables = 60;

function variableParts(variables: PlaybookPlan['variables']): Told['others'] {
	if (!variables.length) return [];
	const lines = variables.slice(0, maxVariables).map(fateWords);
	const more = variables.length - lines.length;
	const rest = more > 0 ? [`and ${more} more: ${code('!why <name>')} explains one`] : [];
	return [[`Variables renamed or removed (${variables.length})`, [...lines, ...rest]]];
}

function migrationSection(migration: string | undefined): Section[] {
	if (migration === undefined) return [];
	return [
		{
			title: 'When you have read and done everything',
			markdown: `Set ${code(`matrix_playbook_migration_validated_version: ${migration}`)} in ${code('vars.yml')}: the playbook refuses to run without it.`,
			fold: false,
		},
	];
}

function noPlanWords({ from, to }: Told['synapse']): string {
	return from !== undefined && from === to
		? `${from} both before and after, so there is no Synapse upgrade.`
		: 'it is not known which release was installed then.';
}

function synapseSections(plan: Plan | undefined, synapse: Told['synapse'], { taken }: DistributionManner): Section[] {
	if (!plan) return [{ title: 'Synapse', markdown: noPlanWords(synapse), fold: false }];
	const { lead, title = '', sections } = planWords(plan, taken);
	return [
		{ title: escapeMarkdown(`Synapse ${title || `${synapse.from} → ${synapse.to}`}`), markdown: lead, fold: false },
		...sections,
	];
}
