// Parses Synapse's docs/upgrade.md into passages for curators to read, by release.
import type { Version } from '../../deployment/version.ts';
import { addressOf, anchorsOf, sectionsOf } from './markdown.ts';
import type { ReadPassage } from './passage.ts';
import { versionOf } from './passage.ts';

const page = 'https://element-hq.github.io/synapse/latest/upgrade.html';

/**
 * The passages in order. Sections that belong to no release (how to upgrade, rolling back, very old versions) are
 * left out. `place` maps a section's release to a real one, because some name a release that was never published.
 */
export function upgradePassages(document: string, place: (version: Version) => Version): ReadPassage[] {
	const sections = sectionsOf(document);
	const anchors = anchorsOf(sections.map(section => section.title));
	const passages: ReadPassage[] = [];
	let above: { release: Version; section: string; heading?: string } | undefined;
	let under: ReadPassage | undefined;
	for (const [at, { level, title, lines }] of sections.entries()) {
		const text = [...lines];
		if (level === 1) {
			const version = versionOf(/^Upgrading to (\S+)$/.exec(title)?.[1] ?? '');
			above = version === undefined ? undefined : { release: place(version), section: title };
		} else if (above && level === 2) above = { release: above.release, section: above.section, heading: title };
		if (!above) continue;
		if (level > 3 && under) {
			under.text += `\n${title}\n${text.join('\n')}`;
			continue;
		}
		const isBare = !text.join('').trim() && (sections[at + 1]?.level ?? 0) > level;
		const passage: ReadPassage = {
			document: 'upgrade.md',
			...above,
			...(level > 2 && { under: title }),
			url: addressOf(page, anchors[at]),
			text: text.join('\n'),
		};
		under = level === 3 ? passage : undefined;
		// A heading without text is represented by the passages below it. At level 3 it has its own, because deeper
		// headings become its text.
		if (!isBare || under) passages.push(passage);
	}
	return passages;
}
