// The built-in edition: the knowledge shipped with the program. The single-file build replaces this module.
import { readPassages } from '../knowledge/compiled.ts';
import { type Edition, openEdition } from '../knowledge/edition.ts';

const folder = new URL('../../knowledge/', import.meta.url);

/** Throws like readKnowledge. */
export function openOwnEdition(): Promise<Edition> {
	return openEdition(folder);
}

export function ownPassages(): ReturnType<Edition['passages']> {
	return readPassages(folder);
}
