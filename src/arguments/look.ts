// `look` behind `!upgrade`: alone it asks for the script, with what the script printed it decides the plan.
import { Refusal } from '../answer.ts';
import { code, quoted } from '../text/markdown.ts';

/** `printed` absent: the word was not said; empty: it was said alone. */
export function takeLook(words: readonly string[]): { rest: string[]; printed?: string[] } {
	const at = words.findIndex(word => /^look$/i.test(word));
	if (at < 0) return { rest: [...words] };
	const printed = words.slice(at + 1);
	const wrong = printed.find(word => !isPrinted(word));
	if (wrong !== undefined)
		throw new Refusal(
			`After ${code('look')}, give the output of the script, like ${code('look none')}; ${quoted(wrong)} is not part of it.`,
		);
	return { rest: words.slice(0, at), printed };
}

function isPrinted(word: string): boolean {
	return /^(none|\??\d{1,3}\.\d{1,4}[\w.]{0,20}\/[a-z0-9-]{1,80})$/.test(word);
}

/** What the script printed, where a text is that and nothing else. */
export function lookOutput(text: string): string[] | undefined {
	const [first, ...printed] = text.trim().split(/\s+/, 1000);
	return first === 'look' && printed.length > 0 && printed.every(isPrinted) ? printed : undefined;
}
