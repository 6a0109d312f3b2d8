// Finds messages whose end a pager, or `systemctl status`, has cut off at the width of the terminal.
import { memo } from '../../runtime/memo.ts';
import { wordsAt } from './log-lines.ts';
import { constantsOf, maxGap, squeeze, type Template, type TemplateMatch } from './template.ts';

/** What `less -S` and systemctl put at the end of a line that they cut off. */
const mark = /(?:>|…|\.\.\.)[ \t\r]*$/;
/** In characters: no terminal is narrower, and a longer line was not cut off. */
const narrow = 40;
const wide = 500;
/** Bounds the time that a text of nothing but such lines takes. */
const maxCutLines = 20;
/** With fewer significant characters, the beginning of a message could be that of many. */
const enough = 24;

/** A match of the beginning of a template. */
export type CutMatch = TemplateMatch & {
	/** How many significant characters of the template are there. */
	weight: number;
	/** Whether no other message begins like this. */
	alone: boolean;
};

const squeezed = (text: string) =>
	squeeze(text)
		.map(code => String.fromCharCode(code + 48))
		.join('');

/** By template: its constant pieces as the matcher compares them. */
const pieces = memo((templates: readonly Template[]) => templates.map(template => constantsOf(template).map(squeezed)));

/** The templates whose beginning ends a cut-off line, without those that are there in full. */
export function cutMatches(text: string, templates: readonly Template[]): CutMatch[] {
	const found: CutMatch[] = [];
	let many = 0;
	for (let at = 0; at < text.length && many < maxCutLines; ) {
		const newline = text.indexOf('\n', at);
		const end = newline < 0 ? text.length : newline;
		if (end - at >= narrow && end - at <= wide && mark.test(text.slice(end - 8, end))) {
			many++;
			found.push(
				...matchesIn(text.slice(wordsAt(text, at, end), end).replace(mark, ''), templates, { from: at, to: end }),
			);
		}
		at = end + 1;
	}
	return found;
}

/** The templates that the most of is there; `from`, `to`: the line's offsets in the text. */
function matchesIn(
	line: string,
	templates: readonly Template[],
	{ from, to }: { from: number; to: number },
): CutMatch[] {
	const significant = squeezed(line);
	const all = pieces(templates);
	const weights = all.map(own => weightAtEnd(significant, own));
	const best = Math.max(...weights);
	if (best < enough) return [];
	const found = weights.flatMap((weight, template) => (weight === best ? [template] : []));
	const rests = found.map(template => all[template]?.join('').slice(best) ?? '');
	// An entry may have less of a message than the code that prints it.
	const [longest = ''] = [...rests].sort((a, b) => b.length - a.length);
	const alone = rests.every(rest => longest.startsWith(rest));
	return found.map(template => ({ template, from, to, captured: [], weight: best, alone }));
}

/** How many significant characters of a template the line ends with; 0 if it does not, or has the whole template. */
function weightAtEnd(line: string, own: readonly string[]): number {
	let [reached, weight] = [0, 0];
	for (const [i, piece] of own.entries()) {
		const at = line.indexOf(piece, reached);
		if (at >= 0 && (i === 0 || at - reached <= maxGap)) {
			reached = at + piece.length;
			weight += piece.length;
			continue;
		}
		const most = Math.min(piece.length - 1, line.length - reached);
		for (let part = most; part > 0; part--) if (line.endsWith(piece.slice(0, part))) return weight + part;
		// The line may end within what fills the gap.
		return i > 0 && line.length - reached <= maxGap ? weight : 0;
	}
	return 0;
}
