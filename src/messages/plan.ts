// What was decided, in words: each value of advice becomes an Answer, in Markdown.

import type { Halt, Plan, Step } from '../advice/upgrade/plan.ts';
import { consequence } from '../advice/upgrade/plan.ts';
import type { Rollback } from '../advice/upgrade/rollback.ts';
import type { Tally } from '../advice/upgrade/tally.ts';
import { tally } from '../advice/upgrade/tally.ts';
import type { Answer, Section } from '../answer.ts';
import { concern } from '../deployment/condition.ts';
import { isContradiction, parseTerm, profileOf, pythonOf } from '../deployment/facts.ts';
import type { Version } from '../deployment/version.ts';
import { compare, isCandidate } from '../deployment/version.ts';
import { capital, count, enumerate, list } from '../text/format.ts';
import { code, escapeMarkdown } from '../text/markdown.ts';
import { deadlineSection, deadlineValue } from './deadlines.ts';
import { faultLines, faultSection, soundnessLine } from './faults.ts';
import { newOptionsSection } from './options.ts';
import { floorWords, rollbackValue } from './rollback.ts';
import { routesSection } from './routes.ts';
import {
	conditions,
	type Danger,
	dangerLine,
	examples,
	factWord,
	fine,
	floorNames,
	hiddenSection,
	horizonLine,
	link,
	openDanger,
	openLine,
	severe,
	severities,
	stepSection,
	stepText,
	unreadName,
	unreadSection,
	warning,
	whoseStep,
} from './sections.ts';
import { worded } from './switch.ts';

function floorLines(floors: Plan['floors']): Danger[] {
	return floors.map(({ of, at, min, met }) => {
		const rule = `${floorNames[of]} ${min} or newer is needed from ${at} on`;
		if (met === false) return severe(`${rule}: yours is older. Upgrade it first.`);
		return met === true ? fine(`${rule}: yours is.`) : warning(`${rule}.`);
	});
}

/** A few holes one by one, many as a sum: nobody reads thirty lines before the first step. */
function advisoryLines({ advisories: { open }, to }: Pick<Plan, 'advisories' | 'to'>): Danger[] {
	if (open.length <= 3) return open.map(advisory => openDanger(to, advisory));
	const sums = severities.map(
		severity => [open.filter(advisory => advisory.severity === severity).length, severity] as const,
	);
	const parts = sums.filter(([number]) => number).map(([number, severity]) => `${number} ${severity}`);
	const fixes = open.flatMap(({ fixedIn }) => fixedIn ?? []).sort(compare);
	const free = fixes.length === open.length ? ` ${fixes.at(-1)} and newer are free of all of them.` : '';
	const danger = open.some(({ severity }) => severity === 'critical' || severity === 'high') ? severe : warning;
	return [
		danger(`${to} is open to ${open.length} known security holes (${parts.join(', ')}): see Security below.${free}`),
	];
}

type Showing = 'numbered' | 'unnumbered';

/** Required halts: why, and which step says how to see that the wait is over. */
function stopLines({ stops, profile }: Plan, numbered: readonly Step[], showing: Showing): Danger[] {
	return stops
		.filter(({ required, onlyIf }) => required || onlyIf !== undefined)
		.map(stop => {
			const { best, from, to, onlyIf, waitFor, applies, tried } = stop;
			const wait = numbered.findIndex(({ id }) => id === `${best}/wait`);
			const range = from === to ? '' : ` (any release from ${from} to ${to} will do)`;
			const whose = [
				...(applies && profile.database !== 'postgres' && !profile.postgres ? [`yours is ${conditions(applies)}`] : []),
				...(onlyIf ? [onlyIf] : []),
			];
			const condition = whose.length ? `If ${whose.join(', and ')}: halt` : 'Halt';
			const how = wait < 0 || showing === 'unnumbered' ? '' : `; step ${wait + 1} says how to see that they are done`;
			return severe(
				`**${condition} at ${best}**${range} and wait for ${waitFor} to finish${how}. A direct jump ${consequence(stop)}${tried ? ' (tried)' : ''}.`,
			);
		});
}

