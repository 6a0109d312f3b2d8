// Upstream's sources: the documents of each, and how their content is read into our values.

import { isCandidate, type Version } from '../../deployment/version.ts';
import { factPaths, type KnownUpstream, readUpgradeNotes, type Sources, shrinks } from '../../knowledge/live.ts';
import { readAdvisories } from '../../knowledge/upstream/advisories.ts';
import { newerCharts, readChartFeed } from '../../knowledge/upstream/chart-feed.ts';
import { installedBy } from '../../knowledge/upstream/chart-log.ts';
import { readFeed, type SeenRelease, seenFrom, seenIn, unreadIn } from '../../knowledge/upstream/feed.ts';
import { readBuilds, readLifecycle } from '../../knowledge/upstream/lifecycles.ts';
import { playbookEntries, playbookSynapse } from '../../knowledge/upstream/playbook.ts';
import type { LeftOut } from '../../knowledge/upstream/reading.ts';
import { memo } from '../../runtime/memo.ts';
import { quoted } from '../../text/markdown.ts';
import type { Copy, Document } from './documents.ts';

export type SourcesSettings = {
	/** For one document. */
	seconds: number;
	/** Only sent to api.github.com. */
	token?: string | undefined;
	/** GitHub's list of releases, newest first. */
	releases: { address: string; hours: number };
	/** `{tag}` is the newest release's. */
	upgradeNotes: { address: string; hours: number };
	/** The files of a release that define what its code enforces: `{tag}` and `{path}`. */
	files: { address: string; hours: number };
	/** The repository's advisories on GitHub, or a query to OSV; `post` is the request's body, if it needs one. */
	advisories: { address: string; hours: number; post?: string | undefined };
	/** endoflife.date's page of each `{product}`. */
	lifecycles: { address: string; hours: number };
	playbook: { changes: string; defaults: string; hours: number };
	/** GitHub's list of chart releases, newest first, and a chart's values: `{tag}`. */
	charts: { releases: string; values: string; hours: number };
};

/** Why nothing was used, or what was left out and what else is wrong. */
export type Taken = { reason: string; doubt?: true } | { left?: readonly LeftOut[]; lacks?: string | undefined };

export type UpstreamSource = {
	name: string;
	hours: number;
	/** The documents it currently consists of; empty if there is nothing to read. */
	documents: () => Document[];
	/** The next page of a document, if it is needed. */
	after?: (document: Document, copy: Copy, page: number) => Document | undefined;
	/**
	 * Reads the documents that are there into the values; some may be missing. `believed`: the source has said the
	 * same for days, so what looks truncated (`doubt`) is taken to be complete.
	 */
	take: (copies: ReadonlyMap<string, Copy>, believed: boolean) => Taken;
	/** What it must remember across restarts besides its documents. */
	memory?: () => unknown;
	recall?: (memory: unknown) => void;
};

type SourceSetup = { settings: SourcesSettings; values: Sources; known: KnownUpstream; now: () => Date };

const products = { postgresql: 'PostgreSQL', python: 'Python', debian: 'Debian', ubuntu: 'Ubuntu' };
const buildScript = 'scripts-dev/build_debian_packages.py';
/** If there are more new releases than this, only the facts of the newest are read; a newer Glia knows the rest. */
const maxFacts = 60;
/** How many older tags are tried while the newest release has no tag yet. */
const otherTags = 3;

/** The sources in reading order: the feed determines which release the others are read for. */
export function sourcesOf(
	settings: SourcesSettings,
	values: Sources,
	known: KnownUpstream,
	now: () => Date,
): UpstreamSource[] {
	const given = { settings, values, known, now };
	return [
		releases(given),
		upgradeNotes(given),
		facts(given),
		packages(given),
		advisories(given),
		...Object.entries(products).map(([product, name]) => lifecycle(product, name, given)),
		playbook(given),
		charts(given),
		chartValues(given),
	];
}

function filled(address: string, parts: Record<string, string>): string {
	return address.replace(/\{(\w+)\}/g, (whole, name: string) => parts[name] ?? whole);
}

/** Releases that still exist, newest last. */
function present({ values }: SourceSetup): SeenRelease[] {
	return (values.feed ?? []).filter(({ gone }) => !gone);
}

/** A document of the newest release, or of an earlier one if its tag is missing. */
function ofNewest(given: SourceSetup, key: string, address: string, path: string): Document[] {
	const [first, ...others] = present(given)
		.slice(-1 - otherTags)
		.reverse()
		.map(({ tag }) => filled(address, { tag, path }));
	return first === undefined ? [] : [{ key, address: first, otherwise: others }];
}

/** The release whose document this is. */
function tagOf(given: SourceSetup, address: string, path: string, copy: Copy): string | undefined {
	return present(given).findLast(({ tag }) => filled(address, { tag, path }) === copy.address)?.tag;
}

function lacksTag(given: SourceSetup, tag: string | undefined): string | undefined {
	const newest = present(given).at(-1)?.tag;
	return tag === undefined || tag === newest ? undefined : `${newest} has none yet: this is from ${tag}`;
}

