// What Element Server Suite Community's charts changed between two versions, and the Synapse releases they install.
import { compareCharts } from '../../deployment/chart.ts';
import type { Chart, ChartEntry, ChartKnowledge } from '../../knowledge/schema/distribution.ts';
import type { LiveCharts } from '../../knowledge/schema/synapse.ts';
import { type DistributionHalt, haltsOf } from './halts.ts';

export type ChartEntryShown = ChartEntry & { concerned: true | 'unknown'; date: string };

export type ChartPlan = {
	distribution: 'ess';
	from: string;
	to: string;
	read: string;
	/** Oldest first. */
	entries: ChartEntryShown[];
	hidden: (Pick<ChartEntryShown, 'id' | 'date' | 'title' | 'sources'> & { because: string[] })[];
	halts: DistributionHalt[];
	/** The starting chart, those in between and the target, with what each installs. */
	charts: Chart[];
	synapse: { from: string; to: string };
	/** `text`: upstream's own words, if they were read live. */
	unread: { chart: string; part: string; bullet: string; url: string; text?: string; breaking?: boolean }[];
};

/** Adds the charts that the bot has read since this edition was made; their changes are not curated. */
export function withLiveCharts(known: ChartKnowledge, live: LiveCharts | undefined): ChartKnowledge {
	const last = known.charts.at(-1)?.chart;
	if (!live || live.read < known.read) return known;
	const isNewer = ({ chart }: { chart: string }) => last === undefined || compareCharts(chart, last) > 0;
	return {
		...known,
		read: live.read,
		charts: [...known.charts, ...live.charts.filter(isNewer)],
		unread: [...known.unread, ...live.items.filter(isNewer)],
	};
}

/** A component as people name it: `matrixRTC.enabled` → `matrixrtc`. */
export function chartComponent(path: string): string {
	return (path.split('.')[0] ?? path).toLowerCase();
}

/** `stated`: components that a person named or denied, in lower case. */
export function chartPlan(
	from: Chart,
	to: Chart,
	stated: ReadonlyMap<string, boolean>,
	{ entries, charts, unread, read }: ChartKnowledge,
): ChartPlan {
	const isIn = (chart: string) => compareCharts(chart, from.chart) > 0 && compareCharts(chart, to.chart) <= 0;
	const shown: ChartEntryShown[] = [];
	const hidden: ChartPlan['hidden'] = [];
	for (const entry of entries.filter(({ chart }) => isIn(chart))) {
		const date = charts.find(({ chart }) => compareCharts(chart, entry.chart) === 0)?.date ?? '';
		const names = [...new Set(entry.components.map(chartComponent))];
		const said = names.map(name => stated.get(name));
		if (names.length && said.every(value => value === false)) {
			const { id, title, sources } = entry;
			hidden.push({ id, date, title, sources, because: names.map(name => `no-${name}`) });
		} else {
			const isCommon = entry.components.length + entry.uses.length === 0;
			const sure = entry.onlyIf === undefined && (isCommon || said.includes(true));
			shown.push({ ...entry, date, concerned: sure || 'unknown' });
		}
	}
	return {
		distribution: 'ess',
		from: from.chart,
		to: to.chart,
		read,
		entries: shown,
		hidden,
		halts: haltsOf(shown),
		charts: charts.filter(({ chart }) => chart === from.chart || isIn(chart)),
		synapse: { from: from.synapse, to: to.synapse },
		unread: unread.filter(({ chart }) => isIn(chart)),
	};
}

/** Everything that one chart requires. */
export function chartNotes(chart: Chart, { entries, unread }: ChartKnowledge) {
	const own = ({ chart: of }: { chart: string }) => compareCharts(of, chart.chart) === 0;
	return { chart, entries: entries.filter(own), unread: unread.filter(own) };
}
