// Words for the message that groups a server's alerts.

import type { Alert } from '../advice/watch/alerts.ts';
import type { Severity } from '../advice/watch/severity.ts';
import type { Answer, Section } from '../answer.ts';
import { count, list } from '../text/format.ts';
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

/** Rules whose alerts call for an upgrade. */
const wayRules: ReadonlySet<Alert['rule']> = new Set([
	'release',
	'withdrawn',
	'advisory',
	'fault',
	'deadline',
	'unclear',
]);

/** Rules without reminders. */
const unreminded: ReadonlySet<Alert['rule']> = new Set(['change', 'release', 'distribution']);

/** At most this many alerts are shown in full. */
const maxInFull = 6;

export function alertWords(server: string, given: readonly Numbered[], mention: string | undefined): Answer {
	// News comes first: after a reminder, whose content readers know, they would take the whole message for one.
	const newest = given.find(({ alert: { kind } }) => kind !== 'reminder' && kind !== 'solved');
	const alerts = newest ? [newest, ...given.filter(one => one !== newest)] : given;
	const worst = (['severe', 'warning', 'info'] as const).find(severity =>
		alerts.some(({ alert }) => alert.severity === severity && alert.kind !== 'solved'),
	);
	const [first] = alerts;
	const mark = worst ? marks[worst] : '✅';
	const prefix = first?.alert.kind === 'solved' ? 'Resolved: ' : first?.alert.kind === 'reminder' ? 'Still open: ' : '';
	const title = first ? titleOf(first.alert, server) : '';
	const named = title.includes(quoted(server)) ? title : `${quoted(server)}: ${title}`;
	const others = alerts.slice(1);
	const over = others.filter(({ alert }) => alert.kind === 'solved').length;
	const open = others.length - over;
	const resolved = first?.alert.kind === 'solved' ? `${over} more` : count(over, 'alert');
	const more = `${open ? ` (plus ${count(open, 'more alert')})` : ''}${over ? `; ${resolved} resolved` : ''}`;
	const head = `**${[mark, `${prefix}${named}${more}`].filter(Boolean).join(' ')}**${alerts.length === 1 ? numberWords(first?.number) : ''}`;
	const asked = askWords(server, alerts);
	const acts = alerts.some(({ alert: { kind, rule } }) => kind !== 'solved' && !unreminded.has(rule));
	const isWay = alerts.some(({ alert }) => alert.kind !== 'solved' && wayRules.has(alert.rule));
	const help = isWay ? `Upgrade plan: ${code(`!upgrade ${server}`)}` : '';
	const foot = acts ? `✅ or ${code('!ack')} stops the reminders; 💤 or ${code('!snooze 7d')} postpones them.` : '';
	// Readers of a reminder already know the rest, from the thread.
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
		// Facts before instructions: the remedy comes last, because rooms open at the end.
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

/** An alert for programs, with its words instead of the values they are derived from. */
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
		// The message's title already has the first one's.
		const isTold = alert === alerts[0]?.alert;
		return {
			title: `${solved ? 'Resolved' : ruleTitles[alert.rule]}${number === undefined ? '' : ` #${number}`}`,
			...(mark && { mark }),
			markdown: [isTold ? '' : `**${titleOf(alert, server)}**`, textOf(alert, server)].filter(Boolean).join('\n\n'),
			fold: false,
		};
	});
	// The first alert's section does not repeat the message's title, so it must directly follow it.
	const place = full[0] && full[0].alert === alerts[0]?.alert ? 1 : 0;
	sections.splice(place, 0, ...holes.map(group => holesSection(group, server)));
	return [
		...sections,
		...(rest.length ? [{ title: count(rest.length, 'more alert'), markdown: lines(rest, server), fold: true }] : []),
		// Readers of a reminder already know this.
		...(still.length
			? [{ title: `Still open (${still.length})`, markdown: lines(still, server), fold: still.length > maxInFull }]
			: []),
	];
}

/**
 * If one release fixes at least this many vulnerabilities, they share a section: repeating the same sentence for
 * each would bury the rest.
 */
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
