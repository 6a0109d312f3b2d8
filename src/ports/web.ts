// What the bot asks of the web: observations of servers, and upstream's documents.
import type { Observation } from '../advice/watch/observation.ts';
import type { SourceTrouble } from '../advice/watch/upstream-outage.ts';
import type { BundleRefusal, Horizon } from '../knowledge/bundle.ts';
import type { News } from '../knowledge/live.ts';

export type Web = {
	/**
	 * Polls a homeserver. Requests within a minute share one poll. Never rejects. `person`: who asks; only a few of
	 * their polls run at the same time, so that they do not hold up other people's.
	 */
	observe: (server: string, person?: string) => Promise<Observation>;
	/** What upstream has published beyond our knowledge, as last read. The same object until something changes. */
	news: () => News;
	sources: () => readonly SourceState[];
	/** Reads the sources that are due. Rejects only if the result cannot be stored. */
	readNews: () => Promise<void>;
	/** Checks for a newer bundle if one is due. Never rejects. */
	readBundle: () => Promise<void>;
	/** How the last checks went; undefined if none is configured. */
	bundleLook: () => BundleLook | undefined;
	/** Checks for a newer version of Glia, if due and if the configuration says where. Never rejects. */
	readEdition: () => Promise<void>;
	/** A newer version of Glia than this one, if any is known. */
	newerEdition: () => string | undefined;
	/** Aborts everything in progress. */
	close: () => void;
};

/** One of upstream's sources. */
export type SourceState = {
	/** `releases`, `upgrade notes` … */
	name: string;
	address: string;
	/** When it last responded as expected, even if nothing was new. */
	read?: Date;
	tried?: Date;
	next: Date;
	trouble?: SourceTrouble;
	/** Consecutive failures since the process started. */
	failures: number;
};

/** The state of the checks for bundles. */
export type BundleLook = {
	address: string;
	/** When a valid bundle was last found, new or not. */
	read?: Date;
	next: Date;
	/** Why the last check found no usable bundle. */
	trouble?: BundleTrouble;
};

/** Why a check found no usable bundle: it could not be fetched, or was refused. */
export type BundleTrouble = { at: Date } & ({ source: SourceTrouble } | { refusal: BundleRefusal });

/** Published knowledge: the state of the checks, and the bundle in use, unless the built-in knowledge is newer. */
export type PublishedKnowledge = BundleLook & { counts?: { author: string; made: string; horizon: Horizon } };

export type Kept = {
	get: (key: string) => Promise<string | undefined>;
	put: (key: string, text: string) => Promise<void>;
};
