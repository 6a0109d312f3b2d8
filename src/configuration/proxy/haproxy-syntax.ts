// Splits HAProxy's configuration language into sections, lines and words.

export type HaproxyLine = { words: string[]; file: string; line: number };
export type ProxySection = {
	kind: string;
	name: string;
	file: string;
	line: number;
	/** The name of the `defaults` section behind `from`. */
	from?: string;
	lines: HaproxyLine[];
};

const sectionNames =
	/^(?:global|defaults|frontend|backend|listen|resolvers|peers|userlist|cache|program|mailers|ring|http-errors|fcgi-app|log-forward|log-profile|crt-store|traces|acme)$/;

export function sectionsOf({ name: file, text }: { name: string; text: string }): ProxySection[] {
	const sections: ProxySection[] = [];
	for (const [index, raw] of text.split(/\r?\n/).entries()) {
		const words = wordsOf(raw);
		const [kind = '', name = '', ...rest] = words;
		if (!words.length) continue;
		const from = name === 'from' ? rest[0] : rest[0] === 'from' ? rest[1] : undefined;
		if (sectionNames.test(kind))
			sections.push({
				kind,
				name: name === 'from' ? '' : name,
				file,
				line: index + 1,
				...(from !== undefined && { from }),
				lines: [],
			});
		else sections.at(-1)?.lines.push({ words, file, line: index + 1 });
	}
	return sections;
}

const escapes: Record<string, string> = {
	n: '\n',
	r: '\r',
	t: '\t',
	' ': ' ',
	'#': '#',
	'\\': '\\',
	'"': '"',
	"'": "'",
};

/** Quotes may begin within a word. A number sign outside of quotes begins a comment. */
export function wordsOf(line: string): string[] {
	const words: string[] = [];
	let word: string | undefined;
	let quote = '';
	for (let at = 0; at < line.length; at++) {
		const character = line[at] ?? '';
		const next = line[at + 1] ?? '';
		if (character === '\\' && quote !== "'") {
			const escaped = quote === '"' && next === '$' ? '$' : escapes[next];
			word = (word ?? '') + (escaped ?? `\\${next}`);
			at++;
		} else if (quote ? character === quote : character === '"' || character === "'") {
			quote = quote ? '' : character;
			word ??= '';
		} else if (!quote && character === '#') break;
		else if (!quote && /\s/.test(character)) {
			if (word !== undefined) words.push(word);
			word = undefined;
		} else word = (word ?? '') + character;
	}
	if (word !== undefined) words.push(word);
	return words;
}
