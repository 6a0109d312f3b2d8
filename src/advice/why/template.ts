// Searches for many templates in one pass. Only ASCII letters, digits and underscores count, ignoring case, so
// that quotes, wrapping (even within a word), colours and punctuation cannot hide a message. Aho–Corasick finds
// the pieces between the gaps. There is no backtracking, so the time is linear in the text.
import { wordsAt } from './log-lines.ts';

/**
 * The maximum gap between two pieces of a message, in significant characters: names, paths and lists fit into it, but
 * other records rarely do.
 */
export const maxGap = 400;
/** Shorter pieces mean nothing and are not searched for. */
const minPiece = 3;
/** A shorter piece at either end is dropped if the rest is long. */
const shortEnd = 6;
const enough = 24;
/** Characters kept of each gap, to recognise option names. */
const maxCaptured = 120;
/** At most this many matches are kept per template with their captures: the first ones. */
const maxPlaces = 20;
const window = 4096;
/** A template with fewer significant characters is no proof by itself: the rest of the text must be about Synapse. */
export const weak = 20;
const alphabet = 37;

/** A template: the literal pieces of a message in order, without its placeholders. */
export type Template = { pieces: readonly string[] };

/** A match of a template: offsets in the text, and the text before it, in its gaps and after its end. */
export type TemplateMatch = { template: number; from: number; to: number; captured: string[] };
/** `spans`: by template, the start and end of every match, one after the other. */
export type FoundPlaces = { places: TemplateMatch[]; spans: readonly (readonly number[])[] };
export type Matcher = { templates: readonly Template[]; find: (text: string) => FoundPlaces };

const codes = new Int8Array(128).fill(-1);
for (let i = 0; i < 26; i++) codes[65 + i] = codes[97 + i] = i;
for (let i = 0; i < 10; i++) codes[48 + i] = 26 + i;
codes[95] = 36;

function codeAt(text: string, at: number): number {
	const unit = text.charCodeAt(at);
	return unit < 128 ? (codes[unit] ?? -1) : -1;
}

/** Escapes such as `\n` and `\"` from JSON and Python's repr are not part of the message. */
function isEscape(text: string, at: number): boolean {
	return text.charCodeAt(at) === 92 && 'nrt"\''.includes(text.charAt(at + 1) || ' ');
}

/** The number of significant characters in the pieces: the more, the less likely is a chance match. */
export function weightOf({ pieces }: Template): number {
	let weight = 0;
	for (const piece of pieces) {
		const squeezed = squeeze(piece);
		if (squeezed.length >= minPiece) weight += squeezed.length;
	}
	return weight;
}

export function squeeze(text: string): number[] {
	const squeezed: number[] = [];
	for (let at = 0; at < text.length; at++) {
		if (isEscape(text, at)) at++;
		else {
			const code = codeAt(text, at);
			if (code >= 0) squeezed.push(code);
		}
	}
	return squeezed;
}

type TemplatePiece = { length: number; opens: boolean; closes: boolean; uses: { template: number; index: number }[] };

/** Pieces as a trie with a transition for every character from every node. */
type Automaton = { next: Int32Array; ends: Int32Array; shorter: Int32Array; pieces: TemplatePiece[] };

function automatonOf(wanted: readonly { codes: number[]; piece: TemplatePiece }[]): Automaton {
	const size = wanted.reduce((sum, { codes }) => sum + codes.length, 1);
	const next = new Int32Array(size * alphabet).fill(-1);
	const ends = new Int32Array(size).fill(-1);
	const pieces: TemplatePiece[] = [];
	let nodes = 1;
	for (const { codes, piece } of wanted) {
		let node = 0;
		for (const code of codes) {
			const at = node * alphabet + code;
			if ((next[at] ?? -1) < 0) next[at] = nodes++;
			node = next[at] ?? 0;
		}
		ends[node] = pieces.length;
		pieces.push(piece);
	}
	// Breadth first, so that a node's failure link is always computed before it.
	const fails = new Int32Array(nodes);
	const shorter = new Int32Array(nodes).fill(-1);
	const queue = new Int32Array(nodes);
	let [head, tail] = [0, 1];
	while (head < tail) {
		const node = queue[head++] ?? 0;
		const fail = fails[node] ?? 0;
		for (let code = 0; code < alphabet; code++) {
			const child = next[node * alphabet + code] ?? -1;
			const other = node === 0 ? 0 : (next[fail * alphabet + code] ?? 0);
			if (child < 0) {
				next[node * alphabet + code] = other;
				continue;
			}
			fails[child] = other;
			shorter[child] = (ends[other] ?? -1) >= 0 ? other : (shorter[other] ?? -1);
			queue[tail++] = child;
		}
	}
	return { next, ends, shorter, pieces };
}

/** Short words at the ends (“The `…`”, “`…` at”) occur everywhere, so they are dropped if enough is left. */
function telling(pieces: readonly string[]): readonly string[] {
	const long = pieces.filter(piece => squeeze(piece).length >= shortEnd);
	const [first, last] = [long[0], long.at(-1)];
	if (first === undefined || last === undefined || weightOf({ pieces: long }) < enough) return pieces;
	return pieces.slice(pieces.indexOf(first), pieces.lastIndexOf(last) + 1);
}