function rollbackLine(rollback: Rollback): Danger {
	const { release, floor, to, canReturn, by } = rollback;
	const floorWhy = floorWords(rollback);
	if (canReturn === 'unknown') return warning(`Whether ${to} still starts after ${release} is not known. ${floorWhy}`);
	if (canReturn && by)
		return warning(`By the schema of ${by} you could go back to ${to}; that of ${release} itself is not known here.`);
	if (canReturn) return fine(`The schema lets you go back to ${to}.`);
	return warning(
		`${floor === release ? `No older release starts after ${release}` : `After ${release} you can go back to ${floor} at most`}${to ? `, not to ${to}: only a backup leads there` : ''}. ${floorWhy}`,
	);
}

/**
 * What could hurt, which no reader may have to unfold. Where the steps themselves are not shown (`unnumbered`), their
 * numbers would say nothing.
 */
export function dangers(plan: Plan, numbered: readonly Step[], showing: Showing = 'numbered'): Danger[] {
	const named = (i: number) => (showing === 'numbered' ? `step ${i + 1}` : 'a step');
	const refusing = numbered.flatMap((step, i) => {
		if (!step.refuses) return [];
		const whose = whoseStep(step);
		// What the clause names concerns its reader; not everybody of these meets the refusal.
		const what = step.onlyIf ? `${capital(named(i))} can stop the start` : `No start without ${named(i)}`;
		return [severe(`${what}${whose && ` if ${whose}`}${step.tried ? ' (tried)' : ''}: ${step.title}`)];
	});
	const oneWay = numbered.flatMap((step, i) =>
		step.oneWay ? [warning(`${capital(named(i))} cannot be undone: ${step.title}`)] : [],
	);
	const unread = plan.unread.length
		? [
				...warnings(plan.unread),
				warning(`Nobody here has read ${count(plan.unread.length, 'passage')} of upstream’s yet: see the end.`),
			]
		: [];
	const waits = numbered.flatMap((step, i) => {
		const whose = step.concerned === 'unknown' && step.applies ? conditions(step.applies) : step.onlyIf;
		const condition = whose === undefined ? '' : ` (${whose})`;
		if (step.id.endsWith('/no-package')) return [severe(`${step.title}: ${named(i)} says what to do.`)];
		return step.generated && step.when === 'before'
			? [
					severe(
						`${showing === 'numbered' ? `Not before ${named(i)} is done` : 'First'}${condition}: ${step.title}. Going on earlier ${step.otherwise ?? 'fails'}.`,
					),
				]
			: [];
	});
	return [
		// What nobody has read may be worse than all the rest.
		...unread,
		// A halt leads what is known, since a database that is ruined is the worst that can happen.
		...stopLines(plan, numbered, showing),
		...waits,
		// Another release spares all the rest.
		...faultLines(plan.faults),
		// Nothing else helps those who are under a floor.
		...floorLines(plan.floors.filter(({ met }) => met === false)),
		...refusing,
		...floorLines(plan.floors.filter(({ met }) => met !== false)),
		...oneWay,
		rollbackLine(plan.rollback),
		...advisoryLines(plan),
	];
}

/** Unread passages that speak of a refusal, by upstream's own words: a few, then how many more. */
export function warningLines(unread: Plan['unread']): string[] {
	return warnings(unread).map(dangerLine);
}

function warnings(unread: Plan['unread']): Danger[] {
	const speaking = unread.filter(passage => passage.warning !== undefined);
	const lines = speaking
		.slice(0, maxWarnings)
		.map(passage =>
			warning(
				`Unread, in ${passage.release}: “${escapeMarkdown(passage.warning ?? '')}” (${link(unreadName(passage), passage.url)})`,
			),
		);
	const more = speaking.length - lines.length;
	return more > 0 ? [...lines, warning(`${more} more unread passages speak of a refusal: see the end.`)] : lines;
}

