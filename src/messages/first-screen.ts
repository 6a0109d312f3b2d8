// The first screen of a plan: what a tired administrator has to know in three seconds, and the next thing to do. What it
// leaves out stands in its folds, and in full in `planWords`.

import type { Floor } from '../advice/upgrade/floors.ts';
import type { Plan } from '../advice/upgrade/plan.ts';
import type { Step } from '../advice/upgrade/step.ts';
import { surely } from '../advice/upgrade/step.ts';
import type { Answer, Section } from '../answer.ts';
import { compare } from '../deployment/version.ts';
import { count, enumerate } from '../text/format.ts';
import { code } from '../text/markdown.ts';
import { faultLines } from './faults.ts';
import { planValue } from './plan.ts';
import { asksForSystem, planCommand, shorterCommand } from './plan-command.ts';
import { allElse, howTo, numeral, settingsFold } from './plan-folds.ts';
import { dangerLine, floorNames, horizonLine } from './sections.ts';
import { isMaybe, type Sorted, sortedSteps } from './sorted-steps.ts';
import { block, worded } from './switch.ts';
import { unreadWords } from './tally.ts';

/** At most this many lines of a kind, and whether each first thing says why; the folds have the rest. */
type Density = { first: number; why: boolean; faults: number; before: number; after: number; people: number };

/** From generous to bare: the first that fits is taken. */
const densities: readonly Density[] = [
	{ first: 4, why: true, faults: 2, before: 5, after: 3, people: 4 },
	{ first: 4, why: true, faults: 1, before: 4, after: 2, people: 3 },
	{ first: 4, why: true, faults: 1, before: 3, after: 1, people: 2 },
	{ first: 6, why: false, faults: 0, before: 3, after: 1, people: 2 },
];
/** What comes first is never left out: up to six by their titles. */
const barest: Density = { first: 6, why: false, faults: 0, before: 2, after: 0, people: 0 };

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
	// Of the barest the title says which releases were taken.
	const sources = density === barest ? known : [...taken, known].join(' ');
	const yellow = [...yellowLines(plan, sorted), ...maybeBroken(plan, density.faults)];
	const paragraphs = [
		checkList('Before', sorted.sure.before, density.before),
		switchList(plan, sorted, density.before),
		checkList('Afterwards', sorted.sure.after, density.after),
		peopleList(plan, density.people),
		standing(plan),
	];
	return {
		value: planValue(plan),
		lead: [firstLines(sorted, density).join(density.why ? '\n\n' : '\\\n'), [...yellow, sources].join('\\\n')]
			.filter(Boolean)
			.join('\n\n'),
		title: `${plan.from} → ${plan.to}: ${verdict(plan, sorted)}`,
		sections: [...paragraphs.filter(Boolean).map(open), ...folds, ...now(plan, sorted).map(open)],
		kind: 'answer',
		brief: true,
	};
}

/**
 * Words, and pixels in a client that is 900 px wide: a line has 22, a paragraph 16 more, a fold 38; 95 are what stands
 * above the text: the name, and the question that it replies to.
 */
const limits = { words: 245, height: 900 };

/** Whether what stands outside the folds is read in three seconds. */
export function fits({ title = '', lead, sections }: Pick<Answer, 'title' | 'lead' | 'sections'>): boolean {
	const paragraphs = [lead, ...sections.flatMap(({ fold, markdown }) => (fold ? [] : [markdown]))].flatMap(text =>
		text.split('\n\n'),
	);
	const folds = sections.flatMap(({ fold, title }) => (fold ? [title] : []));
	const read = [title, ...paragraphs, ...folds].join(' ');
	const words = read.split(/\s+/).filter(word => /[\p{L}\p{N}]/u.test(word)).length;
	const lines = paragraphs
		.flatMap(text => text.split('\n'))
		.map(line => Math.ceil(line.replace(/[*\\]/g, '').length / 64));
	// The two fences of a block of code stand for the space around it.
	const fences = paragraphs.filter(text => text.startsWith('```')).length;
	const rows = lines.reduce((sum, rows) => sum + rows, 0);
	const height = 95 + 22 * rows + 16 * paragraphs.length + 38 * folds.length - 17 * fences;
	return words <= limits.words && height <= limits.height;
}

function open(markdown: string): Section {
	return { title: '', markdown, fold: false };
}

function things(number: number, one: string): string {
	return `${numeral(number)} ${one}${number === 1 ? '' : 's'}`;
}

