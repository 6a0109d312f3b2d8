// Reads security advisories from GitHub or OSV, and which releases they affect. What cannot be parsed is reported as
// unclear, not left out.
import { z } from 'zod';
import { compare, isWithin, type Range, type Version } from '../../deployment/version.ts';
import { escapeMarkdown } from '../../text/markdown.ts';
import { isDay } from '../schema/fields.ts';
import type { Advisory, UnclearAdvisory } from '../schema/synapse.ts';
import { versionOf } from './passage.ts';
import { fieldOf, itemsOf, jsonIn, oneLine, type Reading } from './reading.ts';

/** `unclear`: no or not all affected releases are known. An advisory of which some are known is in both lists. */
export type ReadAdvisories = { advisories: Advisory[]; unclear: UnclearAdvisory[] };

/** A record from either source. */
type ToldAdvisory = {
	ids: string[];
	severity: Advisory['severity'] | undefined;
	published: string | undefined;
	title: string | undefined;
	link: string;
	/** Undefined stands for a part that cannot be parsed. */
	affected: readonly (Range | undefined)[];
	/** The versions as upstream wrote them. */
	written: string;
};

const text = z.string().optional().catch(undefined);
const list = <Item>(item: z.ZodType<Item>) => z.array(item).catch([]);
const name = z.string().regex(/^[A-Za-z][\w-]{0,59}$/);
const packageShape = z.object({ name: text, ecosystem: text }).nullish().catch(undefined);

const githubShape = z
	.object({
		ghsa_id: text,
		cve_id: text,
		identifiers: list(z.object({ value: text }).catch({})),
		state: text,
		summary: text,
		description: text,
		severity: text,
		published_at: text,
		updated_at: text,
		withdrawn_at: z.unknown().optional(),
		vulnerabilities: list(
			z
				.object({ package: packageShape, vulnerable_version_range: text })
				.catch({ package: undefined, vulnerable_version_range: undefined }),
		),
	})
	.refine(({ ghsa_id, cve_id }) => [ghsa_id, cve_id].some(isId), { error: 'no id' });

const eventShape = z.object({ introduced: text, fixed: text, last_affected: text, limit: text }).catch({});
const osvShape = z.object({
	id: name,
	aliases: list(z.string().catch('')),
	summary: text,
	details: text,
	published: text,
	modified: text,
	withdrawn: z.unknown().optional(),
	severity: z.unknown().optional(),
	database_specific: z.object({ severity: text }).optional().catch(undefined),
	affected: list(
		z
			.object({
				package: packageShape,
				ranges: list(z.object({ type: text, events: list(eventShape) }).catch({ type: undefined, events: [] })),
				versions: list(z.string().catch('?')),
			})
			.catch({ package: undefined, ranges: [{ type: 'ECOSYSTEM', events: [] }], versions: [] }),
	),
});

/** Parses the repository's advisories on GitHub, page by page, or OSV's response to a query for the package. */
export function readAdvisories(...pages: readonly string[]): Reading<ReadAdvisories> {
	const found: ToldAdvisory[] = [];
	const left = [];
	for (const page of pages) {
		const parsed = jsonIn(page);
		if ('reason' in parsed) return parsed;
		const { json } = parsed;
		if (Array.isArray(json)) {
			const read = itemsOf(json, githubShape, item => fieldOf(item, 'ghsa_id') ?? fieldOf(item, 'cve_id'));
			if ('reason' in read) return read;
			left.push(...read.left);
			found.push(...read.items.flatMap(githubTold));
			continue;
		}
		const read = itemsOf(vulnsIn(json), osvShape, item => fieldOf(item, 'id'));
		if ('reason' in read) return { reason: read.reason.replace('all of it', 'vulns') };
		left.push(...read.left);
		found.push(...read.items.flatMap(osvTold));
		if (fieldOf(json, 'next_page_token')) left.push({ item: 'the rest of it', why: 'OSV has more than one page' });
	}
	const value = { advisories: [], unclear: [] } satisfies ReadAdvisories as ReadAdvisories;
	for (const records of sameHoles(found)) {
		const { advisory, unclear } = joined(records);
		if (advisory) value.advisories.push(advisory);
		if (unclear) value.unclear.push(unclear);
	}
	return { value, left };
}

