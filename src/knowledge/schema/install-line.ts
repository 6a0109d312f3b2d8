// Names in braces in the lines of install recipes. Apart from the recipe's shape, because a plan fills lines and checks none.
/** What a command may name; the chooser fills it in. */
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

/** `{name}` of a line, where it is not the shell's own `${NAME}`. */
export const placeholder = /(?<!\$)\{([a-z][a-z-]*)\}/g;
