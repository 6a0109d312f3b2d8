// What tools/refresh reads from the code of each release besides the options (see tools/refresh/code/read.py).
import type { Options } from './options.ts';
import type { Table } from './timeline.ts';
import type { ValueState } from './wrong-values.ts';

/**
 * A message with which a release refuses to start. Its key is the file and the template, with `{}` for what the
 * code fills in.
 */
export type RefusalState = {
	/** The function that raises it. */
	in: string;
	/** The exception, or the function that ends the process. */
	raises: string;
	/** The options that it is about. */
	option?: string | string[];
};

/** A schema migration. Its key is the store and the file: `main 92/04_ss_membership_snapshot.sql`. */
export type DeltaState = {
	/** Table → what is done to it: create, alter, index, update, insert, delete, drop. */
	tables: Record<string, string[]>;
	/** It only queues work to be done after the start. */
	background?: true;
};

/** A system that upstream builds packages for. Its key is `debian:bookworm` or `ubuntu:jammy`. */
export type BuildState = {
	/** Ubuntu's version number, `22.04`. */
	number?: string;
	/** The end of its support according to the build list: a day, or a month. */
	end?: string;
	/** The end of upstream's packages if something else forces it: `by` is `Python 3.9`, for example. */
	forced?: { by: string; end: string };
};

/** The tables, each read on first use, so that plans that do not need a table do not pay for it. */
export type Code = {
	options(): Options;
	/** How releases reacted to values of every kind; empty if nothing was tested. */
	values(): Table<ValueState>;
	refusals(): Table<RefusalState>;
	/** Package → version specifier; for extras `extra/package`; includes `python` and `rust`. */
	dependencies(): Table<string>;
	/** `generic_worker ^/_matrix/client/…$` → the methods that may be routed there: `any` or `GET`. */
	routes(): Table<string>;
	deltas(): Table<DeltaState>;
	builds(): Table<BuildState>;
	/** `endpoint ^/_synapse/admin/v1/…` → `any`; and its errors: `users.py <message>` → the HTTP status. */
	admin(): Table<string>;
};