/** Whether this can be done in a night: what nobody has read yet takes the place of any all-clear. */
function verdict(plan: Plan, { first, isLong, maybeFirst, sure, settings, uses }: Sorted): string {
	const { stops, unread, profile } = plan;
	const instead = first.find(other => other.instead !== undefined)?.instead;
	if (instead !== undefined) return `take ${instead} instead`;
	if (unread.length) return `read ${things(unread.length, 'new passage')} first`;
	const halts = stops.filter(stop => stop.required && !isMaybe(stop, { profile })).map(({ best }) => best);
	if (halts.length) return `not in one night, halt at ${enumerate(halts)}`;
	const before = first.length ? `${things(first.length, 'thing')} first` : '';
	if (isLong) return `not tonight, ${before}`;
	if (maybeFirst.length) return before ? `${before}, and perhaps a wait` : 'perhaps a long wait first';
	if (before) return `${before}, then one jump`;
	const nothing = !Object.values(sure).flat().length && !settings.length && !uses.length && !perhapsBroken(plan);
	return nothing ? 'one jump, nothing else to do' : 'one jump, no halt';
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
	const sorts = settings.every(({ options }) => options.length) ? 'setting' : 'thing';
	const many = `${things(settings.length, first.length ? `more ${sorts}` : sorts)} could`;
	const tells = settings.some(({ look }) => look) ? ` Add ${code('look')} to the command to see which.` : '';
	const stops = first.length
		? `🟡 **${capital(many)} prevent the start.**${tells}`
		: `🟡 **Synapse should start, but ${many} prevent it.**${tells}`;
	const clear = !first.length && !unread.length && !maybeFirst.length && !settings.length;
	return [
		...(clear ? [allClear(plan, sorted)] : []),
		...(unread.length ? [`⚠️ **${capital(unreadWords(unread.length, warning))}:** see “Everything else” below.`] : []),
		...maybeFirst,
		...(asksForSystem(plan)
			? [`🟡 **Which system?** Not every system has packages of ${plan.to}: name yours, like ${code('os=debian-12')}.`]
			: []),
		...(settings.length ? [stops] : []),
	];
}

function allClear(plan: Plan, { sure, uses }: Sorted): string {
	const acts = Object.values(sure).flat().length + uses.length;
	const unless = perhapsBroken(plan) ? ', unless a fault below is yours' : '';
	return `✅ **${acts ? 'Nothing prevents the start' : 'Nothing to do but the switch itself'}${unless}.**`;
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
	const shown = faultLines(open.filter(({ kept, at }) => !kept && at === 'target')).slice(0, atMost);
	const more = faultLines(open).length - shown.length;
	const what = count(more, shown.length ? 'more severe fault' : 'severe fault');
	return [...shown.map(dangerLine), ...(more > 0 ? [`🟡 ${what} may affect you: see “Everything else”.`] : [])];
}

function boxes(title: string, lines: readonly string[]): string {
	return lines.length ? [`**${title}**`, ...lines].join('\\\n') : '';
}

function checkList(title: string, steps: readonly Step[], atMost: number): string {
	// A line that says “1 more” would take the place of the one that it leaves out.
	const shown = steps.slice(0, steps.length === atMost + 1 ? steps.length : atMost).map(step => `☐ ${step.title}`);
	const more = steps.length - shown.length;
	return boxes(title, more > 0 ? [...shown, `☐ ${more} more, in “The steps”`] : shown);
}

function switchList(plan: Plan, { sure }: Sorted, atMost: number): string {
	const { rollback, stops, from, to } = plan;
	const back =
		rollback.canReturn === true
			? `Back up the database; ${rollback.to ?? from} could still open it after the switch`
			: rollback.canReturn === 'unknown'
				? `Back up the database: whether ${from} still starts afterwards is not known`
				: `Back up the database: only a backup gets you back to ${from}`;
	const halts = stops.filter(({ required }) => required).map(({ best }) => `**${best}** (wait)`);
	const chain = halts.length ? [`☐ In this order: ${[from, ...halts, to].join(' → ')}`] : [];
	const steps = sure.switch.slice(0, atMost).map(step => `☐ ${step.title}`);
	const more = sure.switch.length - steps.length;
	return boxes(halts.length ? 'At each switch' : 'At the switch', [
		`☐ ${back}`,
		...chain,
		...steps,
		...(more > 0 ? [`☐ ${more} more, in “The steps”`] : []),
		`☐ ${switchWords(plan)}`,
	]);
}

const ready = '`Synapse now listening on`';

