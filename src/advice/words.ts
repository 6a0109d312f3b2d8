// What was decided, in words: each value of advice becomes an Answer, in Markdown.
import type { Answer, Command, Section } from '../command.ts';
import type { Source } from '../knowledge/shape.ts';
import type { Deadline } from './deadline.ts';
import { earliest } from './deadline.ts';
import { momentIn } from './hours.ts';
import { code, escapeMarkdown, quoted } from './markdown.ts';
import { memo } from './memo.ts';
import type { Halt, Plan, ReleaseNotes, Step } from './plan.ts';
import { consequence } from './plan.ts';
import type { Applies } from './profile.ts';
import { closedFacts, concern, isContradiction, openFacts, parseTerm, profileOf, pythonOf } from './profile.ts';
import type { Rollback } from './rollback.ts';
import type { Tally } from './tally.ts';
import { tally } from './tally.ts';
import { trialWords } from './trial.ts';
import type { Version } from './version.ts';
import { compare, isCandidate } from './version.ts';

/** `1 step`, `3 steps`. */
export function count(number: number, one: string, many = `${one}s`): string {
	return `${number} ${number === 1 ? one : many}`;
}

export function list(items: readonly string[]): string {
	return items.map(item => `* ${item}`).join('\n');
}

function enumerate(items: readonly string[]): string {
	return items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

/** `workers and no-email`, each as code, the way people type them: `docker`, not `install=docker`. */
const conditions = memo((applies: Applies): string => {
	const typed = (terms: readonly string[]) => terms.map(term => code(term.replace(/^(install|database)=/, '')));
	return 'all' in applies ? typed(applies.all).join(' and ') : typed(applies.any).join(' or ');
});

function isPlainLink(url: string): boolean {
	return /^https:\/\/[^\s()<>]+$/.test(url);
}

type Passage = { what: string; link: string };

/** A passage by its name and as a link: answers name the same few hundred again and again. */
const passageOf = memo(({ document, section, heading, url }: Source): Passage => {
	// The candidates of a release have logs of their own; one of them is enough to find the others.
	const changes = `changes of ${section.replace(/^Synapse |rc\d+$/g, '')}`;
	const file = section.startsWith('Synapse ') ? `${document} of ${section.slice('Synapse '.length)}` : section;
	const what = document === 'upgrade.md' ? (heading ?? section) : document === 'CHANGES.md' ? changes : file;
	return { what, link: link(what, url) };
});

/** Upstream's passages as links, each once: a bullet of the change log by its release. */
const sourceLinks = memo((sources: readonly Source[]): string => {
	const links = new Map<string, string>();
	for (const source of sources) {
		const passage = passageOf(source);
		if (!links.has(passage.what)) links.set(passage.what, passage.link);
	}
	return [...links.values()].join(', ');
});

const codes = memo((names: readonly string[]): string => names.map(code).join(', '));

function link(text: string, url: string): string {
	const words = escapeMarkdown(text.replaceAll('`', ''));
	return isPlainLink(url) ? `[${words}](${url})` : words;
}

/** Under which conditions a step concerns its reader, as a clause after “if”; empty if without any. */
function whoseStep({ applies, concerned, onlyIf }: Step): string {
	const facts = applies && concerned === 'unknown' ? `yours is ${conditions(applies)}` : undefined;
	return [facts, onlyIf].filter(clause => clause !== undefined).join(', and ');
}

/** What a step says inside its fold. */
function stepText(step: Step): string {
	const whose = whoseStep(step);
	const condition = whose ? `*${step.onlyIf ? 'Only if' : 'If'} ${whose}:*\n\n` : '';
	const names = [
		...(step.options.length ? [`Options: ${codes(step.options)}`] : []),
		...(step.endpoints.length ? [`Endpoints: ${codes(step.endpoints)}`] : []),
		...(step.metrics.length ? [`Metrics: ${codes(step.metrics)}`] : []),
		...(step.oneWay ? [`⚠️ Cannot be undone: ${step.oneWay}`] : []),
		...trialWords((step.tried ?? []).filter(({ outcome }) => outcome !== 'starts').slice(0, 2)),
		...(step.sources.length ? [`Upstream: ${sourceLinks(step.sources)}`] : []),
	];
	return `${condition}${step.text}${names.length ? `\n\n${list(names)}` : ''}`;
}

function markOf(step: Step): string | undefined {
	if (step.refuses) return '🔴';
	return step.oneWay ? '⚠️' : undefined;
}

/** A step's number is its place in the plan: people speak of "step 4". */
function stepSection(step: Step, number: number): Section {
	const mark = markOf(step);
	return { title: `${number}. ${step.title}`, ...(mark && { mark }), markdown: stepText(step), fold: true };
}

export const floorNames = {
	python: 'Python',
	postgresql: 'PostgreSQL',
	sqlite: 'SQLite',
	rust: 'Rust (to build)',
} as const;

function floorLines(floors: Plan['floors']): string[] {
	return floors.map(({ of, at, min, met }) => {
		const rule = `${floorNames[of]} ${min} or newer is needed from ${at} on`;
		if (met === false) return `🔴 ${rule}: yours is older. Upgrade it first.`;
		return met === true ? `✅ ${rule}: yours is.` : `⚠️ ${rule}.`;
	});
}

const severities = ['critical', 'high', 'moderate', 'low'] as const;
type Open = Plan['advisories']['open'];

function openLine(version: Version, { id, severity, title, fixedIn }: Open[number]): string {
	const mark = severity === 'critical' || severity === 'high' ? '🔴' : '⚠️';
	const end = fixedIn ? `Fixed in ${fixedIn}.` : 'No release fixes it yet.';
	return `${mark} ${version} is open to ${code(id)} (${severity}): ${title}. ${end}`;
}

/** A few holes one by one, many as a sum: nobody reads thirty lines before the first step. */
function advisoryLines({ advisories: { open }, to }: Pick<Plan, 'advisories' | 'to'>): string[] {
	if (open.length <= 3) return open.map(advisory => openLine(to, advisory));
	const sums = severities.map(
		severity => [open.filter(advisory => advisory.severity === severity).length, severity] as const,
	);
	const parts = sums.filter(([number]) => number).map(([number, severity]) => `${number} ${severity}`);
	const fixes = open.flatMap(({ fixedIn }) => fixedIn ?? []).sort(compare);
	const free = fixes.length === open.length ? ` ${fixes.at(-1)} and newer are free of all of them.` : '';
	const worst = open.some(({ severity }) => severity === 'critical' || severity === 'high') ? '🔴' : '⚠️';
	return [
		`${worst} ${to} is open to ${open.length} known security holes (${parts.join(', ')}): see Security below.${free}`,
	];
}

/** Required halts: why, and which step says how to see that the wait is over. */
function stopLines({ stops, profile }: Plan, numbered: readonly Step[]): string[] {
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
			const how = wait < 0 ? '' : `; step ${wait + 1} says how to see that they are done`;
			return `🔴 **${condition} at ${best}**${range} and wait for ${waitFor} to finish${how}. A direct jump ${consequence(stop)}${tried ? ' (tried)' : ''}.`;
		});
}

