// What is the same for every answer, worked out once for each object that it is told of.

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
