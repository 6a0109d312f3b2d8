// The first screen of a distribution's changes: a verdict, what is certain as boxes to tick, at most three folds,
// and the next thing to do. The folds and the word `all` have the rest.
import type { Plan } from '../advice/upgrade/plan.ts';
import type { Section } from '../answer.ts';
import { count, list } from '../text/format.ts';
import { code } from '../text/markdown.ts';
import { switchTitles } from './checklist.ts';
import {
	type EntryTold,
	entryText,
	type HaltTold,
	haltLine,
	leadOf,
	type SortedEntries,
	useLine,
	verdict,
} from './distribution-entries.ts';
import { firstScreen } from './first-screen.ts';
import { fits } from './screen-density.ts';

export type Screen = {
	/** `Playbook 2025-06-01 → 2026-08-22`. */
	title: string;
	shown: SortedEntries;
	halts: readonly HaltTold[];
	/** The value to set once everything has been read and done. */
	migration: string | undefined;
	/** Links to uncurated changes, with upstream's words if they were read live. */
	unread: readonly string[];
	/** Further parts of the fold “Everything else”. */
	others: readonly (readonly [title: string, lines: readonly string[]])[];
	/** The command that shows everything. */
	all: string;
	plan: Plan | undefined;
	/** Shown instead of a plan. */
	noPlan: string;
	/** Sentences that say how the command was understood, and how far our knowledge reaches. */
	ends: readonly string[];
	/** The command for the Synapse releases only. */
	synapse: string | undefined;
	/** The next thing to do. */
	now: string;
};

/** The changes, without what only a plan has. */
type Changes = Pick<Screen, 'shown' | 'halts' | 'migration' | 'unread' | 'others' | 'all'>;

/**
 * At most this many boxes of each kind; whether to show more of the Synapse plan than its verdict, and how many
 * of its parts.
 */
type Extent = { halts: number; boxes: number; says: boolean; parts: number };
const densities: readonly Extent[] = [
	{ halts: 4, boxes: 8, says: true, parts: 9 },
	{ halts: 3, boxes: 6, says: true, parts: 2 },
	{ halts: 3, boxes: 6, says: true, parts: 1 },
	{ halts: 2, boxes: 5, says: true, parts: 0 },
	{ halts: 2, boxes: 4, says: false, parts: 0 },
	{ halts: 1, boxes: 1, says: false, parts: 0 },
];

/** Characters of Markdown in each fold, so that everything fits one message. */
const room = { breaks: 11_000, rest: 5_000, synapse: 9_000 };

export function distributionScreen(screen: Screen): { title: string; lead: string; sections: Section[] } {
	const title = `${screen.title}: ${verdict(screen.shown, screen.unread.length)}`;
	const lead = leadOf(screen.shown, screen.halts, screen.unread.length, screen.ends);
	const synapse = screen.plan && firstScreen(screen.plan, []);
	const folds = [...breaksFold(screen), ...restFold(screen), ...synapseFold(screen, synapse?.sections ?? [])];
	const made = densities.map(density => {
		const open = [...changeBoxes(screen, density), ...synapseParts(screen, synapse, density)];
		return { title, lead, sections: [...open.map(opened), ...folds, opened(screen.now)] };
	});
	const last = made.at(-1);
	if (!last) throw new Error('there are no densities');
	return made.find(fits) ?? last;
}

function opened(markdown: string): Section {
	return { title: '', markdown, fold: false };
}

/** What is certain, in the order in which to do it. */
export function changeBoxes(
	{ shown: { sure }, halts, migration }: Changes,
	atMost: Pick<Extent, 'halts' | 'boxes'>,
): string[] {
	const first = halts.filter(({ concerned }) => concerned === true);
	const moreFirst = first.length - atMost.halts;
	const before = [
		...first.slice(0, atMost.halts).map(halt => `☐ ${shortHalt(halt)}`),
		...(moreFirst > 0 ? [`☐ ${moreFirst} more, in “Breaking changes in full”`] : []),
	];
	const told = sure
		.slice(0, atMost.boxes)
		.map(entry => `☐ ${entry.chart ?? entry.date}: ${entry.title}${manner(entry)}`);
	const more = sure.length - told.length;
	const value =
		migration === undefined
			? []
			: [`☐ Once you have read everything, set ${code(`matrix_playbook_migration_validated_version: ${migration}`)}`];
	const update = [...told, ...(more > 0 ? [`☐ ${more} more, in “Breaking changes in full”`] : []), ...value];
	return [
		...(before.length ? [['**Before you pull**', ...before].join('\\\n')] : []),
		...(update.length ? [['**During the update**', ...update].join('\\\n')] : []),
	];
}

