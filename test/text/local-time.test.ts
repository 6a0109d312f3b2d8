// Days in a room's time zone, including those on which clocks change.
import { expect, test } from 'vitest';
import { dayBegins, dayIn, momentIn, zoneNamed } from '../../src/text/local-time.ts';

test.each([
	['2027-01-15', 'UTC', '2027-01-15T00:00:00.000Z'],
	['2027-01-15', 'Europe/Berlin', '2027-01-14T23:00:00.000Z'],
	['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00.000Z'],
	['2026-03-30', 'Europe/Berlin', '2026-03-29T22:00:00.000Z'],
	['2026-10-25', 'Europe/Berlin', '2026-10-24T22:00:00.000Z'],
	['2026-07-01', 'America/St_Johns', '2026-07-01T02:30:00.000Z'],
	['2026-07-01', 'Pacific/Kiritimati', '2026-06-30T10:00:00.000Z'],
])('starts %s in %s at %s', (day, zone, begins) => {
	expect(dayBegins(day, zone).toISOString()).toBe(begins);
	expect(momentIn(dayBegins(day, zone), zone)).toMatch(`${day} 00:00`);
	expect(dayIn(new Date(dayBegins(day, zone).getTime() - 1), zone)).not.toBe(day);
});

test.each([
	['Berlin', 'Europe/Berlin'],
	['europe/berlin', 'Europe/Berlin'],
	['New York', 'America/New_York'],
	['NewYork', 'America/New_York'],
	['UTC', 'UTC'],
	['Atlantis', undefined],
	['Europe', undefined],
])('reads the zone %s as %s', (typed, zone) => {
	expect(zoneNamed(typed)).toBe(zone);
});
