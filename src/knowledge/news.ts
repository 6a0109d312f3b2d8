// What upstream's own sources say today: read into the shapes of the knowledge, or refused with a reason, and joined to it.
import { z } from 'zod';
import { harmless } from '../advice/markdown.ts';
import { compare, isAbove, isCandidate, isRange, type Version } from '../advice/version.ts';
import { nameOf } from './cover.ts';
import type { Advisory, Knowledge, Lifecycle, Passage, Playbook, Release, Unread } from './shape.ts';
import { logPassages, logsOf } from './upstream/change-log.ts';
import { type Facts, factFiles, factsOf } from './upstream/facts.ts';
import { hashOf, type Read, united } from './upstream/passage.ts';
import { quotation } from './upstream/quotation.ts';
import { upgradePassages } from './upstream/upgrade-notes.ts';
import { versionOf } from './upstream/version.ts';

/** A document read, or why it is not what it was expected to be. */
export type Reading<Value> = { value: Value } | { reason: string };

/** A release as the feed tells it; `tag` is how upstream writes it, `log` its change log in Markdown. */
export type FeedRelease = { version: Version; tag: string; date: string; log: string };

const feedShape = z.array(
	z.object({
		tag_name: z.string().max(100),
		draft: z.boolean(),
		published_at: z.iso.datetime().nullable(),
		body: z.string().nullable(),
	}),
);

/** Five times as long as upstream's longest (letters). */
const longestLog = 200_000;

/** GitHub's list of releases. */
export function readFeed(text: string): Reading<FeedRelease[]> {
	const parsed = shaped(text, feedShape);
	if ('reason' in parsed) return parsed;
	const releases = parsed.value.flatMap(({ tag_name, draft, published_at, body }) => {
		const version = /^v\d/.test(tag_name) ? versionOf(tag_name) : undefined;
		if (draft || version === undefined || published_at === null) return [];
		return [{ version, tag: tag_name, date: published_at.slice(0, 10), log: body ?? '' }];
	});
	if (!releases.length) return { reason: 'it names no release' };
	const endless = releases.find(({ log }) => log.length > longestLog);
	if (endless) return { reason: `the log of ${endless.version} has ${endless.log.length} letters` };
	return { value: releases.sort((a, b) => compare(a.version, b.version)) };
}

/** Why the newer reading of the feed is not believed: a feed forgets old releases, never its newest. */
export function feedGoesBack(before: readonly FeedRelease[], after: readonly FeedRelease[]): string | undefined {
	const newest = before.at(-1)?.version;
	const last = after.at(-1)?.version;
	if (newest === undefined || last === undefined || compare(last, newest) >= 0) return undefined;
	return `it ends at ${last}, and had ${newest} before`;
}

const fewestSections = 40;

/** docs/upgrade.md, as sections by the release that they name. */
export function readUpgradeNotes(text: string): Reading<Read[]> {
	const value = upgradePassages(text, version => version);
	const sections = new Set(value.map(({ release }) => release)).size;
	return sections >= fewestSections ? { value } : { reason: `only ${sections} sections on releases` };
}

/** Why fewer of something than before are not believed. */
export function shrinks(before: number, after: number, what: string): string | undefined {
	return after < before * 0.8 ? `${after} ${what}, and ${before} before` : undefined;
}

const githubShape = z.array(
	z.object({
		ghsa_id: z.string().regex(/^GHSA-[\w-]{1,40}$/),
		cve_id: z
			.string()
			.regex(/^CVE-\d{4}-\d{1,9}$/)
			.nullish(),
		summary: z.string(),
		severity: z.string().nullish(),
		published_at: z.iso.datetime(),
		withdrawn_at: z.string().nullish(),
		vulnerabilities: z
			.array(z.object({ vulnerable_version_range: z.string().nullish(), patched_versions: z.string().nullish() }))
			.nullish(),
	}),
);

const osvShape = z.object({
	vulns: z.array(
		z.object({
			id: z.string().regex(/^[\w-]{1,60}$/),
			aliases: z.array(z.string().regex(/^[\w-]{1,60}$/)).default([]),
			summary: z.string().optional(),
			details: z.string().optional(),
			published: z.iso.datetime(),
			withdrawn: z.string().optional(),
			database_specific: z.object({ severity: z.string().optional() }).optional(),
			affected: z.array(
				z.object({
					ranges: z
						.array(
							z.object({
								type: z.string(),
								events: z.array(
									z.object({
										introduced: z.string().optional(),
										fixed: z.string().optional(),
										last_affected: z.string().optional(),
									}),
								),
							}),
						)
						.default([]),
				}),
			),
		}),
	),
});