function vulnsIn(json: unknown): unknown {
	if (typeof json !== 'object' || json === null) return undefined;
	// OSV returns `{}` if it knows none.
	return Object.keys(json).length === 0
		? []
		: Object.hasOwn(json, 'vulns')
			? json['vulns' as keyof typeof json]
			: undefined;
}

function isId(id: string | undefined): id is string {
	return id !== undefined && /^(?:CVE-\d{4}-\d{1,9}|GHSA(?:-\w{1,10}){1,3}|PYSEC-\d{4}-\d{1,9})$/.test(id);
}

/** The names that upstream's advisories have used for the package over the years. */
const ownNames = ['matrix-synapse', 'synapse', 'element-hq/synapse', 'matrix-org/synapse'];

function isOurs(written: string | undefined): boolean {
	return written !== undefined && ownNames.includes(written.trim().toLowerCase().replaceAll('_', '-'));
}

/** The parts about Synapse: those that say so, or all if none names a package. Other packages are ignored. */
function oursOf<Part extends { package?: { name?: string | undefined } | null | undefined }>(
	parts: readonly Part[],
): Part[] {
	const ours = parts.filter(part => isOurs(part.package?.name));
	return ours.length ? ours : parts.filter(part => !part.package?.name?.trim());
}

function githubTold(record: z.infer<typeof githubShape>): ToldAdvisory[] {
	if (record.withdrawn_at || (record.state !== undefined && record.state !== 'published')) return [];
	const identifiers = record.identifiers.map(({ value }) => value);
	const ids = [...new Set([record.cve_id, record.ghsa_id, ...identifiers])].filter(isId);
	const ranges = oursOf(record.vulnerabilities).map(part => part.vulnerable_version_range ?? '');
	return [
		{
			ids,
			severity: severityOf(record.severity),
			published: dayOf(record.published_at) ?? dayOf(record.updated_at),
			title: record.summary ?? record.description,
			link: linkOf(ids, record.ghsa_id),
			affected: ranges.flatMap(rangesIn),
			written: ranges.join('; '),
		},
	];
}

function linkOf(ids: readonly string[], ghsa: string | undefined): string {
	return isId(ghsa)
		? `https://github.com/element-hq/synapse/security/advisories/${ghsa}`
		: `https://osv.dev/vulnerability/${ids[0]}`;
}

function osvTold(record: z.infer<typeof osvShape>): ToldAdvisory[] {
	if (record.withdrawn) return [];
	const ids = [...new Set([record.id, ...record.aliases.filter(isId)])];
	const ours = oursOf(record.affected);
	const ranges = ours.flatMap(part => part.ranges.filter(({ type }) => type === 'ECOSYSTEM' || type === 'SEMVER'));
	const inRanges = ranges.flatMap(({ events }) => rangesOf(events));
	const versions = [...new Set(ours.flatMap(part => part.versions))].map(version => ({
		version,
		read: readVersion(version),
	}));
	const outside = versions.flatMap(({ read }) =>
		read !== undefined && !inRanges.some(range => range !== undefined && isWithin(read, range)) ? [read] : [],
	);
	// A list repeats its ranges version by version; it must be parsed completely only if there are no ranges.
	const unread = ranges.length ? [] : versions.filter(({ read }) => read === undefined);
	return [
		{
			ids,
			severity: severityOf(record.database_specific?.severity),
			published: dayOf(record.published) ?? dayOf(record.modified),
			title: record.summary ?? record.details,
			link: `https://osv.dev/vulnerability/${record.id}`,
			affected: [...inRanges, ...outside, ...(unread.length ? [undefined] : [])],
			written: [
				...ranges.map(({ events }) =>
					events.flatMap(event => Object.entries(event).map(pair => pair.join(' '))).join(', '),
				),
				...unread.map(({ version }) => version),
			].join('; '),
		},
	];
}

