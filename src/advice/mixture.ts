// Several versions behind one name: a load balancer in front of servers that were not upgraded together.
import { compare, type Version } from './version.ts';

/** A time during which looks saw one version; times are ISO 8601, UTC. */
export type Seen = { version: Version; since: string; until: string };

export type Mixture = { lowest: Version; highest: Version; since: string };

/** A version seen for so long (milliseconds) without another is the only one: two days. */
const steady = 48 * 3600 * 1000;

/**
 * The mixture that a server shows now, or undefined. One step up or down is an upgrade or a way back; a version that
 * returns after another one was seen is a mixture, until one has been seen alone for two days.
 */
export function mixtureOf(seen: readonly Seen[]): Mixture | undefined {
	const lasting = seen.findLastIndex(({ since, until }) => Date.parse(until) - Date.parse(since) >= steady);
	if (lasting === seen.length - 1) return undefined;
	// The last one that was there alone is where it began: what ran before it is of no account.
	const episode = seen.slice(Math.max(0, lasting));
	const versions = episode.map(({ version }) => version);
	const returns = versions.some((version, at) => versions.indexOf(version) < at - 1);
	const distinct = [...new Set(versions)].sort(compare);
	const [lowest] = distinct;
	const highest = distinct.at(-1);
	const second = episode[1];
	if (!returns || lowest === undefined || highest === undefined || lowest === highest || !second) return undefined;
	return { lowest, highest, since: second.since };
}
