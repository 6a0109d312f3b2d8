// A claim and its recipe: releases that open one database one after another, and what the last one must do.
import { createHash } from 'node:crypto';
import type { Version } from '../../src/deployment/version.ts';
import type { TrialRequest, TrialSetup, Verified } from '../../src/knowledge/schema/synapse.ts';

export type Outcome = Verified['outcome'];

/**
 * A release that opens the database. `settle`: it runs until its background updates are done; `fails`: it must not
 * start; `sticks`: its background updates must not finish; `events`: how many messages are sent to it.
 */
export type Opening = { release: Version; settle: boolean; fails?: true; sticks?: true; events?: number };

export type Recipe = {
	database: 'sqlite' | `postgresql ${number}`;
	/** The releases that open it first, in order. Each must start, unless it has `fails`. */
	before: Opening[];
	/** The release that is tested. With `settle`, its background updates count too. */
	last: Opening;
	/** The Python version, like `3.8`; by default one on which every release runs. */
	python?: string;
	/** A dependency version that Synapse is only told about, because the real one is not available. */
	fake?: { of: 'sqlite' | 'postgresql'; version: string };
	attempt?: TrialSetup;
	/** Statements to run before the last release starts. */
	sql?: string[];
	/** Requests to the last release once it is listening. */
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

/** Six hex digits. If they change, the claim must be tested again. */
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

/** For claims to which the version does not matter: every release since 1.0.0 accepts this one. */
export const anyPostgresql = 'postgresql 14';
