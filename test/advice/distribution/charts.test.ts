// What changed between two charts.
import { expect, test } from 'vitest';
import { chartNotes, chartPlan, withLiveCharts } from '../../../src/advice/distribution/charts.ts';
import { compareCharts } from '../../../src/deployment/chart.ts';
import type { ChartEntry, ChartKnowledge } from '../../../src/knowledge/schema/distribution.ts';

const charts = [
	{ chart: '25.04.01', date: '2025-05-16', synapse: '1.129.0' },
	{ chart: '25.5.1', date: '2025-05-23', synapse: '1.130.0', mas: '0.16.0' },
	{ chart: '26.1.0', date: '2026-01-14', synapse: '1.145.0' },
];
const entry = (chart: string, more: Partial<ChartEntry> = {}): ChartEntry => ({
	id: `ess/${chart}/one`,
	chart,
	breaking: true,
	waits: true,
	title: chart,
	text: chart,
	do: 'This.',
	components: [],
	uses: [],
	sources: [],
	...more,
});
const known: ChartKnowledge = {
	read: '2026-02-01',
	charts,
	entries: [entry('25.04.01'), entry('25.5.1', { components: ['matrixRTC.enabled'], first: 'Wait.' }), entry('26.1.0')],
	unread: [{ chart: '26.1.0', part: 'Changed', bullet: '#1', url: 'https://example.org' }],
};
const chart = (at: number) => charts[at] ?? { chart: '', date: '', synapse: '' };

test('orders charts by number', () => {
	expect(compareCharts('25.04.01', '25.5.1')).toBeLessThan(0);
	expect(compareCharts('25.04.01', '25.4.1')).toBe(0);
	expect(compareCharts('26.10.0', '26.9.0')).toBeGreaterThan(0);
});

test('excludes the start and includes the target, with what each chart installs', () => {
	const found = chartPlan(chart(0), chart(2), new Map(), known);
	expect(found.entries.map(({ chart: of, concerned, date }) => [of, concerned, date])).toEqual([
		['25.5.1', 'unknown', '2025-05-23'],
		['26.1.0', true, '2026-01-14'],
	]);
	expect(found.charts.map(({ chart: of }) => of)).toEqual(['25.04.01', '25.5.1', '26.1.0']);
	expect(found.synapse).toEqual({ from: '1.129.0', to: '1.145.0' });
	expect(found.halts).toMatchObject([{ first: 'Wait.' }]);
	expect(found.unread).toHaveLength(1);
	expect(chartPlan(chart(0), chart(1), new Map(), known).unread).toEqual([]);
});

test('hides the entries of a component that is off, and says why', () => {
	const found = chartPlan(chart(0), chart(2), new Map([['matrixrtc', false]]), known);
	expect(found.entries.map(({ chart: of }) => of)).toEqual(['26.1.0']);
	expect(found.hidden).toMatchObject([{ id: 'ess/25.5.1/one', because: ['no-matrixrtc'] }]);
	expect(found.halts).toEqual([]);
	const on = chartPlan(chart(0), chart(2), new Map([['matrixrtc', true]]), known);
	expect(on.entries[0]?.concerned).toBe(true);
});

test('leaves a condition open if it is only stated in words', () => {
	const entries = [entry('26.1.0', { onlyIf: 'the cluster has IPv6 alone', components: ['matrixRTC.enabled'] })];
	const found = chartPlan(chart(0), chart(2), new Map([['matrixrtc', true]]), { ...known, entries });
	expect(found.entries[0]?.concerned).toBe('unknown');
});

test("adds charts that the bot has read itself, in upstream's words", () => {
	const live = {
		read: '2026-03-01',
		charts: [
			charts[2] ?? { chart: '', date: '', synapse: '' },
			{ chart: '26.2.0', date: '2026-02-20', synapse: '1.147.0' },
		],
		items: ['26.1.0', '26.2.0'].map(of => ({
			chart: of,
			part: 'Removed / Breaking Changes',
			bullet: '#2',
			url: 'https://example.org',
			breaking: true,
			text: 'Gone.',
		})),
	};
	const joined = withLiveCharts(known, live);
	expect(joined).toMatchObject({ read: '2026-03-01', charts: { length: 4 }, unread: { length: 2 } });
	expect(chartPlan(chart(2), joined.charts[3] ?? chart(0), new Map(), joined)).toMatchObject({
		to: '26.2.0',
		synapse: { from: '1.145.0', to: '1.147.0' },
		unread: [{ chart: '26.2.0', breaking: true, text: 'Gone.' }],
	});
	// An edition that is newer than the check already includes what the check found.
	expect(withLiveCharts(known, { ...live, read: '2026-01-20' })).toBe(known);
	expect(withLiveCharts(known, undefined)).toBe(known);
});

test('returns the notes of a single chart', () => {
	expect(chartNotes(chart(2), known)).toMatchObject({ entries: [{ chart: '26.1.0' }], unread: [{ bullet: '#1' }] });
});
