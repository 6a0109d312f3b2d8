// Dates as people write them, and words that are left alone.
import { describe, expect, test } from 'vitest';
import { withDays } from '../../src/arguments/days.ts';

const today = '2026-11-29';
const read = (text: string) => withDays(text.split(' '), today);

test.each([
	['2025-06-01', '2025-06-01'],
	['2025-6-1', '2025-06-01'],
	['2025/06/01', '2025-06-01'],
	['2025.6.1', '2025-06-01'],
	['2025-06', '2025-06'],
	['2025', '2025-01'],
	['01.06.2025', '2025-06-01'],
	['1.6.2025', '2025-06-01'],
	['31/12/2025', '2025-12-31'],
	['12/31/2025', '2025-12-31'],
	['5-5-2025', '2025-05-05'],
	['June 2025', '2025-06'],
	['jun 2025', '2025-06'],
	['Sept 2025', '2025-09'],
	['1 June 2025', '2025-06-01'],
	['June 1st, 2025', '2025-06-01'],
	['3rd May 2025', '2025-05-03'],
	['1st of June 2025', '2025-06-01'],
	['29 Feb 2024', '2024-02-29'],
	['last June 2025', '2025-06'],
	['since June 2025 jitsi', 'since 2025-06 jitsi'],
	['June 2025 to August 2025', '2025-06 to 2025-08'],
])('reads “%s” as “%s” without comment', (text, words) => {
	expect(read(text)).toEqual({ words: words.split(' '), taken: [] });
});

test.each([
	['yesterday', '2026-11-28'],
	['last week', '2026-11-22'],
	['last month', '2026-10-29'],
	['last year', '2025-11-29'],
	['3 weeks ago', '2026-11-08'],
	['two months ago', '2026-09-29'],
	['a year ago', '2025-11-29'],
	['10 days', '2026-11-19'],
	['March', '2026-03-01'],
	['December', '2025-12-01'],
	['5 december', '2025-12-05'],
	['9999 years ago', '2000-01-01'],
	['last 3 months', '2026-08-29'],
	['past two weeks', '2026-11-15'],
	['last 90 days', '2026-08-31'],
	['twelve months ago', '2025-11-29'],
	['90d', '2026-08-31'],
	['2w', '2026-11-15'],
	['3m', '2026-08-29'],
	['1y', '2025-11-29'],
	['2w ago', '2026-11-15'],
	['3months', '2026-08-29'],
	['1year ago', '2025-11-29'],
	['this month', '2026-11-01'],
	['this year', '2026-01-01'],
	['29 feb', '2024-02-29'],
	['February 29th', '2024-02-29'],
	['1st of March', '2026-03-01'],
	['last June', '2026-06-01'],
	['last November', '2025-11-01'],
	['last 5 June', '2026-06-05'],
	['last December', '2025-12-01'],
])('reads “%s” as %s, and says so', (text, day) => {
	expect(read(text)).toEqual({ words: [day], taken: [`I read \`${text}\` as ${day}.`] });
});

test('uses the last day if the month is too short', () => {
	expect(withDays(['last', 'month'], '2026-03-31').words).toEqual(['2026-02-28']);
	expect(withDays(['last', 'year'], '2024-02-29').words).toEqual(['2023-02-28']);
	expect(withDays(['last', 'month'], '2026-01-15').words).toEqual(['2025-12-15']);
});

test('leaves a date that no year has, which is refused later', () => {
	expect(read('30 feb').words).toEqual(['2026-02-30']);
	expect(withDays(['29', 'feb'], '2028-02-29').words).toEqual(['2028-02-29']);
	expect(withDays(['29', 'feb'], '2028-02-28').words).toEqual(['2024-02-29']);
	expect(withDays(['last', 'june'], '2026-06-15').words).toEqual(['2025-06-01']);
});

test('refuses an ambiguous date and offers both readings', () => {
	expect(() => read('06/01/2025')).toThrow('`06/01/2025` may be `2025-01-06` or `2025-06-01`');
});

describe('leaves alone', () => {
	test.each([
		'mdad jitsi no-coturn workers postgres=17',
		'v2026.05.18.0 c0681e4bc 20250601',
		'1.98 1.163.2',
		'marching last update in ma',
		'last 3 workers this week 5 of the rooms',
		'3s 12345d',
		'3 workers',
		'',
	])('“%s”', text => expect(read(text)).toEqual({ words: text.split(' '), taken: [] }));
});
