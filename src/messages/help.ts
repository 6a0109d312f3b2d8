// The words of !help.
import type { Answer } from '../answer.ts';
import type { Command } from '../command.ts';
import { closedFacts, openFacts } from '../deployment/facts.ts';
import { list } from '../text/format.ts';
import { code } from '../text/markdown.ts';

export function helpWords(commands: readonly Command[]): Answer {
	const lines = commands.map(({ usage, summary }) => `${code(`!${usage}`)}: ${summary}`);
	const lead = `**I tell you what a Synapse upgrade asks of your server.** Try ${code('!upgrade 1.56 1.69')}`;
	const more = `${code('!help upgrade')} says more about a command, ${code('!help facts')} what you can say about your deployment. ${code('!glia upgrade …')} and mentioning me work as well.`;
	const value = {
		format: 1,
		commands: commands.map(({ name, usage, summary, changes }) => ({ name, usage, summary, changes })),
	};
	return {
		value,
		lead,
		sections: [{ title: 'What you can say', markdown: `${list(lines)}\n\n${more}`, fold: false }],
		kind: 'answer',
	};
}

export function commandWords({ name, usage, summary, examples, help, changes }: Command): Answer {
	const rights = changes ? 'It changes something, so it needs the power to do so in this room.' : '';
	const shown = `For example: ${examples.map(example => code(`!${example}`)).join(' or ')}`;
	const lead = [`**${code(`!${usage}`)}** ${summary}.`, help ?? '', rights, shown].filter(Boolean).join('\n\n');
	return { value: { format: 1, name, usage, summary, examples, changes }, lead, sections: [], kind: 'answer' };
}

export function factsWords(): Answer {
	const closed = Object.entries(closedFacts).map(([fact, { means, example, ...rest }]) => {
		const values = 'values' in rest && fact !== 'os' ? ` (${rest.values.map(code).join(', ')})` : '';
		return `${code(fact)}: ${means}${values}. Say ${code(example)}`;
	});
	const open = Object.entries(openFacts).map(([fact, means]) => `${code(fact)}: ${means}`);
	return {
		value: { format: 1, facts: { ...closedFacts, ...openFacts } },
		lead: `**Facts shorten a plan to what concerns your server.** Write them behind the versions: ${code('!upgrade 1.56 1.69 docker postgres=14 no-workers')}. What you do not state stays unknown, and is shown with a condition.`,
		sections: [
			{ title: 'With a value', markdown: list(closed), fold: false },
			{
				title: 'Yes or no',
				markdown: `True as they stand, false with ${code('no-')} in front.\n\n${list(open)}`,
				fold: false,
			},
		],
		kind: 'answer',
	};
}
