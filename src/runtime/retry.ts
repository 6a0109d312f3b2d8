// How long to wait before retrying.

/** The longest wait (ms), so that a homeserver's return is noticed within a minute. */
const maxWait = 60_000;

/** The wait (ms) after this many failures, doubled each time; `random` (0 to 1) spreads out retries. */
export function backoff(tries: number, random: number): number {
	return Math.min(maxWait, 500 * 2 ** Math.min(tries, 10)) * (0.5 + random / 2);
}

/**
 * The wait a `Retry-After` header asks for, in milliseconds; undefined if it is invalid. A date is relative to
 * `from`, the server's own clock (milliseconds since 1970, its `Date` header): that may be wrong, but is the one
 * the date refers to.
 */
export function retryAfter(header: string | undefined, from: number): number | undefined {
	if (header === undefined) return undefined;
	if (/^\s*\d{1,9}(\.\d{1,9})?\s*$/.test(header)) return Number(header) * 1000;
	const until = Date.parse(header);
	return Number.isFinite(until - from) ? Math.max(0, until - from) : undefined;
}