/** Fits up to three lines on a phone; anything longer is in the fold. */
function shortHalt(halt: HaltTold): string {
	const { date, title, first = '' } = halt;
	return first.length <= 160 ? haltLine(halt) : `**${date}**, ${title}: see “Breaking changes in full”`;
}

function manner({ refuses, waits }: EntryTold): string {
	return refuses ? ' (blocks the update until you have dealt with it)' : waits ? ' (can wait)' : '';
}

function synapseParts(
	{ noPlan, synapse: command }: Screen,
	plan: ReturnType<typeof firstScreen> | undefined,
	atMost: Extent,
): string[] {
	if (!plan) return [`**Synapse:** ${noPlan}`];
	const parts = plan.sections.flatMap(({ fold, markdown }) =>
		fold || markdown.startsWith('**Now:**') ? [] : [markdown],
	);
	const isSwitch = (part: string) => Object.values(switchTitles).some(title => part.startsWith(`**${title}`));
	// If there is little room, the backup is the last to go.
	const kept = new Set(parts.toSorted((x, y) => Number(isSwitch(y)) - Number(isSwitch(x))).slice(0, atMost.parts));
	const head = [`**Synapse ${plan.title}**`, ...(command ? [`Synapse only: ${code(command)}`] : [])].join(' · ');
	const verdictLines = [head, ...(atMost.says ? [plan.lead.replaceAll('\n\n', '\\\n')] : [])].join('\\\n');
	return [verdictLines, ...parts.filter(part => kept.has(part))];
}

/** As many lines as fit, and the number of those that do not. */
function within(lines: readonly string[], characters: number, command: string): string[] {
	const kept: string[] = [];
	let left = characters;
	for (const line of lines) {
		left -= line.length + 2;
		if (left < 0) break;
		kept.push(line);
	}
	const more = lines.length - kept.length;
	return more > 0 ? [...kept, `and ${more} more: ${code(command)}`] : kept;
}

/** Changes that certainly apply, in full; then uncurated ones; then one line for each of the rest. */
export function breaksFold({ shown: { sure, perhaps }, halts, unread, all }: Changes): Section[] {
	const open = halts.filter(({ concerned }) => concerned !== true);
	const full = sure.map(entry => `**${entry.chart ?? entry.date}: ${entry.title}**\n\n${entryText(entry)}`);
	const groups: (readonly [title: string, lines: readonly string[]])[] = [
		["Nobody has reviewed these yet; the words are upstream's:", unread],
		['Before you pull, depending on your setup:', open.map(haltLine)],
		['Only some servers:', perhaps.map(useLine)],
	];
	// Each part gets half of what is left, and the last one all of it, so that a long one leaves room for the others.
	let left = room.breaks;
	const part = (lines: readonly string[], isLast = false) => {
		const kept = within(lines, isLast ? left : left / 2, all);
		left -= kept.join('\n').length;
		return kept;
	};
	const parts = [
		...part(full),
		...groups.flatMap(([title, lines], at) =>
			lines.length ? [`**${title}**\n\n${list(part(lines, at === groups.length - 1))}`] : [],
		),
	];
	const number = sure.length + perhaps.length + unread.length;
	return parts.length
		? [{ title: `Breaking changes in full (${number})`, markdown: parts.join('\n\n'), fold: true }]
		: [];
}

export function restFold({ shown: { rest }, others, all }: Changes): Section[] {
	const lines = rest.map(({ date, chart, title }) => `${chart ?? date}: ${title}`);
	const groups = [...(rest.length ? [['Good to know', lines] as const] : []), ...others];
	if (!groups.length) return [];
	const share = room.rest / groups.length;
	const markdown = groups.map(([title, text]) => `**${title}**\n\n${list(within(text, share, all))}`).join('\n\n');
	return [{ title: `Everything else: ${count(rest.length, 'other change')}`, markdown, fold: true }];
}

/** The plan's folds as one; those that do not fit are only in the plan. */
function synapseFold({ plan, synapse: command }: Screen, sections: readonly Section[]): Section[] {
	const folds = sections.filter(({ fold }) => fold);
	if (!plan || !folds.length || command === undefined) return [];
	const parts = folds.map(({ title, markdown: text }) => `**${title}**\n\n${text}`);
	const markdown = within(parts, room.synapse, command).join('\n\n');
	return [{ title: 'Synapse: steps and settings', markdown, fold: true }];
}
