// Parses Synapse's changelogs from all years into releases with dates, and the passages that a curator must read.
import { compare, type Version } from '../../deployment/version.ts';
import { blocksOf, type MarkdownBlock, type MarkdownSection, sectionsOf, wordsOf } from './markdown.ts';
import { firstWords, type ReadPassage, versionOf } from './passage.ts';
/** One release's log. `written` is the version as in its heading, which is also its tag without the `v`. */
export type ChangeLogEntry = { version: Version; written: string; date: string; parts: ChangeLogPart[] };
type ChangeLogPart = { title: string; blocks: MarkdownBlock[] };

/** The title for what comes before the first part of a log. */
const top = 'Top';

// Parts that require nothing of anyone. Every other part is read: upstream invents new ones for important
// matters ("End of Life of Debian 12 Bookworm"), and omitting one by mistake would go unnoticed.
const routine =
	/^(features|bug ?fixes|improved documentation|internal changes|updates to locked dependencies|misc|everything else|typechecking|dependabot updates|metrics and tracing|faster room joins)$/i;
/** Read even in a routine part. */
const security = /\bCVE-\d|\bGHSA-|\bvulnerab/i;
/** Parts whose list items are separate matters; any other part is a single matter. */
const listed = /^(deprecations and removals|updates to the docker image|.*\bsecurity\b.*)$/i;
/** Before 0.33, parts are lines like `Bug fixes:` with arbitrary names, so only the relevant ones are read. */
const label = /^(?:[A-Z][\w/& -]*:|SECURITY UPDATE)$/;
const tellingLabel = /secur|deprecat|remov|breaking|incompatib|warning/i;
const firstWithHeadings = '0.33.0';

const nothing =
	/^\W*(?:otherwise, )?(?:no|not|none)(?: other)?(?: significant| functional)? changes?\b[^.]{0,60}(?:\.\d+[^.]{0,20})*\.?\W*$/i;
const linkTarget = /^\[[^\]]+\]: \S+$/;

/** The logs in one document, newest first as written. */
export function logsOf(document: string): ChangeLogEntry[] {
	const logs: ChangeLogEntry[] = [];
	let routineLevel = 0;
	for (const section of sectionsOf(document)) {
		const log = section.level === 1 ? logOf(section) : undefined;
		if (log) {
			logs.push(log);
			routineLevel = 0;
			continue;
		}
		const title = section.title.trim();
		const isKnown = routine.test(title) || listed.test(title);
		// Headings below a routine part belong to it, except known parts, which occur at any level.
		if (routineLevel && section.level > routineLevel && !isKnown) continue;
		routineLevel = routine.test(title) ? section.level : 0;
		const blocks = blocksOf(section.lines);
		const kept = routineLevel ? blocks.filter(block => block.kind === 'item' && security.test(block.text)) : blocks;
		logs.at(-1)?.parts.push({ title, blocks: kept });
	}
	return logs;
}

function logOf({ title, lines }: MarkdownSection): ChangeLogEntry | undefined {
	const [, written, date] = /^(?:Changes in )?syn(?:apse|pase) v?(\d\S*) \((\d{4}-\d\d-\d\d)\)$/i.exec(title) ?? [];
	const version = versionOf(written ?? '');
	if (written === undefined || date === undefined || version === undefined) return undefined;
	const parts: ChangeLogPart[] = [{ title: top, blocks: [] }];
	const hasLabels = compare(version, firstWithHeadings) < 0;
	for (const block of blocksOf(lines)) {
		if (hasLabels && block.kind === 'paragraph' && label.test(block.text)) {
			parts.push({ title: block.text.replace(/:$/, ''), blocks: [] });
		} else parts.at(-1)?.blocks.push(block);
	}
	const relevant = parts.filter(part => part.title === top || tellingLabel.test(part.title));
	return { version, written, date, parts: hasLabels ? relevant.map(withoutPlainList) : relevant };
}

