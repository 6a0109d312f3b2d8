// Words for the commands about a room's watches.

import { isKnown } from '../advice/watch/build.ts';
import { lastObserved, type Running, runningOf } from '../advice/watch/history.ts';
import { behind } from '../advice/watch/release-conditions.ts';
import type { SaidAlert } from '../advice/watch/said-alert.ts';
import type { Severity } from '../advice/watch/severity.ts';
import type { Settings, Subscription, WatchedServer } from '../advice/watch/subscription.ts';
import type { Answer, Section } from '../answer.ts';
import type { Version } from '../deployment/version.ts';
import type { Knowledge } from '../knowledge/schema/synapse.ts';
import { stable } from '../knowledge/stable.ts';
import { count, list } from '../text/format.ts';
import { dayIn, momentIn } from '../text/local-time.ts';
import { code, escapeMarkdown, quoted } from '../text/markdown.ts';
import { conditionTitle } from './conditions.ts';
import { observationWords, wholeWords } from './observation.ts';
import { behindWords, caveatWords, versionWords } from './version.ts';
import { typedFact } from './whose.ts';

type WatchedSubscription = { subscription: Subscription; server: WatchedServer | undefined; open: number };
type WatchContext = { knowledge: Knowledge; zone: string; now: Date };

export function serversWords(watched: readonly WatchedSubscription[], { knowledge, zone, now }: WatchContext): Answer {
	const rows = watched.map(({ subscription, server, open }) => {
		const running = runningOf(server?.history ?? [], subscription.told, now);
		const observed = lastObserved(server?.history ?? []);
		const why = observed && wholeWords(observationWords({ server: subscription.server, ...observed }));
		return { subscription, server, open, running, why };
	});
	const newest = stable(knowledge.releases).at(-1)?.version;
	const lines = rows.map(({ subscription, server, open, running, why }) => {
		const late = running && behind(running.version, knowledge, dayIn(now, zone));
		const isJudged = running && isKnown(running.version, knowledge.releases);
		const caveat = running && isJudged ? caveatWords(running) : undefined;
		const state = running
			? `Synapse ${versionWords(running, knowledge)}${sourceWords(running)}${late && isJudged ? `, ${running.build ? `as ${running.version} ` : ''}${behindWords(running.version, late, newest)}` : ''}`
			: 'version unknown';
		const facts = subscription.facts.length ? `; ${subscription.facts.map(typedFact).join(', ')}` : '';
		const times = server?.looked
			? ` Last check ${momentIn(server.looked, zone)}, next ${momentIn(server.next, zone)}.`
			: '';
		const trouble = [why, caveat].flatMap(text => (text === undefined ? [] : [` ⚠️ ${text}`])).join('');
		return `${quoted(subscription.server)}: ${state}${facts}; ${open ? count(open, 'open alert') : 'no open alerts'}.${trouble}${times}`;
	});
	return {
		value: {
			format: 1,
			servers: rows.map(({ subscription, server, open, running }) => ({
				server: subscription.server,
				facts: subscription.facts,
				running: running?.version ?? null,
				...(running && !isKnown(running.version, knowledge.releases) && { known: false }),
				...(running?.build && { build: running.build }),
				...(server?.looked && { looked: server.looked.toISOString(), next: server.next.toISOString() }),
				open,
			})),
		},
		lead: `**This room is watching ${count(watched.length, 'server')}.**\n\n${list(lines)}`,
		sections: [],
		kind: 'answer',
	};
}

/** How certain the release is, in brackets. */
function sourceWords({ by, mixture, lately }: Running): string {
	if (by === 'person') return ' (as you told me)';
	if (mixture) return ` (and ${mixture.highest}, alternating)`;
	return lately === undefined ? '' : ` (but ${lately} at the last check)`;
}

type OpenAlert = SaidAlert & { number: number; server: string; severity: Severity };

const marks: Record<Severity, string> = { severe: '🔴 ', warning: '⚠️ ', info: '' };

function stateOf({ acked, snoozed }: SaidAlert): string {
	if (acked) return '; acknowledged';
	if (!snoozed) return '';
	return 'until' in snoozed
		? `; snoozed until ${snoozed.until.slice(0, 16).replace('T', ' ')} UTC`
		: `; snoozed until ${snoozed.version} is out`;
}

export function openWords(open: readonly OpenAlert[], watches: number): Answer {
	const servers = [...new Set(open.map(({ server }) => server))];
	const value = {
		format: 1,
		alerts: open.map(({ number, server, rule, subject, stage, severity, at, acked, snoozed }) => ({
			number,
			server,
			rule,
			subject,
			stage,
			severity,
			at,
			acked: acked ?? false,
			...(snoozed && { snoozed }),
		})),
	};
	if (!open.length) {
		const lead = watches
			? `**The ${watches === 1 ? 'server that this room watches has' : `${count(watches, 'server')} that this room watches have`} no open alerts.**`
			: `**There are no open alerts:** this room is not watching any servers. To watch one: ${code('!watch example.org')}.`;
		return { value, lead, sections: [], kind: 'answer' };
	}
	const rank = (severity: Severity) => ['severe', 'warning', 'info'].indexOf(severity);
	return {
		value,
		lead: `**${openCount(open)}.**`,
		sections: [
			...servers.flatMap(server => {
				const those = open
					.filter(one => one.server === server)
					.sort((a, b) => rank(a.severity) - rank(b.severity) || a.number - b.number);
				const urgent = those.filter(({ severity }) => severity !== 'info');
				const rest = those.filter(({ severity }) => severity === 'info');
				const name = quoted(server, 30);
				return [
					...(urgent.length ? [sectionOf(`${name} (${urgent.length})`, urgent, false)] : []),
					...(rest.length ? [sectionOf(`${name}: informational (${rest.length})`, rest, true)] : []),
				];
			}),
			// Last, because rooms open at the end.
			{ title: '', markdown: helpOf(open), fold: false },
		],
		kind: 'answer',
	};
}

