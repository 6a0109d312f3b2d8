// Days and times in a room's time zone, and its quiet hours.
import { createRequire } from 'node:module';
import type { Temporal } from 'temporal-polyfill';

/** `22:00-07:00`, in the room's time zone. */
export type Quiet = string;

const written = /^((?:[01]\d|2[0-3]):[0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d)$/;

let loaded: typeof Temporal | undefined;

/** Not imported at the top: it takes 25 ms to load, and plans, which mention no time of day, do not need it. */
function temporal(): typeof Temporal {
	loaded ??= (createRequire(import.meta.url)('temporal-polyfill') as typeof import('temporal-polyfill')).Temporal;
	return loaded;
}

/** Whether a text names a time zone. */
export function isZone(zone: string): boolean {
	try {
		new (temporal().ZonedDateTime)(0n, zone);
		return true;
	} catch {
		return false;
	}
}

/** The time zone for a name or a city: `Europe/Berlin`, `europe/berlin`, `Berlin`, `New York`. */
export function zoneNamed(typed: string): string | undefined {
	const bare = (text: string) => text.toLowerCase().replace(/[^a-z0-9+/]/g, '');
	const wanted = bare(typed);
	const zones = Intl.supportedValuesOf('timeZone');
	const whole = zones.find(zone => bare(zone) === wanted);
	if (whole !== undefined) return whole;
	if (isZone(typed)) return typed;
	const cities = zones.filter(zone => bare(zone.split('/').at(-1) ?? '') === wanted);
	return cities.length === 1 ? cities[0] : undefined;
}

/** Whether a text is a valid range of quiet hours. */
export function isQuiet(text: string): text is Quiet {
	const [, from, to] = written.exec(text) ?? [];
	return from !== undefined && from !== to;
}

function local(moment: Date, zone: string): Temporal.ZonedDateTime {
	return temporal().Instant.fromEpochMilliseconds(moment.getTime()).toZonedDateTimeISO(zone);
}

function dateOf({ epochMilliseconds }: Temporal.ZonedDateTime): Date {
	return new Date(epochMilliseconds);
}

/** The day, as `2026-11-21`. */
export function dayIn(now: Date, zone: string): string {
	return local(now, zone).toPlainDate().toString();
}

/** The time with its zone, for messages: `2026-11-21 08:05 (Europe/Berlin)`. */
export function momentIn(now: Date, zone: string): string {
	const time = local(now, zone).toPlainTime().toString({ smallestUnit: 'minute' });
	return `${dayIn(now, zone)} ${time} ${zone === 'UTC' ? 'UTC' : `(${zone})`}`;
}

/** The start of a day (`2026-11-21`) in the zone. Throws a RangeError for an invalid date. */
export function dayBegins(day: string, zone: string): Date {
	return dateOf(temporal().PlainDate.from(day).toZonedDateTime(zone));
}

/** When the current quiet hours end; undefined outside quiet hours. */
export function quietUntil(now: Date, quiet: Quiet | undefined, zone: string): Date | undefined {
	const [, fromText, toText] = (quiet !== undefined && written.exec(quiet)) || [];
	if (fromText === undefined || toText === undefined) return undefined;
	const { PlainTime } = temporal();
	const [from, to] = [PlainTime.from(fromText), PlainTime.from(toText)];
	const length = minutesFrom(from, to);
	const isInside = (at: Temporal.ZonedDateTime) => minutesFrom(from, at.toPlainTime()) < length;
	const here = local(now, zone);
	if (!isInside(here)) return undefined;
	const end = nextTime(here, to);
	if (here.offsetNanoseconds === end.offsetNanoseconds) return dateOf(end);
	// The clocks change before then, perhaps to a time outside the quiet hours.
	const change = here.getTimeZoneTransition('next');
	return dateOf(change && temporal().ZonedDateTime.compare(change, end) < 0 && !isInside(change) ? change : end);
}

/** The next time the clock shows this time of day. A change of the clocks may skip it today or tomorrow. */
function nextTime(after: Temporal.ZonedDateTime, time: Temporal.PlainTime): Temporal.ZonedDateTime {
	const { ZonedDateTime, PlainTime } = temporal();
	for (let days = 0; ; days++) {
		const moment = after.toPlainDate().add({ days }).toPlainDateTime(time);
		// A time that occurs twice has an earlier and a later instant.
		for (const disambiguation of ['earlier', 'later'] as const) {
			const found = moment.toZonedDateTime(after.timeZoneId, { disambiguation });
			const isThere = PlainTime.compare(found.toPlainTime(), time) === 0;
			if (isThere && ZonedDateTime.compare(found, after) > 0) return found;
		}
	}
}

/** Minutes from one time of day to the next occurrence of the other, from 0 to 1439. */
function minutesFrom(from: Temporal.PlainTime, to: Temporal.PlainTime): number {
	const day = 24 * 60;
	return (to.hour * 60 + to.minute - from.hour * 60 - from.minute + day) % day;
}

/** Whole days between two days (`2026-11-21`), negative if the second is earlier. */
export function daysBetween(from: string, to: string): number {
	return Math.round((Date.parse(to) - Date.parse(from)) / (24 * 3600_000));
}