const severities: Record<string, Advisory['severity']> = {
	low: 'low',
	medium: 'moderate',
	moderate: 'moderate',
	high: 'high',
	critical: 'critical',
};
const severityOrder: readonly Advisory['severity'][] = ['low', 'moderate', 'high', 'critical'];

function severityOf(written: string | undefined): Advisory['severity'] | undefined {
	const small = written?.trim().toLowerCase() ?? '';
	return Object.hasOwn(severities, small) ? severities[small] : undefined;
}

function dayOf(moment: string | undefined): string | undefined {
	const found = moment?.slice(0, 10);
	return found !== undefined && isDay(found) ? found : undefined;
}

/** Groups the records of one vulnerability: a CVE, a GHSA and a PYSEC id may mean the same. */
function sameHoles(records: readonly ToldAdvisory[]): ToldAdvisory[][] {
	const groups: ToldAdvisory[][] = [];
	for (const record of records) {
		const same = groups.filter(group => group.some(({ ids }) => ids.some(id => record.ids.includes(id))));
		const [first = [], ...others] = same;
		if (!same.length) groups.push(first);
		first.push(record, ...others.flat());
		for (const other of others) groups.splice(groups.indexOf(other), 1);
	}
	return groups;
}

/** Which record of a vulnerability takes precedence: GitHub's reviewed ones before PyPI's. */
function weightOf({ ids }: ToldAdvisory): number {
	return ['GHSA', 'CVE', 'PYSEC'].findIndex(kind => ids[0]?.startsWith(kind) || ids.some(id => id.startsWith(kind)));
}

function joined(records: readonly ToldAdvisory[]): { advisory?: Advisory; unclear?: UnclearAdvisory } {
	const ordered = [...records].sort((a, b) => weightOf(a) - weightOf(b));
	const ids = [...new Set(ordered.flatMap(record => record.ids))];
	const id =
		ids.find(other => other.startsWith('CVE-')) ?? ids.find(other => other.startsWith('GHSA-')) ?? ids[0] ?? '';
	const isClear = ({ affected }: ToldAdvisory) => affected.length > 0 && affected.every(range => range !== undefined);
	const best =
		ordered.find(isClear) ?? ordered.find(({ affected }) => affected.some(range => range !== undefined)) ?? ordered[0];
	if (!best) return {};
	const affected = [...new Set(best.affected.filter(range => range !== undefined))];
	const severity = ordered
		.flatMap(record => record.severity ?? [])
		.sort((a, b) => severityOrder.indexOf(b) - severityOrder.indexOf(a))[0];
	const published = ordered.flatMap(record => record.published ?? []).sort()[0] ?? '1970-01-01';
	const shared = {
		id,
		aliases: ids.filter(other => other !== id),
		// An unrated advisory may be serious.
		severity: severity ?? 'high',
		published,
		title: escapeMarkdown(oneLine(ordered.find(record => record.title?.trim())?.title ?? id, 80)),
		links: [best.link],
	};
	return {
		...(affected.length > 0 && {
			advisory: {
				...shared,
				affected,
				patched: [],
				fixed: published,
				text: 'Upstream published this advisory; nobody here has read it yet.',
			},
		}),
		...(!isClear(best) && {
			unclear: {
				...shared,
				rated: severity !== undefined,
				written: oneLine(ordered.map(({ written }) => written).find(written => written.trim()) ?? '', 200),
			},
		}),
	};
}

/** `1.139` → `1.139.0`, `0` → `0.0.0`, `v1.57.0-rc.1` → `1.57.0rc1`, as in Python's version scheme. */
function readVersion(written: string): Version | undefined {
	const plain = written
		.trim()
		.replace(/[-._]?(?:rc|c)[-._]?(?=\d+$)/i, 'rc')
		.replace(/^v?(\d+)(?=$|rc)/, '$1.0');
	return versionOf(plain);
}

