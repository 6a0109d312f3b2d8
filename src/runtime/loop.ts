// Measures how late the event loop is: anything that blocks it blocks everyone.

export type Loop = {
	/** The longest delay (ms) in about the last ten seconds. */
	lagMs: () => number;
	/** The longest delay (ms) since the last call. */
	takeWorst: () => number;
	close: () => void;
};

/** The interval between measurements (ms), and how many of them count for `lagMs`. */
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
		// Includes the time since the last measurement, because the timer may be late itself.
		lagMs: () => Math.max(0, now() - last - pause, ...delays),
		takeWorst() {
			const taken = worst;
			worst = 0;
			return taken;
		},
		close: () => clearInterval(timer),
	};
}
