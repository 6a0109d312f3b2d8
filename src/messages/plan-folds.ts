// The three folds of a plan's first screen: how to do what is certain, what may stop the start, and everything else.

import type { Plan } from '../advice/upgrade/plan.ts';
import { type Step, surely } from '../advice/upgrade/step.ts';
import type { Section } from '../answer.ts';
import { compare } from '../deployment/version.ts';
import { count, enumerate, list } from '../text/format.ts';
import { code } from '../text/markdown.ts';
import { deadlineLine } from './deadlines.ts';
import { newOptionsLine } from './options.ts';
import { planCommand, shorterCommand } from './plan-command.ts';
import { floorWords } from './rollback.ts';
import { routesSection } from './routes.ts';
import { link, openLine, unreadName, whoseStep } from './sections.ts';
import type { Sorted } from './sorted-steps.ts';

/** Characters of Markdown in each part, so that everything fits one message. Steps that do not fit are only titles. */
const room = { steps: 12_000, settings: 7_000, uses: 3_600, informing: 3_000, rest: 1_800 };

/** `kept`: in full, however little room there is. */
type FoldText = { whole: string; short: string; kept?: boolean };

/** The texts in order as long as they fit, then their short forms, then how many are left. */
function within(limit: number, parts: readonly FoldText[]): string[] {
	let left = limit - parts.reduce((sum, { whole, kept }) => sum + (kept ? whole.length : 0), 0);
	const shown: string[] = [];
	for (const { whole, short, kept } of parts) {
		const text = kept || whole.length <= left ? whole : short;
		if (!kept) {
			// Once one text did not fit, later ones must not get ahead of it.
			left = text === whole ? left - whole.length : Math.min(left - short.length, limit / 3);
			if (left < 0) continue;
		}
		shown.push(text);
	}
	return shown.length < parts.length ? [...shown, `… and ${parts.length - shown.length} more.`] : shown;
}

function told(step: Step): FoldText {
	const clause = whoseStep(step);
	const head = `**${step.title}**${clause && `, if ${clause}`}`;
	const where = step.generated ? '' : ` (${code(`!notes ${step.release}`)})`;
	// Keep these even without room: a plan is useless without the switch's commands or what the start requires.
	const kept = (step.generated && /\/(switch|try)$/.test(step.id)) || (step.refuses && surely(step));
	return { whole: `${head}\n\n${step.text}`, short: `${head}${where}`, ...(kept && { kept }) };
}

/** How to do what is certain: the texts, with their commands. */
export function howTo({ steps }: Plan, { first, sure, checks }: Sorted): Section[] {
	const known = new Set([...first.flatMap(({ step }) => step ?? []), ...Object.values(sure).flat(), ...checks]);
	const certain = steps.filter(step => step.generated || known.has(step));
	const markdown = within(room.steps, certain.map(told)).join('\n\n');
	return [{ title: 'The steps, with their commands', markdown, fold: true }];
}

const numerals = 'No One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve'.split(' ');

/** What may stop the start; a look at the configuration decides. */
export function settingsFold(settings: readonly Step[], plan: Plan): Section[] {
	if (!settings.length) return [];
	const looks = settings.filter(({ look }) => look).length;
	const all = looks === settings.length ? 'them' : `${numeral(looks)} of them`;
	const look = looks
		? [
				`A script can check ${all} in your configuration without showing any values: ${code(planCommand(plan, ['look']))}`,
			]
		: [];
	const markdown = [...look, ...within(room.settings, settings.map(told))].join('\n\n');
	return [{ title: settingsTitle(settings), markdown, fold: true }];
}

/** The title of the fold with the settings. */
export function settingsTitle(settings: readonly Step[]): string {
	const many = (what: string) => (settings.length === 1 ? `The ${what}` : `The ${numeral(settings.length)} ${what}s`);
	return settings.every(({ options }) => options.length)
		? `${many('setting')}, and how to set ${settings.length === 1 ? 'it' : 'them'}`
		: `${many('thing')}, and what to do`;
}

export function numeral(number: number): string {
	return numerals[number]?.toLowerCase() ?? String(number);
}

/** How the title of “Everything else” names what people use; other facts keep their ids. */
const uses: Record<string, string> = {
	appservices: 'bridges',
	'admin-api': 'the admin API',
	'reverse-proxy': 'a proxy',
	mas: 'MAS',
	media: 'media',
	sso: 'single sign-on',
	saml: 'SAML',
	cas: 'CAS',
	oidc: 'OIDC',
};

