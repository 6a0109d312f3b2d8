// Parses the changelog of matrix-docker-ansible-deploy into sections by date, which a curator covers.

import { isDay } from '../schema/fields.ts';
import { addressOf, anchorsOf, sectionsOf } from './markdown.ts';

const page = 'https://github.com/spantaleev/matrix-docker-ansible-deploy/blob/master/CHANGELOG.md';

/** A section with its text as upstream wrote it. */
export type PlaybookSection = { date: string; heading: string; url: string; text: string };

/** The dated sections, newest first as written. The same heading twice on one day is one section. */
export function playbookSections(document: string): PlaybookSection[] {
	const sections = sectionsOf(document);
	const anchors = anchorsOf(sections.map(({ title }) => title));
	const found = new Map<string, PlaybookSection>();
	let date: string | undefined;
	let open: PlaybookSection | undefined;
	for (const [at, { level, title, lines }] of sections.entries()) {
		if (level === 1) {
			date = isDay(title.trim()) ? title.trim() : undefined;
			open = undefined;
		}
		if (date === undefined || level === 1) continue;
		if (level > 2) {
			if (open) open.text += `\n${title}\n${lines.join('\n')}`;
			continue;
		}
		const heading = title.trim();
		const key = `${date} ${heading}`;
		const before = found.get(key);
		open = before ?? { date, heading, url: addressOf(page, anchors[at]), text: '' };
		open.text += `${before ? '\n' : ''}${lines.join('\n')}`;
		found.set(key, open);
	}
	return [...found.values()];
}

/** The Synapse version in the role's defaults, which now set a version and used to set an image. */
export function installedSynapse(defaults: string): string | undefined {
	const version = /^matrix_synapse_version:\s*["']?v?(\d[\w.]*)["']?\s*(?:#.*)?$/m.exec(defaults)?.[1];
	return version ?? /^matrix_synapse_docker_image:\s*["']?[\w./-]+:v?(\d[\d.]*)/m.exec(defaults)?.[1];
}
