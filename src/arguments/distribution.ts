// Parses what follows `!upgrade mdad` and `!upgrade ess`: dates, commits, migration values, charts, components, facts.
import { chartComponent } from '../advice/distribution/charts.ts';
import { type ComponentNames, shortName } from '../advice/distribution/components.ts';
import type { PlaybookSpan } from '../advice/distribution/playbook.ts';
import { Refusal } from '../answer.ts';
import { compareCharts } from '../deployment/chart.ts';
import { isClosed, parseTerm, type Term } from '../deployment/facts.ts';
import type { Chart, ChartKnowledge, PlaybookKnowledge } from '../knowledge/schema/distribution.ts';
import { code, quoted } from '../text/markdown.ts';
import { withDays } from './days.ts';
import { nearest } from './nearest.ts';
import { respelled } from './spellings.ts';
import { joiningWords, notARange } from './words.ts';

/** Dates are joined with more words than releases are. */
const joining: ReadonlySet<string> = new Set([
	...joiningWords,
	...['since', 'until', 'till', 'of', 'on', 'the', 'in', 'over', 'during', 'within', 'for', 'today', 'now'],
]);
const dayWord = /^(\d{4})-?(\d\d)(?:-?(\d\d))?(?:t[\d:.z+-]*)?$/i;
const commitWord = /^[0-9a-f]{7,40}$/i;
const migrationWord = /^v\d{4}\.\d{1,2}\.\d{1,2}(\.\d+)?$/i;
/** A chart version, or what is meant to be one. */
const chartWord = /^v?\d{1,4}(?:\.\d{1,4}){0,3}(?:[-+][\w.+-]{1,40})?$/i;
/**
 * Words that are about Synapse: a release, or a server. No chart ever contained Synapse 0.x, and no chart is
 * called 1.x.
 */
