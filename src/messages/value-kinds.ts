// The kinds of values in a configuration, in words.
import { enumerate } from '../text/format.ts';

const kindNames: Readonly<Record<string, string>> = {
	integer: 'a whole number',
	null: 'empty',
	duration: 'a duration (`30m`)',
	size: 'a size (`50M`)',
	mapping: 'a mapping',
	list: 'a list',
	string: 'text',
	boolean: '`true` or `false`',
	number: 'a number',
	date: 'a date',
};

/** “a list”, “a whole number”. */
export function aKind(kind: string): string {
	return kindNames[kind] ?? kind;
}

/** “a list or a mapping”. */
export function kindsInWords(kinds: readonly string[]): string {
	return enumerate([...new Set(kinds.map(aKind))], 'or');
}
