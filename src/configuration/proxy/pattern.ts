// A reverse proxy's regular expressions, matched in linear time: anyone can send them, so they may be hostile.
import { createRequire } from 'node:module';
import type { Effort } from './route.ts';

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

/**
 * Compiles an expression. Supports PCRE's `(?<name>…)`. With look-around or backreferences, it still decides which
 * texts do not match.
 */
export function patternOf(
	expression: string,
	{ ignoreCase = false, effort }: { ignoreCase?: boolean; effort?: Effort | undefined } = {},
): Pattern {
	if (expression.length > maxLength) return () => 'unknown';
	effort?.spend(100 + 3 * expression.length);
	const exact = compiled(expression, ignoreCase);
	const pattern = exact ?? compiled(widened(expression), ignoreCase);
	if (!pattern) return () => 'unknown';
	// Every site and host asks for the same paths.
	const known = new Map<string, boolean>();
	return text => {
		let is = known.get(text);
		if (is === undefined) {
			effort?.spend(1 + expression.length / 500);
			is = pattern(text);
			if (effort) known.set(text, is);
		} else effort?.spend(0.1);
		return is && !exact ? 'unknown' : is;
	};
}

function compiled(expression: string, ignoreCase: boolean): ((text: string) => boolean) | undefined {
	const own = expression.replaceAll(/\\[\s\S]|\(\?<(?![=!])/g, found =>
		found === '\\/' ? '/' : found === '(?<' ? '(?P<' : found,
	);
	try {
		const pattern = re2().compile(own, ignoreCase ? re2().CASE_INSENSITIVE : 0);
		return text => pattern.matcher(text).find();
	} catch {
		return undefined;
	}
}

/** An expression that matches all that this one matches, and more, without what needs backtracking. */
function widened(expression: string): string {
	const parts: string[] = [];
	for (let at = 0; at < expression.length; ) {
		const [token = ''] =
			/^(?:\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|\(\?(?:<?[=!]|>)|[*+?}]\+|[\s\S])/.exec(expression.slice(at)) ?? [];
		if (/^\(\?<?[=!]$/.test(token)) {
			at = afterGroup(expression, at);
			continue;
		}
		at += token.length;
		if (/^\\[1-9]$/.test(token)) parts.push('(?:.*)');
		else if (token === '(?>') parts.push('(?:');
		else parts.push(/^[*+?}]\+$/.test(token) ? token.slice(0, 1) : token);
	}
	return parts.join('');
}

function afterGroup(expression: string, start: number): number {
	let depth = 0;
	for (let at = start; at < expression.length; at++) {
		const character = expression[at];
		if (character === '\\') at++;
		else if (character === '[') {
			const close = expression.indexOf(']', at + 2);
			if (close > 0) at = close;
		} else if (character === '(') depth++;
		else if (character === ')' && --depth === 0) return at + 1;
	}
	return expression.length;
}

/** The expressions of one command's files, each compiled once. */
export class Patterns {
	readonly #known = new Map<string, Pattern>();
	readonly #effort: Effort;

	constructor(effort: Effort) {
		this.#effort = effort;
	}

	of(expression: string, ignoreCase: boolean): Pattern {
		const key = `${ignoreCase} ${expression}`;
		const pattern = this.#known.get(key) ?? patternOf(expression, { ignoreCase, effort: this.#effort });
		this.#known.set(key, pattern);
		return pattern;
	}
}
