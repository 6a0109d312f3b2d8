// What to do about a clock that somebody sets.

/** A clock (ms) that stands still for a moment, instead of going back, when `now` is turned back. */
export function steady(now: () => number): () => number {
	let last = now();
	let lost = 0;
	return () => {
		const at = now();
		if (at < last) lost += last - at;
		last = at;
		return at + lost;
	};
}

/**
 * Whether a time has come that was set at most `ahead` (ms) before it. One that is further ahead was set before the clock was
 * turned back, and counts as come.
 */
export function hasCome(time: Date, now: Date, ahead: number): boolean {
	const left = time.getTime() - now.getTime();
	return left <= 0 || left > ahead;
}
