// A task that runs whenever something may be due, and never twice at the same time.

export type Worker = {
	wake: () => void;
	/** Resolves when the current run, if any, has ended. */
	settled: () => Promise<void>;
	/** Starts no further run; resolves when the current one has ended. */
	stop: () => Promise<void>;
};

/** Runs `step` when woken and after each pause (ms), sooner if `step` returns a shorter one. Errors go to `fatal`. */
export function openWorker(
	step: () => Promise<number | undefined>,
	fatal: (error: unknown) => void,
	pause = 60_000,
): Worker {
	let running: Promise<void> | undefined;
	let again = false;
	let stopped = false;
	let timer: NodeJS.Timeout | undefined;

	async function run(): Promise<void> {
		let next: number | undefined;
		do {
			again = false;
			clearTimeout(timer);
			next = await step();
		} while (again && !stopped);
		if (!stopped) timer = setTimeout(wake, Math.min(Math.max(next ?? pause, 10), pause));
	}

	function wake(): void {
		if (stopped) return;
		again = true;
		running ??= run()
			.catch(fatal)
			.finally(() => {
				running = undefined;
				if (again) wake();
			});
	}

	return {
		wake,
		async settled() {
			await running;
		},
		async stop() {
			stopped = true;
			clearTimeout(timer);
			await running;
		},
	};
}
