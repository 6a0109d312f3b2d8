// Merges what the sources say now with what earlier refreshes wrote. The same input produces the same bytes.
import { compare, finalOf, isCandidate, type Version } from '../../src/deployment/version.ts';
import type { Passage, Release } from '../../src/knowledge/schema/synapse.ts';
import { type ChangeLogEntry, logPassages, logsOf, withdrawnIn } from '../../src/knowledge/upstream/change-log.ts';
import { hashed } from '../../src/knowledge/upstream/passage.ts';
import { factFiles, factsOf, type ReleaseFacts } from '../../src/knowledge/upstream/release-files.ts';
import { upgradePassages } from '../../src/knowledge/upstream/upgrade-notes.ts';
import type { Source } from './source.ts';

export type Generated = { read: string; releases: Release[]; passages: Passage[] };

const upgradeNotes = 'docs/upgrade.md';

/**
 * `before` is the current content of the files. Releases and logs that no source has any more stay as they are; the
 * upgrade notes are those of the newest edition seen, which may be from an earlier refresh. `read` is the day on which
 * the sources were read (`2026-11-21`); the stored day is never moved back.
 */
export function merge(sources: readonly Source[], before: Generated, read: string): Generated {
	const editions = sources
		.map(source => ({ source, edition: [...source.versions.keys()].sort(compare).at(-1) ?? '0.0.0' }))
		.sort((a, b) => compare(a.edition, b.edition));
	const newest = editions.at(-1);
	if (!newest) throw new Error('no source to read');
	// A release branch may have logs that a newer candidate's tree does not, so take each from the newest that has it.
	const logs = new Map<Version, ChangeLogEntry>();
	for (const { source, edition } of editions) for (const log of logsIn(source, edition)) logs.set(log.version, log);

	const releases = releasesOf(sources, [...logs.values()], before.releases);
	const newestBefore = before.releases.at(-1)?.version;
	const isOlder = newestBefore !== undefined && compare(newest.edition, newestBefore) < 0;
	const known = new Set(before.releases.map(release => release.version));
	const fresh = [...logs.values()].filter(({ version }) => !isOlder || !known.has(version));
	const kept = before.passages.filter(({ document, release }) =>
		document === 'upgrade.md' ? isOlder : isOlder || !logs.has(release),
	);
	const upgrade = newest.source.read([newest.edition], [upgradeNotes]).get(newest.edition)?.get(upgradeNotes) ?? '';
	const passages = [
		...kept,
		...hashed([
			...(isOlder ? [] : upgradePassages(upgrade, version => placeOf(version, releases))),
			...fresh.flatMap(logPassages),
		]),
	];
	return { read: read > before.read ? read : before.read, releases, passages: inOrder(passages) };
}

function logsIn(source: Source, edition: Version): ChangeLogEntry[] {
	const paths = source.logPaths(edition);
	const texts = source.read([edition], paths).get(edition);
	return paths.flatMap(path => logsOf(texts?.get(path) ?? ''));
}

/** The upgrade notes first, then the change logs, each by release; within one release as upstream wrote them. */
function inOrder(passages: readonly Passage[]): Passage[] {
	const rank = ({ document }: Passage) => (document === 'upgrade.md' ? 0 : 1);
	return passages.toSorted((a, b) => rank(a) - rank(b) || compare(a.release, b.release));
}

function releasesOf(
	sources: readonly Source[],
	logs: readonly ChangeLogEntry[],
	before: readonly Release[],
): Release[] {
	const dates = new Map<Version, string>();
	for (const source of sources) for (const [version, { date }] of source.versions) if (date) dates.set(version, date);
	for (const { version, date } of logs) dates.set(version, date);
	const facts = new Map<Version, ReleaseFacts>();
	for (const source of sources) {
		for (const [version, files] of source.read([...source.versions.keys()], factFiles)) {
			const { schema, schemaCompat, ...others } = factsOf(files);
			const numbers = { ...(schema !== undefined && { schema }), ...(schemaCompat !== undefined && { schemaCompat }) };
			facts.set(version, isCandidate(version) ? numbers : { ...numbers, ...others });
		}
	}
	const withdrawn = withdrawnIn(logs);
	const releases = new Map<Version, Release>(before.map(release => [release.version, release]));
	for (const [version, date] of dates) {
		const { date: _, withdrawn: wasWithdrawn, ...known } = releases.get(version) ?? { version, date };
		const isWithdrawn = !isCandidate(version) && (wasWithdrawn || withdrawn.has(version));
		const { version: __, ...factsBefore } = known;
		releases.set(version, {
			version,
			date,
			...(facts.get(version) ?? factsBefore),
			...(isWithdrawn && { withdrawn: true }),
		});
	}
	return [...releases.values()]
		.map(release => ownNumbers(release, releases))
		.sort((a, b) => compare(a.version, b.version));
}

/** A candidate without the schema numbers that its final release has too. */
function ownNumbers(release: Release, releases: ReadonlyMap<Version, Release>): Release {
	const { schema, schemaCompat, ...others } = release;
	const final = isCandidate(release.version) ? releases.get(finalOf(release.version)) : undefined;
	return final && final.schema === schema && final.schemaCompat === schemaCompat ? others : release;
}

/** A section about a release that never came out (0.15.0) applies to upgrades to the next one that did. */
function placeOf(version: Version, releases: readonly Release[]): Version {
	const stable = releases.filter(release => !isCandidate(release.version));
	const next = stable.find(release => compare(release.version, version) >= 0);
	if (next) return next.version;
	const isAnnounced = releases.some(release => finalOf(release.version) === version);
	if (!isAnnounced) throw new Error(`upgrade.md has a section on ${version}, but no such release is known`);
	return version;
}
