// Concurrency limits with a first-come, first-served queue, in total or by key. Not p-limit, whose queue has no
// timeout: here a caller that gives up is never given a slot.

export type Turns = {
	/**
	 * Resolves to a function that frees the slot and must be called once; undefined if no slot was free within the
	 * time (ms).
	 */
	take: (within: number) => Promise<(() => void) | undefined>;
	/** How many slots are in use, and how many callers are waiting. */
	load: () => { active: number; waiting: number };
};

export function turns(concurrency: number): Turns {
	let active = 0;
	/** Each accepts a free slot, or returns false if it is no longer waiting. */
	const waiting: (() => boolean)[] = [];
	let head = 0;
	let gone = 0;
	const end = () => {
		for (;;) {
			const next = waiting[head];
			if (next === undefined) {
				active--;
				return;
			}
			head++;
			// Shifting thousands one by one is slow, so the used-up half is dropped in one go.
			if (head > 1024 && head * 2 > waiting.length) {
				waiting.splice(0, head);
				head = 0;
			}
			if (next()) return;
			gone--;
		}
	};
	return {
		take(within) {
			if (active < concurrency) {
				active++;
				return Promise.resolve(end);
			}
			if (within <= 0) return Promise.resolve(undefined);
			return new Promise(resolve => {
				let left = false;
				const timer = setTimeout(() => {
					left = true;
					gone++;
					resolve(undefined);
				}, within);
				waiting.push(() => {
					if (left) return false;
					clearTimeout(timer);
					resolve(end);
					return true;
				});
			});
		},
		load: () => ({ active, waiting: waiting.length - head - gone }),
	};
}

/** Slots by key. A key that nobody uses or waits for takes no memory. */
export function turnsBy(concurrency: number): {
	take: (key: string, within: number) => Promise<(() => void) | undefined>;
	size: () => number;
} {
	const byKey = new Map<string, Turns>();
	return {
		async take(key, within) {
			const own = byKey.get(key) ?? turns(concurrency);
			byKey.set(key, own);
			const end = await own.take(within);
			// The key stays for the callers that hold its slots; the last of them removes it.
			if (!end) return undefined;
			return () => {
				end();
				const { active, waiting } = own.load();
				if (active === 0 && waiting === 0) byKey.delete(key);
			};
		},
		size: () => byKey.size,
	};
}
