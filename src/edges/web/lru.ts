// What is remembered for a while: bounded in number, the one not used for longest goes first.

export type Memory<Value> = {
	/** What is remembered and not over. */
	get: (key: string) => Value | undefined;
	/** `ms`: how long it counts, in milliseconds. */
	set: (key: string, value: Value, ms: number) => void;
	size: () => number;
};

export function memory<Value>(most: number, now: () => number): Memory<Value> {
	const entries = new Map<string, { value: Value; until: number }>();
	return {
		get(key) {
			const entry = entries.get(key);
			if (!entry) return undefined;
			entries.delete(key);
			if (entry.until <= now()) return undefined;
			entries.set(key, entry);
			return entry.value;
		},
		set(key, value, ms) {
			entries.delete(key);
			if (ms <= 0) return;
			entries.set(key, { value, until: now() + ms });
			if (entries.size > most) for (const oldest of entries.keys()) return void entries.delete(oldest);
		},
		size: () => entries.size,
	};
}
