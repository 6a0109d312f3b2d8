// Nothing that upstream wrote is unread, and every heading of its upgrade notes is covered under its release.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { plan } from '../../src/advice/upgrade/plan.ts';
import { releaseNotes } from '../../src/advice/upgrade/release-notes.ts';
import { rollback } from '../../src/advice/upgrade/rollback.ts';
import { unknownDeployment } from '../../src/deployment/facts.ts';
import { finalOf, isCandidate } from '../../src/deployment/version.ts';
import { readCode } from '../../src/knowledge/code-reading.ts';
import { openCode } from '../../src/knowledge/code-tables.ts';
import { openDistributions } from '../../src/knowledge/distributions.ts';
import { readFiles, readKnowledge } from '../../src/knowledge/load.ts';
import type { Passage } from '../../src/knowledge/schema/synapse.ts';
import { codePassageName } from '../../src/knowledge/upstream/code-passages.ts';

const knowledge = readKnowledge(new URL('../../knowledge/', import.meta.url));
const { passages }: { passages: Passage[] } = JSON.parse(
	readFileSync(new URL('../../knowledge/synapse/upstream.json', import.meta.url), 'utf8'),
);
const stable = knowledge.releases.filter(({ version, withdrawn }) => !withdrawn && !isCandidate(version));

test('leaves no passage unread', () => expect(knowledge.unread).toEqual([]));

test('leaves no code difference unread, and has no unneeded waiver', () => {
	const folder = new URL('../../knowledge/', import.meta.url);
	const { unread, named, mistakes } = readCode(folder, readFiles(folder).files, openCode(folder));
	expect(unread.map(codePassageName)).toEqual([]);
	expect(mistakes).toEqual([]);
	expect(named.length).toBeGreaterThan(300);
});

test('covers every heading of the upgrade notes in a note of its release', () => {
	const headings = passages.filter(({ document }) => document === 'upgrade.md');
	expect(headings.length).toBeGreaterThan(150);
	const lost = headings.filter(({ release, section, heading }) => {
		const { notes } = releaseNotes([finalOf(release)], unknownDeployment, knowledge);
		return !notes.some(({ sources }) =>
			sources.some(source => source.section === section && source.heading === heading),
		);
	});
	expect(lost.map(({ release, heading }) => `${release}: ${heading}`)).toEqual([]);
});

test('plans without gaps between releases of all ages', () => {
	const some = [
		'0.34.0',
		'0.99.5.2',
		'1.0.0',
		'1.18.0',
		'1.37.1',
		'1.56.0',
		'1.69.0',
		'1.81.0',
		'1.100.0',
		'1.120.2',
		'1.143.0',
		'1.163.2',
	];
	for (const [i, from] of some.entries()) {
		for (const to of some.slice(i + 1)) {
			const found = plan({ from, to, profile: unknownDeployment, today: '2026-11-21' }, knowledge);
			expect(found, `${from} → ${to}`).toMatchObject({ unread: [], gaps: [] });
			expect(found.steps.at(-1)).toBeDefined();
		}
	}
});

test('returns a stable release as the floor of each rollback', () => {
	for (const { version } of stable) {
		const { floor } = rollback(version, undefined, knowledge);
		expect(
			stable.some(release => release.version === floor),
			`${version}: ${floor}`,
		).toBe(true);
	}
});

test('leaves no bullet of the charts unread', async () => {
	const { unread, charts } = await openDistributions(new URL('../../knowledge/', import.meta.url)).ess();
	expect(unread).toEqual([]);
	expect(charts.length).toBeGreaterThan(65);
});

test("leaves no section of the playbook's change log since 2020 unread", async () => {
	const { unread, entries } = await openDistributions(new URL('../../knowledge/', import.meta.url)).mdad();
	expect(unread).toEqual([]);
	expect(entries.length).toBeGreaterThan(240);
});
