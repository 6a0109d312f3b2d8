// A plan's first screen: what a tired administrator must know in three seconds, and the next thing to do. The
// rest is in its folds, and in full in `planWords`.

import type { Floor } from '../advice/upgrade/floors.ts';
import { dependsOnSystem } from '../advice/upgrade/packages.ts';
import type { Plan } from '../advice/upgrade/plan.ts';
import { surely } from '../advice/upgrade/step.ts';
import type { Answer, Section } from '../answer.ts';
import { compare } from '../deployment/version.ts';
import { capital, count, enumerate, small } from '../text/format.ts';
import { code } from '../text/markdown.ts';
import { afterLines, beforeLines, boxes, peopleList, rollbackLine, switchList } from './checklist.ts';
import { faultLines } from './faults.ts';
import { planValue } from './plan.ts';
import { planCommand, shorterCommand } from './plan-command.ts';
import { allElse, howTo, numeral, settingsFold, settingsTitle } from './plan-folds.ts';
import { barest, type Density, densities, fits } from './screen-density.ts';
import { dangerLine, floorNames, horizonLine } from './sections.ts';
import { isMaybe, type Sorted, sortedSteps } from './sorted-steps.ts';
import { block, worded } from './switch.ts';
import { unreadWords } from './tally.ts';

export function firstScreen(decided: Plan, taken: readonly string[]): Answer {
	const sorted = sortedSteps(decided);
	const plan = worded(decided);
	const folds = [
		howTo(plan, sorted),
		settingsFold(sorted.settings, plan),
		allElse(plan, sorted, planCommand(plan, ['all'])),
	];
	const parts = { plan, sorted, folds: folds.flat(), taken, known: horizonLine(plan) };
	for (const density of densities) {
		const answer = screen(parts, density);
		if (fits(answer)) return answer;
	}
	return screen(parts, barest);
}

type ScreenParts = { plan: Plan; sorted: Sorted; folds: Section[]; taken: readonly string[]; known: string };

function screen({ plan, sorted, folds, taken, known }: ScreenParts, density: Density): Answer {
	const sources = [...(density.taken ? taken : []), ...(density.why ? [known] : [])];
	const [last] = folds.slice(-1);
	const untold = [...(density.taken ? [] : taken), ...(density.why ? [] : [known])].join(' ');
	const shownFolds =
		untold && last ? [...folds.slice(0, -1), { ...last, markdown: `${untold}\n\n${last.markdown}` }] : folds;
	const yellow = [...yellowLines(plan, sorted), ...maybeBroken(plan, density.faults)];
	const paragraphs = [
		boxes('Before', beforeLines(plan, sorted, density)),
		switchList(plan, sorted, density),
		[afterLines(sorted, density), rollbackLine(plan)].filter(Boolean).join('\\\n'),
		peopleList(plan, density.people),
		standing(plan, density.people > 0),
	];
	return {
		value: planValue(plan),
		lead: [
			[...systemLine(sorted), ...firstLines(sorted, density)].join(density.why ? '\n\n' : '\\\n'),
			[...yellow, sources.join(' ')].filter(Boolean).join('\\\n'),
		]
			.filter(Boolean)
			.join('\n\n'),
		title: `${plan.from} → ${plan.to}: ${verdict(plan, sorted)}`,
		sections: [...paragraphs.filter(Boolean).map(open), ...shownFolds, ...now(plan, sorted).map(open)],
		kind: 'answer',
		brief: true,
	};
}

/** The longest “if” clause that fits a line of the first screen (characters). */
const shortClause = 60;

function open(markdown: string): Section {
	return { title: '', markdown, fold: false };
}

function things(number: number, one: string): string {
	return `${numeral(number)} ${one}${number === 1 ? '' : 's'}`;
}

/** Whether this can be done in one night. Anything still unread rules out an all-clear. */
function verdict(plan: Plan, { first, isLong, maybeFirst, sure, checks, settings, uses }: Sorted): string {
	const { stops, unread, profile } = plan;
	const instead = first.find(other => other.instead !== undefined)?.instead;
	if (instead !== undefined) return `use ${instead} instead`;
	if (unread.length) return `read ${things(unread.length, 'new passage')} first`;
	const halts = stops.filter(stop => stop.required && !isMaybe(stop, { profile })).map(({ best }) => best);
	if (halts.length) return `allow several days, with a stop at ${enumerate(halts)}`;
	const before = first.length ? `${things(first.length, 'thing')} first` : '';
	if (isLong) return `${before ? `${before}; ` : ''}allow several days`;
	if (maybeFirst.length) return before ? `${before}, and perhaps a wait` : 'you may have to wait a long time first';
	if (before) return `${before}, then one jump`;
	const acts = [...Object.values(sure).flat(), ...checks, ...settings, ...uses];
	const nothing = !acts.length && !perhapsBroken(plan);
	return nothing ? 'one jump, nothing else to do' : 'one jump, no stops in between';
}

