// Regular expressions of a reverse proxy, matched in linear time: they come from whoever asks, and may be hostile.
import { RE2JS } from 're2js';

/** Longer ones are not compiled: real routes are some hundred characters long. */
const maxLength = 2000;

/** Whether a text matches somewhere, as a proxy searches; `unknown`: the expression is none, or needs backtracking. */
export type Pattern = (text: string) => boolean | 'unknown';

/** A compiled expression. PCRE's `(?<name>…)` is understood; look-around and back references are not. */
export function patternOf(expression: string, { ignoreCase = false } = {}): Pattern {
	if (expression.length > maxLength) return () => 'unknown';
	try {
		const compiled = RE2JS.compile(
			expression.replaceAll('(?<', '(?P<').replaceAll('\\/', '/'),
			ignoreCase ? RE2JS.CASE_INSENSITIVE : 0,
		);
		return text => compiled.matcher(text).find();
	} catch {
		return () => 'unknown';
	}
}
