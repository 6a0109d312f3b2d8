// Merges what upstream's own sources say today into the knowledge.
import { isSystem, parseTerm } from '../deployment/facts.ts';
import { compare, isAbove, isCandidate, type Version } from '../deployment/version.ts';
import { nameOf } from './schema/coverage.ts';
import type {
	Advisory,
	Knowledge,
	Lifecycle,
	LiveCharts,
	Passage,
	Playbook,
	Release,
	UnclearAdvisory,
	Unread,
} from './schema/synapse.ts';
import type { ReadAdvisories } from './upstream/advisories.ts';
import { logPassages, logsOf } from './upstream/change-log.ts';
import { liveCharts, newerCharts } from './upstream/chart-feed.ts';
import type { InstalledByChart } from './upstream/chart-log.ts';
import type { FeedRelease, SeenRelease } from './upstream/feed.ts';
import type { ProductPage } from './upstream/lifecycles.ts';
import { hashOf, type ReadPassage, united } from './upstream/passage.ts';
import { quotation } from './upstream/quotation.ts';
import { oneLine, type Reading } from './upstream/reading.ts';
import { factFiles, factsOf, type ReleaseFacts } from './upstream/release-files.ts';
import { upgradePassages } from './upstream/upgrade-notes.ts';

const minSections = 40;

/** Parses docs/upgrade.md into sections by the release that they name. */
export function readUpgradeNotes(text: string): Reading<ReadPassage[]> {
	const value = upgradePassages(text, version => version);
	const sections = new Set(value.map(({ release }) => release)).size;
	return sections >= minSections ? { value, left: [] } : { reason: `it has only ${sections} sections on releases` };
}

/** Why a source that has shrunk is not believed. */
export function shrinks(before: number, after: number, what: string): string | undefined {
	return after < before * 0.8 ? `only ${after} ${what}; previously ${before}` : undefined;
}

/** What was read from each source; absent: not read yet. */
export type Sources = {
	/** The day the feed was last read. */
	read?: string;
	/** The releases that are or were in the feed. */
	feed?: readonly SeenRelease[];
	/** `tag`: the release they were read at. */
	upgradeNotes?: { tag: string; passages: readonly ReadPassage[] };
	/** For each release, the files that facts are read from, by path. */
	files?: ReadonlyMap<Version, ReadonlyMap<string, string>>;
	advisories?: ReadAdvisories;
	/** endoflife.date's pages, by product. */
	lifecycles?: Readonly<Record<string, ProductPage>>;
	/** The systems that the newest release has packages for: `debian:trixie`. */
	builds?: readonly string[];
	/** The playbook, and the day it was last read. */
	playbook?: Omit<Playbook, 'read'>;
	playbookRead?: string;
	/** The charts in the list, oldest first, and the day it was last read. */
	charts?: readonly FeedRelease[];
	chartsRead?: string;
	/** What each chart installs, if this edition does not know it. */
	chartValues?: Map<string, InstalledByChart>;
};

/** What the knowledge does not have; merged into it by `withNews`. */
export type News = {
	read?: string;
	releases: readonly Release[];
	/** Releases, known or not, that upstream has deleted. */
	withdrawn?: readonly Version[];
	passages: readonly Unread[];
	advisories: readonly Advisory[];
	unclear?: readonly UnclearAdvisory[];
	lifecycles: Readonly<Record<string, Lifecycle>>;
	/** Systems in addition to those in deployment/facts.ts. */
	systems?: readonly string[];
	playbook?: Playbook;
	charts?: LiveCharts;
};

export const noNews: News = { releases: [], passages: [], advisories: [], lifecycles: {} };

/** What an edition already knows: the releases, every passage that a refresh has seen, the advisories, the charts. */
export type KnownUpstream = {
	releases: readonly Release[];
	passages: readonly Passage[];
	advisories: readonly Advisory[];
	/** Charts of Element Server Suite Community, oldest first. */
	charts: readonly string[];
};

const notes = 'https://github.com/element-hq/synapse/blob/';

