// An edition: everything Glia knows at one time, as one immutable value, so that an answer never mixes two.
import type { Code } from '../configuration/code.ts';
import { openCode } from './code-tables.ts';
import { openKnowledge, readPassages } from './compiled.ts';
import { type Distributions, openDistributions } from './distributions.ts';
import type { Knowledge, Passage } from './schema/synapse.ts';

/** Who published a bundle, and when (ISO 8601 to the second, UTC). */
export type Publication = { author: string; made: string };

export type Edition = {
	knowledge: Knowledge;
	code: Code;
	/** What the playbook and the charts changed themselves. */
	distributions: Distributions;
	/** Every upstream passage that a refresh has seen, whether or not a curator has read it. */
	passages: () => readonly Passage[];
	/** Absent: built into the program. */
	publication?: Publication;
};

/** The edition whose files are below `folder`, which ends in a slash. Throws like readKnowledge. */
export async function openEdition(folder: URL, publication?: Publication): Promise<Edition> {
	const knowledge = await openKnowledge(folder);
	return {
		knowledge,
		code: openCode(folder),
		distributions: openDistributions(folder),
		passages: () => readPassages(folder),
		...(publication && { publication }),
	};
}
