// How long to wait before something is tried again.

/** The longest wait (ms): a homeserver that comes back is noticed within a minute. */
const longest = 60_000;

/** The wait (ms) after so many failed tries, doubled each time; `random` (0 to 1) keeps the many from coming at once. */
export function backoff(tries: number, random: number): number {
	return Math.min(longest, 500 * 2 ** Math.min(tries, 10)) * (0.5 + random / 2);
}
