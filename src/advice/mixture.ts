// Which release looks show that run: through a way back, and through several versions behind one name, as a load balancer
// shows them whose servers were not upgraded together.
import { compare, type Version } from './version.ts';

/** A time during which looks saw one version; times are ISO 8601, UTC. */
export type Seen = { version: Version; since: string; until: string; looks: number };

export type Mixture = { lowest: Version; highest: Version; since: string };

/** What runs, and since when (ISO 8601, UTC). */
export type Standing = {
	/** The lowest of a mixture: its holes are open. */
	version: Version;
	since: string;
	mixture?: Mixture;
	/** An older version that the last looks saw, too shortly to call it a way back. */
	lately?: Version;
};

/** A version seen for so long (milliseconds) without another is the only one: two days. */
const steady = 48 * 3600 * 1000;
/** An older version seen so often and so long (milliseconds) without another has been gone back to. */
const settled = { looks: 3, ms: 6 * 3600 * 1000 };

export function standingOf(seen: readonly Seen[]): Standing | undefined {
	const spells = merged(seen);
	const mixture = mixtureIn(spells);
	if (mixture) return { version: mixture.lowest, since: mixture.since, mixture };
	const lately = spells.at(-1);
	const standing = spells.findLast((spell, at) => !isShortWayDown(spell, spells[at - 1]));
	if (!lately || !standing) return undefined;
	const { version, since } = standing;
	return { version, since, ...(lately !== standing && { lately: lately.version }) };
}

/** Spells between which nothing else was seen are one, whatever silence lies between them. */
function merged(seen: readonly Seen[]): Seen[] {
	const spells: Seen[] = [];
	for (const spell of seen) {
		const last = spells.at(-1);
		if (last?.version !== spell.version) spells.push(spell);
		else spells[spells.length - 1] = { ...last, until: spell.until, looks: last.looks + spell.looks };
	}
	return spells;
}

function lasted({ since, until }: Seen): number {
	return Date.parse(until) - Date.parse(since);
}

function isShortWayDown(spell: Seen, before: Seen | undefined): boolean {
	if (!before || compare(spell.version, before.version) > 0) return false;
	return spell.looks < settled.looks || lasted(spell) < settled.ms;
}

/**
 * The mixture that a server shows now, or undefined. One step up or down is an upgrade or a way back, and so is one that
 * is taken back; when versions return twice it is a mixture, until one has been seen alone for two days.
 */
function mixtureIn(spells: readonly Seen[]): Mixture | undefined {
	const lasting = spells.findLastIndex(spell => lasted(spell) >= steady);
	if (lasting === spells.length - 1) return undefined;
	// The last one that was there alone is where it began: what ran before it is of no account.
	const episode = spells.slice(Math.max(0, lasting));
	const versions = episode.map(({ version }) => version);
	const returns = versions.filter((version, at) => versions.indexOf(version) < at).length;
	const distinct = [...new Set(versions)].sort(compare);
	const [lowest] = distinct;
	const highest = distinct.at(-1);
	const second = episode[1];
	if (returns < 2 || lowest === undefined || highest === undefined || !second) return undefined;
	return { lowest, highest, since: second.since };
}
