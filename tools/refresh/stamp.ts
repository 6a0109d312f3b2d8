// Writes the current hash of each passage into the covers that name it, leaving every other byte of a file alone.
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Version } from '../../src/deployment/version.ts';
import { coveredBy, nameOf, type PassageName, waivedBy } from '../../src/knowledge/schema/coverage.ts';
import { coverShape } from '../../src/knowledge/schema/note.ts';
import type { Passage } from '../../src/knowledge/schema/synapse.ts';
import { waiverShape } from '../../src/knowledge/schema/synapse.ts';

export type Stamped = {
	text: string;
	/** How many hashes changed, and how many were already right. */
	changed: number;
	unchanged: number;
	/** Covers that cannot be stamped, with line and column, and the passages they may mean, best first. */
	problems: { line: number; column: number; message: string; nearest: Passage[] }[];
};

/** `release` is the release of a notes file; without it, `text` is a waivers file. */
export function stamp(text: string, release: Version | undefined, passages: readonly Passage[]): Stamped {
	const byName = new Map(passages.map(passage => [nameOf(passage), passage]));
	const counter = new LineCounter();
	const document = parseDocument(text, { lineCounter: counter });
	const stamped: Stamped = { text, changed: 0, unchanged: 0, problems: [] };
	const edits: { from: number; to: number; hash: string }[] = [];
	const notes = document.get(release === undefined ? 'waivers' : 'notes');
	const holders = isSeq(notes) ? notes.items : [];
	const named = holders.flatMap(holder => {
		if (!isMap(holder)) return [];
		const covers = release === undefined ? holder : holder.get('covers');
		return isSeq(covers) ? covers.items : release === undefined ? [holder] : [];
	});
	for (const node of named) {
		if (!isMap(node)) continue;
		const { line, col: column } = counter.linePos(node.range?.[0] ?? 0);
		const read = node.get('read', true);
		// Whatever is in `read` now will be replaced; the rest must be a cover or a waiver.
		const value: unknown = { ...node.toJSON(), read: '000000' };
		const parsed = release === undefined ? waiverShape.safeParse(value) : coverShape.safeParse(value);
		if (!parsed.success || !isScalar(read) || !read.range) {
			const message = 'not a cover or waiver that can be stamped; it needs document, its names, and read: "000000"';
			stamped.problems.push({ line, column, message, nearest: [] });
			continue;
		}
		const data = parsed.data;
		const name = 'because' in data ? waivedBy(data) : coveredBy(data, release ?? '');
		const passage = byName.get(nameOf(name));
		if (!passage) {
			stamped.problems.push({ line, column, message: `no passage ${nameOf(name)}`, nearest: nearest(name, passages) });
			continue;
		}
		if (read.value === passage.hash) stamped.unchanged++;
		else {
			stamped.changed++;
			edits.push({ from: read.range[0], to: read.range[1], hash: passage.hash });
		}
	}
	for (const { from, to, hash } of edits.sort((a, b) => b.from - a.from)) {
		stamped.text = `${stamped.text.slice(0, from)}"${hash}"${stamped.text.slice(to)}`;
	}
	return stamped;
}

/** The three passages of the same document that share most words with the name; first those of its release. */
function nearest(name: PassageName, passages: readonly Passage[]): Passage[] {
	const words = wordsIn(name);
	return passages
		.filter(passage => passage.document === name.document)
		.map(passage => {
			const others = wordsIn(passage);
			const shared = [...words].filter(word => others.has(word)).length;
			const alike = shared / Math.max(1, words.size + others.size - shared);
			return {
				passage,
				score: alike + (passage.release.replace(/rc\d+$/, '') === name.release.replace(/rc\d+$/, '') ? 1 : 0),
			};
		})
		.sort((a, b) => b.score - a.score)
		.slice(0, 3)
		.map(({ passage }) => passage);
}

function wordsIn({ heading, under, part, bullet }: PassageName): Set<string> {
	return new Set(
		[heading, under, part, bullet]
			.join(' ')
			.toLowerCase()
			.match(/[\p{L}\p{N}_]+/gu) ?? [],
	);
}