const synapseWord = {
	mdad: /^v?\d+\.\d|^[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?$/i,
	ess: /^v?1\.\d|^[a-z0-9-]*[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+$/i,
};
const distributionNames = {
	mdad: /^(?:install=)?(?:mdad|playbook|matrix-docker-ansible-deploy)$/i,
	ess: /^(?:install=)?(?:ess|ess-helm|ess-community|helm|matrix-stack)$/i,
};

export type DistributionWords = { of: 'mdad' | 'ess'; words: string[]; taken: string[] };

/**
 * The words after a distribution's name if they are about its own history; undefined if they are about Synapse's
 * releases (`mdad 1.98 1.163`, `ess 1.98 1.163`), a server, or no distribution. With `today`, `last month` is a
 * date.
 */
export function distributionWords(typed: readonly string[], today?: string): DistributionWords | undefined {
	const at = typed.findIndex(word => distributionNames.mdad.test(word) || distributionNames.ess.test(word));
	if (at < 0) return undefined;
	const of = distributionNames.mdad.test(typed[at] ?? '') ? 'mdad' : 'ess';
	const others = typed.filter((_, index) => index !== at).flatMap(apart);
	const { words, taken } = of === 'mdad' && today ? withDays(others, today) : { words: others, taken: [] };
	const first = words.find(word => !joining.has(word.toLowerCase()) && /\d/.test(word) && !/[=]/.test(word));
	const own = first !== undefined && (of === 'mdad' ? isMoment(first) : isChart(first));
	const isSynapse = words.some(word => synapseWord[of].test(word) && !(of === 'mdad' ? isMoment(word) : isChart(word)));
	return own || !isSynapse ? { of, words, taken } : undefined;
}

/** Splits `2025-06-01..2026-01-01` and `26.1.0->26.8.0`. */
function apart(word: string): string[] {
	return word
		.slice(0, 200)
		.replace(/^["'`(]{1,3}/, '')
		.replace(/["'`),;?!]{1,3}$/, '')
		.replace(/^matrix_playbook_migration_validated_version[:=]?["']?/, '')
		.replace(/^matrix-stack-(?=\d)/i, '')
		.split(/->|→|=>|\.{2,}|,/)
		.filter(Boolean);
}

function isMoment(word: string): boolean {
	return dayWord.test(word) || migrationWord.test(word) || (commitWord.test(word) && /\d/.test(word));
}

function isChart(word: string): boolean {
	return chartWord.test(word) && !/^v?1\./i.test(word);
}

export type PlaybookStatement = { components: Map<string, boolean>; terms: Term[]; all: boolean; taken: string[] };

type Days = Readonly<Record<string, string>>;
type PlaybookSetup = {
	playbook: PlaybookKnowledge;
	names: ComponentNames;
	commits: () => Promise<Days>;
	today: string;
	newest: string;
};

const playbookExample = '!upgrade mdad 2025-06-01';

/**
 * Parses what follows `mdad`. Refuses anything that is not a date, commit, migration value, component or fact,
 * with suggestions.
 */
export async function readPlaybookWords(
	words: readonly string[],
	given: PlaybookSetup,
): Promise<PlaybookStatement & { span: PlaybookSpan }> {
	const moments = words.filter(isMoment);
	const [first, second, third] = moments;
	if (first === undefined)
		throw new Refusal(
			`Since when? Give a date, a commit, or your migration value: ${code(playbookExample)}. ${code('git log -1 --format=%cs')} in your checkout prints the date.`,
		);
	if (third !== undefined)
		throw new Refusal(`Two dates are enough; ${quoted(third)} is a third. For example: ${code(playbookExample)}`);
	const stated = statedIn(
		words.filter(word => !isMoment(word)),
		word => componentsOf(word, given.names),
		[...given.names.byWord.keys()],
		playbookExample,
	);
	const from = await momentOf(first, given);
	const to = second === undefined ? { day: given.newest, isIn: false, taken: [] } : await momentOf(second, given);
	if (from.day > given.newest)
		throw new Refusal(
			`${from.day} is later than the playbook changes I know of, which end on ${given.newest}. For later changes, see its change log: https://github.com/spantaleev/matrix-docker-ansible-deploy/blob/master/CHANGELOG.md`,
		);
	if (to.day < from.day)
		throw new Refusal(
			`${to.day} is before ${from.day}. The earlier date comes first: ${code(`!upgrade mdad ${to.day} ${from.day}`)}`,
		);
	const span = { from: from.day, fromIsIn: from.isIn, to: to.day };
	return { ...stated, span, taken: [...stated.taken, ...from.taken, ...to.taken] };
}

/** Parses what follows `!check` with a `vars.yml`: an optional start date, components and facts. */
export async function readVarsWords(
	typed: readonly string[],
	given: PlaybookSetup,
): Promise<PlaybookStatement & { span?: PlaybookSpan }> {
	const { words, taken } = withDays(
		typed.filter(word => !distributionNames.mdad.test(word)).flatMap(apart),
		given.today,
	);
	const read = words.some(isMoment)
		? await readPlaybookWords(words, given)
		: statedIn(
				words,
				word => componentsOf(word, given.names),
				[...given.names.byWord.keys()],
				'!check mdad 2025-06-01',
			);
	return { ...read, taken: [...taken, ...read.taken] };
}

/** A date, and whether that day's changes may still be missing. */
async function momentOf(word: string, given: PlaybookSetup): Promise<{ day: string; isIn: boolean; taken: string[] }> {
	const [, year = '', month = '', day = '01'] = dayWord.exec(word) ?? [];
	if (year) {
		const written = `${year}-${month}-${day}`;
		const time = Date.parse(`${written}T00:00:00Z`);
		if (Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== written)
			throw new Refusal(`${quoted(word)} is not a date. For example: ${code(playbookExample)}`);
		if (written > given.today)
			throw new Refusal(`${written} is in the future; today is ${given.today}. For example: ${code(playbookExample)}`);
		if (written < oldest)
			throw new Refusal(
				`I only know the playbook's changes since ${oldest}, and ${written} is earlier. Use ${code(oldest)}.`,
			);
		const taken = word.length < 8 ? [`I read ${quoted(word)} as ${written}.`] : [];
		return { day: written, isIn: true, taken };
	}
	if (migrationWord.test(word)) return migrationMoment(word, given);
	const start = word.slice(0, 9).toLowerCase();
	const found = Object.entries(await given.commits()).flatMap(([day, list]) =>
		list.split(' ').flatMap(commit => (commit.startsWith(start) ? [{ day, commit }] : [])),
	);
	const [only, other] = found;
	if (!only)
		throw new Refusal(
			`I do not know of a commit ${quoted(word)} of the playbook's main branch between ${oldest} and ${given.playbook.read}. ${code('git log -1 --format=%cs')} in your checkout prints its date: use that instead.`,
		);
	if (other)
		throw new Refusal(
			`${quoted(word)} matches several commits: give more digits, as ${code('git rev-parse HEAD')} prints it.`,
		);
	return { day: only.day, isIn: true, taken: [`Commit ${only.commit} is from ${only.day}.`] };
}

const oldest = '2020-01-01';

/** The value says that changes up to its date were read. */
function migrationMoment(word: string, { playbook }: PlaybookSetup): { day: string; isIn: boolean; taken: string[] } {
	const [year = '', month = '', day = ''] = word.toLowerCase().replace(/^v/, '').split('.');
	const written = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
	const known = [...new Set(playbook.entries.flatMap(({ migration }) => migration ?? []))];
	if (!known.some(value => value.replaceAll('.', '-').startsWith(`v${written}`))) {
		const near = nearest(word.toLowerCase(), known);
		throw new Refusal(
			`${quoted(word)} is not a value that the playbook has ever required${near ? `; did you mean ${code(near)}?` : '.'} The known values are ${known.map(code).join(', ')}.`,
		);
	}
	return { day: written, isIn: false, taken: [`${code(word)} means that you have read everything up to ${written}.`] };
}

/** The components that a word stands for; several if it is ambiguous. */
function componentsOf(word: string, { byWord }: ComponentNames): string[] {
	const exact = byWord.get(word) ?? byWord.get(word.replaceAll('_', '-'));
	if (exact) return [...exact];
	const ends = [...byWord].filter(([name]) => name.endsWith(`-${word}`)).flatMap(([, variables]) => [...variables]);
	return [...new Set(ends)];
}

function statedIn(
	words: readonly string[],
	find: (word: string) => readonly string[],
	known: readonly string[],
	example: string,
): PlaybookStatement {
	const stated: PlaybookStatement = { components: new Map(), terms: [], all: false, taken: [] };
	/** The words that named the components. */
	const said = new Map<string, string>();
	for (const word of respelled(words).words) {
		const small = word.toLowerCase();
		if (joining.has(small)) continue;
		if (small === 'all') {
			stated.all = true;
			continue;
		}
		const term = parseTerm(small);
		if (term && term.operator !== '=') throw new Refusal(notARange(word));
		if (term) stated.terms.push(term);
		const [, no, name = '', value] = /^(no-)?([\w-]+?)(?:=(true|false|yes|no))?$/.exec(small) ?? [];
		const found = find(name);
		const [one, other] = found;
		const isOn = !no && value !== 'false' && value !== 'no';
		if (one !== undefined && other === undefined) {
			const before = said.get(one);
			if (before !== undefined && stated.components.get(one) !== isOn)
				throw new Refusal(
					`${code(before)} and ${code(small)} contradict each other: ${code(shortName(one))} is either on or off. Give only one.`,
				);
			stated.components.set(one, isOn);
			said.set(one, small);
		} else if (one !== undefined && !term)
			throw new Refusal(
				`${quoted(word)} may be ${found.map(variable => code(shortName(variable))).join(' or ')}: say which.`,
			);
		else if (!term) {
			const near = nearest(name, known);
			throw new Refusal(
				`I do not know of a component or fact ${quoted(word)}.${near ? ` Did you mean ${code(near)}?` : ''} For example: ${code(`${example} jitsi no-coturn`)}`,
			);
		}
	}
	for (const { fact, value } of stated.terms) {
		const variable = isClosed(fact) ? undefined : factComponents[fact];
		if (variable !== undefined && !stated.components.has(variable)) stated.components.set(variable, value === true);
	}
	return stated;
}

/** Facts that are also components of the playbook. */
const factComponents: Partial<Record<string, string>> = {
	workers: 'matrix_synapse_workers_enabled',
	mas: 'matrix_authentication_service_enabled',
	turn: 'coturn_enabled',
};

const chartExample = '!upgrade ess 26.1.0 26.8.0';

/** Parses what follows `ess`: one or two charts, components and facts. */
export function readChartWords(
	words: readonly string[],
	known: ChartKnowledge,
): PlaybookStatement & { from: Chart; to: Chart } {
	const charts = words.filter(word => chartWord.test(word));
	const [first, second, third] = charts;
	if (first === undefined) throw new Refusal(`From which chart? For example: ${code(chartExample)}`);
	if (third !== undefined)
		throw new Refusal(`Two charts are enough; ${quoted(third)} is a third. For example: ${code(chartExample)}`);
	const components = [...new Set(known.entries.flatMap(entry => entry.components.map(chartComponent)))];
	const stated = statedIn(
		words.filter(word => !chartWord.test(word)),
		word => components.filter(name => name === word.replaceAll(/[-_]/g, '')),
		components,
		chartExample,
	);
	const from = readChart(first, 'start', known);
	const newest = known.charts.at(-1);
	if (!newest) throw new Error('the knowledge has no chart');
	const to = second === undefined ? { chart: newest, taken: [] } : readChart(second, 'target', known);
	const order = compareCharts(from.chart.chart, to.chart.chart);
	if (order === 0)
		throw new Refusal(
			second === undefined
				? `${from.chart.chart} is the newest chart I know of, so there is nothing to upgrade to.`
				: `Both are ${from.chart.chart}, so there is nothing to compare. For example: ${code(chartExample)}`,
		);
	if (order > 0)
		throw new Refusal(
			`${from.chart.chart} is newer than ${to.chart.chart}. The older one comes first: ${code(`!upgrade ess ${to.chart.chart} ${from.chart.chart}`)}`,
		);
	return { ...stated, from: from.chart, to: to.chart, taken: [...stated.taken, ...from.taken, ...to.taken] };
}

/** A chart as typed. Two parts mean the first chart of that line as a start, and its newest otherwise. */
export function readChart(
	typed: string,
	as: 'start' | 'target',
	{ charts }: Pick<ChartKnowledge, 'charts'>,
): { chart: Chart; taken: string[] } {
	const written = typed.toLowerCase().replace(/^v/, '');
	const newest = charts.at(-1);
	if (/^(?:latest|newest)$/.test(written) && newest)
		return { chart: newest, taken: [`${quoted(typed)} is ${newest.chart}.`] };
	if (/^\d+(\.\d+)?$/.test(written)) {
		const parts = written.split('.').map(Number);
		const line = charts.filter(({ chart }) => parts.every((part, at) => Number(chart.split('.')[at]) === part));
		const found = as === 'start' ? line[0] : line.at(-1);
		const what = as === 'start' ? 'its first chart' : 'its newest chart';
		if (found) return { chart: found, taken: [`I read ${written} as ${found.chart}, ${what}.`] };
	}
	// Charts have no release candidates, so anything after the numbers makes a chart unknown.
	const isWhole = /^\d+\.\d+\.\d+$/.test(written);
	const found = isWhole ? charts.find(({ chart }) => compareCharts(chart, written) === 0) : undefined;
	if (found) return { chart: found, taken: [] };
	// Nearest by number, not by spelling: for an unknown 26.9.0 the suggestion is 26.8.1, not 25.9.0.
	const [number] = /^\d+(?:\.\d+){0,2}/.exec(written) ?? [];
	const same = charts.find(({ chart }) => chart === number);
	const near = number && (same ?? charts.findLast(({ chart }) => compareCharts(chart, number) < 0) ?? charts[0])?.chart;
	throw new Refusal(
		`I do not know of a chart ${quoted(typed)}. The newest I know of is ${charts.at(-1)?.chart}; the oldest is ${charts[0]?.chart}.${near ? ` Did you mean ${code(near)}?` : ''}`,
	);
}