const maxWarnings = 3;

/** The one line that says the result; its beginning is what a notification shows. */
function planLead(plan: Plan): string {
	const counted = tally(plan);
	if (counted.empty) {
		return `**${plan.from} → ${plan.to}: nothing to do but the switch itself.** Upstream asks nothing of ${Object.keys(plan.profile).length ? 'this deployment' : 'anybody'} in between.`;
	}
	const rest = counted.informing ? `, ${counted.informing} good to know` : '';
	return `**${plan.from} → ${plan.to}: ${tallyWords(counted)}${rest}.**`;
}

/** What there is to do, in one clause. What nobody has read comes first, and takes the place of any all-clear. */
export function tallyWords({ sure, perhaps, refusing, halts, unread, warning }: Tally): string {
	const parts = [
		...(unread ? [unreadWords(unread, warning)] : []),
		...(halts.length ? [`halt at ${enumerate(halts)} first`] : []),
		...(sure || perhaps ? [] : [unread ? 'nothing to act on in the rest' : 'nothing you must do']),
		...(sure ? [count(sure, 'thing to do', 'things to do')] : []),
		...(perhaps
			? [
					sure
						? `${perhaps} more if ${perhaps === 1 ? 'it concerns' : 'they concern'} you`
						: count(perhaps, 'thing to do if it concerns you', 'things to do if they concern you'),
				]
			: []),
		...(refusing ? [`${refusing} can stop the start`] : []),
	];
	return parts.join(', ');
}

/** How many passages nobody has read, and what one of them says that sounds like a refusal. */
export function unreadWords(unread: number, warning: string | undefined): string {
	const what = `${count(unread, 'passage')} that nobody has read yet`;
	if (warning === undefined) return what;
	const short = [...warning];
	const said = short.length > 60 ? `${short.slice(0, 59).join('')}…` : warning;
	return `${what} (one says “${escapeMarkdown(said)}”)`;
}

const whenTitles = { before: 'Before', switch: 'At the switch', after: 'After' } as const;

function overview(numbered: readonly Step[]): string {
	return (['before', 'switch', 'after'] as const)
		.flatMap(when => {
			const numbers = numbered.flatMap((step, i) => (step.when === when ? [i + 1] : []));
			return numbers.length
				? [
						`**${whenTitles[when]}:** ${numbers.length > 1 ? `steps ${numbers[0]}–${numbers.at(-1)}` : `step ${numbers[0]}`}`,
					]
				: [];
		})
		.join(' · ');
}

/** Steps that only inform share one fold for each `when`; the ones to act on have one each. */
export function planWords(decided: Plan, taken: readonly string[]): Answer {
	const plan = worded(decided);
	const numbered = plan.steps.filter(({ must, refuses }) => must || refuses);
	const informing = plan.steps.filter(({ must, refuses }) => !must && !refuses);
	const sections: Section[] = [
		{ title: 'What can hurt', markdown: list(dangers(plan, numbered).map(dangerLine)), fold: false },
		...numbered.map((step, i) => stepSection(step, i + 1)),
		...(informing.length ? [informingSection(informing)] : []),
		...choices(plan.stops),
		...faultSection(plan.faults),
		...advisorySection(plan),
		...deadlineSection(plan.deadlines, plan.to),
		...routesSection(plan),
		...newOptionsSection(plan),
		...hiddenSection(plan),
		...unreadSection(plan),
	];
	const lead = [
		planLead(plan),
		overview(numbered),
		...taken,
		asking(plan),
		plan.soundness ? soundnessLine(plan.soundness) : '',
		horizonLine(plan),
	]
		.filter(Boolean)
		.join('\n\n');
	return { value: planValue(plan), lead, title: `Plan: ${plan.from} → ${plan.to}`, sections, kind: 'answer' };
}

