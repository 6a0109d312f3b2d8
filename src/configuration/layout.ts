// What PyYAML reads differently from our parser outside of values: line breaks, tabs, and how far the lines of a list
// in brackets are indented.

/**
 * PyYAML also ends lines at a lone carriage return and at U+0085, U+2028 and U+2029; of these, the last two remain in
 * quoted strings. `lineOf` maps a line of the returned text to the line that an editor shows.
 */
export function withPlainBreaks(text: string): { text: string; lineOf: (line: number) => number } {
	const plain = text.replace(/\r\n?/g, '\n');
	if (!/[\u0085\u2028\u2029]/.test(plain)) return { text: plain, lineOf: line => line };
	const { quoted } = layoutOf(plain.replace(/[\u0085\u2028\u2029]/g, '\n'));
	let read = 1;
	let shown = 1;
	const lines = [1];
	const broken = plain.replace(/[\n\u0085\u2028\u2029]/g, character => {
		if (character === '\n') shown++;
		if (quoted.has(++read) && /[\u2028\u2029]/.test(character)) return character;
		lines.push(shown);
		return '\n';
	});
	return { text: broken, lineOf: line => lines[line - 1] ?? shown };
}

export type Layout = {
	/** The first line with a tab that PyYAML refuses: outside of quotes, comments and block scalars. */
	tab: number | undefined;
	/** The first line with a value in brackets that begins with a colon (`[::1]`), which no reader accepts. */
	colon: number | undefined;
	/** The first line with a question mark in or after a value in brackets (`[a?b]`), which PyYAML refuses. */
	question: number | undefined;
	/** The lines that begin inside quotes. */
	quoted: ReadonlySet<number>;
	/**
	 * The same text, with what continues brackets and quotes indented further than where they open. PyYAML does not
	 * need that, our parser does.
	 */
	indented: string;
};

/** The state at the start of a line. */
type LineState = {
	/** How many brackets are open, and the open quote. */
	depth: number;
	quote: string;
	/** The column of the newest key, value or dash outside of brackets: where the outermost of them opens. */
	opened: number;
	/** Inside an unquoted value, which continues on lines that are indented far enough. */
	plain: boolean;
	/** The column of the newest key or dash, which a block scalar is indented further than. */
	parent: number;
	/** Set: the lines indented further than this are a block scalar. */
	block: number | undefined;
	hasTab: boolean;
	/** In brackets: what stands there since the last comma. `key`: a colon was last, so a value is next. */
	entry: 'nothing' | 'key' | 'value';
	/** In brackets: a value begins with a colon, or a question mark is in or after one. */
	hasColon: boolean;
	hasQuestion: boolean;
};

/** Deeper ones than this are not indented. */
const maxColumn = 200;

/** Expects plain line breaks. */
export function layoutOf(text: string): Layout {
	const state: LineState = {
		depth: 0,
		quote: '',
		opened: 0,
		plain: false,
		parent: -1,
		block: undefined,
		hasTab: false,
		entry: 'nothing',
		hasColon: false,
		hasQuestion: false,
	};
	let tab: number | undefined;
	let colon: number | undefined;
	let question: number | undefined;
	const quoted = new Set<number>();
	const lines = text.split('\n').map((line, index) => {
		const indent = /^ */.exec(line)?.[0].length ?? 0;
		if (state.block !== undefined) {
			if (indent === line.length || indent > state.block) return line;
			state.block = undefined;
		}
		// A document ends there, whatever is open.
		const marker = /^(?:---|\.\.\.)(?=\s|$)/.exec(line)?.[0] ?? '';
		if (marker) Object.assign(state, { depth: 0, quote: '', plain: false });
		if (state.quote) quoted.add(index + 1);
		const isOpen = state.depth > 0 || state.quote !== '';
		const missing = isOpen && line.trim() !== '' ? Math.min(state.opened + 1, maxColumn) - indent : 0;
		if (!isOpen && line.trim() !== '' && !continuesPlain(line, indent, state))
			Object.assign(state, { plain: false, parent: -1 });
		scan(line, marker.length, state);
		if (state.hasTab) tab ??= index + 1;
		if (state.hasColon) colon ??= index + 1;
		if (state.hasQuestion) question ??= index + 1;
		return missing > 0 ? ' '.repeat(missing) + line : line;
	});
	return { tab, colon, question, quoted, indented: lines.join('\n') };
}

