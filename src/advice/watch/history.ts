// The results of polls over time, as runs of consecutive equal results.

import type { Version } from '../../deployment/version.ts';
import { compare } from '../../deployment/version.ts';
import type { Build } from './build.ts';
import type { Observation, Observed, ServerFacts } from './observation.ts';

/** What one poll shows about the running release. */
export type Saw =
	| {
			is: 'synapse';
			version: Version;
			build?: Build;
			/** The version as reported, if it says more. */
			written?: string;
			/** Facts the server reports about itself, as of the last time it was asked. */
			tells?: ServerFacts;
	  }
	/** Other software, an unparsable version, a hidden version, or no response. Old stores lack `observed`. */
	| { is: 'other' | 'unreadable' | 'hidden' | 'silent'; observed?: Observed };

/** A run of equal polls, with the times of its first and last poll (ISO 8601, UTC). */
export type LookRun = { since: string; until: string; looks: number } & Saw;

/** At most this many runs are kept per server. */
const maxRuns = 40;

/** Polls at most this far (ms) before the last one were only stored late; clocks of machines differ by less. */
const maxLate = 3600_000;

/** Whether a time (ISO 8601, UTC) was stored when the clock was ahead. */
export function isAhead(time: string, now: Date): boolean {
	return Date.parse(time) - now.getTime() > maxLate;
}

/** The history with one more poll. A poll that is stored after a later one is ignored. */
export function withLook(before: readonly LookRun[], saw: Saw, at: string): LookRun[] {
	const isTurnedBack = Date.parse(before.at(-1)?.until ?? at) - Date.parse(at) > maxLate;
	const history = isTurnedBack ? beforeNow(before, at) : before;
	const last = history.at(-1);
	if (last && at <= last.until) return [...history];
	const tells = saw.is === 'synapse' && !saw.tells && toldBy(history, saw.version);
	const seen = tells ? { ...saw, tells } : saw;
	if (last && isSame(last, saw))
		return [...history.slice(0, -1), { since: last.since, until: at, looks: last.looks + 1, ...seen }];
	return [...history, { since: at, until: at, looks: 1, ...seen }].slice(-maxRuns);
}

/**
 * Polls from the time when a clock was ahead count as the last ones before now, and took as long as they did, as far as
 * the polls before them leave room for that: it is not known when the clock was set ahead.
 */
function beforeNow(history: readonly LookRun[], at: string): LookRun[] {
	const ahead = Date.parse(history.at(-1)?.until ?? at) - Date.parse(at) + 1;
	const earlier = (time: string) => (time < at ? time : new Date(Date.parse(time) - ahead).toISOString());
	let last = '';
	const inOrder = (time: string) => {
		if (time > last) last = time;
		return last;
	};
	return history.map(run => ({ ...run, since: inOrder(earlier(run.since)), until: inOrder(earlier(run.until)) }));
}

/** The facts that this version last reported. Most polls do not ask for them, and a silence does not change them. */
function toldBy(history: readonly LookRun[], version: Version): ServerFacts | undefined {
	const last = history.findLast(isTelling);
	return last?.is === 'synapse' && last.version === version ? last.tells : undefined;
}

/** Whether the poll showed what is running, even if that is other software or an unparsable version. */
export function isTelling({ is }: LookRun): boolean {
	return is === 'synapse' || is === 'other' || is === 'unreadable';
}

function isSame(a: Saw, b: Saw): boolean {
	if (a.is === 'synapse' && b.is === 'synapse') return a.version === b.version;
	// A different text means a different build, so a version stated for the previous one no longer holds.
	if (a.is === 'unreadable' && b.is === 'unreadable')
		return a.observed === undefined || writtenIn(a.observed) === writtenIn(b.observed);
	return a.is === b.is;
}

function writtenIn(observed: Observed | undefined): string | undefined {
	return observed && 'written' in observed ? observed.written : undefined;
}

/** What a poll shows; undefined if the server only asked us to wait, or was not asked. */
export function sawOf(observation: Observation): Saw | undefined {
	const { kind } = observation;
	if (kind === 'limited' || kind === 'unasked') return undefined;
	if (kind === 'running') {
		const { version, build, written, tells } = observation;
		const more = { ...(build && { build }), ...(written !== version && { written }), ...(tells && { tells }) };
		return { is: 'synapse', version, ...more };
	}
	const { server: _, at: __, ...observed } = observation;
	if (kind === 'other') return { is: 'other', observed };
	if (kind === 'unparsable') return { is: 'unreadable', observed };
	return { is: kind === 'hidden' || kind === 'excluded' ? 'hidden' : 'silent', observed };
}

