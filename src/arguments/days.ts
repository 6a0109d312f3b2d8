// Parses dates as people write them: `2025-6-1`, `01.06.2025`, `June 2025`, `last month`, `3 weeks ago`.
import { Refusal } from '../answer.ts';
import { code, quoted } from '../text/markdown.ts';

/**
 * The words, with each date as `2025-06-01` and each month as `2025-06`; `taken`: how relative and incomplete ones
 * were read.
 */
export type WordsWithDays = { words: string[]; taken: string[] };

/** A date found in the words, and how many words it spans. `isChoice`: other readings are possible. */
type DayRead = { length: number; day: string; isChoice?: true };

const months = [
	...['january', 'february', 'march', 'april', 'may', 'june'],
	...['july', 'august', 'september', 'october', 'november', 'december'],
];
const numbers = ['a', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

/** `today`: `2026-11-29`. Refuses ambiguous dates. */
export function withDays(words: readonly string[], today: string): WordsWithDays {
	const found: WordsWithDays = { words: [], taken: [] };
	for (let at = 0; at < words.length; ) {
		const rest = words.slice(at, at + 4).map(word => word.toLowerCase().replace(/[,.]$/, ''));
		const read = byNumbers(rest) ?? byMonth(rest, today) ?? byDistance(rest, today);
		if (!read) {
			found.words.push(words[at] ?? '');
			at++;
			continue;
		}
		const typed = words.slice(at, at + read.length).join(' ');
		if (read.isChoice) found.taken.push(`I read ${quoted(typed)} as ${read.day}.`);
		found.words.push(read.day);
		at += read.length;
	}
	return found;
}

function written(year: string | number, month: string | number, day?: string | number): string {
	return [String(year), month, day]
		.filter(part => part !== undefined)
		.map(part => String(part).padStart(2, '0'))
		.join('-');
}

function byNumbers([word = '']: readonly string[]): DayRead | undefined {
	const [, year = '', month = '', day] = /^(20\d\d)[-/.](\d{1,2})(?:[-/.](\d{1,2}))?$/.exec(word) ?? [];
	if (year) return { length: 1, day: written(year, month, day) };
	if (/^20\d\d$/.test(word)) return { length: 1, day: written(word, 1) };
	const [, first = '', sign, second = '', last = ''] = /^(\d{1,2})([-/.])(\d{1,2})[-/.](20\d\d)$/.exec(word) ?? [];
	if (!last) return undefined;
	// Dots are only used with the day first.
	if (sign === '.' || Number(first) > 12 || first === second) return { length: 1, day: written(last, second, first) };
	if (Number(second) > 12) return { length: 1, day: written(last, first, second) };
	const [one, other] = [written(last, second, first), written(last, first, second)];
	throw new Refusal(`${quoted(word)} may be ${code(one)} or ${code(other)}: write it in one of these forms.`);
}

/** `june 2025`, `1 june 2025`, `june 1st 2025`; without a year, the latest in the past. */
function byMonth(words: readonly string[], today: string): DayRead | undefined {
	const at = monthOf(words[0]) ? 0 : dayOf(words[0]) && monthOf(words[1]) ? 1 : undefined;
	if (at === undefined) return undefined;
	const month = monthOf(words[at]) ?? 1;
	const before = at === 1 ? dayOf(words[0]) : undefined;
	const day = before ?? dayOf(words[1]);
	const length = day === undefined ? 1 : 2;
	const [year] = /^20\d\d$/.exec(words[length] ?? '') ?? [];
	if (year !== undefined) return { length: length + 1, day: written(year, month, day) };
	const thisYear = Number(today.slice(0, 4));
	const latest = written(thisYear, month, day ?? 1) <= today ? thisYear : thisYear - 1;
	return { length, day: written(latest, month, day ?? 1), isChoice: true };
}

/** 1 to 12. */
function monthOf(word = ''): number | undefined {
	const at = word.length < 3 ? -1 : months.findIndex(month => month.startsWith(word) || word === 'sept');
	return at < 0 ? undefined : word === 'sept' ? 9 : at + 1;
}

function dayOf(word = ''): number | undefined {
	const day = Number(/^(\d{1,2})(?:st|nd|rd|th)?$/.exec(word)?.[1]);
	return day >= 1 && day <= 31 ? day : undefined;
}

/** Before anything we know about; a year with fewer than four digits would not be a date. */
const earliest = '2000-01-01';

/** `yesterday`, `last week`, `3 months ago`, `two years`. */
function byDistance([first = '', second = '', third = '']: readonly string[], today: string): DayRead | undefined {
	if (first === 'yesterday') return { length: 1, day: back(today, 1, 'day'), isChoice: true };
	const isLast = /^(?:last|past)$/.test(first);
	const many = isLast ? 1 : /^\d{1,4}$/.test(first) ? Number(first) : numbers.indexOf(first.replace(/^an$/, 'a')) || 1;
	const isNumber = isLast || /^\d{1,4}$/.test(first) || numbers.includes(first.replace(/^an$/, 'a'));
	const unit = /^(day|week|month|year)s?$/.exec(second)?.[1];
	if (!isNumber || unit === undefined) return undefined;
	const day = back(today, many, unit);
	return { length: third === 'ago' ? 3 : 2, day: day < earliest ? earliest : day, isChoice: true };
}

/** The date this long ago, or the last day of the month if that is too short. */
function back(today: string, many: number, unit: string): string {
	const [year = 0, month = 0, day = 0] = today.split('-').map(Number);
	if (unit === 'day' || unit === 'week') {
		const days = unit === 'week' ? 7 * many : many;
		return new Date(Date.UTC(year, month - 1, day - days)).toISOString().slice(0, 10);
	}
	const start = new Date(Date.UTC(year, month - 1 - (unit === 'year' ? 12 * many : many), 1));
	const length = new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 0)).getUTCDate();
	return written(start.getUTCFullYear(), start.getUTCMonth() + 1, Math.min(day, length));
}