function rollbackLine({ release, floor, to, canReturn, floorWhy, by }: Rollback): string {
	if (canReturn === 'unknown') return `⚠️ Whether ${to} still starts after ${release} is not known. ${floorWhy}`;
	if (canReturn && by)
		return `⚠️ By the schema of ${by} you could go back to ${to}; that of ${release} itself is not known here.`;
	if (canReturn) return `✅ The schema lets you go back to ${to}.`;
	return `⚠️ ${floor === release ? `No older release starts after ${release}` : `After ${release} you can go back to ${floor} at most`}${to ? `, not to ${to}: only a backup leads there` : ''}. ${floorWhy}`;
}

/** What could hurt, which no reader may have to unfold. */
export function dangers(plan: Plan, numbered: readonly Step[]): string[] {
	const refusing = numbered.flatMap((step, i) => {
		if (!step.refuses) return [];
		const whose = whoseStep(step);
		// What the clause names concerns its reader; not everybody of these meets the refusal.
		const what = step.onlyIf ? `Step ${i + 1} can stop the start` : `No start without step ${i + 1}`;
		return [`🔴 ${what}${whose && ` if ${whose}`}${step.tried ? ' (tried)' : ''}: ${step.title}`];
	});
	const oneWay = numbered.flatMap((step, i) =>
		step.oneWay ? [`⚠️ Step ${i + 1} cannot be undone: ${step.title}`] : [],
	);
	const unread = plan.unread.length
		? [
				...warningLines(plan.unread),
				`⚠️ Nobody here has read ${count(plan.unread.length, 'passage')} of upstream’s yet: see the end.`,
			]
		: [];
	const waits = numbered.flatMap((step, i) => {
		const condition = step.concerned === 'unknown' && step.applies ? ` (${conditions(step.applies)})` : '';
		if (step.id.endsWith('/no-package')) return [`🔴 ${step.title}: step ${i + 1} says what to do.`];
		return step.generated && step.when === 'before'
			? [
					`🔴 Not before step ${i + 1} is done${condition}: ${step.title}. Going on earlier ${step.otherwise ?? 'fails'}.`,
				]
			: [];
	});
	return [
		// What nobody has read may be worse than all the rest.
		...unread,
		// A halt leads what is known, since a database that is ruined is the worst that can happen.
		...stopLines(plan, numbered),
		...waits,
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
	const warning = unread.filter(passage => passage.warning !== undefined);
	const lines = warning
		.slice(0, maxWarnings)
		.map(
			passage =>
				`⚠️ Unread, in ${passage.release}: “${escapeMarkdown(passage.warning ?? '')}” (${link(unreadName(passage), passage.url)})`,
		);
	const more = warning.length - lines.length;
	return more > 0 ? [...lines, `⚠️ ${more} more unread passages speak of a refusal: see the end.`] : lines;
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
export function planWords(plan: Plan, taken: readonly string[]): Answer {
	const numbered = plan.steps.filter(({ must, refuses }) => must || refuses);
	const informing = plan.steps.filter(({ must, refuses }) => !must && !refuses);
	const sections: Section[] = [
		{ title: 'What can hurt', markdown: list(dangers(plan, numbered)), fold: false },
		...numbered.map((step, i) => stepSection(step, i + 1)),
		...(informing.length ? [informingSection(informing)] : []),
		...choices(plan.stops),
		...advisorySection(plan),
		...deadlineSection(plan.deadlines, plan.to),
		...hiddenSection(plan),
		...unreadSection(plan),
	];
	const lead = [planLead(plan), overview(numbered), ...taken, asking(plan), horizonLine(plan)]
		.filter(Boolean)
		.join('\n\n');
	return { value: plan, lead, title: `Plan: ${plan.from} → ${plan.to}`, sections, kind: 'answer' };
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

/** When a deadline bites, as upstream wrote it. */
export function dueWords({ at, orLater, estimate, slipped, landed, withdrawn }: Deadline): string {
	const date = at.date && `${at.date.length > 7 ? 'on' : 'in'} ${at.date}`;
	const release = at.version && `in ${at.version}${orLater ? ' or later' : ''}`;
	const when = [release, date, at.vague && `“${at.vague}”`].filter(Boolean).join(', ');
	const expected = estimate ? ` (about ${estimate}, an estimate)` : '';
	if (withdrawn) return `${when}; taken back: ${withdrawn.replace(/\.$/, '')}`;
	if (landed) return `${when}; happened in ${landed}${slipped ? ', later than promised' : ''}`;
	return `${when}${expected}${slipped ? '; overdue: it still works, and may stop in any release' : ''}`;
}

export function deadlineLine(deadline: Deadline): string {
	const { subject, replacedBy, concerned, applies, announced, promised } = deadline;
	const who = concerned === 'unknown' && applies ? [`If yours is ${conditions(applies)}.`] : [];
	const instead = replacedBy ? [sentence(`Instead: ${replacedBy}`)] : [];
	// The end of what Synapse stands on is no promise of Synapse's: its date needs to be told for what it is.
	const what = announced === null ? `**${promised}**` : `**${capital(subject)}**: ${dueWords(deadline)}.`;
	return [what, ...instead, ...who].join(' ');
}

function sentence(text: string): string {
	return /[.!?]$/.test(text) ? text : `${text}.`;
}

export function capital(text: string): string {
	return text.charAt(0).toUpperCase() + text.slice(1);
}

function deadlineSection(found: readonly Deadline[], to: Version): Section[] {
	if (!found.length) return [];
	// What has neither come nor has a day would be half of the section; `!deadlines` tells what replaces each.
	const isSomeDay = ({ at, landed }: Deadline) => at.vague !== undefined && landed === null;
	const someDay = found.filter(isSomeDay).map(({ subject }) => subject);
	const lines = [
		...found.filter(deadline => !isSomeDay(deadline)).map(deadlineLine),
		...(someDay.length ? [`Some day, \`!deadlines\` says what instead: ${someDay.join('; ')}.`] : []),
	];
	return [{ title: `Will stop working after ${to} (${found.length})`, markdown: list(lines), fold: true }];
}

function hiddenSection({ hidden }: Pick<Plan, 'hidden'>): Section[] {
	if (!hidden.length) return [];
	const lines = hidden.map(({ title, id, because }) => `${title} (${code(id)}): ${because.map(code).join(', ')}`);
	return [
		{
			title: `Not for you (${hidden.length})`,
			markdown: `Left out because of what you said:\n\n${list(lines)}`,
			fold: true,
		},
	];
}

function unreadSection({ unread }: Pick<Plan, 'unread'>): Section[] {
	if (!unread.length) return [];
	const lines = unread.map(
		passage =>
			`${passage.release}: ${link(unreadName(passage), passage.url)}${passage.changed ? ' (changed since it was read here)' : ''}`,
	);
	const quoted = unread.flatMap(passage => (passage.text ? [unreadQuotation(passage, passage.text)] : []));
	const below = quoted.length ? ', or below in its own words' : '';
	return [
		{
			title: `Unread (${unread.length})`,
			mark: '⚠️',
			markdown: `Upstream wrote this and nobody has turned it into notes yet. Read it there${below}:\n\n${list(lines)}`,
			fold: true,
		},
		...quoted,
	];
}

function unreadName({ heading, section, part, bullet }: Plan['unread'][number]): string {
	return [heading ?? section, part === 'Top' ? undefined : part, bullet].filter(part => part !== undefined).join(' · ');
}

/** Upstream's own words, marked as such; they were made harmless when they were read. */
function unreadQuotation(passage: Plan['unread'][number], text: string): Section {
	const name = [...`${passage.release}: ${unreadName(passage)}`];
	const title = name.length > 40 ? `${name.slice(0, 39).join('')}…` : name.join('');
	const lines = text.split('\n').map(line => (line === '' ? '>' : `> ${line}`));
	return {
		title: escapeMarkdown(title),
		markdown: `In ${link('upstream’s own words', passage.url)}, read by nobody here:\n\n${lines.join('\n')}`,
		fold: true,
	};
}

/** Which facts would shorten the plan, in the answer that most people give and that hides most. */
function asking({ steps, to, from, profile }: Plan): string {
	const packages = steps.some(({ generated, ask }) => generated && ask?.includes('os'));
	const most = [...(packages ? ['os'] : []), ...mostHiding(steps, profile)].slice(0, 3);
	if (!most.length) return '';
	const stated = Object.entries(profile).filter(([fact]) => !isImplied(fact, profile));
	const words = [...stated.map(factWord), ...most.map(fact => likely[fact] ?? fact)];
	const why = packages
		? 'Say which system it is, since not all have packages, and more if you can'
		: 'Say more about the server and this gets shorter';
	return `${why}, like ${code(`!upgrade ${from} ${to} ${words.join(' ')}`)}; ${code('no-')} in front denies a fact.`;
}

/** Whether a fact follows from another one that is known, so that nobody has to type it. */
function isImplied(fact: string, profile: Plan['profile']): boolean {
	if (fact === 'database') return Boolean(profile.postgres || profile.sqlite);
	return fact === 'python' && profile.python === pythonOf(String(profile.os));
}

/** A known fact as people type it. */
function factWord([fact, value]: [string, string | boolean]): string {
	if (typeof value === 'boolean') return value ? fact : `no-${fact}`;
	return fact === 'install' || fact === 'database' ? value : `${fact}=${value}`;
}

/** Facts with a value are asked for with one. */
const examples: Record<string, string> = {
	install: 'docker',
	database: 'postgres',
	postgres: 'postgres=15',
	sqlite: 'sqlite=3.40',
	python: 'python=3.11',
	os: 'os=debian-12',
};

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

/** A fact as one would state it: `docker`, `postgres=15`, `workers`. */
export function factExample(fact: string): string {
	return examples[fact] ?? fact;
}

function horizonLine({ horizon, gaps }: Pick<Plan, 'horizon' | 'gaps'>): string {
	const missing = gaps.length ? ` Not judged in this edition: ${gaps.join(', ')}.` : '';
	return `Known up to ${horizon.release}, read ${horizon.read}.${missing}`;
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

function furthest({ release, floor, unsure }: Rollback, could: string): string {
	if (floor !== release)
		return `From ${release} you ${could} go back to ${floor}${unsure ? ', perhaps further' : ' at most'}.`;
	return unsure
		? `How far one can go back from ${release} is not known.`
		: `From ${release} no older release starts again.`;
}

export function rollbackWords(result: Rollback & { format: 1 }, taken: readonly string[]): Answer {
	const { release, to, canReturn, floor, cautions, by } = result;
	const could = by ? 'could probably' : 'can';
	const verdict =
		to === undefined
			? furthest(result, could)
			: canReturn === 'unknown'
				? `Not known: whether ${to} still starts after ${release}.`
				: canReturn
					? by
						? `Probably: by the schema of ${by}, ${to} still starts after ${release}.`
						: `Yes: ${to} still starts after ${release}.`
					: `No: after ${release}, ${to} does not start. ${floor} is the oldest that does.`;
	// Several releases may warn of one loss.
	const texts = Map.groupBy(cautions, ({ text }) => text);
	const sections: Section[] = cautions.length
		? [
				{
					title: `What going back does not undo (${texts.size})`,
					mark: '⚠️',
					markdown: list([...texts].map(([text, same]) => `${text} (${same.map(({ id }) => code(id)).join(', ')})`)),
					fold: false,
				},
			]
		: [];
	const care =
		'“It starts” is not “nothing is lost”: background updates that only the newer release knows stop all others of the older one, and rooms of a version that it does not know vanish from sync. A backup from before the switch is the sure way.';
	return {
		value: result,
		lead: [`**${verdict}**`, result.floorWhy, ...trialWords(result.tried ?? []), ...taken, care].join('\n\n'),
		sections,
		kind: 'answer',
	};
}

const factLabels: [keyof ReleaseNotes['facts'], string][] = [
	['date', 'released'],
	['python', 'Python at least'],
	['postgresql', 'PostgreSQL at least'],
	['sqlite', 'SQLite at least'],
	['rust', 'Rust at least (to build)'],
	['schema', 'database schema'],
	['schemaCompat', 'readable by releases with schema'],
];

type ReleaseAdvisories = { fixed: string[]; open: Open };

/** `candidate`: the one that was asked for, in the place of its final release. */
export function notesWords(found: ReleaseNotes, advisories: ReleaseAdvisories, candidate?: Version): Answer {
	const { release, releases, facts, notes, unread } = found;
	const what = candidate ?? (releases.length > 1 ? `${releases[0]} to ${release}` : release);
	const isOut = facts.date !== undefined;
	const must = notes.filter(step => step.must).length;
	const read = notes.length
		? `${count(notes.length, 'note')}, ${must ? `${must} to act on` : unread.length ? 'none of them to act on' : 'none you must act on'}`
		: unread.length
			? 'nothing else'
			: 'nothing to do';
	const result = unread.length
		? `${unreadWords(unread.length, unread.find(({ warning }) => warning !== undefined)?.warning)}; besides, ${read}`
		: read;
	const known = factLabels.flatMap(([key, label]) => (facts[key] === undefined ? [] : [`${label} ${facts[key]}`]));
	const sections: Section[] = [
		...(known.length ? [{ title: `Facts of ${release}`, markdown: list(known), fold: false }] : []),
		...(isOut ? [] : [candidatesSection(found)]),
		...notes.map((step, i) => stepSection(step, i + 1)),
		...securitySection(advisories, release),
		...hiddenSection(found),
		...unreadSection(found),
	];
	const withdrawn = facts.withdrawn ? `⚠️ ${release} was withdrawn by its makers.` : '';
	const was = candidate && isOut ? `${candidate} was a candidate of ${release}, and this is what ${release} has.` : '';
	const lead = [`**Synapse ${what}: ${result}.**`, was, withdrawn, horizonLine({ ...found, gaps: [] })]
		.filter(Boolean)
		.join('\n\n');
	return { value: { ...found, advisories }, lead, title: `Notes: ${what}`, sections, kind: 'answer' };
}

/** Of a release that is not out: what a candidate has, and what it has not. */
function candidatesSection({ release, candidates, horizon }: ReleaseNotes): Section {
	const lines = candidates.map(
		({ version, date }) =>
			`${link(version, `https://github.com/element-hq/synapse/releases/tag/v${version}`)}, released ${date}: upstream’s list of its changes`,
	);
	const there = candidates.length === 1 ? 'is one candidate' : `are ${candidates.length} candidates`;
	const ahead = compare(release, horizon.release) > 0;
	const rest = ahead
		? `The notes here were read from them; the release itself may bring more or less. What it needs of Python and the database, and how far one can go back, is taken down when it is out: until then expect at least what ${code(`!notes ${horizon.release}`)} says.`
		: 'The release itself never came out under this number.';
	return {
		title: `${release} ${ahead ? 'is not out yet' : 'never came out'}`,
		markdown: `There ${there} of it:\n\n${list(lines)}\n\n${rest}`,
		fold: false,
	};
}

function securitySection({ fixed, open }: ReleaseAdvisories, release: Version): Section[] {
	const lines = [
		...(fixed.length ? [`Closes ${fixed.map(code).join(', ')}`] : []),
		...open.map(advisory => openLine(release, advisory)),
	];
	return lines.length
		? [{ title: `Security (${open.length} open)`, markdown: list(lines), fold: open.length === 0 }]
		: [];
}

export function helpWords(commands: readonly Command[]): Answer {
	const lines = commands.map(({ usage, summary }) => `${code(`!${usage}`)}: ${summary}`);
	const lead = `**I tell you what a Synapse upgrade asks of your server.** Try ${code('!upgrade 1.56 1.69')}`;
	const more = `${code('!help upgrade')} says more about a command, ${code('!help facts')} what you can say about your deployment. ${code('!glia upgrade …')} and mentioning me work as well.`;
	const value = {
		format: 1,
		commands: commands.map(({ name, usage, summary, changes }) => ({ name, usage, summary, changes })),
	};
	return {
		value,
		lead,
		sections: [{ title: 'What you can say', markdown: `${list(lines)}\n\n${more}`, fold: false }],
		kind: 'answer',
	};
}

export function commandWords({ name, usage, summary, examples, help, changes }: Command): Answer {
	const rights = changes ? 'It changes something, so it needs the power to do so in this room.' : '';
	const shown = `For example: ${examples.map(example => code(`!${example}`)).join(' or ')}`;
	const lead = [`**${code(`!${usage}`)}** ${summary}.`, help ?? '', rights, shown].filter(Boolean).join('\n\n');
	return { value: { format: 1, name, usage, summary, examples, changes }, lead, sections: [], kind: 'answer' };
}

export function factsWords(): Answer {
	const closed = Object.entries(closedFacts).map(([fact, { means, example, ...rest }]) => {
		const values = 'values' in rest && fact !== 'os' ? ` (${rest.values.map(code).join(', ')})` : '';
		return `${code(fact)}: ${means}${values}. Say ${code(example)}`;
	});
	const open = Object.entries(openFacts).map(([fact, means]) => `${code(fact)}: ${means}`);
	return {
		value: { format: 1, facts: { ...closedFacts, ...openFacts } },
		lead: `**Facts shorten a plan to what concerns your server.** Write them behind the versions: ${code('!upgrade 1.56 1.69 docker postgres=14 no-workers')}. What you do not state stays unknown, and is shown with a condition.`,
		sections: [
			{ title: 'With a value', markdown: list(closed), fold: false },
			{
				title: 'Yes or no',
				markdown: `True as they stand, false with ${code('no-')} in front.\n\n${list(open)}`,
				fold: false,
			},
		],
		kind: 'answer',
	};
}

type Status = {
	format: 1;
	version: string;
	upSeconds: number;
	lastSync?: string;
	/** `unsignedSince`: ISO 8601. `devices`: of the account. `second`, `lingering`: other sessions of a Glia. `mute`: why nothing can be said in encrypted rooms. */
	device?: {
		fingerprint: string;
		signed?: boolean;
		unsignedSince?: string;
		devices?: number;
		second?: string;
		lingering?: readonly string[];
		mute?: string;
	};
	horizon: Plan['horizon'];
	notes: number;
	unread: number;
	advisories: number;
	/**
	 * When any server was last looked at, and when the next is due; and those of this room: when one was last seen to run
	 * Synapse, last looked for, and is looked for next. ISO 8601, UTC.
	 */
	watch: {
		last?: string;
		next?: string;
		servers: readonly { server: string; runs?: string; seen?: string; looked?: string; next: string }[];
	};
	/** When all watches and settings of before were lost. */
	storeLost?: string;
	/** Rooms that were upgraded to one that needs an invitation: what this room's is, and how many others there are. */
	awaitsInvitation?: { here?: string; elsewhere: number };
	/** Upstream's sources; `ago` in seconds. Absent where there are none, empty where they are switched off. */
	sources?: { name: string; address: string; read?: string; ago?: number; trouble?: string }[];
};

/** A moment (ISO 8601, UTC) as people read it. */
function moment(at: string): string {
	return `${at.slice(0, 19).replace('T', ' ')} UTC`;
}

/** `zone`: the room's time zone. */
export function statusWords(status: Status, zone: string): Answer {
	const { version, upSeconds, lastSync, device, horizon, notes, unread, advisories, watch, sources, awaitsInvitation } =
		status;
	const looks = [
		...(watch.last === undefined ? [] : [`last look ${momentIn(new Date(watch.last), zone)}`]),
		...(watch.next === undefined ? [] : [`next look ${momentIn(new Date(watch.next), zone)}`]),
	];
	const lines = [
		`Knowledge: Synapse up to ${horizon.release}, read ${horizon.read}; ${count(notes, 'note')}, ${count(advisories, 'advisory', 'advisories')}, ${unread} passages of upstream’s unread`,
		`Watch: ${watch.servers.length ? `${count(watch.servers.length, 'server')} for this room` : 'no server for this room'}${looks.length ? `. For all my rooms: ${looks.join(', ')}` : ''}`,
		...(lastSync ? [`Last word from the homeserver: ${moment(lastSync)}`] : []),
		...(device ? [deviceLine(device), ...sessionLines(device)] : []),
		...(status.storeLost
			? [`⚠️ My store was lost or emptied ${moment(status.storeLost)}: watches and settings from before are gone`]
			: []),
		...(awaitsInvitation ? invitationLines(awaitsInvitation) : []),
	];
	return {
		value: status,
		lead: `**${device?.mute === undefined && device?.second === undefined ? 'I am well' : 'I am not well'}:** Glia ${version}, up for ${duration(upSeconds)}.\n\n${list(lines)}`,
		sections: [
			...(watch.servers.length ? [looksSection(watch.servers, zone)] : []),
			...(sources ? [sourcesSection(sources)] : []),
		],
		kind: 'answer',
	};
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

function looksSection(servers: Status['watch']['servers'], zone: string): Section {
	const at = (iso: string | undefined) => (iso === undefined ? 'never' : momentIn(new Date(iso), zone));
	const lines = servers.map(
		({ server, runs, seen, looked, next }) =>
			`${quoted(server)}${runs === undefined ? '' : ` runs Synapse ${runs}`}: last seen ${at(seen)}, last looked for ${at(looked)}, next look ${at(next)}`,
	);
	return { title: `Servers of this room (${servers.length})`, markdown: list(lines), fold: servers.length > 3 };
}

function sessionLines({ devices, second, lingering = [], mute }: NonNullable<Status['device']>): string[] {
	const names = (ids: readonly string[]) => ids.map(code).join(', ');
	return [
		...(mute === undefined
			? []
			: [
					`⚠️ In encrypted rooms I say nothing for now: the homeserver does not keep my account data (${escapeMarkdown(mute)})`,
				]),
		...(devices === undefined ? [] : [`My account: ${count(devices, 'device')}, this one included`]),
		...(second === undefined
			? []
			: [`⚠️ Another Glia answers on my account, as session ${code(second)}: my operator has to stop one of us`]),
		...(lingering.length > 0
			? [`⚠️ Sessions of mine that are over but still logged in: ${names(lingering)}. My operator has to log them out`]
			: []),
	];
}

function deviceLine({ fingerprint, signed, unsignedSince }: NonNullable<Status['device']>): string {
	if (signed === undefined) return `My device: ${code(fingerprint)}, not yet known whether it is signed by my account`;
	const standing = signed
		? 'signed by my account'
		: `⚠️ not signed by my account${unsignedSince === undefined ? '' : ` since ${moment(unsignedSince)}`}: some clients will not read me, and my log says what my operator has to do`;
	return `My device: ${code(fingerprint)}, ${standing}`;
}

function invitationLines({ here, elsewhere }: NonNullable<Status['awaitsInvitation']>): string[] {
	return [
		...(here === undefined
			? []
			: [`⚠️ This room was upgraded to ${code(here)}, which I may not enter: I am waiting for an invitation to it`]),
		...(elsewhere === 0
			? []
			: [`${count(elsewhere, 'other room')} of mine moved to where I may not go yet: I am waiting for an invitation`]),
	];
}

function sourcesSection(sources: NonNullable<Status['sources']>): Section {
	const bad = sources.filter(({ trouble }) => trouble !== undefined);
	const lines = sources.map(({ name, ago, trouble }) => {
		const read = ago === undefined ? 'not read yet' : `read ${duration(ago)} ago`;
		return `**${escapeMarkdown(name)}:** ${read}${trouble === undefined ? '' : `, but ⚠️ ${trouble}`}`;
	});
	return {
		title: `Upstream’s sources (${sources.length})`,
		...(bad.length > 0 && { mark: '⚠️' }),
		markdown: sources.length
			? `${bad.length ? 'What a source said last still counts; it may say more today.\n\n' : ''}${list(lines)}`
			: `They are switched off (${code('live.enabled')}): I know what my edition knows.`,
		fold: bad.length === 0,
	};
}

/** `3 days`, `2 hours`, `5 minutes`: the largest unit that fits. */
function duration(seconds: number): string {
	const units: [number, string][] = [
		[86400, 'day'],
		[3600, 'hour'],
		[60, 'minute'],
	];
	const unit = units.find(([size]) => seconds >= size);
	return unit ? count(Math.floor(seconds / unit[0]), unit[1]) : count(seconds, 'second');
}

type Deadlines = { all: boolean; today: string; horizon: Plan['horizon']; server?: string; note?: string };

export function deadlinesWords(found: readonly Deadline[], { all, today, horizon, server, note }: Deadlines): Answer {
	// What only the candidates of the next release have done is still ahead of everybody else.
	const isOver = ({ landed, withdrawn }: Deadline) =>
		withdrawn !== undefined || (landed !== null && compare(landed, horizon.release) <= 0);
	const open = found.filter(deadline => !isOver(deadline));
	const over = found.filter(isOver);
	const overdue = open.filter(({ slipped, at }) => slipped || (at.date !== undefined && earliest(at.date) <= today));
	const dated = open.filter(deadline => !overdue.includes(deadline) && !deadline.at.vague);
	const vague = open.filter(deadline => !overdue.includes(deadline) && deadline.at.vague);
	const parts: [string, readonly Deadline[]][] = [
		['Any day now', overdue],
		['With a date or a version', dated],
		['Some day', vague],
		[server === undefined ? 'Has happened, or was taken back' : 'In force in newer releases', over],
	];
	const next = dated[0] ?? overdue[0];
	const result = open.length
		? `${count(open.length, 'deadline')} open${next ? `, next: ${next.subject}` : ''}`
		: 'no open deadline';
	const sections = parts
		.filter(([, some]) => some.length)
		.map(
			([title, some]): Section => ({
				title: `${title} (${some.length})`,
				markdown: list(some.map(deadlineLine)),
				fold: (some === over && server === undefined) || some === vague,
			}),
		);
	const of = server === undefined ? '' : `${code(server)}: `;
	const lead = [`**${of}${result}.**`, note, horizonLine({ horizon, gaps: [] })].filter(Boolean).join('\n\n');
	return {
		value: { format: 1, ...(server !== undefined && { server }), horizon, deadlines: found },
		lead,
		title: all ? 'Deadlines, all' : 'Deadlines',
		sections,
		kind: 'answer',
	};
}
