// A part of a message, without the rest: what somebody remembers, or takes for the words that matter.
import { type CatalogueEntry, templatesOf } from './catalogue.ts';

/** Shorter parts stand in too many messages. */
const minLength = 8;
/** A longer text is a message, not a part of one. */
const maxLength = 200;

/** Every entry with a message that has these words, whatever their case. */
export function entriesWithPart(text: string, entries: readonly CatalogueEntry[]): CatalogueEntry[] {
	const part = plain(text);
	// One word of everyday language says nothing.
	if (part.length < minLength || part.length > maxLength || /^[A-Z]?[a-z]+$/.test(text.trim())) return [];
	return entries.filter(entry => templatesOf(entry).some(pieces => plain(pieces.join(' ')).includes(part)));
}

function plain(text: string): string {
	return text.replace(/\s+/g, ' ').trim().toLowerCase();
}
