// What the playbook changed between two days for one deployment, and which Synapse releases it installed then.
import { synapseOn } from '../../knowledge/distributions.ts';
import type { PlaybookEntry, PlaybookKnowledge } from '../../knowledge/schema/distribution.ts';
import type { Playbook, Renamed } from '../../knowledge/schema/synapse.ts';
import { wordsOf } from '../../knowledge/upstream/markdown.ts';
import { daysBetween } from '../../text/local-time.ts';
import { harmless } from '../../text/markdown.ts';
import { type ComponentNames, concernOf, type Deployment, shortName } from './components.ts';
import { type DistributionHalt, haltsOf } from './halts.ts';
import { type Fate, fateOf } from './playbook-variables.ts';

/** A span of the playbook's history. `fromIsIn`: the first day's changes may still be missing. */
export type PlaybookSpan = { from: string; fromIsIn: boolean; to: string };

export type PlaybookEntryShown = Omit<PlaybookEntry, 'added' | 'gone' | 'components'> & {
	concerned: true | 'unknown';
	/** It is on by default, and nothing says that it was turned off. */
	byDefault?: true;
	/** By short name. */
	components: string[];
};

export type UnreadEntry = { date: string; heading: string; url: string; breaking: boolean; text?: string };

export type PlaybookPlan = {
	distribution: 'mdad';
	from: string;
	to: string;
	/** The day up to which the playbook's history was read. */
	read: string;
	/** Oldest first. */
	entries: PlaybookEntryShown[];
	hidden: (Pick<PlaybookEntry, 'id' | 'date' | 'title' | 'sources'> & { because: string[] })[];
	/** Days that nobody should update past until something has been done. */
	halts: DistributionHalt[];
	/** Variables that were renamed or removed; with a `vars.yml`, only those in it. */
	variables: (Fate & { date: string })[];
	/** The migration value that the playbook requires on the last day, if it changed. */
	migration?: string | undefined;
	/** What it installed at both ends; undefined if unknown. */
	synapse: { from: string | undefined; to: string | undefined };
	/** What nobody has curated, newest first. */
	unread: UnreadEntry[];
};

type PlaybookSources = { playbook: PlaybookKnowledge; renamed: readonly Renamed[]; live?: Playbook | undefined };

export function playbookPlan(
	span: PlaybookSpan,
	deployment: Deployment,
	names: ComponentNames,
	{ playbook, renamed, live }: PlaybookSources,
): PlaybookPlan {
	const isNew = (day: string) => (span.fromIsIn ? day >= span.from : day > span.from);
	const isIn = (day: string) => isNew(day) && day <= span.to;
	const entries: PlaybookEntryShown[] = [];
	const hidden: PlaybookPlan['hidden'] = [];
	const values: string[] = [];
	for (const { added, gone, ...entry } of playbook.entries) {
		// The change may be older than its log entry, so checkouts from between the two days get the entry too.
		if (!isNew(added) || entry.date > span.to || isTakenBack(gone, span)) continue;
		// The playbook requires the value from everyone, even if the change itself does not affect them.
		if (entry.migration !== undefined) values.push(entry.migration);
		const { concerned, because, byDefault } = concernOf({ added, ...entry }, deployment, names, playbook);
		const { id, date, title, sources } = entry;
		if (concerned === false) hidden.push({ id, date, title, because, sources });
		else
			entries.push({
				...entry,
				concerned,
				...(byDefault && { byDefault }),
				components: [...new Set(entry.components.map(shortName))],
			});
	}
	return {
		distribution: 'mdad',
		from: span.from,
		to: span.to,
		read: playbook.read,
		entries,
		hidden,
		halts: haltsOf(entries),
		variables: variablesIn(isIn, deployment, renamed),
		...(values.length && { migration: span.to < playbook.read ? values.sort().at(-1) : playbook.migration }),
		synapse: { from: synapseBefore(span, playbook), to: synapseOn(span.to, playbook) },
		unread: [...unreadIn(isIn, span, playbook), ...liveIn(isIn, playbook, live)].sort((a, b) =>
			b.date.localeCompare(a.date),
		),
	};
}

/** On the first day either of two versions may be installed: assume the older one, so that nothing is left out. */
function synapseBefore({ from, fromIsIn }: PlaybookSpan, playbook: PlaybookKnowledge): string | undefined {
	if (!fromIsIn) return synapseOn(from, playbook);
	return playbook.synapse.findLast(({ date }) => date < from)?.synapse;
}

function variablesIn(
	isIn: (day: string) => boolean,
	{ vars }: Deployment,
	renamed: readonly Renamed[],
): PlaybookPlan['variables'] {
	if (vars)
		return [...vars.values.keys()].flatMap(name => {
			const fate = fateOf(name, renamed);
			return fate ? [{ ...fate, date: fate.changes[0]?.date ?? '' }] : [];
		});
	return renamed.flatMap(({ old, new: now, says, change }) =>
		change && isIn(change.date)
			? [
					{
						old,
						...(now !== undefined && { new: now }),
						says: says ? [says] : [],
						never: false,
						changes: [change],
						date: change.date,
					},
				]
			: [],
	);
}

/** Whether upstream has withdrawn it by the last day, so that the checkout no longer has it. */
function isTakenBack(gone: string | undefined, { to }: PlaybookSpan): boolean {
	return gone !== undefined && gone <= to;
}

function unreadIn(isIn: (day: string) => boolean, span: PlaybookSpan, { unread }: PlaybookKnowledge): UnreadEntry[] {
	return unread
		.filter(({ added, gone }) => isIn(added) && !isTakenBack(gone, span))
		.map(({ date, heading, url }) => ({ date, heading, url, breaking: isTold(heading) }));
}

/** How late an entry may still be added under a past day (days): changes are merged days after they are written. */
const lateBy = 60;

/**
 * Entries that a bot has read live and this edition does not know. One dated before the edition was made was added
 * afterwards, so checkouts have it from that time on, not from its date.
 */
function liveIn(
	isIn: (day: string) => boolean,
	{ read, entries, unread }: PlaybookKnowledge,
	live: Playbook | undefined,
): UnreadEntry[] {
	if (!live) return [];
	const sections = entries.flatMap(({ sources }) =>
		sources.flatMap(({ section, heading }) => (heading ? [[section, heading]] : [])),
	);
	const known = new Set([...sections, ...unread.map(({ date, heading }) => [date, heading])].map(upstreamKey));
	return live.entries
		.filter(({ date, title }) => daysBetween(date, read) < lateBy && !known.has(upstreamKey([date, title])))
		.filter(({ date }) => isIn(date > read ? date : read))
		.map(({ date, title, url, breaking, text }) => ({ date, heading: title, url, breaking, text }));
}

/** Upstream's names for a section or item as a key, which is the same for text read live and for a curator's entry. */
export function upstreamKey(names: readonly string[]): string {
	return names.map(name => harmless(wordsOf(name)).slice(0, 200)).join(' › ');
}

function isTold(heading: string): boolean {
	return /\bbreak|\bremoved\b|\brequire/i.test(heading);
}
