// The shape of an install recipe: how one way to install is backed up, switched, stopped, started and looked at.
import { z } from 'zod';
import { closedFacts, parseTerm } from '../../deployment/facts.ts';
import { date, range, version } from './fields.ts';
import { type Placeholder, placeholder, placeholders } from './install-line.ts';

/** What decides whether lines are shown. */
const conditions = ['codename', 'candidate', 'frozen'] as const;
export type LineCondition = (typeof conditions)[number];

/** Templates are filled with a version of at most 12 characters, and lines must fit a phone: 60 characters at most. */
const line = z
	.string()
	.min(1)
	.max(80)
	.refine(text => [...text.matchAll(placeholder)].every(([, name]) => placeholders.includes(name as Placeholder)), {
		error: `a placeholder that is known: ${placeholders.map(name => `{${name}}`).join(', ')}`,
	});
const lines = z.array(line).min(1);

/** A line, or lines that are shown only in one case, or once for each of several things. */
const part = z.union(
	[
		line,
		z.strictObject({ if: z.enum(conditions), lines }),
		z.strictObject({ unless: z.enum(conditions), lines }),
		z.strictObject({ each: z.literal('pin'), lines }),
	],
	{ error: 'a line, { if: codename, lines }, { unless: candidate, lines } or { each: pin, lines }' },
);
export type LinePart = z.infer<typeof part>;

const fact = z
	.string()
	.refine(text => parseTerm(text) !== undefined, { error: 'a fact of the closed list (see: !help facts)' });

/** What notes and commands call a file, and the path it has in this way to install. */
export const pathNames = [
	'homeserver.yaml',
	'conf.d',
	'homeserver.signing.key',
	'log.config',
	'homeserver.log',
	'media_store',
	'homeserver.db',
] as const;
export type PathName = (typeof pathNames)[number];

const perDatabase = z.strictObject({ postgres: lines, sqlite: lines });

/** A branch's text changes under the date. */
const pinned = z
	.string()
	.startsWith('https://')
	.regex(
		/^(?!https:\/\/github\.com\/[^/]+\/[^/]+\/(?:blob|tree)\/(?:main|master|develop)\/)/,
		'names a branch: name a tag or a commit',
	);

export const recipeShape = z.strictObject({
	/** Where it is documented, in which revision, and when that was read. */
	sources: z.array(z.strictObject({ link: pinned, read: date })).min(1),
	/** The first release that can be had this way; absent: all. */
	begins: version.optional(),
	/** The package's name in its index or archive. */
	package: z.string().optional(),
	images: z.array(z.strictObject({ releases: range, name: line })).optional(),
	/** What a package archive calls the systems that the fact `os` knows. */
	codenames: z.partialRecord(z.enum(closedFacts.os.values as [string, ...string[]]), z.string()).optional(),
	/** Packages that broke these releases though they are of their time, as pip writes them. */
	pins: z.array(z.strictObject({ releases: range, package: z.string().min(1) })).default([]),
	/**
	 * Releases more than `olderThan` days old take only packages of up to `after` days after them, and not from before
	 * `notBefore`.
	 */
	frozen: z
		.strictObject({ olderThan: z.number().int().positive(), after: z.number().int().min(0), notBefore: date })
		.optional(),
	/** Optional parts of the package, each with the fact that tells of its use. */
	extras: z.array(z.strictObject({ fact, extra: z.string().min(1) })).default([]),
	/** The systemd unit that runs Synapse, where the way to install brings one. */
	service: z.string().optional(),
	/** It writes homeserver.yaml from a configuration of its own, so nothing is edited there. */
	generated: z.literal(true).optional(),
	/** The paths are those inside a container. */
	inside: z.literal(true).optional(),
	/** It brings this database, so no other is meant unless somebody says so. */
	database: z.enum(closedFacts.database.values).optional(),
	/** How workers and the main process are stopped, and workers started; `led`: it does both itself, in order. */
	workers: z.union([z.literal('led'), z.strictObject({ stop: lines, start: lines })], {
		error: 'led, or { stop: […], start: […] }',
	}),
	paths: z.partialRecord(z.enum(pathNames), z.string()).default({}),
	/** A backup is named for the release it is made of, so that the second halt does not overwrite the first. */
	backup: perDatabase,
	/** Stops Synapse where nobody said that it has workers, so that nothing is written after the backup. */
	stop: lines.optional(),
	/** Puts that backup back in the place of the database while Synapse is stopped. */
	restore: perDatabase.optional(),
	/** Where it is described how such a backup comes back, if no few lines do it. */
	restoring: pinned.optional(),
	/** What is typed before a query, which follows in quotes. */
	query: perDatabase,
	/** Opens the virtual environment, without which `pip` is that of the system. */
	environment: lines.optional(),
	/** How Python packages come to this installation: said after commands of pip, which are written for an environment of one's own. */
	libraries: z.string().min(1).max(200).optional(),
	/** Keeps another archive from taking over when the system is upgraded. */
	hold: lines.optional(),
	/** Shows which release it would install. */
	find: lines.optional(),
	/** Goes back to the state that had a release. */
	checkout: lines.optional(),
	/** Puts a release in place and starts it: the first whose span has the release. */
	switch: z.array(z.strictObject({ releases: range.optional(), lines: z.array(part).min(1) })).min(1),
	/** Makes a changed configuration count: stops what runs, and starts it again. */
	apply: lines.optional(),
	/** Follows the log. */
	log: lines.optional(),
	/** Asks the running server for its release. */
	version: lines,
});
export type Recipe = z.infer<typeof recipeShape>;

/** The recipes by the value of the fact `install`. */
export type Recipes = Readonly<Record<string, Recipe>>;
