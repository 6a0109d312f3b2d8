// A claim and its recipe: releases that open one database in turn, and what the last of them must do.
import { createHash } from 'node:crypto';
import type { Version } from '../../src/deployment/version.ts';
import type { TrialRequest, TrialSetup, Verified } from '../../src/knowledge/schema/synapse.ts';

export type Outcome = Verified['outcome'];

/**
 * A release that opens the database; `settle`: until its background updates are done; `fails`: it has to, halfway;
 * `sticks`: they must not finish; `events`: how many messages are sent to it while they run.
 */
export type Opening = { release: Version; settle: boolean; fails?: true; sticks?: true; events?: number };

export type Recipe = {
	database: 'sqlite' | `postgresql ${number}`;
	/** The releases that open it before; each must start unless it is said to fail. */
	before: Opening[];
	/** The one that is tested; with `settle`, its background updates count too. */
	last: Opening;
	/** `3.8`; by default the newest that suits the release. */
	python?: string;
	/** What Synapse is only told about its environment, because the real thing is not available. */
	fake?: { of: 'sqlite' | 'postgresql'; version: string };
	attempt?: TrialSetup;
	/** Statements that run between the releases before and the last. */
	sql?: string[];
	/** Requests to the last once it is listening. */
	asks?: TrialRequest[];
	/** What its Python runs instead of the server. */
	runs?: string[];
	/** What it must not log or print. */
	watch?: string;
};

export type Claim = Pick<Verified, 'kind' | 'of' | 'says'> & {
	/** Unique and permanent: `rollback/1.98.0/1.93.0`. */
	id: string;
	recipe: Recipe;
	expects: Outcome;
	/** What its message must contain. */
	message?: string;
};

/** Six hex digits: a changed recipe must be tested again. */
export function recipeHash({ recipe, expects, message }: Claim): string {
	return createHash('sha256')
		.update(JSON.stringify([recipe, expects, message]))
		.digest('hex')
		.slice(0, 6);
}

/** The releases of a claim in the order in which they open the database. */
export function releasesOf({ recipe }: Claim): Version[] {
	return [...recipe.before, recipe.last].map(({ release }) => release);
}

/** Where the version does not matter: every release since 1.0.0 accepts it. */
export const anyPostgresql = 'postgresql 14';
