// !help: all commands, one command, or the facts.

import { Refusal } from '../src/answer.ts';
import { nearest } from '../src/arguments/nearest.ts';
import type { Command, Ports } from '../src/command.ts';
import { factWords } from '../src/deployment/facts.ts';
import { commandWords, factsWords, helpWords } from '../src/messages/help.ts';
import { code, quoted } from '../src/text/markdown.ts';

export const help = {
	name: 'help',
	usage: 'help [command or facts]',
	summary: 'this list, one command, or the facts',
	examples: ['help', 'help upgrade', 'help facts'],
	changes: false,
	run({ words }, { commands }: Pick<Ports, 'commands'>) {
		const [first] = words;
		if (first === undefined) return helpWords(commands);
		const name = first.toLowerCase().replace(/^!/, '');
		if (name === 'facts' || name === 'fact') return factsWords();
		const command = commands.find(other => other.name === name);
		if (command) return commandWords(command);
		if (factWords().includes(name)) return factsWords();
		const near = nearest(name, [...commands.map(other => other.name), 'facts']);
		throw new Refusal(
			`There is no command ${quoted(name)}.${near ? ` Did you mean ${code(`!help ${near}`)}?` : ''} ${code('!help')} lists them all.`,
		);
	},
} satisfies Command;
