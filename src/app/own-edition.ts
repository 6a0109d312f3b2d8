// What came with the program: the knowledge beside it. The build of one file puts another module in the place of this one.
import { readPassages } from '../knowledge/compiled.ts';
import { type Edition, openEdition } from '../knowledge/edition.ts';

const folder = new URL('../../knowledge/', import.meta.url);

/** Throws as readKnowledge does. */
export function openOwnEdition(): Promise<Edition> {
	return openEdition(folder);
}

export function ownPassages(): ReturnType<Edition['passages']> {
	return readPassages(folder);
}
