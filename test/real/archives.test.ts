// Upstream's real documents, from the release archives on the package index: the parser finds what we know in them.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { compare, finalOf } from '../../src/deployment/version.ts';
import { readPassages } from '../../src/knowledge/compiled.ts';
import { newsOf, readUpgradeNotes } from '../../src/knowledge/live.ts';
import { readKnowledge } from '../../src/knowledge/load.ts';
import { nameOf } from '../../src/knowledge/schema/coverage.ts';
import { hashed } from '../../src/knowledge/upstream/passage.ts';
import { upgradePassages } from '../../src/knowledge/upstream/upgrade-notes.ts';
import { fetchArchive } from '../../tools/refresh/archive.ts';
import { openSource } from '../../tools/refresh/source.ts';
import { install } from './synapse.ts';

const editions = ['1.100.0', '1.120.0', '1.140.0', '1.157.2', '1.161.0', '1.163.2', '1.164.0rc3'];

/** Sections that upstream only wrote after the release they are about, with the first edition that has them. */
const later: { name: string; since: string }[] = [
	{
		name: 'upgrade.md › 1.163.0 › Privacy-preserving `/requestToken` responses are now enabled by default',
		since: '1.164.0rc1',
	},
];

const folder = new URL('../../knowledge/', import.meta.url);
const known = readPassages(folder).filter(({ document }) => document === 'upgrade.md');
const { releases } = readKnowledge(folder);
const folders = new Map<string, string>();

beforeAll(async () => {
	const home = await install();
	const python = join(home, 'venv', 'bin', 'python');
	const cache = join(dirname(home), 'archives');
	for (const edition of editions) folders.set(edition, await fetchArchive(edition, cache, python));
}, 900_000);

function notesOf(edition: string): string {
	const source = openSource(folders.get(edition) ?? '');
	return source.read([edition], ['docs/upgrade.md']).get(edition)?.get('docs/upgrade.md') ?? '';
}

/** The release that a section is filed under: the next one to come out. */
function place(version: string): string {
	return (
		releases.find(release => !release.version.includes('rc') && compare(release.version, version) >= 0)?.version ??
		version
	);
}

describe.each(editions)('the upgrade notes of %s', edition => {
	test('have the sections and headings in upstream.json up to their release', () => {
		const found = hashed(upgradePassages(notesOf(edition), place)).map(nameOf);
		const newest =
			upgradePassages(notesOf(edition), place)
				.map(({ release }) => release)
				.sort(compare)
				.at(-1) ?? '';
		const missed = later.filter(({ since, name }) => compare(edition, since) < 0 && name.includes(` ${newest} `));
		const expected = known.filter(({ release }) => compare(release, newest) <= 0).map(nameOf);
		expect(found.length).toBeGreaterThan(130);
		expect([...found, ...missed.map(({ name }) => name)].sort()).toEqual(expected.sort());
	});

	test('have the shape that live reading requires', () => {
		expect(readUpgradeNotes(notesOf(edition))).toHaveProperty('value');
	});
});

test('every exception is still needed', () => {
	expect(later.map(({ name }) => known.some(passage => nameOf(passage) === name))).not.toContain(false);
});

test('the newest known edition, read live, has no news', () => {
	const edition = editions.at(-1) ?? '';
	const reading = readUpgradeNotes(notesOf(edition));
	const feed = releases.slice(-5).map(({ version, date }) => ({ version, tag: `v${version}`, date, log: '' }));
	const upgradeNotes = { tag: 'v1.163.2', passages: 'value' in reading ? reading.value : [] };
	const news = newsOf({ feed, upgradeNotes }, { releases, passages: readPassages(folder), advisories: [], charts: [] });
	expect(news.releases).toEqual([]);
	expect(news.passages).toEqual([]);
});