/** Advisories, with the ids of those whose versions nobody can make out: they exist all the same. */
export type Advisories = { advisories: Advisory[]; unclear: string[] };

/** GitHub's advisories of a repository, or OSV's answer to a query for a package. */
export function readAdvisories(text: string): Reading<Advisories> {
	const github = shaped(text, githubShape);
	if ('value' in github) {
		return gathered(
			github.value
				.filter(({ withdrawn_at }) => !withdrawn_at)
				.map(told => ({
					id: told.cve_id ?? told.ghsa_id,
					aliases: told.cve_id ? [told.ghsa_id] : [],
					severity: told.severity,
					published: told.published_at,
					title: told.summary,
					link: `https://github.com/element-hq/synapse/security/advisories/${told.ghsa_id}`,
					affected: (told.vulnerabilities ?? []).map(({ vulnerable_version_range: range }) => rangeIn(range ?? '')),
				})),
		);
	}
	const osv = shaped(text, osvShape);
	if ('reason' in osv) return { reason: text.trimStart().startsWith('{') ? osv.reason : github.reason };
	return gathered(
		osv.value.vulns
			.filter(({ withdrawn }) => !withdrawn)
			.map(told => {
				const names = [told.id, ...told.aliases];
				const id = names.find(name => name.startsWith('CVE-')) ?? told.id;
				return {
					id,
					aliases: names.filter(name => name !== id),
					severity: told.database_specific?.severity,
					published: told.published,
					title: told.summary ?? told.details ?? told.id,
					link: `https://osv.dev/vulnerability/${told.id}`,
					affected: told.affected.flatMap(({ ranges }) =>
						ranges
							.filter(({ type }) => type === 'ECOSYSTEM' || type === 'SEMVER')
							.flatMap(({ events }) => rangesOf(events)),
					),
				};
			}),
	);
}

type Told = {
	id: string;
	aliases: string[];
	severity: string | null | undefined;
	published: string;
	title: string;
	link: string;
	affected: (string | undefined)[];
};

const severities: Record<string, Advisory['severity']> = {
	low: 'low',
	medium: 'moderate',
	moderate: 'moderate',
	high: 'high',
	critical: 'critical',
};

function gathered(told: readonly Told[]): Reading<Advisories> {
	const advisories: Advisory[] = [];
	const unclear: string[] = [];
	for (const { id, aliases, severity, published, title, link, affected } of told) {
		const ranges = [...new Set(affected.filter(range => range !== undefined))];
		if (!ranges.length || ranges.length < new Set(affected).size) unclear.push(id);
		if (!ranges.length) continue;
		const date = published.slice(0, 10);
		advisories.push({
			id,
			aliases,
			// What is not rated is taken seriously.
			severity: severities[severity?.toLowerCase() ?? ''] ?? 'high',
			affected: ranges,
			patched: [],
			fixed: date,
			published: date,
			title: line(title, 80),
			text: 'Upstream published this advisory; nobody here has read it yet.',
			links: [link],
		});
	}
	return { value: { advisories, unclear } };
}

/** `>= 1.62.0, < 1.68.0` or `<= 1.2` → a range; undefined for what is none. */
function rangeIn(written: string): string | undefined {
	const range = written
		.split(',')
		.map(part =>
			part
				.replace(/\s+/g, '')
				.replace(/^=/, '')
				.replace(/(^|[<>=])v/, '$1'),
		)
		.map(part => part.replace(/^([<>]=?)(\d+\.\d+)$/, '$1$2.0'))
		.join(' ')
		.trim();
	return isRange(range) ? range : undefined;
}

type Event = { introduced?: string | undefined; fixed?: string | undefined; last_affected?: string | undefined };

function rangesOf(events: readonly Event[]): (string | undefined)[] {
	const ranges: (string | undefined)[] = [];
	let from: string | undefined;
	for (const { introduced, fixed, last_affected } of events) {
		if (introduced !== undefined) from = introduced;
		const end = fixed !== undefined ? `<${fixed}` : last_affected !== undefined ? `<=${last_affected}` : undefined;
		if (end === undefined) continue;
		ranges.push(rangeIn(from === undefined || from === '0' ? end : `>=${from}, ${end}`));
		from = undefined;
	}
	if (from !== undefined) ranges.push(rangeIn(from === '0' ? '>=0.0.0' : `>=${from}`));
	return ranges;
}

