// Memoises functions by object identity (WeakMap).

/**
 * Memoises by an object and a text, for as long as the object exists. At most `max` texts per object: beyond that
 * the cache is cleared.
 */
export function memoByText<Key extends object, Made>(max: number): (key: Key, text: string, make: () => Made) => Made {
	const texts = memo((_: Key) => new Map<string, { value: Made }>());
	return (key, text, make) => {
		const made = texts(key);
		const known = made.get(text);
		if (known) return known.value;
		const value = make();
		if (made.size >= max) made.clear();
		made.set(text, { value });
		return value;
	};
}

/** Memoises `make` by its argument, for as long as that object exists. */
export function memo<Key extends object, Made>(make: (key: Key) => Made): (key: Key) => Made {
	const made = new WeakMap<Key, { value: Made }>();
	return key => {
		const known = made.get(key);
		if (known) return known.value;
		const value = make(key);
		made.set(key, { value });
		return value;
	};
}
