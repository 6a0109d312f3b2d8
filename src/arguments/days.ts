// Parses dates as people write them: `2025-6-1`, `01.06.2025`, `June 2025`, `last month`, `last 3 weeks`, `90d`.
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
const numbers = [
	...['a', 'one', 'two', 'three', 'four', 'five', 'six'],
	...['seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'],
];

/** `today`: `2026-11-29`. Refuses ambiguous dates. */
export function withDays(words: readonly string[], today: string): WordsWithDays {
	const found: WordsWithDays = { words: [], taken: [] };
	for (let at = 0; at < words.length; ) {
		const rest = words.slice(at, at + 5).map(word => word.toLowerCase().replace(/[,.]$/, ''));
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

/** `june 2025`, `1 june 2025`, `1st of june 2025`, `june 1st 2025`, `last june`; without a year, the latest in the past. */
function byMonth(words: readonly string[], today: string): DayRead | undefined {
	const isLast = isLastWord(words[0]);
	let at = isLast ? 1 : 0;
	const before = dayOf(words[at]);
	if (before !== undefined) at += words[at + 1] === 'of' ? 2 : 1;
	const month = monthOf(words[at]);
	if (month === undefined) return undefined;
	at++;
	const day = before ?? dayOf(words[at]);
	if (day !== before) at++;
	const [year] = /^20\d\d$/.exec(words[at] ?? '') ?? [];
	if (year !== undefined) return { length: at + 1, day: written(year, month, day) };
	// In June, `last june` is not the month that has begun.
	const end = isLast ? written(today.slice(0, 4), today.slice(5, 7), 0) : today;
	return { length: at, day: latest(month, day ?? 1, end), isChoice: true };
}

/** The latest such date until `end`. 29 February is at most eight years back; other dates that do not exist stay. */
function latest(month: number, day: number, end: string): string {
	const thisYear = Number(end.slice(0, 4));
	const years = Array.from({ length: 9 }, (_, back) => written(thisYear - back, month, day));
	return years.find(date => date <= end && isDate(date)) ?? written(thisYear, month, day);
}

function isDate(text: string): boolean {
	const time = Date.parse(`${text}T00:00:00Z`);
	return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
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

/** `yesterday`, `last week`, `last 3 weeks`, `3 months ago`, `two years`, `90d`, `this month`. */
function byDistance(words: readonly string[], today: string): DayRead | undefined {
	const [first = '', second = ''] = words;
	if (first === 'yesterday') return { length: 1, day: back(today, 1, 'day'), isChoice: true };
	const [, count, short = ''] = /^(\d{1,4})([a-z]{1,6})$/.exec(first) ?? [];
	const whole = units[short] ?? unitOf(short);
	if (whole) return ago(words[1] === 'ago' ? 2 : 1, Number(count), whole, today);
	if (first === 'this') {
		const [begun] = { month: [`${today.slice(0, 7)}-01`], year: [`${today.slice(0, 4)}-01-01`] }[second] ?? [];
		return begun === undefined ? undefined : { length: 2, day: begun, isChoice: true };
	}
	const start = isLastWord(first) ? 1 : 0;
	const number = numberOf(words[start]);
	const many = number ?? (start ? 1 : undefined);
	const at = number === undefined ? start : start + 1;
	const unit = unitOf(words[at]);
	if (many === undefined || unit === undefined) return undefined;
	return ago(words[at + 1] === 'ago' ? at + 2 : at + 1, many, unit, today);
}

const units: Readonly<Partial<Record<string, string>>> = { d: 'day', w: 'week', m: 'month', mo: 'month', y: 'year' };

function unitOf(word = ''): string | undefined {
	return /^(day|week|month|year)s?$/.exec(word)?.[1];
}

function ago(length: number, many: number, unit: string, today: string): DayRead {
	const day = back(today, many, unit);
	return { length, day: day < earliest ? earliest : day, isChoice: true };
}

function isLastWord(word = ''): boolean {
	return /^(?:last|past)$/.test(word);
}

function numberOf(word = ''): number | undefined {
	if (/^\d{1,4}$/.test(word)) return Number(word);
	const at = numbers.indexOf(word.replace(/^an$/, 'a'));
	return at < 0 ? undefined : at || 1;
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