const day = z.string().regex(/^\d{4}-\d\d-\d\d$/);
const releaseName = z.string().regex(/^[\w.]{1,20}$/);
const cyclesShape = z.array(
	z.object({
		cycle: z.union([releaseName, z.number().transform(String)]),
		releaseDate: day,
		eol: z.union([day, z.boolean()]),
		codename: z.string().max(60).nullish(),
	}),
);
const productShape = z.object({
	result: z.object({
		name: z.string().regex(/^[\w-]{1,40}$/),
		releases: z.array(
			z.object({ name: releaseName, releaseDate: day, eolFrom: day.nullish(), codename: z.string().max(60).nullish() }),
		),
	}),
});

/** endoflife.date's page of a product, of either edition of its API. Releases whose end is not fixed are left out. */
export function readLifecycle(text: string, product: string): Reading<Lifecycle> {
	const cycles = shaped(text, cyclesShape);
	const page = 'value' in cycles ? undefined : shaped(text, productShape);
	if (page && 'reason' in page) return page;
	if (page && page.value.result.name !== product) return { reason: 'it is about another product' };
	const all =
		'value' in cycles
			? cycles.value.map(({ cycle, releaseDate, eol, codename }) => ({ name: cycle, releaseDate, ends: eol, codename }))
			: (page?.value.result.releases.map(({ eolFrom, ...rest }) => ({ ...rest, ends: eolFrom })) ?? []);
	const releases = all.flatMap(({ name, releaseDate, ends, codename }) =>
		typeof ends === 'string'
			? [{ version: name, released: releaseDate, ends, ...(codename && { name: line(codename, 40) }) }]
			: [],
	);
	if (!releases.length) return { reason: 'it names no end of support' };
	return { value: { releases, link: `https://endoflife.date/${product}` } };
}

function shaped<Value>(text: string, shape: z.ZodType<Value>): Reading<Value> {
	let json: unknown;
	try {
		json = JSON.parse(text);
	} catch {
		return { reason: /^\s*</.test(text) ? 'it is a web page' : 'it is not JSON' };
	}
	const parsed = shape.safeParse(json);
	if (parsed.success) return { value: parsed.data };
	const [issue] = parsed.error.issues;
	return { reason: `${issue?.path.slice(0, 6).map(String).join('.') || 'all of it'}: ${issue?.message}`.slice(0, 200) };
}

function line(text: string, most: number): string {
	const letters = [
		...harmless(text.slice(0, 10 * most))
			.replace(/\s+/g, ' ')
			.trim(),
	];
	return letters.length > most ? `${letters.slice(0, most - 1).join('')}…` : letters.join('');
}

/** What was read of each source; absent: nothing yet. */
export type Sources = {
	/** The day of the newest look at the feed. */
	read?: string;
	feed?: readonly FeedRelease[];
	upgradeNotes?: readonly Read[];
	/** The files of a release that facts are read from, by path. */
	files?: ReadonlyMap<Version, ReadonlyMap<string, string>>;
	advisories?: Advisories;
	lifecycles?: Readonly<Record<string, Lifecycle>>;
	playbook?: Playbook;
};

/** What the knowledge does not have; joined to it by `withNews`. */
export type News = {
	read?: string;
	releases: readonly Release[];
	passages: readonly Unread[];
	advisories: readonly Advisory[];
	lifecycles: Readonly<Record<string, Lifecycle>>;
	playbook?: Playbook;
};

export const noNews: News = { releases: [], passages: [], advisories: [], lifecycles: {} };

/** What was compiled: the releases, every passage that was ever read, and the advisories. */
export type Known = { releases: readonly Release[]; passages: readonly Passage[]; advisories: readonly Advisory[] };

const notes = 'https://github.com/element-hq/synapse/blob/';

/** What the sources say that is not known. Passages have upstream's words, as a quotation. */
export function newsOf(sources: Sources, known: Known): News {
	const { feed = [], upgradeNotes = [], files, advisories, lifecycles = {}, playbook, read } = sources;
	const before = new Set(known.releases.map(({ version }) => version));
	const fresh = feed.filter(({ version }) => !before.has(version));
	const releases = fresh.map(({ version, date }): Release => ({ version, date, ...factsIn(files?.get(version)) }));
	const all = [...known.releases, ...releases].sort((a, b) => compare(a.version, b.version));
	const logs = fresh.flatMap(release =>
		logOf(release)
			.flatMap(logPassages)
			.map(passage => ({ passage, tag: release.tag })),
	);
	const newest = feed.at(-1);
	const newestKnown = known.releases.at(-1)?.version;
	// An edition older than what was read lacks what it does not know yet, and says the rest in former words.
	const isOlder = newest === undefined || (newestKnown !== undefined && isAbove(newestKnown, newest.version));
	const sections = (isOlder ? [] : upgradeNotes).flatMap(passage => {
		const release = placeIn(passage.release, all);
		return release === undefined ? [] : [{ passage: { ...passage, release }, tag: newest?.tag ?? 'develop' }];
	});
	return {
		...(read !== undefined && { read }),
		releases,
		passages: unreadOf([...sections, ...logs], known.passages),
		advisories: (advisories?.advisories ?? []).filter(
			({ id, aliases }) => !isKnown([id, ...aliases], known.advisories),
		),
		lifecycles,
		...(playbook && { playbook }),
	};
}

