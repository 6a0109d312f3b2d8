// Splits nginx's configuration language into directives, and inserts included files. No npm package keeps line
// numbers and bounds hostile text.
import { baseName, type Effort, maxProxyBytes } from './route.ts';

export type Directive = { name: string; words: string[]; block?: Directive[]; file: string; line: number };

const maxDepth = 20;

/** The directives in a text, and what is wrong with it. Reads each character once. */
export function directivesOf(
	text: string,
	file: string,
): { directives: Directive[]; problem?: { line: number; why: string } } {
	const root: Directive[] = [];
	const open: Directive[][] = [root];
	let words: { text: string; line: number }[] = [];
	let line = 1;
	const stop = (why: string) => ({ directives: root, problem: { line, why } });
	if (text.length > maxProxyBytes) return stop('It is larger than 1 MB.');
	for (let at = 0; at < text.length; ) {
		const character = text[at] ?? '';
		if (character === '\n') line++;
		if (/[ \t\r\n\uFEFF]/.test(character)) at++;
		else if (character === '#') {
			const end = text.indexOf('\n', at);
			at = end < 0 ? text.length : end;
		} else if (character === ';' || character === '{') {
			const [name, ...rest] = words;
			at++;
			if (!name) return stop('A directive has no name.');
			const directive: Directive = { name: name.text, words: rest.map(word => word.text), file, line: name.line };
			open.at(-1)?.push(directive);
			words = [];
			if (character === '{') {
				directive.block = [];
				open.push(directive.block);
				if (open.length > maxDepth) return stop('It is nested too deeply.');
			}
		} else if (character === '}') {
			at++;
			if (words.length || open.length === 1) return stop('A brace closes nothing.');
			open.pop();
		} else {
			const word = wordAt(text, at);
			words.push({ text: word.text, line });
			line += text.slice(at, word.end).split('\n').length - 1;
			at = word.end;
		}
	}
	if (words.length || open.length > 1) return stop('It ends in the middle of a directive.');
	return { directives: root };
}

const escapes: Record<string, string> = { '"': '"', "'": "'", '\\': '\\', t: '\t', r: '\r', n: '\n' };

/** A word, quoted or not. `${name}` and the braces of a quoted expression are part of it. */
function wordAt(text: string, start: number): { text: string; end: number } {
	const quote = text[start] === '"' || text[start] === "'" ? text[start] : undefined;
	const parts: string[] = [];
	let at = quote ? start + 1 : start;
	for (; at < text.length; at++) {
		const character = text[at] ?? '';
		if (character === '\\' && at + 1 < text.length) {
			const next = text[++at] ?? '';
			parts.push(escapes[next] ?? `\\${next}`);
		} else if (quote ? character === quote : /[ \t\r\n;]/.test(character)) break;
		else if (!quote && character === '{' && text[at - 1] !== '$') break;
		else parts.push(character);
	}
	return { text: parts.join(''), end: Math.max(quote ? at + 1 : at, start + 1) };
}

/** Inserts the files named in `include`, also by a pattern such as `*.conf`, if they were given. Stops at cycles. */
export function withIncluded(read: ReadonlyMap<string, Directive[]>, effort: Effort): Directive[] {
	const included = new Set<string>();
	const names = [...read.keys()].sort();
	const splice = (directives: readonly Directive[], way: readonly string[]): Directive[] =>
		directives.flatMap((directive): Directive[] => {
			effort.spend(1);
			if (directive.block) return [{ ...directive, block: splice(directive.block, way) }];
			const [wanted] = directive.words;
			if (directive.name !== 'include' || wanted === undefined || way.length > 8) return [directive];
			const found = filesNamed(wanted, names).filter(name => !way.includes(name));
			if (!found.length) return [directive];
			return found.flatMap(name => {
				included.add(name);
				return splice(read.get(name) ?? [], [...way, name]);
			});
		});
	const spliced = [...read].map(([name, directives]) => ({ name, directives: splice(directives, [name]) }));
	return spliced.flatMap(({ name, directives }) => (included.has(name) ? [] : directives));
}

/** The given files that an `include` means. Files sent to a room have no folder. */
export function filesNamed(wanted: string, names: readonly string[]): string[] {
	const pattern = patternFor(baseName(wanted));
	const found = names.filter(name => pattern.test(baseName(name)));
	const inFolder = found.filter(name => folderOf(name) !== undefined && folderOf(name) === folderOf(wanted));
	return inFolder.length ? inFolder : found;
}

/** Asterisks and question marks are wildcards. More than two asterisks do not occur, and would take long to match. */
function patternFor(wanted: string): RegExp {
	const isLiteral = wanted.split('*').length > 3;
	const source = wanted.replaceAll(/[\\^$.*+?()[\]{}|]/g, found =>
		found === '*' && !isLiteral ? '.*' : found === '?' ? '.' : `\\${found}`,
	);
	return new RegExp(`^${source}$`, 's');
}

function folderOf(path: string): string | undefined {
	return path.split('/').at(-2);
}
