// What the bot asks of the web: observations of servers, upstream's documents.
import type { Observation } from '../advice/watch/observation.ts';
import type { SourceTrouble } from '../advice/watch/upstream-outage.ts';
import type { BundleRefusal, Horizon } from '../knowledge/bundle.ts';
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
	/** Looks for a newer bundle if that is due. Never rejects. */
	readBundle: () => Promise<void>;
	/** How the last looks went; undefined where none is configured. */
	bundleLook: () => BundleLook | undefined;
	/** Asks for a newer version of Glia, if it is time and somebody is named who announces them. Never rejects. */
	readEdition: () => Promise<void>;
	/** A version of Glia that is newer than this one, as far as is known. */
	newerEdition: () => string | undefined;
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

/** How looking for bundles goes. */
export type BundleLook = {
	address: string;
	/** When a good bundle was last there, known or new. */
	read?: Date;
	next: Date;
	/** Why the last check brought none. */
	trouble?: BundleTrouble;
};

/** Why a look brought no bundle that counts: it was not reached, or what came is refused. */
export type BundleTrouble = { at: Date } & ({ source: SourceTrouble } | { refusal: BundleRefusal });

/** Published knowledge: how looking goes, and which bundle counts; none of them does while the program's own is newer. */
export type PublishedKnowledge = BundleLook & { counts?: { author: string; made: string; horizon: Horizon } };

/** Texts kept across restarts, by key. */
export type Kept = {
	get: (key: string) => Promise<string | undefined>;
	put: (key: string, text: string) => Promise<void>;
};