type Bound = { operator: '<' | '<=' | '>' | '>='; version: Version };

/** `>= 1.62.0, < 1.68.0` → one range; `1.139.0, 1.139.1` → one each; undefined for what cannot be parsed. */
function rangesIn(written: string): (Range | undefined)[] {
	return written.split('||').flatMap(part => rangesInPart(part.trim()));
}

function rangesInPart(written: string): (Range | undefined)[] {
	const exact: Version[] = [];
	const bounds: Bound[] = [];
	// The comma between two bounds is optional: `>=1.2 <1.3`.
	for (const word of written
		.trim()
		.replace(/([<>=])\s+/g, '$1')
		.split(/\s*,\s*|\s+(?=[<>=])/)) {
		const [, operator = '', rest = ''] = /^\s*(<=|>=|<|>|==?)?\s*(.*?)\s*$/.exec(word) ?? [];
		const version = readVersion(rest);
		if (version === undefined) return [undefined];
		if (operator === '' || operator.startsWith('=')) exact.push(version);
		else bounds.push({ operator: operator as Bound['operator'], version });
	}
	return [...exact, ...boundedBy(bounds)];
}

/**
 * All bounds form one range, or, if no version could satisfy them all, each lower bound forms one with the next
 * upper bound.
 */
function boundedBy(bounds: readonly Bound[]): (Range | undefined)[] {
	if (!bounds.length) return [];
	if (isPossible(bounds)) return [writtenRange(bounds)];
	const pairs = bounds.flatMap((bound, at) => (at % 2 ? [] : [[bound, bounds[at + 1]]]));
	const possible = pairs.every(
		([low, high]) => low?.operator.startsWith('>') && high?.operator.startsWith('<') && isPossible([low, high]),
	);
	return possible ? pairs.map(pair => writtenRange(pair.flatMap(bound => bound ?? []))) : [undefined];
}

function isPossible(bounds: readonly Bound[]): boolean {
	return bounds
		.filter(({ operator }) => operator.startsWith('>'))
		.every(low =>
			bounds
				.filter(({ operator }) => operator.startsWith('<'))
				.every(high => {
					const order = compare(low.version, high.version);
					return order < 0 || (order === 0 && low.operator === '>=' && high.operator === '<=');
				}),
		);
}

function writtenRange(bounds: readonly Bound[]): Range {
	return bounds.map(({ operator, version }) => `${operator}${version}`).join(' ');
}

/** OSV's events in version order: from each `introduced` to the next `fixed` or `last_affected`. */
function rangesOf(events: readonly z.infer<typeof eventShape>[]): (Range | undefined)[] {
	const read = events.flatMap(event =>
		(['introduced', 'fixed', 'last_affected'] as const).flatMap(kind => {
			const written = event[kind];
			return written === undefined ? [] : [{ kind, version: readVersion(written) }];
		}),
	);
	if (!read.length || read.some(({ version }) => version === undefined)) return [undefined];
	const order = ['introduced', 'last_affected', 'fixed'];
	const sorted = read
		.flatMap(({ kind, version }) => (version === undefined ? [] : [{ kind, version }]))
		.sort((a, b) => compare(a.version, b.version) || order.indexOf(a.kind) - order.indexOf(b.kind));
	const ranges: Range[] = [];
	let from: Version | undefined;
	for (const [at, { kind, version }] of sorted.entries()) {
		if (kind === 'introduced') from ??= version;
		// An end without a start covers everything up to it.
		else if (from !== undefined || at === 0) {
			const end = `${kind === 'fixed' ? '<' : '<='}${version}`;
			ranges.push(from === undefined || from === '0.0.0' ? end : `>=${from} ${end}`);
			from = undefined;
		}
	}
	if (from !== undefined) ranges.push(`>=${from}`);
	return ranges;
}
