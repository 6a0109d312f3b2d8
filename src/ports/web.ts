// What the bot asks of the web: observations of servers, upstream's documents.
import type { Observation } from '../advice/watch/observation.ts';
import type { SourceTrouble } from '../advice/watch/upstream-outage.ts';
import type { News } from '../knowledge/live.ts';

// The outside world: other people's servers and upstream's documents.

export type Web = {
	/**
	 * One look at a homeserver, however many ask for it meanwhile or within a minute. Never rejects. `person`: who asks for
	 * it; their looks wait for one another, not for those of others.
	 */
	observe: (server: string, person?: string) => Promise<Observation>;
	/** What upstream says and the knowledge does not, as last read; the same object until something changes. */
	news: () => News;
	sources: () => readonly SourceState[];
	/** Reads the sources that are due. Rejects only if what was read cannot be kept. */
	readNews: () => Promise<void>;
	/** Ends what is under way, at once. */
	close: () => void;
};

/** One of upstream's documents. */
export type SourceState = {
	/** `releases`, `upgrade notes` … */
	name: string;
	address: string;
	/** When it last answered as expected, though perhaps with nothing new. */
	read?: Date;
	tried?: Date;
	next: Date;
	trouble?: SourceTrouble;
	/** How often in a row it did not answer as expected, since the process began. */
	failures: number;
};

/** Texts kept across restarts, by key. */
export type Kept = {
	get: (key: string) => Promise<string | undefined>;
	put: (key: string, text: string) => Promise<void>;
};
