// What to say about the files that came with a command, besides what they show.
import type { Configuration } from '../configuration/files.ts';
import { sentence, small } from '../text/format.ts';
import { code } from '../text/markdown.ts';
import { typedFact } from './whose.ts';

/** Facts from the files that a person contradicted. */
export function contradictedWords(facts: readonly string[]): string[] {
	return facts.length ? [`The files say ${facts.map(typedFact).join(', ')}; I go by what you said.`] : [];
}

/** Files that a plan cannot use. */
export function unreadableWords({ unreadable }: Pick<Configuration, 'unreadable'>): string[] {
	return unreadable.map(
		({ file, line, why }) =>
			`I cannot use ${code(line === undefined ? file : `${file}:${line}`)}: ${small(sentence(why))} ${code('!check')} says more.`,
	);
}
