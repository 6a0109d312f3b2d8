import { describe, expect, test } from 'vitest';
import { closedFacts } from '../../../src/deployment/facts.ts';
import { readFiles } from '../../../src/knowledge/load.ts';
import {
	pinsConcernReleases,
	placeholdersAreFilled,
	recipesAreWays,
	spansMeetOnce,
} from '../../../src/knowledge/rules/install.ts';
import type { KnowledgeRule } from '../../../src/knowledge/rules/rule.ts';
import { folderOf } from '../folder.ts';

function recipe(lines: Record<string, string> = {}): string {
	const all = {
		sources: '[{ link: "https://example.org/", read: 2026-11-29 }]',
		workers: 'led',
		backup: '{ postgres: [dump], sqlite: [dump] }',
		query: '{ postgres: [ask], sqlite: [ask] }',
		switch: '[{ lines: [go] }]',
		version: '[which]',
		...lines,
	};
	return Object.entries(all)
		.map(([key, value]) => `${key}: ${value}\n`)
		.join('');
}

function read(lines: Record<string, string>, name = 'docker') {
	return readFiles(folderOf({ [`install/${name}.yaml`]: recipe(lines) }));
}

/** What one rule says about a recipe with the right shape. */
function said(rule: KnowledgeRule, lines: Record<string, string>, name?: string): string[] {
	const { files, mistakes } = read(lines, name);
	expect(mistakes).toEqual([]);
	return rule(files);
}

test('requires a recipe for each installation method, and no others, if there are any', () => {
	const others = closedFacts.install.values.length - 1;
	expect(said(recipesAreWays, {})).toHaveLength(others);
	expect(said(recipesAreWays, {}).join('\n')).not.toContain('docker.yaml');
	expect(said(recipesAreWays, {}, 'snap')[0]).toMatch(/^install\/snap\.yaml:1:1 expected a file named for a way/);
});

describe('requires one span for each release', () => {
	test.each([
		['switch', '[{ releases: "<1.65.0", lines: [go] }]', '1.65.0'],
		['switch', '[{ releases: ">=1.64.0", lines: [go] }, { releases: ">=1.66.0rc1", lines: [go] }]', '1.66.0rc1'],
		['images', '[{ releases: "<1.64.0", name: old }]', '1.64.0'],
	])('of %s: %s', (key, value, release) => {
		expect(said(spansMeetOnce, { [key]: value })[0]).toContain(`got none or several for ${release}`);
	});
	test('accepts two adjacent ones', () =>
		expect(
			said(spansMeetOnce, {
				switch: '[{ releases: "<1.65.0", lines: [go] }, { releases: ">=1.65.0", lines: [go] }]',
			}),
		).toEqual([]));
});

test('requires a recipe to define the placeholders of its lines', () => {
	const images = '[{ releases: ">=0.0.1", name: "synapse:{version}" }]';
	expect(said(placeholdersAreFilled, { switch: '[{ lines: ["pull {image}"] }]' })[0]).toContain('expected images');
	expect(said(placeholdersAreFilled, { switch: '[{ lines: ["pull {image}"] }]', images })).toEqual([]);
	expect(said(placeholdersAreFilled, { switch: '[{ lines: [{ each: pin, lines: ["{pin}"] }] }]' })[0]).toContain(
		'pins',
	);
	expect(said(placeholdersAreFilled, { switch: '[{ lines: [{ if: frozen, lines: [go] }] }]' })[0]).toContain('frozen');
});

test('requires a pin to apply to an existing release', () => {
	const pins = (releases: string) => ({ pins: `[{ releases: "${releases}", package: "a<2" }]` });
	expect(said(pinsConcernReleases, pins('<1.65.0'))).toEqual([]);
	expect(said(pinsConcernReleases, pins('<1.6.0'))[0]).toContain('got <1.6.0');
});

test("refuses an unknown placeholder and lists the known ones, but leaves the shell's alone", () => {
	expect(read({ version: '["which {verison}"]' }).mistakes[0]).toContain('{version}');
	expect(read({ version: '["which $' + '{VERSION_CODENAME}"]' }).mistakes).toEqual([]);
});

test('requires a source to be one revision, not a branch', () => {
	const from = (link: string) => read({ sources: `[{ link: "${link}", read: 2026-11-29 }]` }).mistakes;
	expect(from('https://github.com/a/b/blob/v1.2.3/README.md')).toEqual([]);
	expect(from('https://github.com/a/b/blob/main/README.md')[0]).toMatch(
		/^install\/docker\.yaml:1:.*names a branch: name a tag or a commit/,
	);
	expect(from('http://example.org/')).toHaveLength(1);
});
