// Reads GitHub's list of releases, and finds those that upstream has deleted since.
import { z } from 'zod';
import { compare, isVersion, type Version } from '../../deployment/version.ts';
import { versionOf } from './passage.ts';
import { fieldOf, itemsOf, jsonIn, type LeftOut, type Reading } from './reading.ts';

/** A release in the feed; `tag` as upstream writes it, `log` its changelog in Markdown. */
export type FeedRelease = { version: Version; tag: string; date: string; log: string };

export type SeenRelease = FeedRelease & {
	/** Missing since when (ISO 8601), for how many reads in a row, and whether it counts as deleted. */
	gone?: { since: string; looks: number; sure: boolean };
};

const releaseShape = z.object({
	tag_name: z.string().max(100),
	draft: z.boolean().nullish(),
	published_at: z.iso.datetime({ offset: true }).nullish(),
	body: z.string().nullish(),
});

/** In characters: five times upstream's longest log. */
const maxLog = 200_000;

/** Parses the pages of the list, newest first. */
export function readFeed(...pages: readonly string[]): Reading<FeedRelease[]> {
	const isRelease = (tag: string) => /^v\d/.test(tag);
	const reading = readList(pages, { isRelease, versionOf });
	if ('reason' in reading) return reading;
	return { ...reading, value: reading.value.sort((a, b) => compare(a.version, b.version)) };
}

type ListedTags = {
	/** Other tags are skipped. */
	isRelease: (tag: string) => boolean;
	versionOf: (tag: string) => string | undefined;
};

/** The releases on the pages of a GitHub list, in order. Skips drafts, which are not out yet. */
export function readList(pages: readonly string[], { isRelease, versionOf }: ListedTags): Reading<FeedRelease[]> {
	const found = new Map<string, FeedRelease>();
	const left: LeftOut[] = [];
	for (const page of pages) {
		const parsed = jsonIn(page);
		if ('reason' in parsed) return parsed;
		const read = itemsOf(parsed.json, releaseShape, item => fieldOf(item, 'tag_name'));
		if ('reason' in read) return read;
		left.push(...read.left);
		for (const { tag_name: tag, draft, published_at: published, body } of read.items) {
			if (draft || !isRelease(tag)) continue;
			const version = versionOf(tag);
			if (version === undefined) left.push({ item: tag, why: 'this tag is not a version' });
			else if (!published) left.push({ item: tag, why: 'it has no date' });
			else if (!found.has(version)) {
				const log = body ?? '';
				if (log.length > maxLog)
					left.push({ item: tag, why: `the log of ${version} has ${log.length} characters, read to ${maxLog}` });
				found.set(version, { version, tag, date: published.slice(0, 10), log: log.slice(0, maxLog) });
			}
		}
	}
	if (!found.size)
		return { reason: left[0] ? `it names no release: ${left[0].item}: ${left[0].why}` : 'it names no release' };
	return { value: [...found.values()], left };
}

/** The versions that the list has, although the rest of them could not be read. */
export function unreadIn(left: readonly LeftOut[]): Version[] {
	return left.flatMap(({ item }) => versionOf(item) ?? []);
}

/** A mirror may lag for a while, but not for this many reads in a row. */
const surelyGone = 3;
/** Upstream withdraws one or two releases at a time; more missing at once means a truncated feed. */
const maxGone = 2;

type FeedRead = {
	/** ISO 8601. */
	at: string;
	/** 0 if this content was counted before. */
	reads: 0 | 1;
	/** Versions that are listed, but in a form that could not be read. */
	unread: readonly Version[];
};

/**
 * Merges the feed with what it had before, or says why it is not believed. A missing release counts as deleted
 * once the feed has something new, which an outdated copy could not have, or at the third read.
 */
export function seenIn(
	before: readonly SeenRelease[],
	now: readonly FeedRelease[],
	{ at, reads, unread }: FeedRead,
): { seen: SeenRelease[] } | { reason: string } {
	const read = new Set(now.map(({ version }) => version));
	const there = new Set([...read, ...unread]);
	const known = new Set(before.map(({ version }) => version));
	const isFresh = before.length > 0 && now.some(({ version }) => !known.has(version));
	const oldest = now.map(({ date }) => date).sort()[0] ?? '';
	// Older ones have merely fallen off the end of the list.
	const reached = before.filter(({ date }) => date > oldest);
	const missing = reached.filter(({ version }) => !there.has(version));
	const newlyMissing = missing.filter(({ gone }) => !gone);
	if (newlyMissing.length > Math.max(maxGone, reached.length * 0.2)) {
		return { reason: `${newlyMissing.length} of ${reached.length} releases are missing` };
	}
	const gone = missing.map((release): SeenRelease => {
		const looks = (release.gone?.looks ?? 0) + reads;
		const sure = release.gone?.sure || isFresh || looks >= surelyGone;
		return { ...release, gone: { since: release.gone?.since ?? at, looks, sure } };
	});
	const older = before.filter(({ version, date }) => date <= oldest && !there.has(version));
	const listed = before
		.filter(({ version }) => there.has(version) && !read.has(version))
		.map(({ gone: _, ...release }): SeenRelease => release);
	return { seen: [...older, ...now, ...listed, ...gone].sort((a, b) => compare(a.version, b.version)) };
}

const seenShape = z.array(
	z.object({
		version: z.string().refine(isVersion),
		tag: z.string().max(100),
		date: z.string().regex(/^\d{4}-\d\d-\d\d$/),
		log: z.string().max(maxLog),
		gone: z.object({ since: z.string(), looks: z.number(), sure: z.boolean() }).optional(),
	}),
);

/** What was stored from earlier reads; empty if this edition cannot read it. */
export function seenFrom(kept: unknown): SeenRelease[] {
	const parsed = seenShape.safeParse(kept);
	if (!parsed.success) return [];
	return parsed.data.map(({ gone, ...release }) => ({ ...release, ...(gone && { gone }) }));
}