/** For programs: sentences in the place of what they were made from. */
export function planValue(plan: Plan): Record<string, unknown> {
	return {
		...plan,
		stops: plan.stops.map(stop => ({ ...stop, why: stop.why ?? wayBackWhy(stop) })),
		rollback: rollbackValue(plan.rollback),
		deadlines: plan.deadlines.map(deadlineValue),
	};
}

function wayBackWhy({ best }: Halt): string {
	return `It is the last release from which the one before this halt still starts; beyond ${best} only a backup leads back.`;
}

function informingSection(steps: readonly Step[]): Section {
	const texts = steps.map(step => `**${step.release}: ${step.title}**\n\n${stepText(step)}`);
	return { title: `Good to know (${steps.length})`, markdown: texts.join('\n\n'), fold: true };
}

function choices(stops: readonly Halt[]): Section[] {
	const free = stops.filter(({ required, onlyIf }) => !required && onlyIf === undefined);
	if (!free.length) return [];
	return [
		{
			title: `Halts to keep a way back (${free.length})`,
			markdown: `To be able to go back without a backup at any time, halt at ${enumerate(free.map(({ best }) => best))} for some days of use, until the background updates are done. From each of them the halt before it (or the start) still starts. These halts are optional.`,
			fold: true,
		},
	];
}

function advisorySection({ advisories, from, to }: Plan): Section[] {
	const { fixed, passedThrough, open, hidden } = advisories;
	const worstFirst = [...open].sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity));
	const lines = [
		...(open.length > 3 ? worstFirst.map(advisory => openLine(to, advisory)) : []),
		...(fixed.length ? [`${to} closes: ${fixed.map(code).join(', ')}`] : []),
		...(passedThrough.length
			? [
					`Only releases between ${from} and ${to} are open to ${passedThrough.map(code).join(', ')}: do not stay there.`,
				]
			: []),
		...hidden.map(({ id, because }) => `${code(id)} does not concern you (${because.map(code).join(', ')}).`),
	];
	const title = `Security (${fixed.length} closed${open.length ? `, ${open.length} open` : ''})`;
	return lines.length ? [{ title, markdown: list(lines), fold: true }] : [];
}

/** Which facts would shorten the plan, in the answer that most people give and that hides most. */
function asking(plan: Plan): string {
	const shorter = shorterCommand(plan);
	if (shorter === undefined) return '';
	const why = asksForSystem(plan)
		? 'Say which system it is, since not all have packages, and more if you can'
		: 'Say more about the server and this gets shorter';
	return `${why}, like ${code(shorter)}; ${code('no-')} in front denies a fact.`;
}

export function asksForSystem({ steps }: Plan): boolean {
	return steps.some(({ generated, ask }) => generated && ask?.includes('os'));
}

/** The same question with the facts that would hide most; undefined where none would. */
export function shorterCommand(plan: Plan): string | undefined {
	const most = [...(asksForSystem(plan) ? ['os'] : []), ...mostHiding(plan.steps, plan.profile)].slice(0, 3);
	return most.length
		? planCommand(
				plan,
				most.map(fact => likely[fact] ?? fact),
			)
		: undefined;
}

/** The command that asks for this plan, with its facts and more words. */
export function planCommand({ from, to, profile }: Plan, more: readonly string[] = []): string {
	const stated = Object.entries(profile).filter(([fact]) => !isImplied(fact, profile));
	return ['!upgrade', from, to, ...stated.map(factWord), ...more].join(' ');
}

/** Whether a fact follows from another one that is known, so that nobody has to type it. */
function isImplied(fact: string, profile: Plan['profile']): boolean {
	if (fact === 'database') return Boolean(profile.postgres || profile.sqlite);
	return fact === 'python' && profile.python === pythonOf(String(profile.os));
}

