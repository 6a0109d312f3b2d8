// What a watch says, in words: the message that groups the alerts of a server, its status card, what is open.

import type { Alert } from '../advice/watch/alerts.ts';
import type { Severity } from '../advice/watch/severity.ts';
import type { Answer, Section } from '../answer.ts';
import { list } from '../text/format.ts';
import { code, quoted } from '../text/markdown.ts';
import { textOf, titleOf } from './conditions.ts';
import { factExample } from './sections.ts';

export type Numbered = { alert: Alert; number?: number };

const marks: Record<Severity, string> = { severe: '🔴', warning: '⚠️', info: '' };

const ruleTitles: Record<Alert['rule'], string> = {
	first: 'First look',
	change: 'Release changed',
	release: 'New release',
	withdrawn: 'Withdrawn',
	advisory: 'Security',
	fault: 'Broken release',
	unclear: 'Possible vulnerability',
	deadline: 'Deadline',
	lifecycle: 'End of support',
	floor: 'Required by the newest release',
	unseen: 'Not seen',
	mixture: 'Several versions',
	distribution: 'The distribution changed',
};

/** An upgrade is what helps. */
const wayRules: ReadonlySet<Alert['rule']> = new Set([
	'release',
	'withdrawn',
	'advisory',
	'fault',
	'deadline',
	'unclear',
]);

/** Nobody is reminded of them. */
const unreminded: ReadonlySet<Alert['rule']> = new Set(['change', 'release', 'distribution']);

/** How many alerts are told one by one. */
const maxInFull = 6;

/** One message for the alerts of one server. */
export function alertWords(server: string, given: readonly Numbered[], mention: string | undefined): Answer {
	// News leads: whoever is reminded has read of it, and would take the whole for a reminder.
	const newest = given.find(({ alert: { kind } }) => kind !== 'reminder' && kind !== 'solved');
	const alerts = newest ? [newest, ...given.filter(one => one !== newest)] : given;
	const worst = (['severe', 'warning', 'info'] as const).find(severity =>
		alerts.some(({ alert }) => alert.severity === severity && alert.kind !== 'solved'),
	);
	const [first] = alerts;
	const mark = worst ? marks[worst] : '✅';
	const prefix = first?.alert.kind === 'solved' ? 'Solved: ' : first?.alert.kind === 'reminder' ? 'Still: ' : '';
	const title = first ? titleOf(first.alert, server) : '';
	const named = title.includes(quoted(server)) ? title : `${quoted(server)}: ${title}`;
	const others = alerts.slice(1);
	const areSolved = others.length > 0 && others.every(({ alert }) => alert.kind === 'solved');
	const more = areSolved ? `, ${others.length} solved` : others.length ? `, and ${others.length} more` : '';
	const head = `**${[mark, `${prefix}${named}${more}`].filter(Boolean).join(' ')}**${alerts.length === 1 ? numberWords(first?.number) : ''}`;
	const asked = askWords(server, alerts);
	const acts = alerts.some(({ alert: { kind, rule } }) => kind !== 'solved' && !unreminded.has(rule));
	const isWay = alerts.some(({ alert }) => alert.kind !== 'solved' && wayRules.has(alert.rule));
	const help = isWay ? `What to do: ${code(`!upgrade ${server}`)}` : '';
	const foot = acts ? `✅ or ${code('!ack')} stops the reminders, 💤 or ${code('!snooze 7d')} postpones them.` : '';
	// Whoever is reminded has read the rest of it, in the thread.
	const isReminder = alerts.length === 1 && first?.alert.kind === 'reminder';
	const lead = isReminder
		? [head, [help, foot].filter(Boolean).join(' ')].filter(Boolean).join('\n\n')
		: alerts.length === 1
			? [head, first && textOf(first.alert, server), asked, help, foot].filter(Boolean).join('\n\n')
			: [head, asked].filter(Boolean).join('\n\n');
	const calls = mention !== undefined && (worst === 'severe' || worst === 'warning');
	return {
		value: { format: 1, server, alerts: alerts.map(one => alertValue(one, server)) },
		lead,
		// Facts before instructions: what helps stands last, where a room opens.
		sections:
			alerts.length === 1
				? []
				: [
						...sectionsOf(alerts, server),
						...[[help, foot].filter(Boolean).join('\n\n')]
							.filter(Boolean)
							.map(markdown => ({ title: '', markdown, fold: false })),
					],
		kind: 'answer',
		...(calls && { mention: [mention] }),
	};
}