/** The pieces of a template that are searched for. */
export function constantsOf({ pieces }: Template): string[] {
	return telling(pieces).filter(piece => squeeze(piece).length >= minPiece);
}

/** Builds the matcher for these templates. That takes a few milliseconds, so keep it. */
export function matcherOf(templates: readonly Template[]): Matcher {
	const wanted = new Map<string, { codes: number[]; piece: TemplatePiece }>();
	const lengths = new Int32Array(templates.length);
	templates.forEach(({ pieces }, template) => {
		let index = 0;
		for (const text of telling(pieces)) {
			const codes = squeeze(text).slice(0, window / 2);
			if (codes.length < minPiece) continue;
			// A piece that touches a gap with a letter may be part of a word; any other matches whole words only.
			const opens = index === 0 || !/^\w/.test(text);
			const closes = text === pieces.at(-1) || !/\w$/.test(text);
			const key = codes.join(',');
			const known = wanted.get(key) ?? { codes, piece: { length: codes.length, opens, closes, uses: [] } };
			// If several templates share a piece, the more tolerant edges apply.
			known.piece.opens &&= opens;
			known.piece.closes &&= closes;
			known.piece.uses.push({ template, index: index++ });
			wanted.set(key, known);
		}
		lengths[template] = index;
	});
	const automaton = automatonOf([...wanted.values()]);
	return { templates, find: text => search(text, automaton, lengths) };
}

/**
 * A partial match up to one of its pieces: where that ends, in significant characters and in the text, and where
 * the match began.
 */
type Reached = { end: number; stop: number; start: number; gaps: string[] };

/** How many matches of each piece are kept, latest first: a short piece may also occur inside the one after it. */
const maxReached = 4;

type Hit = { node: number; count: number };

function search(text: string, { next, ends, shorter, pieces }: Automaton, lengths: Int32Array): FoundPlaces {
	const places: TemplateMatch[] = [];
	const spans = Array.from(lengths, (): number[] => []);
	const reached = Array.from(lengths, length => Array.from({ length }, (): Reached[] => []));
	const offsets = new Float64Array(window);
	const apart = new Uint8Array(window);
	/** Handles a piece that ends at `count`; `closed`: the next character is not part of the same word. */
	const take = ({ node, count }: Hit, closed: boolean): void => {
		for (let at = (ends[node] ?? -1) >= 0 ? node : (shorter[node] ?? -1); at >= 0; at = shorter[at] ?? -1) {
			const piece = pieces[ends[at] ?? -1];
			if (!piece || (piece.closes && !closed)) continue;
			const begin = count - piece.length + 1;
			if (piece.opens && begin > 0 && !apart[begin % window]) continue;
			const from = offsets[begin % window] ?? 0;
			const to = (offsets[count % window] ?? 0) + 1;
			// Last use first: a piece that occurs twice in a template must not start itself.
			for (let use = piece.uses.length - 1; use >= 0; use--) {
				const { template, index } = piece.uses[use] ?? { template: -1, index: 0 };
				advance(template, index, begin, count, from, to);
			}
		}
	};
	const advance = (template: number, index: number, begin: number, end: number, from: number, stop: number): void => {
		const last =
			index === 0
				? undefined
				: reached[template]?.[index - 1]?.find(one => one.end < begin && begin - one.end - 1 <= maxGap);
		if (index > 0 && !last) return;
		const start = last?.start ?? from;
		const gaps = last ? [...last.gaps, captured(text, last.stop, from)] : [];
		if (index < (lengths[template] ?? 0) - 1) {
			const places = reached[template]?.[index];
			places?.unshift({ end, stop, start, gaps });
			if (places && places.length > maxReached) places.pop();
			return;
		}
		const own = spans[template];
		own?.push(start, stop);
		if (own && own.length > 2 * maxPlaces) return;
		const before = captured(text, Math.max(0, start - maxCaptured / 2), start);
		places.push({ template, from: start, to: stop, captured: [before, ...gaps, captured(text, stop, text.length)] });
	};
	let node = 0;
	let count = -1;
	let pending: Hit | undefined;
	let separated = true;
	for (let at = 0; at < text.length; ) {
		const newline = text.indexOf('\n', at);
		const end = newline < 0 ? text.length : newline;
		for (at = wordsAt(text, at, end); at < end; at++) {
			if (isEscape(text, at)) {
				separated = true;
				at++;
				continue;
			}
			const code = codeAt(text, at);
			if (code < 0) {
				separated = true;
				continue;
			}
			if (pending) {
				take(pending, separated);
				pending = undefined;
			}
			count++;
			offsets[count % window] = at;
			apart[count % window] = separated ? 1 : 0;
			separated = false;
			node = next[node * alphabet + code] ?? 0;
			if ((ends[node] ?? -1) >= 0 || (shorter[node] ?? -1) >= 0) pending = { node, count };
		}
		separated = true;
		at = end + 1;
	}
	if (pending) take(pending, true);
	return { places, spans };
}

function captured(text: string, from: number, to: number): string {
	return text.slice(from, Math.min(to, from + maxCaptured)).trim();
}
