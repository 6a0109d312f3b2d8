// The shape of an install recipe: how to back up, switch, stop, start and inspect one type of installation.
import { z } from 'zod';
import { closedFacts, parseTerm } from '../../deployment/facts.ts';
import { date, range, version } from './fields.ts';
import { type Placeholder, placeholder, placeholders } from './install-line.ts';

/** Conditions for showing lines. */
const conditions = ['codename', 'candidate', 'frozen'] as const;
export type LineCondition = (typeof conditions)[number];

/** A template of at most 80 characters. Once it is filled in, it should fit on a phone: at most 60 characters. */
const line = z
	.string()
	.min(1)
	.max(80)
	.refine(text => [...text.matchAll(placeholder)].every(([, name]) => placeholders.includes(name as Placeholder)), {
		error: `a placeholder that is known: ${placeholders.map(name => `{${name}}`).join(', ')}`,
	});
const lines = z.array(line).min(1);

/** A line, or lines that are only shown under a condition or are repeated for each of several things. */
const part = z.union(
	[
		line,
		z.strictObject({
			if: z.enum(conditions).describe('Show the lines only in this case.'),
			lines: lines.describe('The lines.'),
		}),
		z.strictObject({
			unless: z.enum(conditions).describe('Show the lines except in this case.'),
			lines: lines.describe('The lines.'),
		}),
		z.strictObject({
			each: z.literal('pin').describe('Show the lines once for each of these.'),
			lines: lines.describe('The lines.'),
		}),
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

const perDatabase = z.strictObject({
	postgres: lines.describe('On PostgreSQL.'),
	sqlite: lines.describe('On SQLite.'),
});

/** Branches are not allowed, because their text can change after the date in `read`. */
const pinned = z
	.string()
	.startsWith('https://')
	.regex(
		/^(?!https:\/\/github\.com\/[^/]+\/[^/]+\/(?:blob|tree)\/(?:main|master|develop)\/)/,
		'names a branch: name a tag or a commit',
	);

export const recipeShape = z.strictObject({
	sources: z
		.array(
			z.strictObject({
				link: pinned.describe('The page or file, at a tag or commit.'),
				read: date.describe('The day it was read.'),
			}),
		)
		.min(1)
		.describe('Where it is documented, in which revision, and when that was read.'),
	begins: version.optional().describe('The first release available this way. Leave it out if all are.'),
	package: z.string().optional().describe('The name of the package in its index or archive.'),
	images: z
		.array(
			z.strictObject({
				releases: range.describe('The releases it is for.'),
				name: line.describe('The name of the image.'),
			}),
		)
		.optional()
		.describe('The container images, by release.'),
	codenames: z
		.partialRecord(z.enum(closedFacts.os.values as [string, ...string[]]), z.string())
		.optional()
		.describe('What the package archive calls the systems that the fact `os` knows.'),
	pins: z
		.array(
			z.strictObject({
				releases: range.describe('The releases that need it.'),
				package: z.string().min(1).describe('The package, as for pip.'),
			}),
		)
		.default([])
		.describe('Older packages that some releases need, as for pip.'),
	frozen: z
		.strictObject({
			olderThan: z.number().int().positive().describe('Days after which a release counts as old.'),
			after: z.number().int().min(0).describe('Days after an old release from which it still takes packages.'),
			notBefore: date.describe('The earliest day to take packages from.'),
		})
		.optional()
		.describe('How old releases are kept from taking packages that are too new for them.'),
	extras: z
		.array(
			z.strictObject({ fact: fact.describe('The fact.'), extra: z.string().min(1).describe('The extra, as for pip.') }),
		)
		.default([])
		.describe('Optional parts of the package, each with the fact that calls for it.'),
	service: z.string().optional().describe('The systemd unit that runs Synapse.'),
	generated: z.literal(true).optional().describe('Whether homeserver.yaml is generated, so that nobody edits it.'),
	inside: z.literal(true).optional().describe('Whether the paths are inside a container.'),
	database: z
		.enum(closedFacts.database.values)
		.optional()
		.describe('The database that comes with it, assumed unless somebody says otherwise.'),
	workers: z
		.union(
			[
				z.literal('led'),
				z.strictObject({
					stop: lines.describe('Stops Synapse without workers, so that nothing is written after the backup.'),
					start: lines.describe('Starts the workers.'),
				}),
			],
			{
				error: 'led, or { stop: […], start: […] }',
			},
		)
		.describe('How workers and the main process are stopped, and how workers are started; `led`: it does both itself.'),
	paths: z
		.partialRecord(z.enum(pathNames), z.string())
		.default({})
		.describe('The paths of the files that notes and commands name.'),
	backup: perDatabase.describe(
		'Backs up the database. The backup is named after the release, so that a second stop does not overwrite the first.',
	),
	stop: lines
		.optional()
		.describe('Stops Synapse where nobody said that it has workers, so that nothing is written after the backup.'),
	restore: perDatabase.optional().describe('Restores that backup while Synapse is stopped.'),
	restoring: pinned.optional().describe('Where restoring is described, if it takes more than a few lines.'),
	query: perDatabase.describe('What to type before a query, which follows in quotes.'),
	environment: lines
		.optional()
		.describe('Activates the virtual environment; without it, `pip` means the one of the system.'),
	libraries: z
		.string()
		.min(1)
		.max(200)
		.optional()
		.describe('How Python packages get into this installation, shown after commands with pip.'),
	withoutPip: z
		.literal(true)
		.optional()
		.describe('Whether pip does not apply to it, so that commands with pip are left out.'),
	hold: lines.optional().describe('Keeps another archive from taking over when the system is upgraded.'),
	find: lines.optional().describe('Shows which release would be installed.'),
	checkout: lines.optional().describe('Goes back to the state that had a release.'),
	switch: z
		.array(
			z.strictObject({
				releases: range.optional().describe('The releases it is for. Leave it out for all others.'),
				fetch: z
					.array(part)
					.min(1)
					.optional()
					.describe('Brings the release onto the machine while the old one is still running.'),
				lines: z.array(part).min(1).describe('The commands.'),
			}),
		)
		.min(1)
		.describe('Installs a release and starts it, by release.'),
	apply: lines.optional().describe('Applies a changed configuration: stops what is running and starts it again.'),
	log: lines.optional().describe('Follows the log.'),
	version: lines.describe('Asks the running server for its release.'),
});
export type Recipe = z.infer<typeof recipeShape>;

/** The recipes by value of the fact `install`. */
export type Recipes = Readonly<Record<string, Recipe>>;
