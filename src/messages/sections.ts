// Sections that several answers share.
import type { Plan } from '../advice/upgrade/plan.ts';
import type { Step } from '../advice/upgrade/step.ts';
import type { Section } from '../answer.ts';
import type { Version } from '../deployment/version.ts';
import type { Source } from '../knowledge/schema/synapse.ts';
import { memo } from '../runtime/memo.ts';
import { list } from '../text/format.ts';
import { code, escapeMarkdown } from '../text/markdown.ts';
import { trialWords } from './trials.ts';
import { allOf, appliesClause, typedFact } from './whose.ts';

function isPlainLink(url: string): boolean {
	return /^https:\/\/[^\s()<>]+$/.test(url);
}

type LinkedPassage = { what: string; link: string };

/** A passage's name and link, memoised because answers name the same few hundred again and again. */
const passageOf = memo(({ document, section, heading, url }: Source): LinkedPassage => {
	// A release's candidates have logs of their own; one is enough to find the others.
	const changes = `changes in ${section.replace(/^Synapse |rc\d+$/g, '')}`;
	const file = section.startsWith('Synapse ') ? `${document} in ${section.slice('Synapse '.length)}` : section;
	const what = document === 'upgrade.md' ? (heading ?? section) : document === 'CHANGES.md' ? changes : file;
	return { what, link: link(what, url) };
});

/** Upstream's passages as links, each once: a changelog item by its release. */
const sourceLinks = memo((sources: readonly Source[]): string => {
	const links = new Map<string, string>();
	for (const source of sources) {
		const passage = passageOf(source);
		if (!links.has(passage.what)) links.set(passage.what, passage.link);
	}
	return [...links.values()].join(', ');
});

const codes = memo((names: readonly string[]): string => names.map(code).join(', '));

export function link(text: string, url: string): string {
	const words = escapeMarkdown(text.replaceAll('`', ''));
	return isPlainLink(url) ? `[${words}](${url})` : words;
}

/** The conditions under which a step applies, as a clause after “if”; empty if there are none. */
export function whoseStep({ applies, concerned, onlyIf }: Step): string {
	const facts = applies && concerned === 'unknown' ? appliesClause(applies) : undefined;
	return allOf([facts, onlyIf]);
}

/** The text of a step inside its fold. */
export function stepText(step: Step): string {
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

/** A step's number is its place in the plan: people refer to "step 4". */
export function stepSection(step: Step, number: number): Section {
	const mark = markOf(step);
	return { title: `${number}. ${step.title}`, ...(mark && { mark }), markdown: stepText(step), fold: true };
}

export const floorNames = {
	python: 'Python',
	postgresql: 'PostgreSQL',
	sqlite: 'SQLite',
	rust: 'Rust',
} as const;

export const severities = ['critical', 'high', 'moderate', 'low'] as const;

export type OpenAdvisories = Plan['advisories']['open'];

/** One risk, or a good result. */
export type Danger = { mark: '🔴' | '🟡' | '⚠️' | '✅'; text: string };

export const severe = (text: string): Danger => ({ mark: '🔴', text });
export const warning = (text: string): Danger => ({ mark: '⚠️', text });
export const fine = (text: string): Danger => ({ mark: '✅', text });

export function dangerLine({ mark, text }: Danger): string {
	return `${mark} ${text}`;
}

export function openDanger(version: Version, { id, severity, title, fixedIn }: OpenAdvisories[number]): Danger {
	const end = fixedIn ? `Fixed in ${fixedIn}.` : 'No release fixes it yet.';
	const text = `${version} is vulnerable to ${code(id)} (${severity}): ${title}. ${end}`;
	return severity === 'critical' || severity === 'high' ? severe(text) : warning(text);
}

export function openLine(version: Version, advisory: OpenAdvisories[number]): string {
	return dangerLine(openDanger(version, advisory));
}

export function hiddenSection({ hidden }: Pick<Plan, 'hidden'>): Section[] {
	if (!hidden.length) return [];
	const lines = hidden.map(
		({ title, id, because }) => `${id.split('/')[0]}: ${title} (${because.map(typedFact).join(', ')})`,
	);
	return [
		{
			title: `Does not apply to you (${hidden.length})`,
			markdown: `Left out because of what you said:\n\n${list(lines)}`,
			fold: true,
		},
	];
}

export function unreadSection({ unread }: Pick<Plan, 'unread'>): Section[] {
	if (!unread.length) return [];
	const lines = unread.map(
		passage =>
			`${passage.release}: ${link(unreadName(passage), passage.url)}${passage.changed ? ' (changed since it was read here)' : ''}`,
	);
	const quoted = unread.flatMap(passage => (passage.text ? [unreadQuotation(passage, passage.text)] : []));
	const below = quoted.length ? ', or below in its original words' : '';
	return [
		{
			title: `Unread (${unread.length})`,
			mark: '⚠️',
			markdown: `Upstream published this, but nobody has reviewed it yet. Read it there${below}:\n\n${list(lines)}`,
			fold: true,
		},
		...quoted,
	];
}

export function unreadName({ heading, section, part, bullet }: Plan['unread'][number]): string {
	return [heading ?? section, part === 'Top' ? undefined : part, bullet].filter(part => part !== undefined).join(' · ');
}

/** Upstream's own words, marked as such; they were sanitised when they were read. */
function unreadQuotation(passage: Plan['unread'][number], text: string): Section {
	const name = [...`${passage.release}: ${unreadName(passage)}`];
	const title = name.length > 40 ? `${name.slice(0, 39).join('')}…` : name.join('');
	const lines = text.split('\n').map(line => (line === '' ? '>' : `> ${line}`));
	return {
		title: escapeMarkdown(title),
		markdown: `In ${link("upstream's own words", passage.url)}, not reviewed here:\n\n${lines.join('\n')}`,
		fold: true,
	};
}

/** A known fact as people type it. */
export function factWord([fact, value]: [string, string | boolean]): string {
	if (typeof value === 'boolean') return value ? fact : `no-${fact}`;
	return fact === 'install' || fact === 'database' ? value : `${fact}=${value}`;
}

/** Examples of facts that have a value. */
export const examples: Record<string, string> = {
	install: 'docker',
	database: 'postgres',
	postgres: 'postgres=15',
	sqlite: 'sqlite=3.40',
	python: 'python=3.11',
	os: 'os=debian-12',
};

/** A fact as people would state it: `docker`, `postgres=15`, `workers`. */
export function factExample(fact: string): string {
	return examples[fact] ?? fact;
}

export function horizonLine({ horizon, gaps }: Pick<Plan, 'horizon' | 'gaps'>): string {
	const missing = gaps.length ? ` Not covered: ${gaps.join(', ')}.` : '';
	return `Covers releases up to ${horizon.release}, as of ${horizon.read}.${missing}`;
}