function pages(copies: ReadonlyMap<string, Copy>): string[] {
	return [...copies.values()].map(({ text }) => text);
}

function nextPage({ key, post }: Document, { next }: Copy, page: number): Document | undefined {
	if (next === undefined) return undefined;
	return { key: `${key.replace(/ \d+$/, '')} ${page + 1}`, address: next, post };
}

const versionsOf = memo((releases: KnownUpstream['releases']) => new Set(releases.map(({ version }) => version)));

function releases(given: SourceSetup): UpstreamSource {
	const { settings, values, known, now } = given;
	// Evaluated each time, because another edition may have been loaded.
	const before = () => versionsOf(known.releases);
	/** What is taken next is what was stored before the start, and no other read. */
	let isRecalled = false;
	return {
		name: 'releases',
		hours: settings.releases.hours,
		documents: () => [{ key: 'feed', address: settings.releases.address }],
		after(document, copy, page) {
			const reading = readFeed(copy.text);
			const reaches = 'value' in reading && reading.value.some(({ version }) => before().has(version));
			return reaches ? undefined : nextPage(document, copy, page);
		},
		take(copies, believed) {
			const reading = readFeed(...pages(copies));
			if ('reason' in reading) return reading;
			const reads = isRecalled ? 0 : 1;
			isRecalled = false;
			const unread = unreadIn(reading.left);
			const had = believed ? [] : (values.feed ?? []);
			const result = seenIn(had, reading.value, { at: now().toISOString(), reads, unread });
			if ('reason' in result) return { ...result, doubt: true };
			values.feed = result.seen;
			const missing = result.seen.filter(({ gone }) => gone && !gone.sure);
			const reaches = !before().size || reading.value.some(({ version }) => before().has(version));
			const lacks = [
				...missing.map(({ version }) => `it no longer lists ${version}; if this persists, the release was withdrawn`),
				...(reaches
					? []
					: [
							`it does not reach back to ${known.releases.at(-1)?.version}: releases in between are unknown; install a newer Glia`,
						]),
			];
			return { left: reading.left, ...(lacks.length && { lacks: lacks.join('; ') }) };
		},
		// The logs of known releases are not stored: the knowledge already covers them.
		memory: () =>
			(values.feed ?? []).map(release => (before().has(release.version) ? { ...release, log: '' } : release)),
		recall(memory) {
			values.feed = seenFrom(memory);
			isRecalled = true;
		},
	};
}

function upgradeNotes(given: SourceSetup): UpstreamSource {
	const { settings, values } = given;
	const { address, hours } = settings.upgradeNotes;
	return {
		name: 'upgrade notes',
		hours,
		documents: () => ofNewest(given, 'notes', address, ''),
		take(copies, believed) {
			const copy = copies.get('notes');
			const reading = readUpgradeNotes(copy?.text ?? '');
			if ('reason' in reading || !copy) return reading;
			const less = shrinks(values.upgradeNotes?.passages.length ?? 0, reading.value.length, 'passages');
			if (less !== undefined && !believed) return { reason: less, doubt: true };
			const tag = tagOf(given, address, '', copy);
			values.upgradeNotes = { tag: tag ?? 'develop', passages: reading.value };
			return { lacks: lacksTag(given, tag) };
		},
	};
}

function facts(given: SourceSetup): UpstreamSource {
	const { settings, values, known } = given;
	const fresh = () =>
		present(given)
			.filter(({ version }) => !versionsOf(known.releases).has(version) && !isCandidate(version))
			.slice(-maxFacts)
			.reverse();
	return {
		name: 'facts of releases',
		hours: settings.files.hours,
		documents: () =>
			fresh().flatMap(({ version, tag }) =>
				factPaths.map(path => ({
					key: `${version} ${path}`,
					address: filled(settings.files.address, { tag, path }),
					fixed: version,
				})),
			),
		take(copies) {
			const files = new Map<Version, Map<string, string>>();
			const left: LeftOut[] = [];
			for (const { version } of fresh()) {
				const texts = new Map(factPaths.map(path => [path as string, copies.get(`${version} ${path}`)?.text ?? '']));
				if ([...texts.values()].some(text => /^SCHEMA_VERSION = \d{1,6}\b/m.test(text))) files.set(version, texts);
				else if (factPaths.every(path => copies.has(`${version} ${path}`)))
					left.push({ item: version, why: 'no schema version in its files' });
			}
			values.files = files;
			return { left };
		},
	};
}

function packages(given: SourceSetup): UpstreamSource {
	const { settings, values } = given;
	const { address, hours } = settings.files;
	return {
		name: 'Debian packages',
		hours,
		documents: () => ofNewest(given, 'builds', address, buildScript),
		take(copies) {
			const copy = copies.get('builds');
			const reading = readBuilds(copy?.text ?? '');
			if ('reason' in reading || !copy) return reading;
			values.builds = reading.value;
			return { lacks: lacksTag(given, tagOf(given, address, buildScript, copy)) };
		},
	};
}

