// Reads what matrix-docker-ansible-deploy installs now, and its announcements.

import { isVersion } from '../../deployment/version.ts';
import { harmless } from '../../text/markdown.ts';
import { isDay } from '../schema/fields.ts';
import type { Playbook } from '../schema/synapse.ts';
import { addressOf, anchorsOf, sectionsOf, wordsOf } from './markdown.ts';
import { versionOf } from './passage.ts';
import { quotation } from './quotation.ts';

const page = 'https://github.com/spantaleev/matrix-docker-ansible-deploy/blob/master/CHANGELOG.md';

/** `(BC Break)`, `(Backward Compatibility Break)`, `(Potential Backward Compatibility Break)` … */
const breaking = /\((?:[\w ]+ )?(?:BC|(?:backward )?compatibility) break\)/i;
/** Breaking changes that are not labelled as such. */
const removing = /\b(?:has|have) been removed\b|\brequired\b|\bmust\b/i;

/** The entries of the changelog, newest first, or why the document cannot be one. */
export function playbookEntries(document: string): { entries: Playbook['entries'] } | { reason: string } {
	const sections = sectionsOf(document);
	const anchors = anchorsOf(sections.map(({ title }) => title));
	const entries: Playbook['entries'][number][] = [];
	let date: string | undefined;
	for (const [at, { level, title: whole, lines }] of sections.entries()) {
		const title = whole.slice(0, 1000);
		if (level === 1) date = isDay(title.trim()) ? title.trim() : undefined;
		if (date === undefined) continue;
		if (level === 2) {
			const text = quotation(lines.join('\n'), page, 1200);
			entries.push({
				date,
				title: harmless(wordsOf(title)).slice(0, 200),
				breaking: breaking.test(title) || removing.test(title),
				text,
				url: addressOf(page, anchors[at]),
			});
		}
	}
	const once = [...new Map(entries.map(entry => [`${entry.date} ${entry.title}`, entry])).values()];
	return once.length >= 20 ? { entries: once } : { reason: `only ${once.length} dated entries` };
}

/** The Synapse version that the role installs, or why the file does not say. */
export function playbookSynapse(defaults: string): { synapse: string } | { reason: string } {
	const found = /^matrix_synapse_version:\s*["']?v?([\w.+-]{1,40})["']?\s*(?:#.*)?$/m.exec(defaults)?.[1];
	const version = versionOf(found ?? '');
	return version !== undefined && isVersion(version)
		? { synapse: version }
		: { reason: 'no matrix_synapse_version in it' };
}
