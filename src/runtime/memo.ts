// What is the same for every answer, worked out once for each object that it is told of.

/**
 * What `make` gives for a text, remembered for as long as the object that it follows from is there. At most `max` texts:
 * beyond that all are forgotten and asked for again.
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

/** `make`, remembering what it made of each object for as long as that object is there. */
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
