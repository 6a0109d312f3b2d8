// !options: how the options differ between two releases: new, removed, deprecated, or with another default.
import { optionsBetween } from '../src/advice/options/between.ts';
import { Refusal } from '../src/answer.ts';
import { newest, readVersion } from '../src/arguments/versions.ts';
import { sortWords } from '../src/arguments/words.ts';
import type { Command, Ports } from '../src/command.ts';
import { compare } from '../src/deployment/version.ts';
import { optionsWords } from '../src/messages/options.ts';
import { code } from '../src/text/markdown.ts';

const example = '!options 1.98 1.163';

export const options = {
	name: 'options',
	usage: 'options <from> [to]',
	summary: 'options that were added, removed or changed',
	examples: ['options 1.98 1.163', 'options 1.140'],
	help: `Without a second version, the list ends at the newest release. ${code('!option NAME')} describes one option.`,
	changes: false,
	run({ words }, { knowledge, code: tables }: Pick<Ports, 'knowledge' | 'code'>) {
		const { versions, terms, servers } = sortWords(words, example, knowledge.systems);
		const [start, target, extra] = versions;
		if (start === undefined || servers.length || terms.length || extra !== undefined)
			throw new Refusal(`Give two releases, the older one first: ${code(example)}`);
		const from = readVersion(start, 'start', knowledge);
		const to =
			target === undefined ? { version: newest(knowledge), note: undefined } : readVersion(target, 'target', knowledge);
		const order = compare(from.version, to.version);
		if (order === 0) throw new Refusal(`Both are ${from.version}. For example: ${code(example)}`);
		if (order > 0)
			throw new Refusal(
				`${from.version} is newer than ${to.version}. The older one comes first: ${code(`!options ${to.version} ${from.version}`)}`,
			);
		const read = tables.options();
		const between = optionsBetween(from.version, to.version, { options: read, notes: knowledge.notes });
		return optionsWords(
			between,
			{ first: read.read[0] ?? '', last: read.read.at(-1) ?? '' },
			[from.note, to.note].filter(note => note !== undefined),
		);
	},
} satisfies Command;