/** The last observation, if it found no release; undefined also if an old store does not have it. */
export function lastObserved(history: readonly LookRun[]): Observed | undefined {
	const last = history.at(-1);
	return last && last.is !== 'synapse' ? last.observed : undefined;
}

/** A release stated by a person, and when (ISO 8601, UTC). */
export type ToldVersion = { version: Version; build?: Build; written?: string; at: string };

/** The running release as seen or stated, and since when. */
export type Running = RunningVersion & { by: 'look' | 'person'; build?: Build; written?: string };

/**
 * The release last seen or stated. A server that is silent or hides its version is assumed to run what it ran before;
 * one that now runs other software, or reports an unparsable version, has no known release.
 */
export function runningOf(history: readonly LookRun[], told: ToldVersion | undefined, now: Date): Running | undefined {
	const telling = history.filter(isTelling);
	const last = telling.at(-1);
	// A person who tells us what we cannot parse is believed until the version changes.
	const until = last?.is === 'unreadable' ? telling.at(-2)?.until : last?.until;
	// What was told when the clock was ahead was told before any poll since the clock was corrected.
	const isOld = until !== undefined && isAhead(told?.at ?? '', now) && !isAhead(until, now);
	if (told && !isOld && (until === undefined || told.at > until)) {
		const { at, ...what } = told;
		return { ...what, since: at, by: 'person' };
	}
	if (last?.is !== 'synapse') return undefined;
	const before = history.findLastIndex(({ is }) => is === 'other' || is === 'unreadable');
	const seen = history.slice(before + 1).filter(run => run.is === 'synapse');
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

/** A period in which polls saw one version; times are ISO 8601, UTC. */
export type SeenVersion = { version: Version; since: string; until: string; looks: number };

export type Mixture = { lowest: Version; highest: Version; since: string };

/** What is running, and since when (ISO 8601, UTC). */
export type RunningVersion = {
	/** The lowest of a mixture, because its vulnerabilities are open. */
	version: Version;
	since: string;
	mixture?: Mixture;
	/** An older version seen by the last polls, too briefly to count as a downgrade. */
	lately?: Version;
};

/** A version seen for this long (ms) without another one is the only one: two days. */
const steady = 48 * 3600 * 1000;

/** An older version seen at least this often and for this long (ms) without another one is a downgrade. */
const settled = { looks: 3, ms: 6 * 3600 * 1000 };

export function standingOf(seen: readonly SeenVersion[]): RunningVersion | undefined {
	const runs = merged(seen);
	const mixture = mixtureIn(runs);
	if (mixture) return { version: mixture.lowest, since: mixture.since, mixture };
	const lately = runs.at(-1);
	const standing = runs.findLast((run, at) => !isShortWayDown(run, runs[at - 1]));
	if (!lately || !standing) return undefined;
	const { version, since } = standing;
	return { version, since, ...(lately !== standing && { lately: lately.version }) };
}

/** Merges runs with no other version between them, even across silence. */
function merged(seen: readonly SeenVersion[]): SeenVersion[] {
	const runs: SeenVersion[] = [];
	for (const run of seen) {
		const last = runs.at(-1);
		if (last?.version !== run.version) runs.push(run);
		else runs[runs.length - 1] = { ...last, until: run.until, looks: last.looks + run.looks };
	}
	return runs;
}

function lasted({ since, until }: SeenVersion): number {
	return Date.parse(until) - Date.parse(since);
}

function isShortWayDown(run: SeenVersion, before: SeenVersion | undefined): boolean {
	if (!before || compare(run.version, before.version) > 0) return false;
	return run.looks < settled.looks || lasted(run) < settled.ms;
}

/**
 * The mixture of versions that a server currently shows, if any. A single step up or down is an upgrade or a
 * downgrade, even if it is undone. If versions return twice it is a mixture, until one version has been seen alone
 * for two days.
 */
function mixtureIn(runs: readonly SeenVersion[]): Mixture | undefined {
	const lasting = runs.findLastIndex(run => lasted(run) >= steady);
	if (lasting === runs.length - 1) return undefined;
	// The episode starts with the last version that was alone; anything before is irrelevant.
	const episode = runs.slice(Math.max(0, lasting));
	const versions = episode.map(({ version }) => version);
	const returns = versions.filter((version, at) => versions.indexOf(version) < at).length;
	const distinct = [...new Set(versions)].sort(compare);
	const [lowest] = distinct;
	const highest = distinct.at(-1);
	const second = episode[1];
	if (returns < 2 || lowest === undefined || highest === undefined || !second) return undefined;
	return { lowest, highest, since: second.since };
}
