// What looks at a server saw over time: spells, each of them looks that saw the same, one after the other.
import type { Build } from './build.ts';
import { type Standing, standingOf } from './mixture.ts';
import type { Observation } from './observation.ts';
import { observationWords } from './observation.ts';
import type { Version } from './version.ts';

/** What one look tells about the release that runs. */
export type Saw =
	| {
			is: 'synapse';
			version: Version;
			build?: Build /** What it calls itself, where that is more. */;
			written?: string;
	  }
	/** Other software; a version that cannot be read; no version; no answer. Markdown: `seen` in one clause, `why` whole. */
	| { is: 'other' | 'unreadable' | 'hidden' | 'silent'; why: string; seen?: string };

/** Times are ISO 8601, UTC: those of the first and of the last look of the spell. */
export type Spell = { since: string; until: string; looks: number } & Saw;

/** So many spells of a server are kept. */
const mostSpells = 40;

/** What a look says, or undefined when it says nothing: the server only asked to be left alone for a while, or was not asked. */
export function sawOf(observation: Observation): Saw | undefined {
	if (observation.kind === 'limited' || observation.kind === 'unasked') return undefined;
	if (observation.kind === 'running') {
		const { version, build, written } = observation;
		return { is: 'synapse', version, ...(build && { build }), ...(written !== version && { written }) };
	}
	const { result, advice } = observationWords(observation);
	const why = advice === undefined ? `${result}.` : `${result}. ${advice}`;
	if (observation.kind === 'other') return { is: 'other', why, seen: result };
	if (observation.kind === 'unparsable') return { is: 'unreadable', why, seen: result };
	if (observation.kind === 'hidden' || observation.kind === 'excluded') return { is: 'hidden', why };
	return { is: 'silent', why };
}

/** The spells with one more look. A look older than the last one counts for nothing: somebody's clock was turned back. */
export function withLook(spells: readonly Spell[], saw: Saw, at: string): Spell[] {
	const last = spells.at(-1);
	if (last && at <= last.until) return [...spells];
	if (last && isSame(last, saw))
		return [...spells.slice(0, -1), { since: last.since, until: at, looks: last.looks + 1, ...saw }];
	return [...spells, { since: at, until: at, looks: 1, ...saw }].slice(-mostSpells);
}

function isSame(a: Saw, b: Saw): boolean {
	if (a.is === 'synapse' && b.is === 'synapse') return a.version === b.version;
	// Another text is another build: what was told of the one before no longer holds.
	if (a.is === 'unreadable' && b.is === 'unreadable') return a.why === b.why;
	return a.is === b.is;
}

/** The release that a person told, and when (ISO 8601, UTC). */
export type Told = { version: Version; build?: Build; written?: string; at: string };

/** The release that runs as far as anybody knows, and since when it was seen or told. */
export type Running = Standing & { by: 'look' | 'person'; build?: Build; written?: string };

/**
 * The release that was seen or told last. A server that is silent or hides its version still runs what it ran; one that
 * became other software, or shows a version that cannot be read, runs none that is known.
 */
export function runningOf(spells: readonly Spell[], told: Told | undefined): Running | undefined {
	const telling = spells.filter(({ is }) => is === 'synapse' || is === 'other' || is === 'unreadable');
	const last = telling.at(-1);
	// A person who reads for us what we cannot is believed until it changes.
	const until = last?.is === 'unreadable' ? telling.at(-2)?.until : last?.until;
	if (told && (until === undefined || told.at > until)) {
		const { at, ...what } = told;
		return { ...what, since: at, by: 'person' };
	}
	if (last?.is !== 'synapse') return undefined;
	const before = spells.findLastIndex(({ is }) => is === 'other' || is === 'unreadable');
	const seen = spells.slice(before + 1).filter(spell => spell.is === 'synapse');
	const standing = standingOf(seen);
	const shown = standing && seen.findLast(({ version }) => version === standing.version);
	return (
		standing && {
			...standing,
			by: 'look',
			...(shown?.build && { build: shown.build }),
			...(shown?.written !== undefined && { written: shown.written }),
		}
	);
}