function usedIn(steps: readonly Step[]): string {
	const facts = steps
		.flatMap(({ ask }) => ask ?? [])
		.filter(fact => !/^(install|os|database|postgres|sqlite|python)$/.test(fact));
	const counted = [...Map.groupBy(facts, fact => fact)].sort(([, a], [, b]) => b.length - a.length);
	return enumerate(counted.slice(0, 3).map(([fact]) => uses[fact] ?? fact));
}

/** A part of the last fold below a bold line of its own. */
function part(title: string, markdown: string): string {
	return `**${title}**\n\n${markdown}`;
}

/** Everything else, grouped by what readers look for; `all` is the command that shows every text. */
export function allElse(plan: Plan, sorted: Sorted, all: string): Section[] {
	const { deadlines, hidden, unread, informing } = { ...plan, informing: sorted.informing };
	const shorter = shorterCommand(plan);
	const used = usedIn(sorted.uses);
	const newestFirst = [...informing].sort((a, b) => compare(b.release, a.release));
	const line = (step: Step) => `${step.release}: ${step.title}`;
	const lines = (limit: number, texts: readonly string[]) =>
		list(
			within(
				limit,
				texts.map(text => ({ whole: text, short: text })),
			),
		);
	const parts = [
		...(unread.length ? [part(`Unread (${unread.length})`, lines(room.rest, unread.map(unreadLine)))] : []),
		...(sorted.uses.length
			? [part(`To do if you use it (${sorted.uses.length})`, list(within(room.uses, sorted.uses.map(useLine))))]
			: []),
		...openParts(plan),
		...routesSection(plan).flatMap(({ title, markdown }) => within(room.rest, [routesTold(title, markdown)])),
		...faultParts(plan),
		part('Rollback', floorWords(plan.rollback)),
		...(informing.length
			? [part(`Good to know (${informing.length})`, lines(room.informing, newestFirst.map(line)))]
			: []),
		...(deadlines.length
			? [part(`Will stop working later (${deadlines.length})`, lines(room.rest, deadlines.map(deadlineLine)))]
			: []),
		...[newOptionsLine(plan) ?? []].flat(),
		...(hidden.length
			? [`${count(hidden.length, 'note')} ${hidden.length === 1 ? 'does' : 'do'} not apply to you.`]
			: []),
		...(shorter ? [`Say more about the server to shorten this: ${code(shorter)}`] : []),
		`All texts with their sources: ${code(all)}`,
	];
	const know = informing.length + sorted.uses.length;
	return [{ title: titled(used, know, deadlines.length), markdown: parts.join('\n\n'), fold: true }];
}

/** At most 40 characters, to fit the line of a fold on a phone. */
function titled(used: string, know: number, deadlines: number): string {
	const candidates = [
		...(used ? [`Everything else: ${used}; ${know} to know`] : []),
		...(used ? [`Everything else: ${used}`] : []),
		`Everything else: ${count(know, 'note')}, ${count(deadlines, 'deadline')}`,
	];
	return candidates.find(title => title.length <= 40) ?? 'Everything else';
}

function unreadLine(passage: Plan['unread'][number]): string {
	return `${passage.release}: ${link(unreadName(passage), passage.url)}`;
}

function useLine(step: Step): FoldText {
	const short = `${step.title}, if ${whoseStep(step)} (${code(`!notes ${step.release}`)})`;
	return { whole: short, short };
}

/** What is broken in the releases where the upgrade stops, the target's first. */
function faultParts({ faults }: Plan): string[] {
	const ahead = faults.filter(({ at }) => at !== 'start');
	if (!ahead.length) return [];
	const lines = ahead.map(({ release, title, fixed, severity, concerned }) => {
		const cured = fixed === null ? 'not fixed yet' : `fixed in ${fixed}`;
		return `${severity === 'severe' ? '🔴 ' : ''}${release}: ${title} (${cured}${concerned === true ? '' : ', for some'})`;
	});
	return [
		part(
			`Known bugs (${ahead.length})`,
			list(
				within(
					room.rest,
					lines.map(text => ({ whole: text, short: text })),
				),
			),
		),
	];
}

/** A proxy's rules are shown in full or not at all; the command for every text has them. */
function routesTold(title: string, markdown: string): FoldText {
	return { whole: part(title, markdown), short: `**${title}**: see the full texts below.` };
}

function openParts({ advisories: { open }, to }: Plan): string[] {
	return open.length
		? [part(`Vulnerabilities in ${to} (${open.length})`, list(open.slice(0, 12).map(hole => openLine(to, hole))))]
		: [];
}