function firstLines({ first }: Sorted, density: Density): string[] {
	const shown = first
		.slice(0, density.first)
		.map(({ title, why, how }, i) =>
			[`🔴 **${i + 1}. ${title}.**`, density.why || i === 0 ? why : '', how ?? ''].filter(Boolean).join(' '),
		);
	const more = first.length - shown.length;
	return more > 0 ? [...shown, `🔴 ${count(more, 'more thing')} first: open “The steps” below.`] : shown;
}

/** The all-clear, or else what is unread, what may have to come first, and what the look decides. */
function yellowLines(plan: Plan, sorted: Sorted): string[] {
	const { first, maybeFirst, settings } = sorted;
	const { unread } = plan;
	const warning = unread.find(passage => passage.warning !== undefined)?.warning;
	const clear = !first.length && !unread.length && !maybeFirst.length && !settings.length;
	return [
		...(clear ? [allClear(plan, sorted)] : []),
		...(unread.length ? [`⚠️ **${capital(unreadWords(unread.length, warning))}:** see “Everything else” below.`] : []),
		...maybeFirst,
		...(settings.length ? [settingsLine(plan, sorted)] : []),
	];
}

/** Whether it starts: what is certain, and what the look decides. */
function settingsLine(plan: Plan, { first, maybeFirst, settings, system }: Sorted): string {
	const { profile, unread } = plan;
	const isOnly = !first.length && !maybeFirst.length && !unread.length && !perhapsBroken(plan);
	const sorts = settings.every(({ options }) => options.length) ? 'setting' : 'thing';
	const many = things(settings.length, first.length ? `more ${sorts}` : sorts);
	// If the last line suggests the look, it has the command.
	const isNext = !first.length && !system && profile.install !== undefined;
	const which = settings.length === 1 ? 'whether it applies' : 'which apply';
	const tells = !settings.some(({ look }) => look)
		? `see “${settingsTitle(settings)}”`
		: isNext
			? `the script below says ${which}`
			: `add ${code('look')} to see ${which}`;
	return `🟡 **${capital(`${isOnly ? 'only ' : ''}${many} can prevent startup`)}**; ${tells}.`;
}

/** Everything else depends on the system, so it comes first. */
function systemLine({ system }: Sorted): string[] {
	if (!system) return [];
	const { likely } = system;
	const why = likely
		? `PostgreSQL ${likely.postgres} suggests ${likely.name}, whose packages end at ${likely.last}: if so, add ${code(`os=${likely.os}`)}.`
		: `Packages are not built for every system; add yours, for example ${code('os=debian-12')}.`;
	return [`🟡 **First check the operating system** (${code('cat /etc/os-release')}). ${why}`];
}

function allClear(plan: Plan, { sure, checks, uses }: Sorted): string {
	const acts = [...Object.values(sure).flat(), ...checks, ...uses].length;
	const unless = perhapsBroken(plan) ? ', unless a bug below affects you' : '';
	return `✅ **${acts ? 'Nothing keeps Synapse from starting' : 'Nothing to do but the upgrade itself'}${unless}.**`;
}

/** Whether the target or a stop has a severe fault that may affect this server, so that nothing sounds all clear. */
function perhapsBroken({ faults }: Plan): boolean {
	return faultLines(faults).length > 0;
}

/**
 * Severe faults that may affect this deployment; those that certainly do are among `first`. A fault that the running
 * release already has is no reason against this upgrade, so it is only counted.
 */
function maybeBroken({ faults }: Plan, atMost: number): string[] {
	const open = faults.filter(({ concerned }) => concerned !== true);
	// A fault of an intermediate stop that affects only some is too minor for this screen.
	const shown = faultLines(
		open.filter(({ kept, at }) => !kept && at === 'target'),
		shortClause,
	).slice(0, atMost);
	const more = faultLines(open).length - shown.length;
	const what = count(more, shown.length ? 'more severe bug' : 'severe bug');
	return [...shown.map(dangerLine), ...(more > 0 ? [`🟡 ${what} may affect you: see “Everything else”.`] : [])];
}

/**
 * One line about minimum versions, vulnerabilities and what cannot be undone; and how much changes for users, if
 * that is not listed.
 */