function factsIn(files: ReadonlyMap<string, string> | undefined): Facts {
	return files ? factsOf(files) : {};
}

/** The paths of the files that facts of today's releases are in. */
export const factPaths = factFiles.filter(
	path => !/setup\.py|sqlite3|prepare_database|storage\/__init__|homeserver/.test(path),
);

/** A release's log, whose heading the feed may have left out. */
function logOf({ version, date, log }: FeedRelease) {
	const own = logsOf(log).filter(found => found.version === version);
	return own.length ? own : logsOf(`# Synapse ${version} (${date})\n\n${log}`);
}

/** A section on a release that never came out concerns whoever upgrades to the next one; undefined: not out yet. */
function placeIn(version: Version, releases: readonly Release[]): Version | undefined {
	const next = releases.find(release => !isCandidate(release.version) && compare(release.version, version) >= 0);
	if (next) return next.version;
	return releases.some(release => release.version.startsWith(`${version}rc`)) ? version : undefined;
}

function unreadOf(found: readonly { passage: Read; tag: string }[], known: readonly Passage[]): Unread[] {
	const hashes = new Map(known.map(passage => [nameOf(passage), passage.hash]));
	const tags = new Map(found.map(({ passage, tag }) => [nameOf(passage), tag]));
	return united(found.map(({ passage }) => passage)).flatMap(({ text, ...passage }) => {
		const name = nameOf(passage);
		const hash = hashOf(text);
		const before = hashes.get(name);
		if (before === hash || (before !== undefined && passage.document === 'CHANGES.md')) return [];
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

/** Upstream's headings, as long as a heading is. */
function titles({ section, heading, under, part, bullet }: Partial<Passage>): Partial<Passage> {
	const told = { section, heading, under, part, bullet };
	return Object.fromEntries(
		Object.entries(told).flatMap(([key, value]) => (value === undefined ? [] : [[key, line(value, 200)]])),
	);
}

function isKnown(names: readonly string[], known: readonly Advisory[]): boolean {
	return known.some(({ id, aliases }) => [id, ...aliases].some(name => names.includes(name)));
}

/** The knowledge with the news: what a curator wrote stays as it is. */
export function withNews(knowledge: Knowledge, news: News): Knowledge {
	const known = new Set(knowledge.releases.map(({ version }) => version));
	const fresh = news.releases.filter(({ version }) => !known.has(version));
	const changed = new Set(news.passages.map(nameOf));
	const products = [...new Set([...Object.keys(knowledge.lifecycles), ...Object.keys(news.lifecycles)])];
	return {
		...knowledge,
		releases: [...knowledge.releases, ...fresh].sort((a, b) => compare(a.version, b.version)),
		read: [knowledge.read, news.read ?? ''].sort().at(-1) ?? knowledge.read,
		advisories: [
			...knowledge.advisories,
			...news.advisories.filter(({ id, aliases }) => !isKnown([id, ...aliases], knowledge.advisories)),
		],
		lifecycles: Object.fromEntries(
			products.flatMap(product => {
				const joined = lifecycleOf(knowledge.lifecycles[product], news.lifecycles[product]);
				return joined ? [[product, joined]] : [];
			}),
		),
		unread: [...knowledge.unread.filter(passage => !changed.has(nameOf(passage))), ...news.passages].sort((a, b) =>
			compare(a.release, b.release),
		),
		...(news.playbook && { playbook: news.playbook }),
	};
}

function lifecycleOf(before: Lifecycle | undefined, now: Lifecycle | undefined): Lifecycle | undefined {
	if (!before || !now) return before ?? now;
	const told = new Set(now.releases.map(({ version }) => version));
	return { ...before, releases: [...before.releases.filter(({ version }) => !told.has(version)), ...now.releases] };
}
