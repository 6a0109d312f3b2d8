// The first screen of a plan: what a tired administrator has to know in three seconds, and the next thing to do. What it
// leaves out stands in its folds, and in full in `planWords`.

import type { Floor } from '../advice/upgrade/floors.ts';
import type { Plan } from '../advice/upgrade/plan.ts';
import type { Step } from '../advice/upgrade/step.ts';
import { surely } from '../advice/upgrade/step.ts';
import type { Answer, Section } from '../answer.ts';
import { compare } from '../deployment/version.ts';
import { count, enumerate, small } from '../text/format.ts';
import { code } from '../text/markdown.ts';
import { faultLines } from './faults.ts';
import { planValue } from './plan.ts';
import { planCommand, shorterCommand } from './plan-command.ts';
import { allElse, howTo, numeral, settingsFold, settingsTitle } from './plan-folds.ts';
import { dangerLine, floorNames, horizonLine } from './sections.ts';
import { isMaybe, type Sorted, sortedSteps } from './sorted-steps.ts';
import { block, worded } from './switch.ts';
import { unreadWords } from './tally.ts';

/** At most this many lines of a kind, and whether each first thing says why; the folds have the rest. */
type Density = {
	first: number;
	why: boolean;
	faults: number;
	before: number;
	after: number;
	people: number;
	/** What was taken for granted: releases, which the title says too, and checks; else the last fold says it. */
	taken: boolean;
};

/** From generous to bare: the first that fits is taken. */
const densities: readonly Density[] = [
	{ first: 4, why: true, faults: 2, before: 5, after: 3, people: 4, taken: true },
	{ first: 4, why: true, faults: 1, before: 5, after: 2, people: 3, taken: false },
	{ first: 4, why: true, faults: 1, before: 5, after: 1, people: 2, taken: false },
	{ first: 4, why: true, faults: 1, before: 3, after: 1, people: 2, taken: false },
	{ first: 6, why: false, faults: 0, before: 4, after: 1, people: 2, taken: false },
	{ first: 6, why: false, faults: 0, before: 3, after: 1, people: 1, taken: false },
	{ first: 6, why: false, faults: 0, before: 2, after: 0, people: 0, taken: false },
	{ first: 6, why: false, faults: 0, before: 1, after: 0, people: 0, taken: false },
];
/** What comes first is never left out: up to five by their titles. */
const barest: Density = { first: 5, why: false, faults: 0, before: 0, after: 0, people: 0, taken: false };

/** Whether room is so short that what has no line of its own shares one. */
function isTight({ first }: Pick<Density, 'first'>): boolean {
	return first > 4;
}

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
		[afterLines(sorted, density), wayBackLine(plan)].filter(Boolean).join('\\\n'),
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

/**
 * Words, and pixels in a client that is 900 px wide: a line has 22, a paragraph 16 more, a fold 38; 105 are what stands
 * around the text: the name, the question that it replies to, the title. A line has room for 70 characters or a few more.
 */
const limits = { words: 245, height: 900 };

/** Characters of an “if” that a line of the first screen has room for. */
const shortClause = 60;

type ScreenText = Pick<Answer, 'title' | 'lead' | 'sections'>;

/** Whether what stands outside the folds is read in three seconds. */
export function fits(answer: ScreenText): boolean {
	const { words, height } = sizeOf(answer);
	return words <= limits.words && height <= limits.height;
}

