// The identity of a passage, as notes, waivers and upstream.json name it.
import type { Version } from '../../deployment/version.ts';
import type { Cover, Passage, Waiver } from './synapse.ts';

/** The fields that identify a passage. */
export type PassageName = Pick<Passage, 'document' | 'release' | 'heading' | 'under' | 'part' | 'bullet'>;

/** The passage that a note of this release covers. A cover names its section only if it belongs to another release. */
export function coveredBy(cover: Cover, release: Version): PassageName {
	if (cover.document === 'CHANGES.md') {
		return { document: cover.document, release: cover.release, part: cover.part, bullet: cover.bullet };
	}
	const { document, section, heading, under } = cover;
	return { document, release: section ?? release, ...(heading && { heading }), ...(under && { under }) };
}

/** The passage that a waiver is about. */
export function waivedBy({ document, release, heading, under, part, bullet }: Waiver): PassageName {
	return {
		document,
		release,
		...(heading && { heading }),
		...(under && { under }),
		...(part && { part }),
		...(bullet && { bullet }),
	};
}

/** The identity as a key and for people: `upgrade.md › 1.66.0 › Delegation of email validation no longer supported`. */
export function nameOf({ document, release, heading, under, part, bullet }: PassageName): string {
	return [document, release, heading, under, part, bullet].filter(word => word !== undefined).join(' › ');
}
