// Repeatable randomness: the same seed produces the same numbers.

export type Random = {
	/** A whole number from `low` to `high`, both included. */
	number: (low: number, high: number) => number;
	chance: (of: number) => boolean;
	one: <T>(of: readonly T[]) => T;
};

export function random(seed: number): Random {
	let state = seed >>> 0;
	// mulberry32
	const next = () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
	};
	const number = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
	return {
		number,
		chance: of => next() < of,
		one: of => {
			const chosen = of[number(0, of.length - 1)];
			if (chosen === undefined) throw new Error('nothing to choose from');
			return chosen;
		},
	};
}
