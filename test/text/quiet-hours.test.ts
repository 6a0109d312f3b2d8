// Quiet hours, including those during which clocks change.
import { describe, expect, test } from 'vitest';
import { isZone, quietUntil } from '../../src/text/local-time.ts';

const until = (now: string, quiet: string, zone: string) => quietUntil(new Date(now), quiet, zone)?.toISOString();

test.each([
	// An hour is missing: seven in the morning is six hours after midnight, not seven.
	['2026-03-28T21:00:00Z', '22:00-07:00', '2026-03-29T05:00:00.000Z'],
	['2026-03-29T00:30:00Z', '22:00-07:00', '2026-03-29T05:00:00.000Z'],
	['2026-03-29T04:59:59Z', '22:00-07:00', '2026-03-29T05:00:00.000Z'],
	['2026-03-29T05:00:00Z', '22:00-07:00', undefined],
	// An hour occurs twice.
	['2026-10-24T20:00:00Z', '22:00-07:00', '2026-10-25T06:00:00.000Z'],
	['2026-10-24T23:30:00Z', '22:00-07:00', '2026-10-25T06:00:00.000Z'],
	['2026-10-25T05:59:00Z', '22:00-07:00', '2026-10-25T06:00:00.000Z'],
	['2026-10-25T06:00:00Z', '22:00-07:00', undefined],
	// The time at which they end is missing, or occurs twice.
	['2026-03-28T23:00:00Z', '22:00-02:30', '2026-03-29T01:00:00.000Z'],
	['2026-10-24T23:00:00Z', '22:00-02:30', '2026-10-25T00:30:00.000Z'],
	['2026-10-25T01:10:00Z', '22:00-02:30', '2026-10-25T01:30:00.000Z'],
	// On any other day.
	['2026-07-01T21:00:00Z', '22:00-07:00', '2026-07-02T05:00:00.000Z'],
	['2026-07-01T12:00:00Z', '22:00-07:00', undefined],
	['2026-07-01T10:30:00Z', '12:00-13:00', '2026-07-01T11:00:00.000Z'],
])('at %s, %s in Berlin end at %s', (now, quiet, end) => {
	expect(until(now, quiet, 'Europe/Berlin')).toBe(end);
});

/** Wall-clock time from Intl, in minutes since midnight, independent of the code under test. */
function wallClock(zone: string): (at: number) => number {
	const format = new Intl.DateTimeFormat('en', {
		timeZone: zone,
		hour: 'numeric',
		minute: 'numeric',
		hourCycle: 'h23',
	});
	return at => {
		const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
		return (parts.get('hour') ?? 0) * 60 + (parts.get('minute') ?? 0);
	};
}

describe('end at the first minute whose wall-clock time is not quiet', () => {
	const minute = 60_000;
	const inMinutes = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
	test.each([
		['Europe/Berlin', '2026-03-29T01:00Z'],
		['Europe/Berlin', '2026-10-25T01:00Z'],
		['America/New_York', '2026-03-08T07:00Z'],
		['America/New_York', '2026-11-01T06:00Z'],
		['America/St_Johns', '2026-11-01T04:30Z'],
		// Changes by half an hour, at midnight, and by a whole day.
		['Australia/Lord_Howe', '2026-04-04T15:00Z'],
		['Australia/Lord_Howe', '2026-10-03T15:30Z'],
		['Africa/Cairo', '2026-04-23T22:00Z'],
		['Pacific/Apia', '2011-12-30T10:00Z'],
		['Asia/Kathmandu', '2026-03-29T01:00Z'],
		['UTC', '2026-03-29T01:00Z'],
	])('in %s around %s', (zone, change) => {
		const clock = wallClock(zone);
		for (const quiet of ['22:00-07:00', '00:00-01:30', '01:15-02:45', '02:30-01:59', '23:30-00:15']) {
			const [from = 0, to = 0] = quiet.split('-').map(inMinutes);
			const isQuiet = (at: number) => (clock(at) - from + 1440) % 1440 < (to - from + 1440) % 1440;
			let end: number | undefined;
			// Backwards, so that each minute can use the end found by the next one.
			for (let at = Date.parse(change) + 1800 * minute; at > Date.parse(change) - 1800 * minute; at -= minute) {
				if (!isQuiet(at)) end = at;
				else if (end !== undefined && (at / minute) % 7 === 0)
					expect(until(new Date(at).toISOString(), quiet, zone), `${quiet} at ${new Date(at).toISOString()}`).toBe(
						new Date(end).toISOString(),
					);
			}
		}
	});
});

test('accepts the zones of the time-zone database', () => {
	for (const zone of [...Intl.supportedValuesOf('timeZone'), 'UTC', 'GMT', 'EST', 'US/Pacific', 'Etc/GMT+5'])
		expect(isZone(zone), zone).toBe(true);
	for (const zone of ['', 'Berlin', 'Europe/Nowhere', 'local', '25:00']) expect(isZone(zone), zone).toBe(false);
});
