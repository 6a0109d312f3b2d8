// Copes with a system clock that is set while the process is running.

/** A clock (ms) that never goes back: when `now` is turned back, it continues from its last value. */
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

/** Milliseconds until a time, negative if it has passed; undefined if there is none. */
export function msUntil(time: Date | undefined, now: Date): number | undefined {
	return time && time.getTime() - now.getTime();
}

/**
 * Whether a time has come that was scheduled at most `ahead` (ms) in advance. A time further ahead than that was
 * scheduled before the clock was turned back, so it counts as having come.
 */
export function hasCome(time: Date, now: Date, ahead: number): boolean {
	const left = time.getTime() - now.getTime();
	return left <= 0 || left > ahead;
}
