// Placeholders in the lines of install recipes. Separate from the recipe's shape, because plans fill lines
// without validating them.
/** The names that a line may use; plans fill them in. */
export const placeholders = [
	'version',
	'from',
	'image',
	'deb-version',
	'codename',
	'frozen',
	'pin',
	'extras',
	'query',
] as const;
export type Placeholder = (typeof placeholders)[number];

/** `{name}` in a line, but not the shell's own `${NAME}`. */
export const placeholder = /(?<!\$)\{([a-z][a-z-]*)\}/g;
