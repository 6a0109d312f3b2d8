// !notes: all that one release asks, and the facts of that release.
import { advisoriesOf } from '../src/advice/upgrade/advisories.ts';
import { releaseNotes } from '../src/advice/upgrade/release-notes.ts';
import { Refusal } from '../src/answer.ts';
import { linesOf } from '../src/arguments/versions.ts';
import { readProfile, sortWords } from '../src/arguments/words.ts';
import type { Command, Ports } from '../src/command.ts';
import { notesWords } from '../src/messages/notes.ts';
import { code, quoted } from '../src/text/markdown.ts';

const example = '!notes 1.67';

export const notes = {
	name: 'notes',
	usage: 'notes <release> [facts…]',
	summary: 'all that one release asks, and its facts',
	examples: ['notes 1.67', 'notes 1.66.0 email'],
	help: `A release of two parts (${code('1.138')}) means all its patch releases. A candidate (${code('1.164.0rc1')}) has the notes of its final release.`,
	changes: false,
	run({ words }, { knowledge }: Pick<Ports, 'knowledge'>) {
		const { versions, terms, servers } = sortWords(words, example, knowledge.systems);
		const [typed, extra] = versions;
		if (typed === undefined || servers.length) throw new Refusal(`Which release? An example: ${code(example)}`);
		if (extra !== undefined)
			throw new Refusal(`One release at a time; for the way between two: ${quoted(`!upgrade ${typed} ${extra}`)}`);
		const { releases, candidate } = linesOf(typed, knowledge);
		const found = releaseNotes(releases, readProfile(terms), knowledge);
		return notesWords(found, advisoriesOf(releases, knowledge), candidate);
	},
} satisfies Command;
