// Days and hours as a room counts them: in its time zone, with the hours in which it wants to be left alone.

/** `22:00-07:00`, in the room's time zone. */
export type Quiet = string;

const minute = 60_000;
const written = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

export function isZone(zone: string): boolean {
	try {
		new Intl.DateTimeFormat('en', { timeZone: zone });
		return true;
	} catch {
		return false;
	}
}

export function isQuiet(text: string): text is Quiet {
	const [, fromHour, fromMinute, toHour, toMinute] = written.exec(text) ?? [];
	return fromHour !== undefined && (fromHour !== toHour || fromMinute !== toMinute);
}

const formats = new Map<string, Intl.DateTimeFormat>();

function local(now: Date, zone: string): Record<string, string> {
	let format = formats.get(zone);
	if (!format) {
		format = new Intl.DateTimeFormat('en-CA', {
			timeZone: zone,
			year: 'numeric',
			month: '2-digit',
			day: '2-digit',
			hour: '2-digit',
			minute: '2-digit',
			hourCycle: 'h23',
		});
		formats.set(zone, format);
	}
	return Object.fromEntries(format.formatToParts(now).map(({ type, value }) => [type, value]));
}

/** The day, as `2026-11-21`. */
export function dayIn(now: Date, zone: string): string {
	const { year, month, day } = local(now, zone);
	return `${year}-${month}-${day}`;
}

/** The moment in words that name the zone: `2026-11-21 08:05 (Europe/Berlin)`. */
export function momentIn(now: Date, zone: string): string {
	const { hour, minute: minutes } = local(now, zone);
	return `${dayIn(now, zone)} ${hour}:${minutes} ${zone === 'UTC' ? 'UTC' : `(${zone})`}`;
}

/** The moment when a day (`2026-11-21`) begins in the zone. */
export function dayBegins(day: string, zone: string): Date {
	const midnight = Date.parse(day);
	const offset = (at: number) => {
		const { year, month, day: date, hour, minute: minutes } = local(new Date(at), zone);
		return Date.parse(`${year}-${month}-${date}T${hour}:${minutes}Z`) - at;
	};
	// The clocks may be changed between here and there: by its own offset the moment is the right one.
	return new Date(midnight - offset(midnight - offset(midnight)));
}

/** The end of the quiet hours that it is now, or undefined if nobody minds. */
export function quietUntil(now: Date, quiet: Quiet | undefined, zone: string): Date | undefined {
	const [, ...parts] = (quiet !== undefined && written.exec(quiet)) || [];
	const [fromHour, fromMinute, toHour, toMinute] = parts.map(Number);
	if (fromHour === undefined || fromMinute === undefined || toHour === undefined || toMinute === undefined) {
		return undefined;
	}
	const { hour, minute: minutes } = local(now, zone);
	const day = 24 * 60;
	const [at, from, to] = [Number(hour) * 60 + Number(minutes), fromHour * 60 + fromMinute, toHour * 60 + toMinute];
	const inside = (at - from + day) % day < (to - from + day) % day;
	if (!inside) return undefined;
	// Once the clocks are changed in between, this is an hour off; whoever asks again then gets it right.
	return new Date(Math.floor(now.getTime() / minute) * minute + ((to - at + day) % day) * minute);
}

/** Whole days from one day to another (`2026-11-21`), negative when it has passed. */
export function daysBetween(from: string, to: string): number {
	return Math.round((Date.parse(to) - Date.parse(from)) / (24 * 60 * minute));
}