function standing(plan: Plan, listed: boolean): string {
	const { floors, profile, advisories } = plan;
	const changes = listed ? 0 : plan.steps.filter(({ people }) => people !== undefined).length;
	const met = floors.filter(({ met }) => met === true).map(({ of, min }) => `${floorNames[of]} ${min} or newer ✅`);
	// Packages depend on what they need, so nobody has to be asked.
	const isBrought = (of: Floor['of']) => of === 'python' && dependsOnSystem(profile.install);
	const open = floors.filter(({ met, of }) => met === 'unknown' && !isBrought(of));
	const rust = needed(open.filter(({ of }) => of === 'rust')).map(words => `${words} to build`);
	const unknown = [enumerate(needed(open.filter(({ of }) => of !== 'rust'))), ...rust].filter(Boolean);
	const image = ['docker', 'mdad', 'ess'].includes(String(profile.install)) ? ['Python comes with the image'] : [];
	const closed = advisories.fixed.length;
	const holes = [
		...(closed ? [`fixes ${count(closed, 'known vulnerability', 'known vulnerabilities')}`] : []),
		...(advisories.open.length ? [] : [closed ? 'leaves none open' : `no known vulnerabilities in ${plan.to}`]),
	].join(', ');
	const line = [
		...met,
		...(unknown.length ? [`🟡 Needs ${unknown.join(', and ')}`] : []),
		...image,
		...(holes ? [holes] : []),
		...(listed ? smallFaults(plan) : []),
		...(changes ? [`${count(changes, 'change')} for users`] : []),
	].join(' · ');
	// What cannot be undone is never omitted.
	const lasting = listed ? [] : plan.steps.flatMap(({ people, oneWay }) => (people && oneWay ? [`⚠️ ${people}`] : []));
	const lines = [...openLines(plan), ...lasting, capital(line), ...oneWayLine(plan)];
	return lines.filter(Boolean).join('\\\n');
}

function needed(floors: Plan['floors']): string[] {
	return floors.length ? [`${enumerate(floors.map(({ of, min }) => `${floorNames[of]} ${min}`))} or newer`] : [];
}

function smallFaults({ faults }: Plan): string[] {
	const minor = faults.filter(
		({ severity, at, concerned }) => severity !== 'severe' && at === 'target' && concerned === true,
	);
	return minor.length ? [count(minor.length, 'known minor bug')] : [];
}

/** The target's own vulnerabilities, and where they are fixed. */
function openLines({ advisories: { open }, to }: Plan): string[] {
	if (!open.length) return [];
	const serious = open.filter(({ severity }) => severity === 'critical' || severity === 'high').length;
	const fixes = open.flatMap(({ fixedIn }) => fixedIn ?? []).sort(compare);
	const free = fixes.length === open.length ? ` ${fixes.at(-1)} fixes ${open.length === 1 ? 'it' : 'them all'}.` : '';
	return [
		`${serious ? '🔴' : '⚠️'} **${to} has ${count(open.length, 'known vulnerability', 'known vulnerabilities')}**${serious ? ` (${serious} serious)` : ''}.${free}`,
	];
}

function oneWayLine({ steps, rollback }: Plan): string[] {
	const lost = steps
		.filter(step => step.oneWay && step.people === undefined && surely(step))
		.map(({ title }) => small(title));
	if (!lost.length || rollback.canReturn === false) return [];
	return [
		`⚠️ Changes that cannot be undone: ${lost.slice(0, 2).join('; ')}${lost.length > 2 ? `; ${lost.length - 2} more` : ''}`,
	];
}

/** The next thing to do. It is the last line, because rooms open at the end. */
function now(plan: Plan, sorted: Sorted): string[] {
	const [first] = sorted.first;
	const instead = sorted.first.find(other => other.instead !== undefined)?.instead;
	if (instead !== undefined)
		return [`**Now:** plan for the release without the bug: ${code(planCommand({ ...plan, to: instead }))}`];
	if (first?.command) {
		const look = sorted.system ? `${code('cat /etc/os-release')}; ` : '';
		return [`**Now:** ${look}keep ${plan.from} running until this prints 0.`, block(first.command)];
	}
	if (sorted.system)
		return [
			'**Now:** check which operating system the server runs on, and add it to the command.',
			block(['cat /etc/os-release']),
		];
	if (first)
		return [
			first.how ? `**Now:** start with number 1: ${first.how}` : `**Now:** ${first.title}: see “The steps” above.`,
		];
	const shorter = shorterCommand(plan);
	if (plan.profile.install === undefined && shorter)
		return [`**Now:** say how Synapse is installed and what it uses, to shorten this: ${code(shorter)}`];
	const { settings } = sorted;
	const looks = settings.filter(({ look }) => look).length;
	if (looks) {
		const all =
			settings.length === 1
				? 'it'
				: looks === settings.length
					? looks === 2
						? 'both'
						: `all ${numeral(looks)}`
					: `${numeral(looks)} of them`;
		return [
			`**Now:** get a script that checks ${all} without showing any values: ${code(planCommand(plan, ['look']))}`,
		];
	}
	if (settings.length) return [`**Now:** open “${settingsTitle(settings)}”, and check whether it applies to you.`];
	if (sorted.updates.length) return ['**Now:** once this prints 0, follow “The steps”.', block(sorted.updates)];
	return sorted.backup.length ? ['**Now:** back up, then follow “The steps”.', block(sorted.backup)] : [];
}
