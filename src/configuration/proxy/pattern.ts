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
/** Nor are those with more atoms, once their repetitions are written out. */
const maxSize = 20_000;

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
	const { size, loops } = sizeOf(expression);
	if (size > maxSize) return () => 'unknown';
	effort?.spend(100 + 3 * expression.length + size);
	const exact = compiled(expression, ignoreCase);
	const pattern = exact ?? compiled(widened(expression), ignoreCase);
	if (!pattern) return () => 'unknown';
	// Every site and host asks for the same paths.
	const known = new Map<string, boolean>();
	return text => {
		let is = known.get(text);
		if (is === undefined) {
			effort?.spend((1 + expression.length / 500 + loops ** 2 / 2000) * Math.max(1, text.length / 200));
			is = pattern(text);
			if (effort) known.set(text, is);
		} else effort?.spend(0.1);
		return is && !exact ? 'unknown' : is;
	};
}

/**
 * How many atoms an expression has once its repetitions are written out, and how many of them are in a repetition: a
 * search follows many of those at the same time. `(a?){1000}` is short, but large and slow.
 */
function sizeOf(expression: string): { size: number; loops: number } {
	const open = [{ size: 0, loops: 0 }];
	let last = { size: 0, loops: 0 };
	for (const [token, most] of expression.matchAll(
		/\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|\{(?:\d{1,4},)?(\d{1,4}),?\}|[\s\S]/g,
	)) {
		const around = open.at(-1) ?? last;
		const times = most === undefined ? (/^[?*+]$/.test(token) ? 1 : undefined) : Number(most);
		if (token === '(') open.push({ size: 0, loops: 0 });
		else if (times !== undefined) {
			const repeated = last.size * Math.max(1, times);
			around.size += repeated - last.size;
			around.loops += repeated - last.loops;
			last = { size: repeated, loops: repeated };
		} else {
			const isEnd = token === ')' && open.length > 1;
			// Classes of Unicode characters have hundreds of ranges.
			last = (isEnd && open.pop()) || { size: /^\\p/i.test(token) ? 20 : 1, loops: 0 };
			const outer = open.at(-1);
			if (outer) Object.assign(outer, { size: outer.size + last.size, loops: outer.loops + last.loops });
		}
	}
	return open.reduce((sum, one) => ({ size: sum.size + one.size, loops: sum.loops + one.loops }));
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
