// What a reverse proxy does with a request, in any configuration language.

/** The parts of a request that routes depend on. */
export type Request = { method: string; path: string };

/** Where requests may go: `127.0.0.1:8083`, `worker1:8083`, `unix:/run/w.sock`. `rule`: the line that says so. */
export type Routed = {
	addresses: string[];
	rule: RuleLine;
	/** The rule depends on something that the files do not show. */
	unsure: boolean;
	/** Not known at all: `rule` is the line that could not be evaluated. */
	undecided?: true;
};

export type RuleLine = { file: string; line: number };

/** What becomes of a request, once what only a real request decides has been assumed. */
export type RouteOutcome =
	| { is: 'sent'; addresses: string[]; rule: RuleLine }
	/** The proxy answers by itself. */
	| { is: 'answered'; rule: RuleLine }
	/** The files do not show it, or Synapse receives another path. */
	| { is: 'undecided'; rule: RuleLine };

/** `outcomes`: one for each combination of what only a real request decides. */
export function routedBy(outcomes: readonly RouteOutcome[], effort: Effort): Routed | undefined {
	effort.spend(outcomes.reduce((sum, one) => sum + (one.is === 'sent' ? one.addresses.length : 0), 0) / 10);
	const undecided = outcomes.find(({ is }) => is === 'undecided');
	if (undecided) return { addresses: [], rule: undecided.rule, unsure: true, undecided: true };
	const sent = outcomes.flatMap(outcome => (outcome.is === 'sent' ? [outcome] : []));
	const rule = (sent[0] ?? outcomes[0])?.rule;
	if (!rule) return undefined;
	const kinds = new Set(outcomes.map(one => (one.is === 'sent' ? [...one.addresses].sort().join(' ') : '')));
	return { addresses: [...new Set(sent.flatMap(({ addresses }) => addresses))], rule, unsure: kinds.size > 1 };
}

export type ReverseProxy = {
	/**
	 * Every block that accepts requests: nginx's `server`, HAProxy's `frontend`. `host`: it is one of several sites at
	 * this place, for requests with this host. `isUnnamed`: it stands for every host that no rule names.
	 */
	sites: {
		file: string;
		line: number;
		host?: string;
		isUnnamed?: boolean;
		route(request: Request): Routed | undefined;
	}[];
	/** Paths in the rules themselves: expressions, prefixes and exact paths, with their lines. */
	rules: { file: string; line: number; kind: 'expression' | 'prefix' | 'exact'; path: string }[];
	/** What could not be parsed or evaluated. */
	problems: { file: string; line: number; why: string }[];
};

export const maxProxyBytes = 1_000_000;

/** The name without folders: configurations name files by their path on the server. */
export function baseName(path: string): string {
	return path.slice(path.lastIndexOf('/') + 1);
}

/** What is known of a proxy whose files cannot be followed. */
export function unfollowed(file: string, line: number, why: string): ReverseProxy {
	return { sites: [], rules: [], problems: [{ file, line, why }] };
}

/** The files need more work than one command may cause. */
export class TooMuchWork extends Error {}

export const tooMuchWork = 'It has too many rules, or rules that take too long to evaluate.';

/** How much work the files of one command may still cause, in units of about two microseconds. */
export class Effort {
	#left: number;

	/** The default takes a few seconds; the largest installations need a tenth of it. */
	constructor(units = 700_000) {
		this.#left = units;
	}

	/** Throws TooMuchWork if that was more than is left. */
	spend(units: number): void {
		this.#left -= units;
		if (this.#left < 0) throw new TooMuchWork(tooMuchWork);
	}
}

/**
 * Strings that match an expression of a simple kind: each alternative is used, and `.*` and character classes become
 * one example character. Undefined for other kinds. At most 64.
 */
export function examplesOf(expression: string): string[] | undefined {
	const rest = expression.replace(/^\^/, '').replaceAll('\\/', '/').replaceAll('\\.', '.');
	const parsed = alternatives(rest, 0);
	if (!parsed || parsed.end !== rest.length) return undefined;
	return [...new Set(parsed.texts)].slice(0, maxExamples);
}

const maxExamples = 64;
type ExpandedExpression = { texts: string[]; end: number };

function alternatives(text: string, start: number): ExpandedExpression | undefined {
	const texts: string[] = [];
	for (let at = start; ; at++) {
		const one = sequence(text, at);
		if (!one) return undefined;
		texts.push(...one.texts);
		at = one.end;
		if (text[at] !== '|') return { texts: texts.slice(0, maxExamples), end: at };
	}
}

function sequence(text: string, start: number): ExpandedExpression | undefined {
	let texts = [''];
	let at = start;
	while (at < text.length && text[at] !== '|' && text[at] !== ')') {
		const atom = atomAt(text, at);
		if (!atom) return undefined;
		at = atom.end;
		const isOptional = text[at] === '?' || text[at] === '*';
		if (/[?*+]/.test(text[at] ?? '')) at++;
		const choices = isOptional && atom.isGroup ? ['', ...atom.texts] : atom.texts;
		texts = texts.flatMap(before => choices.map(choice => before + choice)).slice(0, maxExamples);
	}
	return { texts, end: at };
}

function atomAt(text: string, at: number): (ExpandedExpression & { isGroup?: true }) | undefined {
	const character = text[at] ?? '';
	if (character === '(') {
		const open = /^\((?:\?:|\?P?<\w{1,40}>)?/.exec(text.slice(at, at + 50))?.[0] ?? '(';
		if (text.startsWith('(?', at) && open === '(') return undefined;
		const inner = alternatives(text, at + open.length);
		return inner && text[inner.end] === ')' ? { texts: inner.texts, end: inner.end + 1, isGroup: true } : undefined;
	}
	if (character === '[') {
		const close = text.indexOf(']', at + 2);
		return close < 0 ? undefined : { texts: ['a'], end: close + 1 };
	}
	if (character === '.' && /[*+]/.test(text[at + 1] ?? '')) return { texts: ['a'], end: at + 1 };
	if (character === '$' || character === '^') return { texts: [''], end: at + 1 };
	if (character === '\\') {
		const escaped = text[at + 1] ?? '';
		const example = { d: '1', w: 'a', s: ' ' }[escaped];
		if (example !== undefined) return { texts: [example], end: at + 2 };
		return /[A-Za-z0-9]/.test(escaped) || escaped === '' ? undefined : { texts: [escaped], end: at + 2 };
	}
	return /[?*+{]/.test(character) ? undefined : { texts: [character], end: at + 1 };
}
