// The state of upstream's sources: what is wrong, since when they have been silent, and whether they are back.
import type { Trouble } from './observation.ts';

/** Why a source cannot be read, fully or in part. */
export type SourceTrouble =
	| { is: 'unreached'; trouble: Trouble }
	/** `wrongToken`: the configured token was refused. `asksToWait`: the source said how long to wait. */
	| { is: 'status'; status: number; wrongToken?: true; asksToWait?: true }
	/** It does not have the expected form. */
	| { is: 'changed'; reason: string }
	/** Items that were skipped: the first of them, and how many more; `lacks`: what else is wrong. */
	| { is: 'incomplete'; left: readonly { item: string; why: string }[]; more: number; lacks?: string };

/** The state of a source: when it was last read, consecutive failures since, and why. */
export type SourceStanding = { name: string; read?: Date; failures: number; trouble?: SourceTrouble };

export type UpstreamSilence = {
	/** The time from which the first of them could not be read. */
	since: Date;
	sources: readonly SourceStanding[];
};

/** The sources a room would miss; others are only mentioned in `!status`. */
const telling = ['releases', 'upgrade notes', 'advisories'];
/**
 * A source is unreachable if it has not been read for two days and has failed this often: a single failure may be our
 * own network.
 */
const silentAfter = { ms: 48 * 3600_000, failures: 3 };

/** The sources that have not been read for a long time, or undefined. `known`: the day the edition was compiled. */
export function silenceOf(sources: readonly SourceStanding[], known: string, now: Date): UpstreamSilence | undefined {
	const silent = sources
		.filter(({ name, failures }) => telling.includes(name) && failures >= silentAfter.failures)
		.map(source => ({ ...source, since: source.read ?? new Date(known) }))
		.filter(({ since }) => now.getTime() - since.getTime() >= silentAfter.ms);
	const [first] = silent.map(({ since }) => since).sort((a, b) => a.getTime() - b.getTime());
	return first && { since: first, sources: silent };
}

/**
 * Whether all sources that a room would miss have been read recently. Counting failures is not enough: a start
 * resets them.
 */
export function isHeardAgain(sources: readonly SourceStanding[], now: Date): boolean {
	const told = sources.filter(({ name }) => telling.includes(name));
	return (
		told.length > 0 &&
		told.every(({ failures, read }) => failures === 0 && read && now.getTime() - read.getTime() < silentAfter.ms)
	);
}
