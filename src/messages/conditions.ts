// Words for one condition of a watched server: its title and its details.
import type { Plan } from '../advice/upgrade/plan.ts';
import { surely } from '../advice/upgrade/step.ts';
import { tally } from '../advice/upgrade/tally.ts';
import type { AlertSubject, Details } from '../advice/watch/alert-condition.ts';
import type { Alert } from '../advice/watch/alerts.ts';
import { compare } from '../deployment/version.ts';
import { capital, enumerate, list } from '../text/format.ts';
import { code, escapeMarkdown, quoted } from '../text/markdown.ts';
import { dangers, warningLines } from './dangers.ts';
import { deadlineLine, deadlineText, promisedWords } from './deadlines.ts';
import { observationWords, wholeWords } from './observation.ts';
import { dangerLine, floorNames, whoseStep } from './sections.ts';
import { worded } from './switch.ts';
import { tallyWords, unreadWords } from './tally.ts';
import { namedWords, unknownSince } from './version.ts';

/** The title of an alert: one line of Markdown without a full stop. */
export function titleOf({ kind, about, details }: Pick<Alert, 'kind' | 'about' | 'details'>, server: string): string {
	if (kind !== 'solved') return conditionTitle(about, server);
	return solvedTitle(about, details?.is === 'solved' ? details : undefined, server);
}

export function conditionTitle(about: AlertSubject, server: string): string {
	switch (about.rule) {
		case 'release':
			return releaseTitle(about);
		case 'withdrawn':
			return `Upstream withdrew Synapse ${about.version}`;
		case 'advisory':
			return `Vulnerable to ${holeWords(about)}`;
		case 'fault':
			return `Synapse ${about.version} is broken: ${about.name}`;
		case 'unclear':
			return `Possibly vulnerable to ${holeWords(about)}`;
		case 'deadline':
			return `${about.overdue ? 'Overdue' : (stageWords[about.stage] ?? '')}: ${about.name}`;
		case 'lifecycle':
			return `${about.name} ${endWords[about.of][about.state]}`;
		case 'floor':
			return `The newest release needs ${floorNames[about.of]} ${about.min}, but yours is older`;
		case 'unseen':
			return unseenTitle(about, server);
		case 'mixture':
			return `${quoted(server)} alternates between ${about.lowest} and ${about.highest}`;
		case 'distribution':
			return distributionTitle(about);
		case 'first':
			return `${quoted(server)} runs Synapse ${namedWords(about.running)}`;
		case 'change':
			return changeTitle(about, server);
	}
}

function releaseTitle({ newest, by, as }: SubjectOf<'release'>): string {
	if (by === 'mdad') return `The playbook now installs Synapse ${newest}`;
	return by === 'ess' ? `ESS ${as} installs Synapse ${newest}` : `Synapse ${newest} is out`;
}