test("an older Glia reads the newest section live as unread, in upstream's words", () => {
	const reading = readUpgradeNotes(notesOf('1.163.2'));
	const before = releases.filter(({ version }) => compare(version, '1.163.0rc1') < 0);
	const passages = readPassages(folder).filter(({ release }) => compare(release, '1.163.0rc1') < 0);
	const feed = releases
		.filter(({ version }) => compare(version, '1.160.0') > 0 && compare(version, '1.163.2') <= 0)
		.map(({ version, date }) => ({ version, tag: `v${version}`, date, log: '' }));
	const upgradeNotes = { tag: 'v1.163.2', passages: 'value' in reading ? reading.value : [] };
	const news = newsOf({ feed, upgradeNotes }, { releases: before, passages, advisories: [], charts: [] });
	const expected = known
		.filter(({ release }) => release === '1.163.0')
		.map(nameOf)
		.filter(name => !later.some(one => one.name === name));
	expect(news.passages.map(nameOf).sort()).toEqual(expected.sort());
	for (const { text } of news.passages) expect(text?.length).toBeGreaterThan(20);
});

/** The knowledge as it was when `edition` was the newest release: later notes are missing. */
function knowledgeOf(edition: string): string {
	const past = mkdtempSync(join(tmpdir(), 'glia-past-'));
	onTestFinished(() => rmSync(past, { recursive: true }));
	cpSync(folder, past, { recursive: true });
	const synapse = join(past, 'synapse');
	const isLater = (version: string) => compare(finalOf(version), edition) > 0;
	for (const file of readdirSync(join(synapse, 'notes')))
		if (isLater(file.replace('.yaml', ''))) rmSync(join(synapse, 'notes', file));
	for (const file of readdirSync(synapse).filter(name => name.startsWith('waivers'))) {
		const { waivers }: { waivers: { release: string }[] } = parse(readFileSync(join(synapse, file), 'utf8'));
		writeFileSync(join(synapse, file), stringify({ waivers: waivers.filter(({ release }) => !isLater(release)) }));
	}
	for (const generated of ['releases.json', 'upstream.json']) rmSync(join(synapse, generated));
	return past;
}

test('a refresh from an older release to the newest prints exactly its sections', () => {
	const past = knowledgeOf('1.161.0');
	// The tables read from the code stay, so ignore what they leave unread without the later notes.
	const refresh = (edition: string) => {
		const lines = execFileSync(
			process.execPath,
			[join(import.meta.dirname, '../../tools/refresh/main.ts'), '--knowledge', past, folders.get(edition) ?? ''],
			{ encoding: 'utf8' },
		)
			.trimEnd()
			.split('\n')
			.slice(1);
		const unread = lines.filter(line => line.startsWith('unread ')).length;
		expect(lines).toContain(`${unread} passages are unread; 0 covers and waivers no longer fit`);
		return lines.filter(line => !/^unread +code › |^\d+ passages are unread/.test(line));
	};
	expect(refresh('1.161.0')).toEqual([]);

	const isNew = ({ release }: { release: string }) =>
		compare(finalOf(release), '1.161.0') > 0 && compare(finalOf(release), '1.163.2') <= 0;
	const names = readPassages(folder)
		.filter(isNew)
		.map(nameOf)
		.filter(name => !later.some(one => one.name === name));
	const versions = releases.map(({ version }) => version).filter(version => isNew({ release: version }));
	const said = refresh('1.163.2');
	expect(said).toEqual([
		...versions.map(version => `new      release ${version}`),
		...names.map(name => `new      ${name}`),
		...names.map(name => `unread   ${name}`),
	]);
	// The new headings, from upstream's file alone.
	const headings = (edition: string) => notesOf(edition).match(/^## .*$/gm) ?? [];
	const old = new Set(headings('1.161.0'));
	const fresh = headings('1.163.2').filter(heading => !old.has(heading));
	expect(fresh.length).toBeGreaterThan(0);
	for (const heading of fresh) expect(said.join('\n')).toContain(heading.replace('## ', ' › '));
});
