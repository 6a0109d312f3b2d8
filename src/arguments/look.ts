// Parses `look` after `!upgrade`: alone it asks for the script; with the script's output it decides the plan.
import { type AskedCondition, strayIn } from '../advice/check/look.ts';
import { Refusal } from '../answer.ts';
import type { Version } from '../deployment/version.ts';
import { code, quoted } from '../text/markdown.ts';

/** The script's output: ids, and what it ran on, like `python=3.11`. */
export type LookOutput = { printed: string[]; python?: string };

/** `printed` absent: the word was not used; empty: it was used alone. */
export function takeLook(words: readonly string[]): { rest: string[] } & Partial<LookOutput> {
	const at = words.findIndex(word => /^look$/i.test(word));
	if (at < 0) return { rest: [...words] };
	const printed = words.slice(at + 1);
	const wrong = printed.find(word => !isPrinted(word));
	if (wrong !== undefined)
		throw new Refusal(
			`After ${code('look')}, give the output of the script, for example ${code('look none')}; ${quoted(wrong)} is not part of it.`,
		);
	return { rest: words.slice(0, at), ...outputOf(printed) };
}

function isPython(word: string): boolean {
	return /^python=3\.\d{1,2}$/.test(word);
}

function isPrinted(word: string): boolean {
	return isPython(word) || /^(none|\??(?:fault\/)?\d{1,3}\.\d{1,4}[\w.]{0,20}\/[a-z0-9-]{1,80})$/.test(word);
}

function outputOf(words: readonly string[]): LookOutput {
	const python = words.find(isPython);
	return { printed: words.filter(word => !isPython(word)), ...(python !== undefined && { python }) };
}

/** Refuses ids that the script for these conditions does not print: of another range, or with a typing error. */
export function refuseStray(
	printed: readonly string[],
	asked: readonly AskedCondition[],
	{ from, to }: { from: Version; to: Version },
): void {
	const stray = strayIn(printed, asked);
	if (stray !== undefined)
		throw new Refusal(
			`${quoted(stray)} is not output from the script for ${from} to ${to}. Give the releases that the script was made for.`,
		);
}

/** The script's output, if the text is nothing else. */
export function lookOutput(text: string): LookOutput | undefined {
	const [first, ...words] = text.trim().split(/\s+/, 1000);
	const output = outputOf(words);
	return first === 'look' && output.printed.length > 0 && words.every(isPrinted) ? output : undefined;
}