/** The switch itself in one line. These start and stop workers by themselves: the playbook, the chart, NixOS. */
function switchWords({ to, profile, stops }: Plan): string {
	const what = stops.some(({ required }) => required) ? 'the next release' : to;
	const leads: Record<string, string> = {
		mdad: `Let the playbook install ${what}`,
		ess: `${code('helm upgrade')} to the chart that has ${what}`,
		nix: `${code('nixos-rebuild switch')} to ${what}`,
	};
	const led = leads[String(profile.install)];
	if (led === undefined && profile.workers === true)
		return `Stop main and all workers, install ${what}, start main, wait for ${ready}, start the workers`;
	const docker = `New image, ${code('docker compose up -d synapse')}`;
	const alone = profile.install === 'docker' ? docker : `Install ${what}`;
	return `${led ?? alone}, wait for ${ready}`;
}

/** What users will ring about: what they must do or cannot undo first, then the newest. */
function peopleList({ steps }: Plan, atMost: number): string {
	const telling = steps.filter(({ people }) => people !== undefined);
	const weight = ({ must, oneWay }: Step) => (oneWay ? 0 : must ? 1 : 2);
	const sorted = [...telling].sort((a, b) => weight(a) - weight(b) || compare(b.release, a.release));
	const shown = sorted.slice(0, atMost).map(({ people, oneWay }) => `· ${oneWay ? '⚠️ ' : ''}${people}`);
	const more = sorted.length - shown.length;
	if (!shown.length) return more > 0 ? `${count(more, 'change')} for your users: see “Everything else”` : '';
	const rest = more > 0 ? [`· ${more} more below`] : [];
	return boxes('Changes for your users, unless you configure otherwise', [...shown, ...rest]);
}

/** One line: floors, holes, what cannot be undone. */
function standing(plan: Plan): string {
	const { floors, profile, advisories } = plan;
	const met = floors.filter(({ met }) => met === true).map(({ of, min }) => `${floorNames[of]} ${min} or newer ✅`);
	// Packages bring what they need, so the question which system it is stands for this one.
	const isAsked = (of: Floor['of']) => of === 'python' && asksForSystem(plan);
	const unknown = floors
		.filter(({ met, of }) => met === 'unknown' && !isAsked(of))
		.map(({ of, min }) => `${floorNames[of]} ${min}`);
	const image = ['docker', 'mdad', 'ess'].includes(String(profile.install)) ? ['Python comes with the image'] : [];
	const closed = advisories.fixed.length;
	const holes = [
		...(closed ? [`fixes ${count(closed, 'known vulnerability', 'known vulnerabilities')}`] : []),
		...(advisories.open.length ? [] : [closed ? 'leaves none' : `no known vulnerabilities in ${plan.to}`]),
	].join(', ');
	const line = [
		...met,
		...(unknown.length ? [`🟡 Needs ${enumerate(unknown)} or newer`] : []),
		...image,
		...(holes ? [holes] : []),
		...smallFaults(plan),
	].join(' · ');
	const lines = [...openLines(plan), capital(line), ...oneWayLine(plan)];
	return lines.filter(Boolean).join('\\\n');
}

function smallFaults({ faults }: Plan): string[] {
	const small = faults.filter(
		({ severity, at, concerned }) => severity !== 'severe' && at === 'target' && concerned === true,
	);
	return small.length ? [count(small.length, 'minor fault')] : [];
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
	const lost = steps.filter(step => step.oneWay && step.people === undefined && surely(step)).map(({ title }) => title);
	if (!lost.length || rollback.canReturn === false) return [];
	return [`⚠️ Cannot be undone: ${lost.slice(0, 2).join('; ')}${lost.length > 2 ? `; ${lost.length - 2} more` : ''}`];
}

/** The last line is the next thing to do, since that is where a room opens. */
function now(plan: Plan, sorted: Sorted): string[] {
	const [first] = sorted.first;
	const instead = sorted.first.find(other => other.instead !== undefined)?.instead;
	if (instead !== undefined)
		return [`**Now:** plan for the release without the fault: ${code(planCommand({ ...plan, to: instead }))}`];
	if (first?.command) return [`**Now:** while this is not 0, let ${plan.from} run.`, block(first.command)];
	if (first) return [`**Now:** ${first.title}. “The steps” above say how.`];
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
			`**Now:** one look at your configuration decides ${all}; no value leaves the server: ${code(planCommand(plan, ['look']))}`,
		];
	}
	if (settings.length)
		return [`**Now:** open “${settingsFold(settings, plan)[0]?.title}”, and see whether it is yours.`];
	return sorted.backup.length ? ['**Now:** back up, then follow “The steps”.', block(sorted.backup)] : [];
}
