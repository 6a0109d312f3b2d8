// Whether upstream can still be heard, and what a room is told when it cannot, and when it can again.
import type { Trouble } from './observation.ts';

/** Why a source cannot be read, or only a part of it. */
export type SourceTrouble =
	| { is: 'unreached'; trouble: Trouble }
	/** `wrongToken`: the configured token was refused. `asksToWait`: it said for how long. */
	| { is: 'status'; status: number; wrongToken?: true; asksToWait?: true }
	/** It does not look as it did. */
	| { is: 'changed'; reason: string }
	/** Items that were left out: the first of them, and how many more; `lacks`: what else is amiss. */
	| { is: 'incomplete'; left: readonly { item: string; why: string }[]; more: number; lacks?: string };

/** How a source of upstream's stands: when it was last read, how often in a row it failed since, and why. */
export type SourceStanding = { name: string; read?: Date; failures: number; trouble?: SourceTrouble };

export type UpstreamSilence = {
	/** Since when the first of them was not read. */
	since: Date;
	sources: readonly SourceStanding[];
};

/** What a room would miss; what else is stale stands in `!status`. */
const telling = ['releases', 'upgrade notes', 'advisories'];
/** A source is silent when it was not read for two days and failed this often: a single failure may be our own network. */
const silentAfter = { ms: 48 * 3600_000, failures: 3 };

/** The sources that have not answered for long, or undefined. `known`: the day on which the edition was compiled. */
export function silenceOf(sources: readonly SourceStanding[], known: string, now: Date): UpstreamSilence | undefined {
	const silent = sources
		.filter(({ name, failures }) => telling.includes(name) && failures >= silentAfter.failures)
		.map(source => ({ ...source, since: source.read ?? new Date(known) }))
		.filter(({ since }) => now.getTime() - since.getTime() >= silentAfter.ms);
	const [first] = silent.map(({ since }) => since).sort((a, b) => a.getTime() - b.getTime());
	return first && { since: first, sources: silent };
}

/** Whether all that a room would miss has been read again, lately: a start begins without failures. */
export function isHeardAgain(sources: readonly SourceStanding[], now: Date): boolean {
	const told = sources.filter(({ name }) => telling.includes(name));
	return (
		told.length > 0 &&
		told.every(({ failures, read }) => failures === 0 && read && now.getTime() - read.getTime() < silentAfter.ms)
	);
}