/** Words, and about how many pixels. */
export function sizeOf({ title = '', lead, sections }: ScreenText): { words: number; height: number } {
	const paragraphs = [lead, ...sections.flatMap(({ fold, markdown }) => (fold ? [] : [markdown]))].flatMap(text =>
		text.split('\n\n'),
	);
	const folds = sections.flatMap(({ fold, title }) => (fold ? [title] : []));
	const read = [title, ...paragraphs, ...folds].join(' ');
	const words = read.split(/\s+/).filter(word => /[\p{L}\p{N}]/u.test(word)).length;
	const lines = paragraphs
		.flatMap(text => text.split('\n'))
		.map(line => Math.ceil(line.replace(/[*\\`]/g, '').length / 70));
	// The two fences of a block of code stand for the space around it.
	const fences = paragraphs.filter(text => text.startsWith('```')).length;
	const rows = lines.reduce((sum, rows) => sum + rows, 0);
	const height = 105 + 22 * rows + 16 * paragraphs.length + 38 * folds.length - 17 * fences;
	return { words, height };
}

function open(markdown: string): Section {
	return { title: '', markdown, fold: false };
}

function things(number: number, one: string): string {
	return `${numeral(number)} ${one}${number === 1 ? '' : 's'}`;
}

/** Whether this can be done in a night: what nobody has read yet takes the place of any all-clear. */
function verdict(plan: Plan, { first, isLong, maybeFirst, sure, checks, settings, uses }: Sorted): string {
	const { stops, unread, profile } = plan;
	const instead = first.find(other => other.instead !== undefined)?.instead;
	if (instead !== undefined) return `use ${instead} instead`;
	if (unread.length) return `read ${things(unread.length, 'new passage')} first`;
	const halts = stops.filter(stop => stop.required && !isMaybe(stop, { profile })).map(({ best }) => best);
	if (halts.length) return `too long for one night, stop at ${enumerate(halts)}`;
	const before = first.length ? `${things(first.length, 'thing')} first` : '';
	if (isLong) return `${before}, too long for one night`;
	if (maybeFirst.length) return before ? `${before}, and perhaps a wait` : 'perhaps a long wait first';
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

/** What the look decides, and what nobody has read. */
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
function settingsLine(plan: Plan, { first, maybeFirst, settings }: Sorted): string {
	const { profile, unread } = plan;
	const isOnly = !first.length && !maybeFirst.length && !unread.length && !perhapsBroken(plan);
	const sorts = settings.every(({ options }) => options.length) ? 'setting' : 'thing';
	const many = things(settings.length, first.length ? `more ${sorts}` : sorts);
	// Where the last line asks for the look, that has the command.
	const isNext = !first.length && profile.install !== undefined;
	const looks = settings.some(({ look }) => look);
	const tells = looks ? `${isNext ? 'the script below' : `add ${code('look')}: it`} tells` : 'see below';
	const could = `${isOnly ? 'only ' : ''}${many} can stop the start`;
	return `🟡 **${capital(could)}**; ${tells}${looks ? ` whether ${settings.length === 1 ? 'it does' : 'one does'}` : ''}.`;
}

/** Everything else hangs on it, so it comes before all that does. */
function systemLine({ system }: Sorted): string[] {
	if (!system) return [];
	const { likely } = system;
	const why = likely
		? `PostgreSQL ${likely.postgres} is ${likely.name}’s, whose packages end at ${likely.last}: then add ${code(`os=${likely.os}`)}.`
		: `Not all have packages; add yours, like ${code('os=debian-12')}.`;
	return [`🟡 **First look which system it is** (${code('cat /etc/os-release')}). ${why}`];
}

function allClear(plan: Plan, { sure, checks, uses }: Sorted): string {
	const acts = [...Object.values(sure).flat(), ...checks, ...uses].length;
	const unless = perhapsBroken(plan) ? ', unless a bug below affects you' : '';
	return `✅ **${acts ? 'Nothing keeps Synapse from starting' : 'Nothing to do but the upgrade itself'}${unless}.**`;
}

/** Whether the target or a halt has a severe fault that may be this server's: an all-clear would contradict its line. */
function perhapsBroken({ faults }: Plan): boolean {
	return faultLines(faults).length > 0;
}

function capital(text: string): string {
	return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * Severe faults that may hit this deployment; those that surely do stand among the first things. What the running release
 * has as well is no reason against this upgrade, so it is only counted.
 */
function maybeBroken({ faults }: Plan, atMost: number): string[] {
	const open = faults.filter(({ concerned }) => concerned !== true);
	// Of a halt on the way, the fault of some is too small a thing for here.
	const shown = faultLines(
		open.filter(({ kept, at }) => !kept && at === 'target'),
		shortClause,
	).slice(0, atMost);
	const more = faultLines(open).length - shown.length;
	const what = count(more, shown.length ? 'more severe bug' : 'severe bug');
	return [...shown.map(dangerLine), ...(more > 0 ? [`🟡 ${what} may affect you: see “Everything else”.`] : [])];
}

function boxes(title: string, lines: readonly string[]): string {
	if (lines.length === 1) return `**${title}:** ${lines[0]}`;
	return lines.length ? [`**${title}**`, ...lines].join('\\\n') : '';
}

function titles(steps: readonly Step[]): string[] {
	return steps.map(({ title, refuses }) => `☐ ${refuses ? '🔴 ' : ''}${title}`);
}

function atMostLines(lines: readonly string[], atMost: number): string[] {
	// A line that says “1 more” would take the place of the one that it leaves out.
	const shown = lines.slice(0, lines.length === atMost + 1 ? lines.length : atMost);
	const more = lines.length - shown.length;
	const what = shown.length ? `${more} more` : count(more, 'thing');
	return more > 0 ? [...shown, `☐ ${what}, in “The steps”`] : shown;
}

/** What is certain, then what everybody has to look at: first what a query tells, which could hold the switch up. */
function beforeLines(plan: Plan, { sure, checks, updates, measures }: Sorted, { before, first }: Density): string[] {
	const perhaps = checks.map(({ title, generated }) => `☐ ${generated ? title : `May apply to you: ${small(title)}`}`);
	const lines = atMostLines([...titles(sure.before), ...perhaps], before);
	const space = measures ? [spaceLine] : [];
	const all = [...waitLines(plan, updates), ...lines, ...space];
	return isTight({ first }) && all.length ? [all.join(' ')] : all;
}

function afterLines({ trying, sure }: Sorted, { after, first }: Density): string {
	const lines = [...titles(trying), ...atMostLines(titles(sure.after), after)];
	return boxes('Afterwards', isTight({ first }) ? [lines.join(' ')] : lines);
}

function switchList(plan: Plan, { sure, updates, fetches }: Sorted, { before: atMost, first }: Density): string {
	const { stops, from, to, profile } = plan;
	const what = doesStopWorkers(plan) ? 'main and all workers' : 'Synapse';
	const redFirst = [...sure.switch].sort((a, b) => Number(b.refuses) - Number(a.refuses));
	const fetched = profile.install === 'docker' ? 'Pull the new image' : 'Download the package';
	const halts = stops.filter(({ required }) => required).map(({ best }) => `**${best}** (wait)`);
	const order = [from, ...halts, to].join(' → ');
	const waits = updates.length > 0;
	const chain =
		isTight({ first }) && waits
			? [`☐ No background update left, then ${order}`]
			: [`☐ In this order: ${order}`, ...(waits ? [updatesLine] : [])];
	return boxes(halts.length ? 'During each upgrade' : 'During the upgrade', [
		...(halts.length ? chain : []),
		`☐ ${fetches ? `${fetched}, then stop` : 'Stop'} ${what} and back up`,
		...atMostLines(titles(redFirst), Math.max(atMost, redFirst[0]?.refuses ? 1 : 0)),
		`☐ ${switchWords(plan)}`,
	]);
}

/** Until where one can return without the backup, and the command that tells more. */
function wayBackLine({ rollback, from, to }: Plan): string {
	const { floor, canReturn } = rollback;
	const how =
		canReturn === true
			? `${from} still opens the database`
			: canReturn === 'unknown' || floor === to
				? 'only the backup is sure'
				: `to ${floor}, else only the backup`;
	return `**Way back:** ${how} (${code(`!rollback ${to} ${from}`)})`;
}

const spaceLine = `☐ Space for a backup? (${code('df -h')})`;

/** It can take days, so it comes first of all; where the plan halts, each halt has a wait of its own. */
function waitLines({ stops }: Plan, updates: Sorted['updates']): string[] {
	return updates.length && !stops.some(({ required }) => required) ? [updatesLine] : [];
}

const updatesLine = '☐ Wait until no background updates are left';

/** Whether workers are stopped and started by hand: the playbook, the chart and NixOS do it themselves. */
function doesStopWorkers({ profile }: Plan): boolean {
	return profile.workers === true && !(String(profile.install) in leads);
}

const leads: Record<string, (what: string) => string> = {
	mdad: what => `Let the playbook install ${what}`,
	ess: what => `${code('helm upgrade')} to the chart that has ${what}`,
	nix: what => `${code('nixos-rebuild switch')} to ${what}`,
};

const ready = '`Synapse now listening on`';

/** The switch itself in one line. */
function switchWords(plan: Plan): string {
	const { to, profile, stops } = plan;
	const what = stops.some(({ required }) => required) ? 'the next release' : to;
	const led = leads[String(profile.install)]?.(what);
	if (doesStopWorkers(plan)) return `Install ${what}, start main; start the workers once it listens`;
	const docker = code('up -d synapse');
	const alone = profile.install === 'docker' ? docker : `Install ${what}`;
	return `${led ?? alone}, then wait for ${ready}`;
}

/** What users will ring about: what they must do or cannot undo first, then the newest. */
function peopleList({ steps }: Plan, atMost: number): string {
	const telling = steps.filter(({ people }) => people !== undefined);
	if (!atMost) return '';
	const weight = ({ must, oneWay }: Step) => (oneWay ? 0 : must ? 1 : 2);
	const sorted = [...telling].sort((a, b) => weight(a) - weight(b) || compare(b.release, a.release));
	const shown = sorted.slice(0, atMost).map(({ people, oneWay }) => `· ${oneWay ? '⚠️ ' : ''}${people}`);
	const more = sorted.length - shown.length;
	const rest = more > 0 ? [`· ${more} more below`] : [];
	return boxes('Changes for your users, unless you configure otherwise', [...shown, ...rest]);
}

/** One line: floors, holes, what cannot be undone; and how much changes for users, where that has no list. */
function standing(plan: Plan, listed: boolean): string {
	const { floors, profile, advisories } = plan;
	const changes = listed ? 0 : plan.steps.filter(({ people }) => people !== undefined).length;
	const met = floors.filter(({ met }) => met === true).map(({ of, min }) => `${floorNames[of]} ${min} or newer ✅`);
	// Packages depend on what they need.
	const isAsked = (of: Floor['of']) => of === 'python' && bringsPython.includes(profile.install);
	const unknown = floors
		.filter(({ met, of }) => met === 'unknown' && !isAsked(of))
		.map(({ of, min }) => `${floorNames[of]} ${min}${of === 'rust' ? ' (to build)' : ''}`);
	const image = ['docker', 'mdad', 'ess'].includes(String(profile.install)) ? ['Python comes with the image'] : [];
	const closed = advisories.fixed.length;
	const holes = [
		...(closed ? [`fixes ${count(closed, 'known vulnerability', 'known vulnerabilities')}`] : []),
		...(advisories.open.length ? [] : [closed ? 'leaves none open' : `no known vulnerabilities in ${plan.to}`]),
	].join(', ');
	const line = [
		...met,
		...(unknown.length ? [`🟡 Needs ${enumerate(unknown)} or newer`] : []),
		...image,
		...(holes ? [holes] : []),
		...(listed ? smallFaults(plan) : []),
		...(changes ? [`${count(changes, 'change')} for users`] : []),
	].join(' · ');
	// What cannot be undone is never left out.
	const lasting = listed ? [] : plan.steps.flatMap(({ people, oneWay }) => (people && oneWay ? [`⚠️ ${people}`] : []));
	const lines = [...openLines(plan), ...lasting, capital(line), ...oneWayLine(plan)];
	return lines.filter(Boolean).join('\\\n');
}

const bringsPython: readonly unknown[] = ['debian', 'distro', 'nix'];

function smallFaults({ faults }: Plan): string[] {
	const minor = faults.filter(
		({ severity, at, concerned }) => severity !== 'severe' && at === 'target' && concerned === true,
	);
	return minor.length ? [count(minor.length, 'minor bug')] : [];
}

/** The holes of the target itself: with a word on where they are closed. */
function openLines({ advisories: { open }, to }: Plan): string[] {
	if (!open.length) return [];
	const grave = open.filter(({ severity }) => severity === 'critical' || severity === 'high').length;
	const fixes = open.flatMap(({ fixedIn }) => fixedIn ?? []).sort(compare);
	const free = fixes.length === open.length ? ` ${fixes.at(-1)} fixes ${open.length === 1 ? 'it' : 'all'}.` : '';
	return [
		`${grave ? '🔴' : '⚠️'} **${to} has ${count(open.length, 'known vulnerability', 'known vulnerabilities')}**${grave ? ` (${grave} serious)` : ''}.${free}`,
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

/** The last line is the next thing to do, since that is where a room opens. */
function now(plan: Plan, sorted: Sorted): string[] {
	const [first] = sorted.first;
	const instead = sorted.first.find(other => other.instead !== undefined)?.instead;
	if (instead !== undefined)
		return [`**Now:** plan for the release without the bug: ${code(planCommand({ ...plan, to: instead }))}`];
	if (first?.command) {
		const look = sorted.system ? 'look which system it is; ' : '';
		return [`**Now:** ${look}keep ${plan.from} running until this prints 0.`, block(first.command)];
	}
	if (sorted.system) return ['**Now:** look which system it is, and ask again.', block(['cat /etc/os-release'])];
	if (first)
		return [
			first.how ? `**Now:** the first of these: ${first.how}` : `**Now:** ${first.title}. “The steps” above say how.`,
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
					: numeral(looks);
		return [
			`**Now:** get a script that settles ${all} without showing any values: ${code(planCommand(plan, ['look']))}`,
		];
	}
	if (settings.length) return [`**Now:** open “${settingsTitle(settings)}”, and see whether it is yours.`];
	if (sorted.updates.length) return ['**Now:** once this prints 0, follow “The steps”.', block(sorted.updates)];
	return sorted.backup.length ? ['**Now:** back up, then follow “The steps”.', block(sorted.backup)] : [];
}
