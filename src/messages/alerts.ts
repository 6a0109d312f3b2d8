// What a watch says, in words: the message that groups the alerts of a server, its status card, what is open.
import { isAffected } from '../advice/upgrade/advisories.ts';
import type { Deadline } from '../advice/upgrade/deadlines.ts';
import { plan } from '../advice/upgrade/plan.ts';
import { type Rollback, rollback } from '../advice/upgrade/rollback.ts';
import { tally } from '../advice/upgrade/tally.ts';
import type { Alert } from '../advice/watch/alerts.ts';
import { nextDeadlines, overdue } from '../advice/watch/deadline-conditions.ts';
import { lastObserved, type Running } from '../advice/watch/history.ts';
import type { Facing } from '../advice/watch/matter.ts';
import { judged } from '../advice/watch/matter.ts';
import { behind } from '../advice/watch/release-conditions.ts';
import type { Severity } from '../advice/watch/severity.ts';
import type { Answer, Section } from '../answer.ts';
import { concern } from '../deployment/condition.ts';
import { profileJson } from '../deployment/facts.ts';
import { isAbove } from '../deployment/version.ts';
import { stable } from '../knowledge/stable.ts';
import { capital, count, list } from '../text/format.ts';
import { momentIn } from '../text/local-time.ts';
import { code, quoted } from '../text/markdown.ts';
import { textOf, titleOf } from './conditions.ts';
import { warningLines } from './dangers.ts';
import { deadlineLine } from './deadlines.ts';
import { observationWords, wholeWords } from './observation.ts';
import { factExample } from './sections.ts';
import { tallyWords } from './tally.ts';
import { behindWords, caveatWords, unknownWords, versionWords } from './version.ts';

export type Numbered = { alert: Alert; number?: number };

