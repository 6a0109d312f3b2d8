// Finds messages by a part of them: what someone remembers, or thinks is important.
import { type CatalogueEntry, templatesOf } from './catalogue.ts';

/** Shorter parts occur in too many messages. */
const minLength = 8;
/** A longer text is a whole message. */
const maxLength = 200;

/** Every entry with a message that contains these words, ignoring case. */
export function entriesWithPart(text: string, entries: readonly CatalogueEntry[]): CatalogueEntry[] {
	const part = plain(text);
	// A single everyday word means nothing.
	if (part.length < minLength || part.length > maxLength || /^[A-Z]?[a-z]+$/.test(text.trim())) return [];
	return entries.filter(entry => templatesOf(entry).some(pieces => plain(pieces.join(' ')).includes(part)));
}

function plain(text: string): string {
	return text.replace(/\s+/g, ' ').trim().toLowerCase();
}