/** What most servers would say of themselves: many features are used by few. */
const likely: Record<string, string> = {
	...examples,
	...Object.fromEntries(
		(
			[
				'workers',
				'appservices',
				'modules',
				'phone',
				'sso',
				'saml',
				'cas',
				'oidc',
				'mas',
				'metrics',
				'admin-api',
			] as const
		).map(fact => [fact, `no-${fact}`]),
	),
	...{ turn: 'no-turn', registration: 'no-registration', retention: 'no-retention', 'url-previews': 'no-url-previews' },
};

/** The open facts whose likely answers hide most of what is to be done, each after the ones before it. */
function mostHiding(steps: readonly Step[], stated: Plan['profile']): string[] {
	const terms = Object.entries(stated).flatMap(entry => parseTerm(factWord(entry)) ?? []);
	const chosen: string[] = [];
	let open = steps.filter(({ ask, applies, generated }) => ask && applies && !generated);
	while (chosen.length < 3 && open.length) {
		const asked = new Set(open.flatMap(({ ask }) => ask ?? []).filter(fact => !chosen.includes(fact)));
		const before = chosen.flatMap(fact => parseTerm(likely[fact] ?? fact) ?? []);
		const results = [...asked].flatMap(fact => {
			const profile = profileOf([...terms, ...before, ...[parseTerm(likely[fact] ?? fact) ?? []].flat()]);
			if (isContradiction(profile)) return [];
			return [{ fact, left: open.filter(({ applies }) => concern(applies, profile).is !== false) }];
		});
		const best = results.sort((a, b) => a.left.length - b.left.length)[0];
		if (!best || best.left.length === open.length) break;
		chosen.push(best.fact);
		open = best.left;
	}
	return chosen;
}

/** How far a release is behind the newest one. */
export function behindWords(
	version: Version,
	{ releases, days }: { releases: number; days: number },
	newest: Version | undefined,
): string {
	if (newest !== undefined && compare(newest, version) > 0)
		return releases
			? `${count(releases, 'release')} and ${count(days, 'day')} behind`
			: `a patch behind, since ${count(days, 'day')}`;
	return isCandidate(version) ? 'newer than the newest release' : 'the newest release';
}

/** `master`: the public key of the account's identity. Nothing but the format where nothing is encrypted. */
type Verify = { format: 1; fingerprint?: string; master?: string; signed?: boolean };

export function verifyWords(value: Verify): Answer {
	const { fingerprint, master, signed } = value;
	if (fingerprint === undefined)
		return {
			value,
			lead: 'I have no keys here, so there is nothing to compare: nothing that I say is encrypted.',
			sections: [],
			kind: 'answer',
		};
	const whole = master?.replace(/.{4}(?=.)/g, '$& ');
	const keys = [
		...(whole === undefined ? [] : [`Master key of my account: ${code(whole)}`]),
		`Key of this session: ${code(fingerprint)}${signed ? ', signed by my account' : signed === false ? ', ⚠️ not signed by my account' : ''}`,
	];
	const compare = [
		'Compare the master key with the one that my operator published outside of Matrix: it stays the same when my session changes.',
		'Your client shows the key of this session among the sessions of my account; it must be the same.',
		'My operator may verify me by emojis: press “verify” in the client, and compare with the emojis in my log.',
	];
	const worth = [
		'That I name these keys here proves little: the homeserver carries my words, and could change them. A key from elsewhere proves that nobody stands in between.',
		'Without my log, “they match” says nothing: I cannot see what your client shows.',
		'A verified session says who speaks, not that what I say is right.',
	];
	return {
		value,
		lead: `**My keys**, to be sure that it is me:\n\n${list(keys)}`,
		sections: [
			{ title: 'What to compare', markdown: list(compare), fold: false },
			{ title: 'What that is worth', markdown: list(worth), fold: false },
		],
		kind: 'answer',
	};
}
