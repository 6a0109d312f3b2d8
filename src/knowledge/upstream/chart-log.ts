// Parses the changelog of the ESS charts into bullets that must be read, and a chart's values into what it installs.
import { blocksOf, sectionsOf } from './markdown.ts';
import { firstWords, versionOf } from './passage.ts';

const repository = 'https://github.com/element-hq/ess-helm';

export type ChartBullet = { chart: string; part: string; bullet: string; url: string; text: string };
export type ChartLog = { chart: string; date: string; bullets: ChartBullet[] };

/** Parts that require nothing of anyone. Every other part is read, including new ones. */
const routine = /^(internal|documentation|added|fixed)$/i;
/** Bullets that are read even in those. */
const telling = /\b(breaking|must|required?|renamed?|removed?|deprecat\w*|no longer|migrat\w+|CVE-\d+|GHSA-\w+)\b/i;
/** A newer version of something the chart installs: a fact about the chart, not an entry of its own. */
const upgrade = /^(?:upgrade|update|bump)\b/i;

/** The logs in one document, newest first as written. */
export function chartLogs(document: string): ChartLog[] {
	const logs: ChartLog[] = [];
	for (const { level, title, lines } of sectionsOf(document)) {
		const [, chart, date] = /^ESS Community Helm Chart (\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)$/.exec(title.trim()) ?? [];
		if (level === 1 && chart !== undefined && date !== undefined) logs.push({ chart, date, bullets: [] });
		const log = logs.at(-1);
		if (level === 1 || !log) continue;
		const part = title.trim();
		for (const { kind, text } of blocksOf(lines)) {
			if (kind !== 'item' || !isRead(part, text)) continue;
			const bullet = numbersOf(text) || firstWords(text);
			log.bullets.push({ chart: log.chart, part, bullet, url: `${repository}/releases/tag/${log.chart}`, text });
		}
	}
	return logs;
}

function isRead(part: string, text: string): boolean {
	if (/^changed$/i.test(part) && upgrade.test(text)) return telling.test(ownWords(text)) || closesHole(text);
	return !routine.test(part) || telling.test(text);
}

/** Whether a bullet fixes a vulnerability in something other than Synapse, which has advisories of its own. */
function closesHole(text: string): boolean {
	const [first = ''] = text.split('\n');
	return !/\bsynapse\b/i.test(first) && /\b(CVE-\d+|GHSA-\w+|ELEMENTSEC-\d+)/i.test(text);
}

/** Drops the highlights and links of upgraded components, which their own releases cover. */
function ownWords(text: string): string {
	return text.replace(
		/^[ \t]*(?:Highlights?|Full Change\s?logs?|Includes)\b.*$(?:\n(?:[ \t]*[-*].*|[ \t]{3,}.*|[ \t]*))*/gim,
		'',
	);
}

/** The pull requests at the end of a bullet: `#1519, #1520`. */
function numbersOf(text: string): string {
	const end = /\(((?:#\d+(?:,\s*)?)+)\)\s*$/.exec(text)?.[1] ?? '';
	return [...new Set(end.match(/#\d+/g) ?? [])].join(', ');
}

/** Whether upstream's title of a part says that it breaks something. */
export function isBreakingPart(part: string): boolean {
	return /breaking/i.test(part);
}

export type InstalledByChart = { synapse: string; mas?: string; elementWeb?: string };

/** What a chart's values install, by image names; undefined if they name no Synapse. */
export function installedBy(values: string): InstalledByChart | undefined {
	const images = new Map<string, string>();
	let image: string | undefined;
	// Line by line, because upstream's text could make a single expression run for hours.
	for (const line of values.split('\n')) {
		if (/^\s*(?:#|$)/.test(line)) continue;
		const [, key, value = ''] = /^ *(repository|tag): ["']?v?([\w./-]{1,200})["']?\s*$/.exec(line) ?? [];
		if (key === 'tag' && image !== undefined && !images.has(image)) images.set(image, value);
		image = key === 'repository' ? value.split('/').at(-1) : undefined;
	}
	// `v1.145.0-ess.1` and `v1.147.1.ess.1` are those releases with patches from the chart's authors.
	const synapse = versionOf(images.get('synapse')?.replace(/[-.]ess\.\d+$/, '') ?? '');
	if (synapse === undefined) return undefined;
	const mas = images.get('matrix-authentication-service');
	const elementWeb = images.get('element-web');
	return { synapse, ...(mas !== undefined && { mas }), ...(elementWeb !== undefined && { elementWeb }) };
}
