// GitHub's list of releases → the releases, and which of those that were there before upstream has deleted.
import { z } from 'zod';
import { compare, isVersion, type Version } from '../../deployment/version.ts';
import { versionOf } from './passage.ts';
import { fieldOf, itemsOf, jsonIn, type LeftOut, type Reading } from './reading.ts';

/** A release as the feed tells it; `tag` is how upstream writes it, `log` its change log in Markdown. */
export type FeedRelease = { version: Version; tag: string; date: string; log: string };

/** A release that the feed has or had. */
export type SeenRelease = FeedRelease & {
	/** Since which look (ISO 8601) it is missing, and at how many looks in a row it was. */
	gone?: { since: string; looks: number; sure: boolean };
};

const releaseShape = z.object({
	tag_name: z.string().max(100),
	draft: z.boolean().nullish(),
	published_at: z.iso.datetime({ offset: true }).nullish(),
	body: z.string().nullish(),
});

/** Five times as long as upstream's longest (characters). */
const maxLog = 200_000;

/** The pages of the list, the newest first. */
export function readFeed(...pages: readonly string[]): Reading<FeedRelease[]> {
	const isRelease = (tag: string) => /^v\d/.test(tag);
	const reading = readList(pages, { isRelease, versionOf });
	if ('reason' in reading) return reading;
	return { ...reading, value: reading.value.sort((a, b) => compare(a.version, b.version)) };
}

type ListedTags = {
	/** Other tags are passed over. */
	isRelease: (tag: string) => boolean;
	versionOf: (tag: string) => string | undefined;
};

/** The releases on the pages of a list of GitHub's, in their order. Drafts are not out yet. */
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

/** A mirror may lag for a while, but not for this many looks in a row. */
const surelyGone = 3;
/** One or two releases are taken back; more at once are a feed that was cut. */
const maxGone = 2;

/**
 * What the feed has now together with what it had, or why it is not believed. A release that vanished is surely gone
 * once the feed has something that it did not have before, which no outdated copy could have, or at the third look.
 */
export function seenIn(
	before: readonly SeenRelease[],
	now: readonly FeedRelease[],
	at: string,
): { seen: SeenRelease[] } | { reason: string } {
	const there = new Set(now.map(({ version }) => version));
	const known = new Set(before.map(({ version }) => version));
	const isFresh = before.length > 0 && now.some(({ version }) => !known.has(version));
	const oldest = now.map(({ date }) => date).sort()[0] ?? '';
	// Older ones have only fallen off the end of the list.
	const reached = before.filter(({ date }) => date > oldest);
	const missing = reached.filter(({ version }) => !there.has(version));
	const newlyMissing = missing.filter(({ gone }) => !gone);
	if (newlyMissing.length > Math.max(maxGone, reached.length * 0.2)) {
		return { reason: `${newlyMissing.length} of ${reached.length} releases are missing` };
	}
	const gone = missing.map((release): SeenRelease => {
		const looks = (release.gone?.looks ?? 0) + 1;
		const sure = release.gone?.sure || isFresh || looks >= surelyGone;
		return { ...release, gone: { since: release.gone?.since ?? at, looks, sure } };
	});
	const older = before.filter(({ version, date }) => date <= oldest && !there.has(version));
	return { seen: [...older, ...now, ...gone].sort((a, b) => compare(a.version, b.version)) };
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

/** What was kept of earlier looks; nothing if this edition cannot read it. */
export function seenFrom(kept: unknown): SeenRelease[] {
	const parsed = seenShape.safeParse(kept);
	if (!parsed.success) return [];
	return parsed.data.map(({ gone, ...release }) => ({ ...release, ...(gone && { gone }) }));
}
