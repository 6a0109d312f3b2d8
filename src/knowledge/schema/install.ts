// The shape of an install recipe: how to back up, switch, stop, start and inspect one type of installation.
import { z } from 'zod';
import { closedFacts, parseTerm } from '../../deployment/facts.ts';
import { date, range, version } from './fields.ts';
import { type Placeholder, placeholder, placeholders } from './install-line.ts';

/** Conditions for showing lines. */
const conditions = ['codename', 'candidate', 'frozen'] as const;
export type LineCondition = (typeof conditions)[number];

/** Templates are filled with a version of at most 12 characters, and lines must fit on a phone: at most 60 characters. */
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

/** What notes and commands call a file; recipes map these to paths in this type of installation. */
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

/** A branch's text can change after the date. */
const pinned = z
	.string()
	.startsWith('https://')
	.regex(
		/^(?!https:\/\/github\.com\/[^/]+\/[^/]+\/(?:blob|tree)\/(?:main|master|develop)\/)/,
		'names a branch: name a tag or a commit',
	);

export const recipeShape = z.strictObject({
	/** Where it is documented, at which revision, and when that was read. */
	sources: z.array(z.strictObject({ link: pinned, read: date })).min(1),
	/** The first release available this way; absent: all. */
	begins: version.optional(),
	/** The package's name in its index or archive. */
	package: z.string().optional(),
	images: z.array(z.strictObject({ releases: range, name: line })).optional(),
	/** The archive's code names for the values of the fact `os`. */
	codenames: z.partialRecord(z.enum(closedFacts.os.values as [string, ...string[]]), z.string()).optional(),
	/** Packages of the same time that broke these releases, in pip's syntax. */
	pins: z.array(z.strictObject({ releases: range, package: z.string().min(1) })).default([]),
	/**
	 * Releases more than `olderThan` days old only get packages from at most `after` days after their release, and
	 * none from before `notBefore`.
	 */
	frozen: z
		.strictObject({ olderThan: z.number().int().positive(), after: z.number().int().min(0), notBefore: date })
		.optional(),
	/** Optional extras of the package, each with the fact that shows its use. */
	extras: z.array(z.strictObject({ fact, extra: z.string().min(1) })).default([]),
	/** The systemd unit of Synapse, if this type of installation has one. */
	service: z.string().optional(),
	/** homeserver.yaml is generated from another configuration, so it is not edited. */
	generated: z.literal(true).optional(),
	/** The paths are inside a container. */
	inside: z.literal(true).optional(),
	/** The bundled database, assumed unless somebody says otherwise. */
	database: z.enum(closedFacts.database.values).optional(),
	/** How to stop workers and the main process, and start workers; `led`: the installation does both in order. */
	workers: z.union([z.literal('led'), z.strictObject({ stop: lines, start: lines })], {
		error: 'led, or { stop: […], start: […] }',
	}),
	paths: z.partialRecord(z.enum(pathNames), z.string()).default({}),
	/** A backup is named after the release it contains, so that the second stop does not overwrite the first. */
	backup: perDatabase,
	/** Stops Synapse if nobody mentioned workers, so that nothing is written after the backup. */
	stop: lines.optional(),
	/** Restores that backup over the database while Synapse is stopped. */
	restore: perDatabase.optional(),
	/** Where restoring is documented, if it takes more than a few lines. */
	restoring: pinned.optional(),
	/** The command for a query, which follows in quotes. */
	query: perDatabase,
	/** Activates the virtual environment; without it, `pip` would be the system's. */
	environment: lines.optional(),
	/** How to install Python packages here. Shown after pip commands, which are written for a virtual environment. */
	libraries: z.string().min(1).max(200).optional(),
	/** Keeps another archive from taking over during a system upgrade. */
	hold: lines.optional(),
	/** Shows which release would be installed. */
	find: lines.optional(),
	/** Returns to the state that contained a release. */
	checkout: lines.optional(),
	/** Installs a release and starts it: the first entry whose range includes the release applies. */
	switch: z.array(z.strictObject({ releases: range.optional(), lines: z.array(part).min(1) })).min(1),
	/** Applies a changed configuration: stops what runs, and starts it again. */
	apply: lines.optional(),
	/** Follows the log. */
	log: lines.optional(),
	/** Queries the running server's version. */
	version: lines,
});
export type Recipe = z.infer<typeof recipeShape>;

/** The recipes by value of the fact `install`. */
export type Recipes = Readonly<Record<string, Recipe>>;
