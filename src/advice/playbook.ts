// What the playbook matrix-docker-ansible-deploy installs today, and what it asks of those who have not updated it lately.
import type { Section } from '../command.ts';
import type { Playbook } from '../knowledge/shape.ts';
import { escapeMarkdown } from './markdown.ts';

const most = 15;

/** For somebody whose playbook is as old as that day (`2026-03-01`). */
export function playbookSection({ synapse, entries }: Playbook, since: string): Section {
	const breaking = entries.filter(({ date, breaking }) => breaking && date > since);
	const lines = breaking
		.slice(0, most)
		.map(({ date, title, url }) => `- ${date}: [${escapeMarkdown(title)}](<${url}>)`);
	const more = breaking.length > most ? `\n- and ${breaking.length - most} older ones` : '';
	const told = breaking.length
		? `Since ${since} it told its users of ${breaking.length} changes that may break something, newest first (its own words):\n\n${lines.join('\n')}${more}`
		: `Since ${since} it told its users of no change that breaks something.`;
	return {
		title: 'The playbook today',
		markdown: `It installs Synapse ${synapse} at the moment. ${told}`,
		fold: true,
	};
}
