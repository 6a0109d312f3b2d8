// Words for !help.
import type { Answer, Section } from '../answer.ts';
import type { Command } from '../command.ts';
import { closedFacts, openFacts } from '../deployment/facts.ts';
import { enumerate, list } from '../text/format.ts';
import { code } from '../text/markdown.ts';

/** Commands in neither of these groups plan or explain. */
const watching: ReadonlySet<string> = new Set('watch unwatch servers profile alerts ack snooze'.split(' '));
const aboutRoom: ReadonlySet<string> = new Set('room status verify operator help leave'.split(' '));

/** One line per command, without its arguments: `!help upgrade` explains those. */
function groupSection(title: string, commands: readonly Command[]): Section {
	const lines = commands.map(({ name, summary }) => `${code(`!${name}`)} ${summary}`);
	// A single paragraph, because the space around a heading would push the first lines off the screen.
	return { title: '', markdown: [`**${title}**`, ...lines].join('\\\n'), fold: false };
}

export function helpWords(commands: readonly Command[]): Answer {
	const lead = `**I tell you what a Synapse upgrade means for your server.** Try ${code('!upgrade 1.56 1.69')}`;
	const more = `${code('!help upgrade')} explains one command, and ${code('!help facts')} lists what you can tell me about your deployment.`;
	const value = {
		format: 1,
		commands: commands.map(({ name, usage, summary, changes }) => ({ name, usage, summary, changes })),
	};
	return {
		value,
		lead,
		sections: [
			groupSection(
				'Plan',
				commands.filter(({ name }) => !watching.has(name) && !aboutRoom.has(name)),
			),
			groupSection(
				'Watch',
				commands.filter(({ name }) => watching.has(name)),
			),
			groupSection(
				'This room',
				commands.filter(({ name }) => aboutRoom.has(name)),
			),
			{ title: '', markdown: more, fold: false },
		],
		kind: 'answer',
	};
}

export function commandWords({ name, usage, summary, examples, help, changes }: Command): Answer {
	const rights = changes ? 'This command makes changes, so you need a high enough power level in this room.' : '';
	const shown = `For example: ${enumerate(
		examples.map(example => code(`!${example}`)),
		'or',
	)}`;
	const lead = [`**${code(`!${usage}`)}** ${summary}.`, help ?? '', rights, shown].filter(Boolean).join('\n\n');
	return { value: { format: 1, name, usage, summary, examples, changes }, lead, sections: [], kind: 'answer' };
}

export function factsWords(): Answer {
	const closed = Object.entries(closedFacts).map(([fact, { means, example, ...rest }]) => {
		const values = 'values' in rest && fact !== 'os' ? ` (${rest.values.map(code).join(', ')})` : '';
		return `${code(fact)}: ${means}${values}, for example ${code(example)}`;
	});
	const open = Object.entries(openFacts).map(([fact, means]) => `${code(fact)}: ${means}`);
	return {
		value: { format: 1, facts: { ...closedFacts, ...openFacts } },
		lead: `**Facts narrow a plan down to what affects your server.** Add them after the versions: ${code('!upgrade 1.56 1.69 docker postgres=14 no-workers')}. Steps that depend on anything you leave out are shown with their condition.`,
		sections: [
			{ title: 'With a value', markdown: list(closed), fold: false },
			{
				title: 'Yes or no',
				markdown: `Write the name if it is true, and put ${code('no-')} in front if it is not.\n\n${list(open)}`,
				fold: false,
			},
		],
		kind: 'answer',
	};
}
