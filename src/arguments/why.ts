// Parses what follows `!why`: releases, facts and a watched server, then the text.
import type { Term } from '../deployment/facts.ts';
import { parseTerm } from '../deployment/facts.ts';
import { parseServerName } from '../deployment/server-name.ts';

export type WhyTyped = {
	versions: string[];
	terms: Term[];
	/** What may be a server's name; the caller knows whether the room watches it. */
	server?: string;
	text: string;
	/** The text including that name. */
	withServer: string;
};

const versionWord = /^v?1\.\d{1,3}(?:\.\d{1,2})?(?:rc\d{1,2})?$/;

/** Words are only read from the first line, up to the first unknown one. */
export function readWhy(typed: string): WhyTyped {
	const found: WhyTyped = { versions: [], terms: [], text: '', withServer: '' };
	let rest = typed.trimStart();
	let withServer: string | undefined;
	// Facts are in lower case. “Postgres sequence '…' is inconsistent” is the start of an error, so such a word is
	// part of the text too.
	let begun: string | undefined;
	for (;;) {
		const word = /^[^\s`]{1,200}/.exec(rest)?.[0] ?? '';
		const term = parseTerm(word.toLowerCase());
		if (versionWord.test(word)) found.versions.push(word.replace(/^v/, ''));
		else if (term?.operator === '=' && found.terms.every(({ fact }) => fact !== term.fact)) {
			found.terms.push(term);
			if (word !== word.toLowerCase()) begun ??= rest;
		} else if (
			found.server === undefined &&
			/^[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d{1,5})?$/i.test(word) &&
			parseServerName(word)
		) {
			found.server = word.toLowerCase();
			withServer = begun ?? rest;
		} else break;
		rest = rest.slice(word.length);
		// The text may begin on the same line. If it begins on the next, no words precede it.
		const gap = /^[ \t]{0,100}\n?/.exec(rest)?.[0] ?? '';
		rest = rest.slice(gap.length);
		if (gap.includes('\n')) break;
	}
	found.text = begun ?? rest;
	found.withServer = withServer ?? begun ?? rest;
	return found;
}
