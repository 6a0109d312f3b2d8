// A passage that upstream wrote: its identity, and the hash that records which text a curator read.
import { createHash } from 'node:crypto';
import type { Version } from '../../deployment/version.ts';
import { isVersion } from '../../deployment/version.ts';
import type { Passage } from '../schema/synapse.ts';
import { wordsOf } from './markdown.ts';

/** A passage with its text. Only the text's hash is ever written to a file. */
export type ReadPassage = Omit<Passage, 'hash'> & { text: string };

/** Replaces each text by its hash. */
export function hashed(passages: readonly ReadPassage[]): Passage[] {
	return united(passages).map(({ text, ...passage }) => ({ ...passage, hash: hashOf(text) }));
}

/** Merges passages with the same identity, since a cover could not tell them apart. */
export function united(passages: readonly ReadPassage[]): ReadPassage[] {
	const byIdentity = new Map<string, ReadPassage>();
	for (const passage of passages) {
		const identity = JSON.stringify({ ...passage, url: undefined, text: undefined });
		const before = byIdentity.get(identity);
		byIdentity.set(identity, before ? { ...before, text: `${before.text}\n${passage.text}` } : passage);
	}
	return [...byIdentity.values()];
}

/** The first six hex digits of the SHA-256 of the text, ignoring changes in white space. */
export function hashOf(text: string): string {
	return createHash('sha256').update(text.replace(/\s+/g, ' ').trim()).digest('hex').slice(0, 6);
}

/** The first eight words, to name a passage that has no number. */
export function firstWords(text: string): string {
	return wordsOf(text)
		.split(' ')
		.slice(0, 8)
		.join(' ')
		.replace(/(?<![.,:;(])[.,:;(]+$/, '');
}

/** `v0.19.0-rc4` → `0.19.0rc4`, `v1.0` → `1.0.0`; undefined for anything that is not a release. */
export function versionOf(written: string): Version | undefined {
	const text = written
		.replace(/^v/, '')
		.replace(/-rc(?=\d)/, 'rc')
		.replace(/^(\d+\.\d+)(?=$|rc)/, '$1.0');
	return isVersion(text) ? text : undefined;
}