function advisories({ settings, values, known }: SourceSetup): UpstreamSource {
	const { address, hours, post } = settings.advisories;
	return {
		name: 'advisories',
		hours,
		documents: () => [{ key: 'advisories', address, post }],
		after: nextPage,
		take(copies, believed) {
			const reading = readAdvisories(...pages(copies));
			if ('reason' in reading) return reading;
			const { advisories: found, unclear } = reading.value;
			const before = values.advisories;
			const all = new Set([...found, ...unclear].map(({ id }) => id)).size + reading.left.length;
			const had = new Set([...(before?.advisories ?? []), ...(before?.unclear ?? [])].map(({ id }) => id)).size;
			const less = shrinks(had, all, 'advisories');
			if (less !== undefined && !believed) return { reason: less, doubt: true };
			values.advisories = reading.value;
			const ids = new Set(known.advisories.flatMap(({ id, aliases }) => [id, ...aliases]));
			const open = unclear.filter(({ id, aliases }) => ![id, ...aliases].some(name => ids.has(name)));
			const names = open.slice(0, 5).map(({ id }) => quoted(id));
			const lacks = `it is unclear which releases these affect: ${names.join(', ')}`;
			return { left: reading.left, ...(open.length && { lacks }) };
		},
	};
}

function lifecycle(product: string, name: string, { settings, values }: SourceSetup): UpstreamSource {
	return {
		name: `support of ${name}`,
		hours: settings.lifecycles.hours,
		documents: () => [{ key: product, address: filled(settings.lifecycles.address, { product }) }],
		take(copies, believed) {
			const reading = readLifecycle(copies.get(product)?.text ?? '', product);
			if ('reason' in reading) return reading;
			const count = values.lifecycles?.[product]?.releases.length ?? 0;
			const less = shrinks(count, reading.value.releases.length + reading.left.length, 'releases');
			if (less !== undefined && !believed) return { reason: less, doubt: true };
			values.lifecycles = { ...values.lifecycles, [product]: reading.value };
			return { left: reading.left };
		},
	};
}

function playbook({ settings, values }: SourceSetup): UpstreamSource {
	const { changes, defaults, hours } = settings.playbook;
	return {
		name: 'playbook',
		hours,
		documents: () => [
			{ key: 'changes', address: changes },
			{ key: 'defaults', address: defaults },
		],
		take(copies, believed) {
			const entries = playbookEntries(copies.get('changes')?.text ?? '');
			if ('reason' in entries) return entries;
			const synapse = playbookSynapse(copies.get('defaults')?.text ?? '');
			if ('reason' in synapse) return synapse;
			const less = shrinks(values.playbook?.entries.length ?? 0, entries.entries.length, 'entries');
			if (less !== undefined && !believed) return { reason: less, doubt: true };
			values.playbook = { ...entries, ...synapse };
			return { left: [] };
		},
	};
}

/** If there are more new charts than this, only the values of the newest are read; a newer Glia knows the rest. */
const maxCharts = 30;
/** Four times the length of upstream's values (characters). */
const maxValues = 1_200_000;

function charts({ settings, values, known }: SourceSetup): UpstreamSource {
	const { releases: address, hours } = settings.charts;
	return {
		name: 'charts',
		hours,
		documents: () => [{ key: 'charts', address }],
		after(document, copy, page) {
			const reading = readChartFeed(copy.text);
			const reaches = 'value' in reading && reading.value.some(({ version }) => known.charts.includes(version));
			return reaches ? undefined : nextPage(document, copy, page);
		},
		take(copies, believed) {
			const reading = readChartFeed(...pages(copies));
			if ('reason' in reading) return reading;
			const less = shrinks(values.charts?.length ?? 0, reading.value.length, 'charts');
			if (less !== undefined && !believed) return { reason: less, doubt: true };
			values.charts = reading.value;
			return { left: reading.left };
		},
	};
}

function chartValues({ settings, values, known }: SourceSetup): UpstreamSource {
	const { values: address, hours } = settings.charts;
	const fresh = () =>
		newerCharts(values.charts ?? [], known.charts)
			.slice(-maxCharts)
			.reverse();
	return {
		name: 'values of charts',
		hours,
		documents: () =>
			fresh().map(({ version, tag }) => ({
				key: version,
				address: filled(address, { tag }),
				// What could not be read may have been garbled in transit, or may not be there yet, so it is fetched again.
				...(values.chartValues?.has(version) && { fixed: version }),
			})),
		take(copies) {
			const left: LeftOut[] = [];
			values.chartValues = new Map();
			for (const { version } of fresh()) {
				const text = copies.get(version)?.text;
				if (text === undefined) continue;
				const installed = text.length > maxValues ? undefined : installedBy(text);
				if (installed) values.chartValues.set(version, installed);
				else left.push({ item: version, why: 'its values name no Synapse release' });
			}
			return { left };
		},
	};
}
