// `look` behind `!upgrade`: alone it asks for the script, with what the script printed it decides the plan.
import { Refusal } from '../answer.ts';
import { code, quoted } from '../text/markdown.ts';

/** `printed` absent: the word was not said; empty: it was said alone. */
export function takeLook(words: readonly string[]): { rest: string[]; printed?: string[] } {
	const at = words.findIndex(word => /^look$/i.test(word));
	if (at < 0) return { rest: [...words] };
	const printed = words.slice(at + 1);
	const wrong = printed.find(word => !/^(none|\??\d+\.\d+[\w.]*\/[a-z0-9-]+)$/.test(word));
	if (wrong !== undefined)
		throw new Refusal(
			`Behind ${code('look')} stands what the script printed, like ${code('look none')}; ${quoted(wrong)} is none of it.`,
		);
	return { rest: words.slice(0, at), printed };
}