/** Whether the line continues an unquoted value outside of brackets. A quote or a bracket in it opens nothing. */
function continuesPlain(line: string, indent: number, { plain, parent, opened }: LineState): boolean {
	// A value on a line of its own is indented further than its parent, whose column is not known here.
	const least = parent < 0 ? opened : parent + 1;
	return plain && indent >= least && line[indent] !== '#';
}

function scan(line: string, from: number, state: LineState): void {
	for (let at = from; at < line.length; ) {
		if (state.quote) at = afterQuote(line, at, state);
		else if (line[at] === '\t') {
			state.hasTab = true;
			at++;
		} else if (line[at] === '#' && (!state.plain || at === 0 || line[at - 1] === ' ')) {
			state.plain = false;
			return;
		} else at = state.depth > 0 ? inBrackets(line, at, state) : inBlock(line, at, state);
	}
}

function afterQuote(line: string, from: number, state: LineState): number {
	for (let at = from; at < line.length; at++) {
		if (line[at] === '\\' && state.quote === '"') at++;
		else if (line[at] === state.quote) {
			if (state.quote === "'" && line[at + 1] === "'") at++;
			else {
				state.quote = '';
				return at + 1;
			}
		}
	}
	return line.length;
}

function inBrackets(line: string, at: number, state: LineState): number {
	const char = line[at] ?? '';
	if ('[{'.includes(char)) state.depth++;
	else if (']}'.includes(char)) state.depth--;
	else if (!state.plain && (char === '"' || char === "'")) state.quote = char;
	state.hasQuestion ||= char === '?' && state.entry !== 'nothing';
	state.hasColon ||= char === ':' && state.entry !== 'value';
	if (',[{'.includes(char)) state.entry = 'nothing';
	else if (char === ':' && (!state.plain || endsPlain(line, at))) state.entry = 'key';
	else if (char !== ' ') state.entry = 'value';
	state.plain = /[^\s,[\]{}"':]/.test(char) || (state.plain && !endsPlain(line, at) && !'[]{},'.includes(char));
	return at + 1;
}

function inBlock(line: string, at: number, state: LineState): number {
	const char = line[at] ?? '';
	if (endsPlain(line, at)) {
		state.plain = false;
		state.parent = Math.max(state.parent, state.opened);
		return at + 1;
	}
	if (state.plain || char === ' ') return at + 1;
	if ('&!*'.includes(char)) return at + (/^\S+/.exec(line.slice(at))?.[0].length ?? 1);
	if ('|>'.includes(char) && /^[|>][-+\d]*[ \t]*(?:#.*)?$/.test(line.slice(at))) {
		// In a document's root too, it is indented by at least one column.
		state.block = Math.max(state.parent, 0);
		state.hasTab ||= /^[|>][-+\d]* *\t/.test(line.slice(at));
		return line.length;
	}
	state.opened = at;
	if ('-?'.includes(char) && /^(?:\s|$)/.test(line.slice(at + 1, at + 2))) {
		state.parent = at;
		return at + 1;
	}
	if ('[{'.includes(char)) Object.assign(state, { depth: 1, entry: 'nothing' });
	else if (char === '"' || char === "'") state.quote = char;
	else state.plain = true;
	return at + 1;
}

/** Whether this is the colon after a key. */
function endsPlain(line: string, at: number): boolean {
	return line[at] === ':' && (at + 1 === line.length || /[\s,[\]{}]/.test(line[at + 1] ?? ''));
}
