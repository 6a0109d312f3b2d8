// !option: the history of one option of homeserver.yaml.
import { below, lookUp, optionLife } from '../src/advice/options/option.ts';
import { Refusal } from '../src/answer.ts';
import { nearest } from '../src/arguments/nearest.ts';
import type { Command, Ports } from '../src/command.ts';
import { noOptionWords, optionWords } from '../src/messages/options.ts';
import { code, quoted } from '../src/text/markdown.ts';

const example = '!option email.smtp_host';
const maxListed = 20;

export const option = {
	name: 'option',
	usage: 'option <name>',
	summary: 'history of one configuration option',
	examples: ['option trust_identity_server_for_password_resets', 'option email.smtp_host'],
	help: `The last part of a name is enough if it is unique: ${code('!option smtp_host')}.`,
	changes: false,
	run({ words }, { knowledge, code: tables }: Pick<Ports, 'knowledge' | 'code'>) {
		const [first, extra] = words;
		// Punctuation of a sentence, or the colon copied from a file.
		const typed = first?.replace(/[?!:,]+$/, '');
		if (!typed) throw new Refusal(`Which option? For example: ${code(example)}`);
		if (extra !== undefined)
			throw new Refusal(
				`One option at a time. For example: ${code(example)}; to compare two releases: ${code('!options 1.98 1.163')}`,
			);
		const options = tables.options();
		const found = lookUp(typed, options, nearest);
		if (found.kind === 'several') {
			const listed = found.paths.slice(0, maxListed).map(path => code(path));
			const more = found.paths.length - listed.length;
			throw new Refusal(
				`Several options end with ${quoted(typed)}. Give one in full: ${listed.join(', ')}${more > 0 ? ` and ${more} more` : ''}.`,
			);
		}
		if (found.kind === 'none') throw new Refusal(noOptionWords(typed, found.near, options.read[0] ?? ''));
		const life = optionLife(found.path, options, knowledge.notes);
		if (!life) throw new Error(`${found.path} is in the table of options without any state`);
		return optionWords(
			life,
			{ first: options.read[0] ?? '', last: options.read.at(-1) ?? '' },
			{
				children: below(found.path, options),
				effects: knowledge.effects.filter(({ option: name }) => name === found.path || name === typed),
			},
		);
	},
} satisfies Command;