/** An alert for programs: its words in the place of what they were made from. */
function alertValue({ alert, number }: Numbered, server: string): Record<string, unknown> {
	const { about: _, details: __, ...value } = alert;
	return { ...value, title: titleOf(alert, server), text: textOf(alert, server), ...(number && { number }) };
}

function numberWords(number: number | undefined): string {
	return number === undefined ? '' : ` · #${number}`;
}

function sectionsOf(alerts: readonly Numbered[], server: string): Section[] {
	const news = alerts.filter(({ alert }) => alert.kind !== 'reminder');
	const still = alerts.filter(({ alert }) => alert.kind === 'reminder');
	const holes = togetherFixed(news);
	const single = news.filter(one => !holes.some(group => group.includes(one)));
	const full = single.slice(0, maxInFull);
	const rest = single.slice(maxInFull);
	const sections = full.map(({ alert, number }): Section => {
		const solved = alert.kind === 'solved';
		const mark = solved ? '✅' : marks[alert.severity];
		// The head of the message is the first one's title.
		const isTold = alert === alerts[0]?.alert;
		return {
			title: `${solved ? 'Solved' : ruleTitles[alert.rule]}${number === undefined ? '' : ` #${number}`}`,
			...(mark && { mark }),
			markdown: [isTold ? '' : `**${titleOf(alert, server)}**`, textOf(alert, server)].filter(Boolean).join('\n\n'),
			fold: false,
		};
	});
	// The first one's section has no title of its own, so nothing may stand between it and the head.
	const place = full[0] && full[0].alert === alerts[0]?.alert ? 1 : 0;
	sections.splice(place, 0, ...holes.map(group => holesSection(group, server)));
	return [
		...sections,
		...(rest.length ? [{ title: `${rest.length} more`, markdown: lines(rest, server), fold: true }] : []),
		// Whoever is reminded has read the rest of it.
		...(still.length
			? [{ title: `Still open (${still.length})`, markdown: lines(still, server), fold: still.length > maxInFull }]
			: []),
	];
}

/** From this many holes on, those that one release closes are one section: the same sentence under each would hide the rest. */
const minTogether = 3;

function togetherFixed(news: readonly Numbered[]): Numbered[][] {
	const closable = news.filter(({ alert: { kind, details } }) => kind !== 'solved' && details?.is === 'advisory');
	const byFix = Map.groupBy(closable, ({ alert: { details } }) =>
		details?.is === 'advisory' ? details.fixedIn : undefined,
	);
	return [...byFix.values()].filter(group => group.length >= minTogether);
}

function holesSection(group: readonly Numbered[], server: string): Section {
	const [first] = group;
	const worst = (['severe', 'warning', 'info'] as const).find(is => group.some(({ alert }) => alert.severity === is));
	const mark = marks[worst ?? 'info'];
	return {
		title: `${ruleTitles.advisory} (${group.length})`,
		...(mark && { mark }),
		markdown: [first && textOf(first.alert, server), lines(group, server)].filter(Boolean).join('\n\n'),
		fold: false,
	};
}

export function lines(alerts: readonly Numbered[], server: string): string {
	return list(
		alerts.map(({ alert, number }) => {
			const mark = alert.kind === 'solved' ? '✅' : marks[alert.severity];
			return `${[mark, titleOf(alert, server)].filter(Boolean).join(' ')}${numberWords(number)}`;
		}),
	);
}

function askWords(server: string, alerts: readonly Numbered[]): string {
	const facts = [...new Set(alerts.flatMap(({ alert }) => (alert.kind === 'solved' ? [] : (alert.ask ?? []))))];
	if (!facts.length) return '';
	const words = facts.slice(0, 3).map(factExample).join(' ');
	const all = alerts.every(({ alert }) => alert.ask);
	return `I do not know whether ${all ? '' : 'all of '}this affects it. Tell me, for example ${code(`!profile ${server} ${words}`)}; negate a fact with a ${code('no-')} prefix.`;
}
