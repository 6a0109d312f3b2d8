// Taking turns: at most so many at a time, first come, first served; and the same for each key.

export type Turns = {
	/** Resolves when it is one's turn; the function given back ends the turn, and must be called once. */
	take: () => Promise<() => void>;
	/** How many have their turn, and how many wait. */
	load: () => { active: number; waiting: number };
};

export function turns(atOnce: number): Turns {
	let active = 0;
	const waiting: (() => void)[] = [];
	let head = 0;
	const end = () => {
		const next = waiting[head];
		if (next === undefined) {
			active--;
			return;
		}
		head++;
		// Shifting thousands one by one is slow; a used-up half is dropped at once.
		if (head > 1024 && head * 2 > waiting.length) {
			waiting.splice(0, head);
			head = 0;
		}
		next();
	};
	return {
		take() {
			if (active < atOnce) {
				active++;
				return Promise.resolve(end);
			}
			return new Promise(resolve => waiting.push(() => resolve(end)));
		},
		load: () => ({ active, waiting: waiting.length - head }),
	};
}

/** Turns by key. A key that nobody uses or waits for takes no memory. */
export function turnsBy(atOnce: number): { take: (key: string) => Promise<() => void>; size: () => number } {
	const byKey = new Map<string, Turns>();
	return {
		async take(key) {
			const own = byKey.get(key) ?? turns(atOnce);
			byKey.set(key, own);
			const end = await own.take();
			return () => {
				end();
				const { active, waiting } = own.load();
				if (active === 0 && waiting === 0) byKey.delete(key);
			};
		},
		size: () => byKey.size,
	};
}
