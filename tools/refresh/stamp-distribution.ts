// Writes the current hash of each section into the covers of a distribution's files, leaving every other byte alone.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type YAMLMap } from 'yaml';
import { bulletName, sectionName } from '../../src/knowledge/rules/distribution.ts';

type Passage = { date?: string; heading?: string; chart?: string; part?: string; bullet?: string; hash: string };

/**
 * Marks every file in `folder` as read. Prints a line for each file, and for each cover that matches no section;
 * returns the number of such covers.
 */
export function markDistribution(of: 'mdad' | 'ess', folder: URL): number {
	const { passages } = JSON.parse(readFileSync(new URL('upstream.json', folder), 'utf8')) as { passages: Passage[] };
	const hashes = new Map(passages.map(passage => [nameOf(passage), passage.hash]));
	let problems = 0;
	for (const name of readdirSync(folder).filter(file => /^(\d+|waivers)\.yaml$/.test(file))) {
		const file = new URL(name, folder);
		const before = readFileSync(file, 'utf8');
		const { text, changed, unknown } = stampSections(before, hashes);
		if (text !== before) writeFileSync(file, text);
		console.log(`${of}/${name}: ${changed} marked as read`);
		for (const { line, what } of unknown) console.error(`${of}/${name}:${line} no section ${what}`);
		problems += unknown.length;
	}
	return problems;
}

/** `hashes`: by the name of the section or bullet. */
export function stampSections(text: string, hashes: ReadonlyMap<string, string>) {
	const counter = new LineCounter();
	const document = parseDocument(text, { lineCounter: counter });
	const edits: { from: number; to: number; hash: string }[] = [];
	const unknown: { line: number; what: string }[] = [];
	for (const { cover, above } of coversIn(document.get('entries') ?? document.get('waivers'))) {
		const named = { ...above, ...(cover.toJSON() as Partial<Passage>) };
		const read = cover.get('read', true);
		const hash = hashes.get(nameOf(named));
		if (hash === undefined || !isScalar(read) || !read.range)
			unknown.push({ line: counter.linePos(cover.range?.[0] ?? 0).line, what: nameOf(named) });
		else if (read.value !== hash) edits.push({ from: read.range[0], to: read.range[1], hash });
	}
	let stamped = text;
	for (const { from, to, hash } of edits.sort((a, b) => b.from - a.from))
		stamped = `${stamped.slice(0, from)}"${hash}"${stamped.slice(to)}`;
	return { text: stamped, changed: edits.length, unknown };
}

/** Each cover with the date and chart of its entry; a waiver is its own cover. */
function coversIn(holders: unknown): { cover: YAMLMap; above: Partial<Passage> }[] {
	if (!isSeq(holders)) return [];
	return holders.items.filter(isMap).flatMap(holder => {
		const covers = holder.get('covers');
		if (!isSeq(covers)) return holder.has('read') ? [{ cover: holder, above: {} }] : [];
		const { date, chart } = holder.toJSON() as Partial<Passage>;
		const above = { ...(date !== undefined && { date }), ...(chart !== undefined && { chart }) };
		return covers.items.filter(isMap).map(cover => ({ cover, above }));
	});
}

function nameOf({ date = '', heading = '', chart, part = '', bullet = '' }: Partial<Passage>): string {
	return chart === undefined ? sectionName({ date, heading }) : bulletName({ chart, part, bullet });
}