function distributionTitle({ of, when, name, told }: SubjectOf<'distribution'>): string {
	const what = of === 'mdad' ? `The playbook changed on ${when}` : `ESS ${when}`;
	return `${what}: ${told ? `${escapeMarkdown(name)} (upstream's words)` : name}`;
}

type SubjectOf<Rule extends AlertSubject['rule']> = AlertSubject & { rule: Rule };

function holeWords({ id, rating, name }: SubjectOf<'advisory' | 'unclear'>): string {
	return `${code(id)} (${rating}): ${name}`;
}

const stageWords: Record<string, string> = {
	announced: 'Deadline announced',
	d90: 'Within 90 days',
	d30: 'Within 30 days',
	d14: 'Within two weeks',
	d7: 'Within a week',
	d1: 'Tomorrow',
	passed: 'The date has passed',
	'two-away': 'Two releases away',
	next: 'In the next release',
	rc: 'Release candidate out',
	'in-force': 'In force',
};

const endWords = {
	support: { soon: 'reaches end of support', due: 'reaches end of support', over: 'has reached end of support' },
	packages: { soon: 'end soon', due: 'may end in any release', over: 'have ended' },
} as const;

function unseenTitle({ is, since }: SubjectOf<'unseen'>, server: string): string {
	const what = {
		silent: `has not responded since ${since.slice(0, 16).replace('T', ' ')} UTC`,
		hidden: 'no longer shows its version',
		unreadable: 'shows a version I cannot read',
		other: 'no longer runs Synapse',
	}[is];
	return `${quoted(server)} ${what}`;
}

function changeTitle({ from, to, judged }: SubjectOf<'change'>, server: string): string {
	if (!judged) return `${quoted(server)} now runs ${namedWords(to)}; previously, it ran ${namedWords(from)}`;
	return compare(to.version, from.version) > 0
		? `${quoted(server)} was upgraded from ${from.version} to ${namedWords(to)}`
		: `${quoted(server)} went back from ${from.version} to ${namedWords(to)}`;
}

function solvedTitle(about: AlertSubject, solved: Detail<'solved'> | undefined, server: string): string {
	switch (about.rule) {
		case 'unseen':
			return `${quoted(server)} ${seenAgain[about.is]}`;
		case 'mixture':
			return solved?.running
				? `${quoted(server)} now reports only ${solved.running.version}`
				: conditionTitle(about, server);
		case 'advisory':
			return `No longer vulnerable to ${holeWords(about)}`;
		case 'deadline':
			// How near the deadline was no longer matters.
			return about.name;
		default:
			return conditionTitle(about, server);
	}
}

const seenAgain: Record<SubjectOf<'unseen'>['is'], string> = {
	silent: 'is responding again',
	hidden: 'shows its version again',
	unreadable: 'shows a readable version again',
	other: 'is running Synapse again',
};

/** The details after the title, as Markdown; empty if there are none. */
export function textOf({ about, details }: Pick<Alert, 'about' | 'details'>, server: string): string {
	if (!details) return '';
	switch (details.is) {
		case 'release':
			return releaseText(details);
		case 'withdrawn':
			return `${details.runs ? `It runs ${versionIn(about)}, which` : 'I told you about it, but it'} is no longer among upstream's releases; I do not know why. The newest one listed is ${details.newest}.`;
		case 'advisory':
			return advisoryText(details);
		case 'fault':
			return [
				details.text.trim(),
				details.take === undefined
					? 'No release fixes it yet.'
					: `Fixed in ${details.take}. ${code(`!upgrade ${server} ${details.take}`)}`,
			].join('\n\n');
		case 'unclear':
			return [
				`Upstream published this advisory, and I cannot tell whether it affects ${details.running}.`,
				details.written
					? `It names these versions: ${quoted(details.written, 200)}.`
					: 'It does not name any versions.',
				...linkWords(details),
			].join(' ');
		case 'deadline':
			return deadlineText(details.deadline);
		case 'lifecycle':
			return `${promisedWords(details.deadline)} Replacement: ${details.deadline.replacedBy}.`;
		case 'floor':
			return `Required since ${details.from}: newer releases do not start without it. ${code(`!upgrade ${server}`)}`;
		case 'unseen': {
			const seen = details.observed && wholeWords(observationWords({ server, ...details.observed }));
			return [seen, 'I cannot say whether it is up to date.'].filter(Boolean).join(' ');
		}
		case 'mixture':
			return `Several Synapse servers with different versions seem to answer under this name. I will go by the oldest, ${details.lowest}, until only one version has been seen for two days.`;
		case 'distribution':
			return breakWords(details);
		case 'unjudged':
			return details.judged
				? `${code(`!watch ${server}`)} shows its current state.`
				: [unknownSince(details.newest), 'Alerts that were open stay open until I can check them.'].join('\n\n');
		case 'changed':
			return about.rule === 'change' ? changedText(about, details) : '';
		case 'solved':
			return solvedText(about, details, server);
	}
}

type Detail<Is extends Details['is']> = Details & { is: Is };

function versionIn(about: AlertSubject): string {
	return about.rule === 'withdrawn' ? about.version : '';
}

function linkWords({ link }: { link?: string }): string[] {
	return link === undefined ? [] : [`[Advisory](${link})`];
}

function releaseText({ way, first, announces, carrier }: Detail<'release'>): string {
	return [
		wayWords(way),
		...carrierWords(carrier),
		...(first ? [`The first release of the ${first.line} line was ${first.version}.`] : []),
		...(announces.length ? [`It announces:\n\n${list(announces.map(deadlineLine))}`] : []),
	].join('\n\n');
}

const carrierNames = { mdad: 'the playbook', ess: 'an ESS chart' };
/** At most this many breaking changes are listed; the command shows all of them. */
const maxBreaks = 8;

/** What the distribution's own changes require, or that we do not know whether it has the release. */
function carrierWords(carrier: Detail<'release'>['carrier']): string[] {
	if (!carrier) return [];
	if (!('newest' in carrier)) {
		const known = carrier.read === '' ? '' : ` (last read ${carrier.read})`;
		return [`I do not know whether ${carrierNames[carrier.of]} already installs it${known}.`];
	}
	const { of, breaks, since } = carrier;
	const told = [...breaks].sort((a, b) => Number(b.sure) - Number(a.sure));
	if (!told.length) return [`Since then, ${carrierNames[of]} itself has had no breaking changes.`];
	const lines = told.slice(0, maxBreaks).map(({ when, title, sure, told: raw }) => {
		const name = raw ? escapeMarkdown(title) : title;
		return `${when}: ${name}${sure ? '' : ', if you use it'}${raw ? " (upstream's words)" : ''}`;
	});
	const command = `!upgrade ${of} ${since}`;
	const more = told.length > maxBreaks ? [`and ${told.length - maxBreaks} more`] : [];
	return [
		`Since then, ${carrierNames[of]} itself has had changes that may break something (${code(command)} lists all of them):\n\n${list([...lines, ...more])}`,
	];
}

/** Who is affected by a change, what to do, and whether that can wait; uncurated changes in upstream's words. */
function breakWords({ of, change }: Detail<'distribution'>): string {
	const { when, components, onlyIf, sure, told, text, do: what, first, refuses, waits, url } = change;
	const command = code(of === 'mdad' ? `!upgrade mdad ${when}` : `!notes ess ${when}`);
	if (told)
		return [
			"Nobody has reviewed this yet. Read upstream's own words to see whether it affects you.",
			text,
			[...(url === undefined ? [] : [`[Upstream](<${url}>)`]), `Everything in that update: ${command}`].join(' · '),
		]
			.filter(Boolean)
			.join('\n\n');
	const names = components.length > 4 ? [] : components.map(code);
	const whose = [
		...(names.length ? [`if you use ${enumerate(names, 'or')}`] : []),
		...(onlyIf === undefined ? [] : [`only if ${onlyIf}`]),
	].join(', ');
	return [
		[...(sure || !whose ? [] : [`${capital(whose)}.`]), text.trim()].join(' '),
		...(first ? [`**Before you pull:** ${first.trim()}`] : []),
		...(what ? [`**Do:** ${what.trim()}`] : []),
		refuses
			? `The ${of === 'mdad' ? 'playbook' : 'chart'} refuses to run until this is done.`
			: waits
				? 'This can wait until after the update.'
				: 'Do this during the update, not later.',
		`Everything in that update: ${command}`,
	]
		.filter(Boolean)
		.join('\n\n');
}

function advisoryText({ running, fixedIn, link }: Detail<'advisory'>): string {
	const fix = fixedIn === undefined ? 'no release fixes it yet' : `fixed in ${fixedIn}`;
	return [`It runs ${namedWords(running)}; ${fix}.`, ...linkWords({ ...(link !== undefined && { link }) })].join(' ');
}

/** What a completed upgrade or downgrade means now. */
function changedText({ from, to }: SubjectOf<'change'>, { way, after }: Detail<'changed'>): string {
	const closed = way.advisories.fixed;
	if (compare(to.version, from.version) <= 0)
		return [
			`It previously ran ${from.version}. ${code(`!rollback ${from.version} ${to.version}`)} shows what going back does not undo.`,
			...(closed.length ? [`It is vulnerable again to ${idWords(closed)}.`] : []),
		].join('\n\n');
	const { floor, unsure } = way.rollback;
	return [
		...(way.unread.length
			? [
					`${capital(unreadWords(way.unread.length, undefined))}: ${code(`!upgrade ${from.version} ${to.version}`)} shows them.`,
				]
			: []),
		...(way.unread.some(({ warning }) => warning !== undefined) ? [list(warningLines(way.unread))] : []),
		after.length
			? `Now that ${to.version} is running:\n\n${list(after.map(step => `${capital(step.title)}${whoseStep(step) && `, if ${whoseStep(step)}`}`))}`
			: way.unread.length
				? 'Nothing else is left to do after the upgrade.'
				: 'Nothing is left to do after the upgrade.',
		floor !== to.version
			? `You can go back to ${floor}${unsure ? ', perhaps further' : ', but no further'}.`
			: unsure
				? 'It is not known yet how far back you can go.'
				: 'No older release starts on this database any more.',
		...(closed.length ? [`The upgrade fixed ${idWords(closed)}.`] : []),
	].join('\n\n');
}

/** At most this many advisories are named. */
const maxIds = 6;

function idWords(ids: readonly string[]): string {
	return `${ids.slice(0, maxIds).map(code).join(', ')}${ids.length > maxIds ? ' and more' : ''}`;
}

function solvedText(about: AlertSubject, { running }: Detail<'solved'>, server: string): string {
	const runs = running ? `${quoted(server)} runs ${namedWords(running)}.` : '';
	if (about.rule === 'unseen')
		return [`The alert was: ${conditionTitle(about, server)}.`, runs].filter(Boolean).join(' ');
	if (about.rule === 'mixture') return 'No other version has been seen for two days.';
	if (about.rule === 'lifecycle' || about.rule === 'floor') return 'What I know about the deployment has changed.';
	return runs;
}

/** What an upgrade requires, in a few lines; what only affects some is counted, and never red. */
export function wayWords(way: Plan): string {
	const ask = `From ${way.from}: ${tallyWords(tally(way))}.`;
	const acting = worded(way).steps.filter(step => (step.must || step.refuses) && surely(step));
	const worst = dangers(way, acting, 'unnumbered').filter(({ mark }) => mark === '🔴');
	const lines = [...warningLines(way.unread), ...worst.slice(0, 5).map(dangerLine)];
	return lines.length ? `${ask}\n\n${list(lines)}` : ask;
}
