// The dashboard and the alert rules use existing metrics with existing labels.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { openMetrics } from '../../src/edges/health/metrics.ts';

const now = new Date('2026-11-29T12:00:00Z');

async function served(): Promise<string> {
	const metrics = openMetrics({
		version: '1.2.3',
		syncAge: () => 1,
		figures: async () => ({
			rooms: 1,
			watches: 1,
			servers: 1,
			inbox: { waiting: 0, gaps: 0 },
			outbox: { waiting: 0, retrying: 0, givenUp: 0 },
			alerts: { info: 0, warning: 0, severe: 0 },
		}),
		sources: () => [{ name: 'releases', address: '', next: now, failures: 0, read: now }],
		lastBackup: async () => now,
		now: () => now,
		standings: async () => [{ server: 'example.org', releasesBehind: 1, openAdvisories: 1 }],
	});
	metrics.answered('help', 'answered', 1);
	metrics.looked('running', 1);
	return metrics.text();
}

/** The names of the metrics in an expression. */
function namesIn(expression: string): string[] {
	return [...expression.matchAll(/\b(?:glia|nodejs|process)_\w+/g)].map(([name]) => name);
}

const read = (path: string) => readFileSync(new URL(`../../deploy/${path}`, import.meta.url), 'utf8');

const dashboard = JSON.parse(read('grafana/glia.json')) as {
	panels: { id: number; title: string; targets: { expr: string }[] }[];
};
const rules = parse(read('prometheus/glia.rules.yaml')) as {
	groups: { rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[];
};
const expressions: [string, string][] = [
	...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }): [string, string] => [title, expr])),
	...rules.groups.flatMap(group => group.rules.map(({ alert, expr }): [string, string] => [alert, expr])),
];

test.each(expressions)('%s only queries metrics that are served', async (_of, expression) => {
	const text = await served();
	const names = namesIn(expression);
	if (!/\bup\b/.test(expression)) expect(names).not.toEqual([]);
	for (const name of names) expect(text, name).toMatch(new RegExp(`^${name}(?:\\{| )`, 'm'));
	for (const [, name = '', label = ''] of expression.matchAll(/\b(glia_\w+)\{[^}]*?\b(?!instance|job)(\w+)[!=]/g))
		expect(text, `${name} ${label}`).toMatch(new RegExp(`^${name}\\{[^}]*\\b${label}=`, 'm'));
});

test('tests the rules with their current words', () => {
	const { tests } = parse(read('prometheus/glia.rules.test.yaml')) as {
		tests: { alert_rule_test: { alertname: string; exp_alerts: { exp_annotations: Record<string, string> }[] }[] }[];
	};
	const templates = new Map(rules.groups.flatMap(group => group.rules.map(rule => [rule.alert, rule.annotations])));
	const expected = tests.flatMap(one => one.alert_rule_test).filter(one => one.exp_alerts.length > 0);
	expect(expected.length).toBeGreaterThan(5);
	for (const { alertname, exp_alerts } of expected)
		for (const [name, text] of exp_alerts.flatMap(({ exp_annotations }) => Object.entries(exp_annotations))) {
			const parts = templates.get(alertname)?.[name]?.split(/\{\{[^}]*\}\}/) ?? [];
			expect(text, alertname).toMatch(new RegExp(`^${parts.map(part => RegExp.escape(part)).join('.+')}$`));
		}
});

test('has unique panel and alert names, and explains each alert', () => {
	const ids = dashboard.panels.map(({ id }) => id);
	expect(new Set(ids).size).toBe(ids.length);
	for (const { alert, annotations } of rules.groups.flatMap(group => group.rules)) {
		expect(annotations.summary, alert).toBeTruthy();
		expect(annotations.description, alert).toBeTruthy();
	}
});