/** What the sources say that the knowledge does not. Passages quote upstream's words. */
export function newsOf(sources: Sources, known: KnownUpstream): News {
	const {
		feed = [],
		upgradeNotes,
		files,
		advisories,
		lifecycles = {},
		builds = [],
		playbook,
		playbookRead,
		read,
	} = sources;
	const before = new Set(known.releases.map(({ version }) => version));
	const withdrawn = feed.flatMap(({ version, gone }) => (gone?.sure ? [version] : []));
	const releases = feed
		.filter(({ version }) => !before.has(version))
		.map(({ version, date, gone }): Release => {
			return { version, date, ...factsIn(files?.get(version)), ...(gone?.sure && { withdrawn: true }) };
		});
	const all = [...known.releases, ...releases].sort((a, b) => compare(a.version, b.version));
	// Logs of known releases too, since upstream edits them. Logs of known candidates move into the final release's.
	const logs = feed
		.filter(({ version, gone }) => !gone?.sure && !(before.has(version) && isCandidate(version)))
		.flatMap(release =>
			logOf(release)
				.flatMap(logPassages)
				.map(passage => ({ passage, tag: release.tag })),
		);
	const newest = feed.findLast(({ gone }) => !gone);
	const newestKnown = known.releases.at(-1)?.version;
	// Upgrade notes older than this edition add nothing, and would repeat known sections in outdated wording.
	const isOlder = newest === undefined || (newestKnown !== undefined && isAbove(newestKnown, newest.version));
	const sections = (isOlder ? [] : (upgradeNotes?.passages ?? [])).flatMap(passage => {
		const release = placeIn(passage.release, all);
		return release === undefined ? [] : [{ passage: { ...passage, release }, tag: upgradeNotes?.tag ?? 'develop' }];
	});
	const isNew = ({ id, aliases }: Pick<Advisory, 'id' | 'aliases'>) => !isKnown([id, ...aliases], known.advisories);
	const unclear = (advisories?.unclear ?? []).filter(isNew);
	const systems = systemsOf(builds, lifecycles);
	return {
		...(read !== undefined && { read }),
		releases,
		...(withdrawn.length > 0 && { withdrawn }),
		passages: unreadOf([...sections, ...logs], known.passages),
		advisories: (advisories?.advisories ?? []).filter(isNew),
		...(unclear.length > 0 && { unclear }),
		lifecycles: Object.fromEntries(
			Object.entries(lifecycles).map(([product, { names: _, ...lifecycle }]) => [product, lifecycle]),
		),
		...(systems.length > 0 && { systems }),
		...(playbook && playbookRead !== undefined && { playbook: { read: playbookRead, ...playbook } }),
		...chartNews(sources, known),
	};
}

function chartNews({ charts, chartsRead, chartValues }: Sources, known: KnownUpstream): Pick<News, 'charts'> {
	if (!charts || chartsRead === undefined) return {};
	return { charts: { read: chartsRead, ...liveCharts(newerCharts(charts, known.charts), chartValues) } };
}

/** The systems with packages that have no fact yet. The product's page says which release a code name belongs to. */
function systemsOf(builds: readonly string[], pages: Readonly<Record<string, ProductPage>>): string[] {
	const systems = builds.flatMap(build => {
		const [product = '', name = ''] = build.split(':');
		const names = pages[product]?.names ?? {};
		return Object.hasOwn(names, name) ? [`${product}-${names[name]}`] : [];
	});
	return systems.filter(system => isSystem(system) && !parseTerm(system));
}

function factsIn(files: ReadonlyMap<string, string> | undefined): ReleaseFacts {
	return files ? factsOf(files) : {};
}

/** The paths of the files that contain the facts of current releases. */
export const factPaths = factFiles.filter(
	path => !/setup\.py|sqlite3|prepare_database|storage\/__init__|homeserver/.test(path),
);

/** A release's log; the feed may omit its heading. */
function logOf({ version, date, log }: FeedRelease) {
	const own = logsOf(log).filter(found => found.version === version);
	return own.length ? own : logsOf(`# Synapse ${version} (${date})\n\n${log}`);
}

