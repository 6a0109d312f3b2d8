// What looks at a server saw over time: spells, each of them looks that saw the same, one after the other.
import { type Standing, standingOf } from './mixture.ts';
import type { Observation } from './observation.ts';
import { observationWords } from './observation.ts';
import type { Version } from './version.ts';

/** What one look tells about the release that runs. */
export type Saw =
	| { is: 'synapse'; version: Version }
	/** Other software; no version to be read; no answer. `why` is Markdown. */
	| { is: 'other' | 'hidden' | 'silent'; why: string };

/** Times are ISO 8601, UTC: those of the first and of the last look of the spell. */
export type Spell = { since: string; until: string; looks: number } & Saw;

/** So many spells of a server are kept. */
const mostSpells = 40;

/** What a look says, or undefined when it says nothing: the server only asked to be left alone for a while. */
export function sawOf(observation: Observation): Saw | undefined {
	if (observation.kind === 'limited') return undefined;
	if (observation.kind === 'running') return { is: 'synapse', version: observation.version };
	const { result, advice } = observationWords(observation);
	const why = advice === undefined ? `${result}.` : `${result}. ${advice}`;
	if (observation.kind === 'other') return { is: 'other', why };
	if (['hidden', 'unparsable', 'excluded'].includes(observation.kind)) return { is: 'hidden', why };
	return { is: 'silent', why };
}

/** The spells with one more look. A look older than the last one counts for nothing: somebody's clock was turned back. */
export function withLook(spells: readonly Spell[], saw: Saw, at: string): Spell[] {
	const last = spells.at(-1);
	if (last && at <= last.until) return [...spells];
	if (last && isSame(last, saw)) return [...spells.slice(0, -1), { ...last, ...saw, until: at, looks: last.looks + 1 }];
	return [...spells, { since: at, until: at, looks: 1, ...saw }].slice(-mostSpells);
}

function isSame(a: Saw, b: Saw): boolean {
	return a.is === 'synapse' && b.is === 'synapse' ? a.version === b.version : a.is === b.is;
}

/** The release that a person told, and when (ISO 8601, UTC). */
export type Told = { version: Version; at: string };

/** The release that runs as far as anybody knows, and since when it was seen or told. */
export type Running = Standing & { by: 'look' | 'person' };

/**
 * The release that was seen or told last. A server that is silent or hides its version still runs what it ran;
 * one that became other software runs none.
 */
export function runningOf(spells: readonly Spell[], told: Told | undefined): Running | undefined {
	const seen = spells.findLast(spell => spell.is === 'synapse' || spell.is === 'other');
	if (told && (!seen || told.at > seen.until)) return { version: told.version, since: told.at, by: 'person' };
	if (seen?.is !== 'synapse') return undefined;
	const other = spells.findLastIndex(({ is }) => is === 'other');
	const standing = standingOf(spells.slice(other + 1).filter(spell => spell.is === 'synapse'));
	return standing && { ...standing, by: 'look' };
}