/** In logs with labels, a list without a label above it is the whole log, not an introduction. */
function withoutPlainList(part: ChangeLogPart): ChangeLogPart {
	if (part.title !== top) return part;
	let isAnnounced = false;
	const blocks = part.blocks.filter(({ kind, text }) => {
		if (kind === 'paragraph') isAnnounced = /:-?$/.test(text);
		return kind === 'paragraph' || isAnnounced;
	});
	return { title: top, blocks };
}

// Every release has a page under its tag, even without a release on GitHub; only 0.4.0 was never tagged.
const repository = 'https://github.com/element-hq/synapse';

/** The parts of a log that a curator must read, in order. */
export function logPassages(log: ChangeLogEntry): ReadPassage[] {
	return log.parts.flatMap(({ title, blocks }) => {
		const relevant = blocks.filter(({ text }) => !nothing.test(text) && !linkTarget.test(text));
		if (!relevant.length) return [];
		if (title === top) return withLists(relevant).map(text => passageOf(log, title, firstWords(text), text));
		if (!listed.test(title) && !routine.test(title)) {
			const text = relevant.map(block => block.text).join('\n\n');
			return [passageOf(log, title, firstWords(text), text)];
		}
		return relevant
			.filter((block, at) => !isLead(block, relevant[at + 1]))
			.map(({ kind, text }) => passageOf(log, title, (kind === 'item' && numbersOf(text)) || firstWords(text), text));
	});
}

function passageOf({ version, written }: ChangeLogEntry, part: string, bullet: string, text: string): ReadPassage {
	return {
		document: 'CHANGES.md',
		release: version,
		part: wordsOf(part),
		bullet,
		url:
			version === '0.4.0'
				? `${repository}/blob/develop/docs/changelogs/CHANGES-pre-1.0.md`
				: `${repository}/releases/tag/v${written}`,
		text,
	};
}

/** Each paragraph, with the list that follows it. */
function withLists(blocks: readonly MarkdownBlock[]): string[] {
	const texts: string[] = [];
	for (const [at, { kind, text }] of blocks.entries()) {
		if (kind === 'item' && at > 0) texts.push(`${texts.pop()}\n${text}`);
		else texts.push(text);
	}
	return texts;
}

/** `The following issues are fixed:` adds nothing to the list below it. */
function isLead(block: MarkdownBlock, next: MarkdownBlock | undefined): boolean {
	const announces = /:$|^The following issues? (?:is|are) fixed in/.test(block.text) && block.text.length <= 100;
	return block.kind === 'paragraph' && next?.kind === 'item' && announces;
}

/** The pull requests at the end of a list item: `#6501, #6503`; empty if there are none. */
function numbersOf(text: string): string {
	const end = text.slice(Math.max(0, text.lastIndexOf('([')));
	return [...new Set([...end.matchAll(/\[\\?(#\d+)\]\(/g)].map(([, number]) => number))].join(', ');
}

/** Yanked from PyPI ("performance regression", "breaks some external plugins"); their logs only advise against them. */
const yanked: readonly Version[] = ['1.32.0', '1.32.1'];

/** The releases that upstream withdrew, according to their own or the next release's log. Includes candidates. */
export function withdrawnIn(logs: readonly ChangeLogEntry[]): Set<Version> {
	const withdrawn = new Set(yanked);
	for (const { version, parts } of logs) {
		for (const { text } of parts.flatMap(part => (part.title === top ? part.blocks : []))) {
			const words = wordsOf(text).replaceAll('`', '');
			if (/^(?:this version was )?(?:tagged but )?(?:never|not) released\b/i.test(words)) withdrawn.add(version);
			if (/\bthis version was (?:tagged but )?never released\b/i.test(words)) withdrawn.add(version);
			const other = /\bv?(\d+\.\d+\.\d+),? (?:which )?was (?:never released|skipped|withdrawn|yanked)\b/i.exec(
				words,
			)?.[1];
			if (other) withdrawn.add(versionOf(other) ?? version);
		}
	}
	return withdrawn;
}
