// A reverse proxy's regular expressions, matched in linear time: anyone can send them, so they may be hostile.
import { createRequire } from 'node:module';

let library: typeof import('re2js') | undefined;

/** Not imported at the top: it is a quarter of a megabyte, and only reverse proxy configurations need it. */
function re2(): typeof import('re2js').RE2JS {
	library ??= createRequire(import.meta.url)('re2js') as typeof import('re2js');
	return library.RE2JS;
}

/** Longer expressions are not compiled: real routes have a few hundred characters. */
const maxLength = 2000;

/** Whether a text contains a match, as proxies search; `unknown`: the expression is invalid or needs backtracking. */
export type Pattern = (text: string) => boolean | 'unknown';

/** Compiles an expression. Supports PCRE's `(?<name>…)` but not look-around or backreferences. */
export function patternOf(expression: string, { ignoreCase = false } = {}): Pattern {
	if (expression.length > maxLength) return () => 'unknown';
	try {
		const compiled = re2().compile(
			expression.replaceAll('(?<', '(?P<').replaceAll('\\/', '/'),
			ignoreCase ? re2().CASE_INSENSITIVE : 0,
		);
		return text => compiled.matcher(text).find();
	} catch {
		return () => 'unknown';
	}
}