/** What helps with urgent alerts, and how to silence the others. */
function helpOf(open: readonly OpenAlert[]): string {
	const urgent = open.filter(({ severity, acked }) => severity !== 'info' && !acked);
	const servers = [...new Set(urgent.map(({ server }) => server))].slice(0, 3);
	const upgrades = servers.map(server => code(`!upgrade ${server}`));
	const number = (urgent[0] ?? open[0])?.number ?? 12;
	return [
		...(upgrades.length ? [`Upgrade plan: ${upgrades.join(', ')}`] : []),
		`${code(`!ack ${number}`)} stops the reminders for an alert; ${code(`!snooze 7d ${number}`)} postpones it.`,
	].join('\\\n');
}

/** Counts urgent alerts, then those that are only good to know. */
function openCount(open: readonly OpenAlert[]): string {
	const urgent = open.filter(({ severity }) => severity !== 'info').length;
	const rest = open.length - urgent;
	if (!rest) return `${count(urgent, 'alert')} open`;
	return urgent
		? `${count(urgent, 'alert')} open, plus ${rest} informational`
		: `Nothing urgent; ${rest} informational`;
}

function sectionOf(title: string, those: readonly OpenAlert[], fold: boolean): Section {
	const lines = those.map(one => `${marks[one.severity]}#${one.number} ${openTitle(one)}${stateOf(one)}`);
	return { title, markdown: list(lines), fold };
}

function openTitle({ about, server, stage }: OpenAlert): string {
	// A question may stay open after its deadline, and then the time in its title is wrong.
	if (about.rule === 'deadline' && stage === 'ask') return `May apply: ${about.name}`;
	return conditionTitle(about, server);
}

function numbersOf(those: readonly OpenAlert[]): string {
	const numbers = those.map(({ number }) => `#${number}`);
	return numbers.length > 10 ? `${numbers.slice(0, 9).join(', ')} and ${numbers.length - 9} more` : numbers.join(', ');
}

function titled(those: readonly OpenAlert[]): string {
	const [first] = those;
	return those.length === 1 && first ? `: ${openTitle(first)}` : '';
}

export function ackWords(those: readonly OpenAlert[]): Answer {
	return {
		value: { format: 1, acknowledged: those.map(({ number }) => number) },
		lead: `Acknowledged ${numbersOf(those)}${titled(those)}. No more reminders.`,
		sections: [],
		kind: 'progress',
	};
}

export function snoozeWords(
	those: readonly OpenAlert[],
	until: { until: string } | { version: Version },
	zone: string,
): Answer {
	const when = 'until' in until ? momentIn(new Date(until.until), zone) : `${until.version} is out`;
	return {
		value: { format: 1, snoozed: those.map(({ number }) => number), ...until },
		lead: `Snoozed ${numbersOf(those)} until ${when}${titled(those)}.`,
		sections: [],
		kind: 'progress',
	};
}

function bareWords(bare: boolean | undefined): string {
	if (bare === undefined)
		return `not set: my operator decides whether ${code('!upgrade')} works without my name in front`;
	return bare
		? `on: ${code('!upgrade')} works without my name in front`
		: `off: commands need my name in front, as in ${code('!glia upgrade')}`;
}

export function settingsWords(settings: Settings, changed: string | undefined): Answer {
	const { zone, quiet, severity, messages, mention, bare } = settings;
	const lines = {
		zone: `${code('zone')} ${zone === undefined ? 'UTC' : code(zone)}`,
		quiet: `${code('quiet')} ${quiet === undefined ? 'never (I post at any hour)' : `${quiet}, except for severe advisories`}`,
		severity: `${code('severity')} ${severity ?? 'info'}: anything less severe is not reported`,
		messages: `${code('messages')} ${messages ?? 'text for answers and alerts, notice for the rest'}`,
		mention: `${code('mention')} ${mention === undefined ? 'nobody' : `${escapeMarkdown(mention)} for warnings and worse`}`,
		bare: `${code('bare')} ${bareWords(bare)}`,
	};
	const line = changed === undefined ? undefined : lines[changed as keyof typeof lines];
	return {
		value: { format: 1, settings },
		lead:
			line === undefined
				? `**Settings for this room.** To change one: ${code('!room zone Europe/Berlin')}.\n\n${list(Object.values(lines))}`
				: `Saved: ${line}.`,
		sections: [],
		kind: line === undefined ? 'answer' : 'progress',
	};
}
