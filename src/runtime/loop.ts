// How late the event loop is: what stands still here stands still for everybody.

export type Loop = {
	/** The worst delay (ms) of the last ten seconds or so. */
	lagMs: () => number;
	/** The longest delay (ms) since the last call of this. */
	takeWorst: () => number;
	close: () => void;
};

/** How often the loop is looked at, and how many looks count for `lagMs`. */
const pause = 500;
const looks = 20;

export function openLoop(now: () => number = () => performance.now()): Loop {
	const delays: number[] = [];
	let worst = 0;
	let last = now();
	const timer = setInterval(() => note(), pause);
	timer.unref();

	function note(): void {
		const at = now();
		const delay = Math.max(0, at - last - pause);
		last = at;
		delays.push(delay);
		if (delays.length > looks) delays.shift();
		worst = Math.max(worst, delay);
	}

	return {
		// Also what has not been noted yet: the timer may be as late as everything else.
		lagMs: () => Math.max(0, now() - last - pause, ...delays),
		takeWorst() {
			const taken = worst;
			worst = 0;
			return taken;
		},
		close: () => clearInterval(timer),
	};
}
