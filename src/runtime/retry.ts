// How long to wait before something is tried again.

/** The longest wait (ms): a homeserver that comes back is noticed within a minute. */
const longest = 60_000;

/** The wait (ms) after this many failed tries, doubled each time; `random` (0 to 1) spreads retries. */
export function backoff(tries: number, random: number): number {
	return Math.min(longest, 500 * 2 ** Math.min(tries, 10)) * (0.5 + random / 2);
}

/**
 * What a `Retry-After` header asks for, in milliseconds; undefined if it makes no sense. A date counts from `from`: the
 * server's own clock (milliseconds since 1970, its `Date` header), which may be wrong, but is the one that it means.
 */
export function retryAfter(header: string | undefined, from: number): number | undefined {
	if (header === undefined) return undefined;
	if (/^\s*\d{1,9}(\.\d{1,9})?\s*$/.test(header)) return Number(header) * 1000;
	const until = Date.parse(header);
	return Number.isFinite(until - from) ? Math.max(0, until - from) : undefined;
}
