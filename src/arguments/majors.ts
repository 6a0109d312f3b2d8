// A major version of PostgreSQL as people type it.
import { Refusal } from '../answer.ts';
import { quoted } from '../text/markdown.ts';

/** `15.18` and `v15` are 15, `9.6.24` is 9.6. Refuses what is not in `known`, which is sorted oldest first. */
export function readMajor(typed: string, known: readonly string[]): string {
	const text = typed.toLowerCase().replace(/^v/, '');
	const major = /^9\.\d/.test(text) ? text.split('.').slice(0, 2).join('.') : (text.split('.')[0] ?? '');
	if (known.includes(major)) return major;
	throw new Refusal(
		`I do not know PostgreSQL ${quoted(typed)}. The newest major version I know of is ${known.at(-1)}; the oldest is ${known[0]}.`,
	);
}
