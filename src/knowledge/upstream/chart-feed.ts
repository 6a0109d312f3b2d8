// Reads GitHub's list of chart releases and the values of each, and finds the charts newer than an edition's.
import { compareCharts } from '../../deployment/chart.ts';
import type { LiveCharts } from '../schema/synapse.ts';
import { chartLogs, type InstalledByChart, isBreakingPart } from './chart-log.ts';
import { type FeedRelease, readList } from './feed.ts';
import { quotation } from './quotation.ts';
import { oneLine, type Reading } from './reading.ts';

const chartTag = /^\d{1,4}\.\d{1,3}\.\d{1,4}$/;

/** The charts on the pages of the list, oldest first; other tags are skipped. */
export function readChartFeed(...pages: readonly string[]): Reading<FeedRelease[]> {
	const reading = readList(pages, { isRelease: tag => chartTag.test(tag), versionOf: tag => tag });
	if ('reason' in reading) return reading;
	return { ...reading, value: reading.value.sort((a, b) => compareCharts(a.version, b.version)) };
}

/** The charts that are newer than all that an edition knows. */
export function newerCharts(feed: readonly FeedRelease[], known: readonly string[]): FeedRelease[] {
	const last = known.at(-1);
	return last === undefined ? [] : feed.filter(({ version }) => compareCharts(version, last) > 0);
}

/** Leaves out charts whose contents are not known yet. */
export function liveCharts(
	charts: readonly FeedRelease[],
	installs: ReadonlyMap<string, InstalledByChart> = new Map(),
): Omit<LiveCharts, 'read'> {
	const whole = charts.flatMap(({ version: chart, date, log }) => {
		const installed = installs.get(chart);
		return installed ? [{ chart: { chart, date, ...installed }, items: itemsIn(chart, date, log) }] : [];
	});
	return { charts: whole.map(({ chart }) => chart), items: whole.flatMap(({ items }) => items) };
}

/** The parts of a chart's log that must be read, in upstream's words. */
function itemsIn(chart: string, date: string, log: string): LiveCharts['items'] {
	const own = chartLogs(log).filter(found => found.chart === chart);
	const logs = own.length ? own : chartLogs(`# ESS Community Helm Chart ${chart} (${date})\n\n${log}`);
	return logs
		.flatMap(({ bullets }) => bullets)
		.map(({ part, bullet, url, text }) => ({
			chart,
			part: oneLine(part, 200),
			bullet: oneLine(bullet, 200),
			url,
			breaking: isBreakingPart(part),
			text: quotation(text, url, 1200),
		}));
}