const marks: Record<Severity, string> = { severe: '🔴', warning: '⚠️', info: '' };
const ruleTitles: Record<Alert['rule'], string> = {
	first: 'First look',
	change: 'Another release',
	release: 'New release',
	withdrawn: 'Taken back',
	advisory: 'Security',
	fault: 'Broken release',
	unclear: 'Security, perhaps',
	deadline: 'Deadline',
	lifecycle: 'End of support',
	floor: 'Needed by the newest release',
	unseen: 'Not seen',
	mixture: 'Several versions',
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
/** So many alerts are told one by one. */
const mostInFull = 6;

/** One message for the alerts of one server. */
export function alertWords(server: string, alerts: readonly Numbered[], mention: string | undefined): Answer {
	const worst = (['severe', 'warning', 'info'] as const).find(severity =>
		alerts.some(({ alert }) => alert.severity === severity && alert.kind !== 'solved'),
	);
	const [first] = alerts;
	const mark = worst ? marks[worst] : '✅';
	const prefix = first?.alert.kind === 'solved' ? 'Solved: ' : first?.alert.kind === 'reminder' ? 'Still: ' : '';
	const title = first ? titleOf(first.alert, server) : '';
	const named = title.includes(quoted(server)) ? title : `${quoted(server)}: ${title}`;
	const more = alerts.length > 1 ? `, and ${alerts.length - 1} more` : '';
	const head = `**${[mark, `${prefix}${named}${more}`].filter(Boolean).join(' ')}**${alerts.length === 1 ? numberWords(first?.number) : ''}`;
	const asked = askWords(server, alerts);
	const acts = alerts.some(({ alert: { kind, rule } }) => kind !== 'solved' && rule !== 'change' && rule !== 'release');
	const isWay = alerts.some(({ alert }) => alert.kind !== 'solved' && wayRules.has(alert.rule));
	const help = isWay ? `What to do: ${code(`!upgrade ${server}`)}` : '';
	const foot = acts ? `✅ or ${code('!ack')} stops the reminders, 💤 or ${code('!snooze 7d')} puts them off.` : '';
	const lead =
		alerts.length === 1
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
	const full = news.slice(0, mostInFull);
	const rest = news.slice(mostInFull);
	const sections = full.map(({ alert, number }): Section => {
		const solved = alert.kind === 'solved';
		const mark = solved ? '✅' : marks[alert.severity];
		return {
			title: `${solved ? 'Solved' : ruleTitles[alert.rule]}${number === undefined ? '' : ` #${number}`}`,
			...(mark && { mark }),
			markdown: `**${titleOf(alert, server)}**\n\n${textOf(alert, server)}`,
			fold: false,
		};
	});
	return [
		...sections,
		...(rest.length ? [{ title: `And ${rest.length} more`, markdown: lines(rest, server), fold: true }] : []),
		// Whoever is reminded has read the rest of it.
		...(still.length
			? [{ title: `Still open (${still.length})`, markdown: lines(still, server), fold: still.length > mostInFull }]
			: []),
	];
}

function lines(alerts: readonly Numbered[], server: string): string {
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
	return `I do not know whether ${all ? '' : 'all of '}this concerns it. Tell me, like ${code(`!profile ${server} ${words}`)}; deny a fact with ${code('no-')} in front.`;
}

export type Card = {
	facing: Facing;
	zone: string;
	looked?: Date;
	next?: Date;
	/** How the card begins: `I watch it from now on.` */
	opening?: string;
};

/** What upstream promised to stop and did not: one line, however much it is. */
function lateWords(late: readonly Deadline[], server: string): string[] {
	const [first] = late;
	if (!first) return [];
	const what =
		late.length === 1
			? `Should have stopped by now, and still works: ${first.subject}. It`
			: `${late.length} things that should have stopped by now still work. They`;
	return [`${what} may stop in any release; I speak up when a candidate does it. ${code(`!deadlines ${server}`)}`];
}

function waversWords({ mixture, lately }: Running): string | undefined {
	if (mixture)
		return `⚠️ It answers with ${mixture.lowest} and with ${mixture.highest} by turns: several Synapses behind one name, not upgraded together? I go by the lowest.`;
	return lately && `⚠️ The last look saw ${lately}. If that stays for some hours, I take it for a way back.`;
}

function knownFacts(stated: Record<string, string | boolean>): string {
	return Object.keys(stated).length
		? `I know of it: ${Object.entries(stated)
				.map(([fact, is]) => code(is === true ? fact : is === false ? `no-${fact}` : `${fact}=${is}`))
				.join(', ')}.`
		: 'I know nothing of the deployment yet.';
}

/** How far the way back leads. `whose`: whose database it is. */
export function backWords({ release, floor, unsure }: Rollback, whose: string): string {
	if (floor !== release) return `The way back leads to ${floor}${unsure ? ', perhaps further' : ' at most'}.`;
	return unsure ? 'How far the way back leads is not known yet.' : `No older release starts on ${whose} database.`;
}

/** The state of a server at one glance. */
export function cardWords({ facing, zone, looked, next, opening }: Card): Answer {
	const { server, running, profile, knowledge, today } = facing;
	const times = [
		...(looked ? [`last look ${momentIn(looked, zone)}`] : []),
		...(next ? [`next look ${momentIn(next, zone)}`] : []),
	];
	const foot = times.length ? `${capital(times.join(', '))}.` : '';
	const stated = profileJson(profile);
	const value = { format: 1, server, profile: stated, ...(looked && { looked: looked.toISOString() }) };
	const observed = lastObserved(facing.spells);
	const observation = observed && observationWords({ server, ...observed });
	const why = observation && wholeWords(observation);
	if (!running) {
		const is = facing.spells.at(-1)?.is;
		const isNamed = is === 'other' || is === 'unreadable';
		const says = (isNamed && observation?.result) || `I cannot say what ${quoted(server)} runs`;
		const more = isNamed ? observation?.advice : why;
		// What the look saw asks for the version already, or makes it pointless.
		const isAsked = isNamed || observed?.kind === 'hidden';
		const help = isAsked
			? ''
			: `If it cannot be polled, tell me what runs: ${code(`!profile ${server} version=1.150`)}`;
		return {
			value: { ...value, running: null },
			lead: [`**${says}.**`, more, opening, help, foot].filter(Boolean).join('\n\n'),
			sections: [],
			kind: 'answer',
		};
	}
	const { version } = running;
	const by = running.by === 'person' ? ' (as you told me)' : '';
	const named = `${quoted(server)} runs Synapse ${versionWords(running, knowledge)}${by}`;
	if (!judged(facing))
		return {
			value: { ...value, running: version, known: false, gaps: ['advisories', 'deadlines', 'rollback'] },
			lead: [`**${named}.** ${unknownWords(knowledge)}`, why && `⚠️ ${why}`, waversWords(running), opening, foot]
				.filter(Boolean)
				.join('\n\n'),
			sections: [{ title: 'The deployment', markdown: knownFacts(stated), fold: false }],
			kind: 'answer',
		};
	const newest = stable(knowledge.releases).at(-1)?.version;
	const late = behind(version, knowledge, today);
	const open = knowledge.advisories.filter(
		advisory => isAffected(advisory, version) && concern(advisory.applies, profile).is !== false,
	);
	const ahead = newest !== undefined && isAbove(newest, version);
	const way = ahead ? plan({ from: version, to: newest, profile, today }, knowledge) : undefined;
	const state = [
		behindWords(version, late, newest),
		open.length ? `open to ${count(open.length, 'known hole')}` : 'open to no known hole',
	].join(', ');
	const severe = open.filter(({ severity }) => severity === 'critical' || severity === 'high').length;
	const colour = severe ? '🔴' : open.length || ahead ? '🟡' : '🟢';
	const deadlines = nextDeadlines(facing, 4);
	const overdues = overdue(facing);
	const back = rollback(version, undefined, knowledge);
	const facts = new Map<string, number>();
	for (const fact of way?.steps.flatMap(({ ask }) => ask ?? []) ?? []) facts.set(fact, (facts.get(fact) ?? 0) + 1);
	for (const { concerned, applies } of deadlines) {
		const asked = concerned === 'unknown' ? concern(applies, profile) : undefined;
		if (asked?.is === 'unknown') for (const fact of asked.ask) facts.set(fact, (facts.get(fact) ?? 0) + 1);
	}
	const asked = [...facts].sort(([, a], [, b]) => b - a).slice(0, 4);
	const known = knownFacts(stated);
	const say = asked.length
		? ` Not known, and worth saying: ${code(`!profile ${server} ${asked.map(([fact]) => factExample(fact)).join(' ')}`)}; deny a fact with ${code('no-')} in front.`
		: '';
	const lines = [
		...(open.length
			? [`${severe ? '🔴' : '⚠️'} ${count(open.length, 'hole')}${severe ? `, ${severe} severe` : ''}`]
			: []),
		...(way && newest
			? [`The way to ${newest}: ${tallyWords(tally(way))}; ${code(`!upgrade ${server}`)}`, ...warningLines(way.unread)]
			: []),
		backWords(back, 'its'),
	];
	const sections: Section[] = [
		{ title: 'State', markdown: list(lines), fold: false },
		...(deadlines.length || overdues.length
			? [
					{
						title: 'Next deadlines',
						markdown: list([...deadlines.map(deadlineLine), ...lateWords(overdues, server)]),
						fold: false,
					},
				]
			: []),
		{ title: 'The deployment', markdown: `${known}${say}`, fold: false },
	];
	return {
		value: {
			...value,
			running: version,
			...(running.build && { build: running.build }),
			newest,
			behind: late,
			advisories: open.map(({ id }) => id),
			deadlines: deadlines.map(({ id }) => id),
			rollback: back.floor,
		},
		lead: [
			running.build ? `${colour} **${named}.** As ${version}: ${state}.` : `${colour} **${named}: ${state}.**`,
			running.build && `⚠️ ${caveatWords(running)}`,
			// A silent server still runs what it ran, as far as anybody knows.
			why && `⚠️ ${why}`,
			waversWords(running),
			opening,
			foot,
		]
			.filter(Boolean)
			.join('\n\n'),
		sections,
		kind: 'answer',
	};
}