/** A section about a release that was never published applies to the next one; undefined if that is not out yet. */
function placeIn(version: Version, releases: readonly Release[]): Version | undefined {
	const next = releases.find(release => !isCandidate(release.version) && compare(release.version, version) >= 0);
	if (next) return next.version;
	return releases.some(release => release.version.startsWith(`${version}rc`)) ? version : undefined;
}

function unreadOf(found: readonly { passage: ReadPassage; tag: string }[], known: readonly Passage[]): Unread[] {
	const hashes = new Map(known.map(passage => [nameOf(passage), passage.hash]));
	const tags = new Map(found.map(({ passage, tag }) => [nameOf(passage), tag]));
	return united(found.map(({ passage }) => passage)).flatMap(({ text, ...passage }) => {
		const name = nameOf(passage);
		const hash = hashOf(text);
		const before = hashes.get(name);
		if (before === hash) return [];
		const path = passage.document === 'upgrade.md' ? 'docs/upgrade.md' : 'CHANGES.md';
		return [
			{
				...passage,
				...titles(passage),
				hash,
				text: quotation(text, `${notes}${tags.get(name)}/${path}`),
				...(before !== undefined && { changed: true }),
			},
		];
	});
}

/** Upstream's headings, cut to the length of a heading. */
function titles({ section, heading, under, part, bullet }: Partial<Passage>): Partial<Passage> {
	const fields = { section, heading, under, part, bullet };
	return Object.fromEntries(
		Object.entries(fields).flatMap(([key, value]) => (value === undefined ? [] : [[key, oneLine(value, 200)]])),
	);
}

function isKnown(names: readonly string[], known: readonly Advisory[]): boolean {
	return known.some(({ id, aliases }) => [id, ...aliases].some(name => names.includes(name)));
}

/** The knowledge with the news added; what a curator wrote stays as it is. */
export function withNews(knowledge: Knowledge, news: News): Knowledge {
	const known = new Set(knowledge.releases.map(({ version }) => version));
	const fresh = news.releases.filter(({ version }) => !known.has(version));
	const withdrawn = new Set(news.withdrawn);
	const changed = new Set(news.passages.map(nameOf));
	const products = [...new Set([...Object.keys(knowledge.lifecycles), ...Object.keys(news.lifecycles)])];
	const isNew = ({ id, aliases }: Pick<Advisory, 'id' | 'aliases'>) => !isKnown([id, ...aliases], knowledge.advisories);
	return {
		...knowledge,
		releases: [...knowledge.releases, ...fresh]
			.map((release): Release => {
				return withdrawn.has(release.version) ? { ...release, withdrawn: true, deleted: true } : release;
			})
			.sort((a, b) => compare(a.version, b.version)),
		read: [knowledge.read, news.read ?? ''].sort().at(-1) ?? knowledge.read,
		advisories: [...knowledge.advisories, ...news.advisories.filter(isNew)],
		...(news.unclear?.length && { unclear: news.unclear.filter(isNew) }),
		lifecycles: Object.fromEntries(
			products.flatMap(product => {
				const joined = lifecycleOf(knowledge.lifecycles[product], news.lifecycles[product]);
				return joined ? [[product, joined]] : [];
			}),
		),
		...(news.systems?.length && { systems: news.systems }),
		unread: [...knowledge.unread.filter(passage => !changed.has(nameOf(passage))), ...news.passages].sort((a, b) =>
			compare(a.release, b.release),
		),
		...(news.playbook && { playbook: news.playbook }),
		...(news.charts && { charts: news.charts }),
	};
}

function lifecycleOf(before: Lifecycle | undefined, now: Lifecycle | undefined): Lifecycle | undefined {
	if (!before || !now) return before ?? now;
	const listed = new Set(now.releases.map(({ version }) => version));
	// Packages that a curator read from upstream's build list are in no other source.
	const releases = now.releases.map(release => {
		const packages = before.releases.find(({ version }) => version === release.version)?.packages;
		return packages ? { ...release, packages } : release;
	});
	return { ...before, releases: [...before.releases.filter(({ version }) => !listed.has(version)), ...releases] };
}
