// What the matrix-docker-ansible-deploy playbook installs today, and what it requires after a long time without an
// update.

import type { Fate } from '../advice/distribution/playbook-variables.ts';
import type { Section } from '../answer.ts';
import type { Playbook } from '../knowledge/schema/synapse.ts';
import { count } from '../text/format.ts';
import { code, escapeMarkdown } from '../text/markdown.ts';

const maxEntries = 15;

/** For a playbook last updated on that day (`2026-03-01`). */
export function playbookSection({ synapse, entries }: Playbook, since: string): Section {
	const breaking = entries.filter(({ date, breaking }) => breaking && date > since);
	const lines = breaking
		.slice(0, maxEntries)
		.map(({ date, title, url }) => `- ${date}: [${escapeMarkdown(title)}](<${url}>)`);
	const more = breaking.length > maxEntries ? `\n- and ${count(breaking.length - maxEntries, 'older one')}` : '';
	const told = breaking.length
		? `Since ${since}, it has announced ${count(breaking.length, 'change')} that may break something, newest first (in its own words):\n\n${lines.join('\n')}${more}`
		: `Since ${since}, it has announced no breaking changes.`;
	return {
		title: 'The playbook today',
		markdown: `It currently installs Synapse ${synapse}. ${told}`,
		fold: true,
	};
}

/** What to say about the new name, as clauses. */
export function fateReasons({ says, filled }: Fate): string[] {
	if (filled === undefined) return says;
	return [...says, `the playbook sets ${filled} itself: if you redefine it, its current entries are lost`];
}

export function fateWords(fate: Fate): string {
	const { old, new: now, never, changes } = fate;
	const says = fateReasons(fate);
	const why = says.length ? ` (${says.join('; ')})` : '';
	const when = changes.map(({ date, url }) => `[${date}](<${url}>)`).join(', then ');
	if (never)
		return `${code(old)} was never a variable of the playbook, which silently ignores it. You probably mean ${code(now ?? '')}.`;
	if (now === undefined) return `${code(old)} was removed without a replacement${why}${when ? ` (${when})` : ''}.`;
	const names = now.split(' or ').map(code).join(' or ');
	return `${code(old)} ${when ? `has been called ${names} since ${when}` : `is now ${names}`}${why}.`;
}
