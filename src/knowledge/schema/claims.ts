// How to test what the knowledge claims: what a release must refuse or accept, and what provokes a fault.
import { z } from 'zod';
import { date, id, prose, version } from './fields.ts';

const yamlObject = z.record(z.string(), z.unknown());
/** What Synapse is started with, beyond the minimum it needs. */
export const attemptShape = z.strictObject({
	config: yamlObject
		.default({})
		.describe('Additional lines of homeserver.yaml. `listeners` are added to the one that the trial asks.'),
	worker: yamlObject.optional().describe('A worker is started too, and reads this after homeserver.yaml.'),
	files: z
		.record(z.string(), z.string())
		.default({})
		.describe('Files next to homeserver.yaml, by name. `$DIR` in any text is their folder.'),
	packages: z.array(z.string()).default([]).describe('Packages to install with the release, as for pip.'),
	until: date.optional().describe('The last day from which packages are taken. By default ten days after the release.'),
	locale: z
		.string()
		.optional()
		.describe('The locale of a PostgreSQL database, like C.UTF-8. Without it, the database is SQLite.'),
	python: z
		.string()
		.optional()
		.describe('The version of Python, like 3.13. By default one on which every release runs.'),
	env: z.record(z.string(), z.string()).optional().describe('More environment variables.'),
	without: z.array(z.string()).optional().describe('Packages to remove again once everything is installed.'),
});
export type TrialSetup = z.infer<typeof attemptShape>;

/** How to test a note that refuses: what provokes the refusal, and what the note says to do instead. */
export const refusalShape = z.strictObject({
	note: z.string().describe('The ID of the note.'),
	case: id.optional().describe('Which claim of the note, if it makes several.'),
	message: z.string().min(1).describe("What Synapse's message must contain."),
	since: z.boolean().default(true).describe('False if the previous release refuses it too, or cannot be tried.'),
	refused: attemptShape.describe('What the release must refuse.'),
	accepted: attemptShape.describe('What the release must accept: what the note says to do.'),
});
export type Refusing = z.infer<typeof refusalShape>;

/** A request to a running release. Values of earlier responses are available by name, like `$room_id`. */
export const requestShape = z.strictObject({
	request: z
		.string()
		.regex(/^(GET|POST|PUT|DELETE) \//, { error: 'a method and a path, like "GET /_matrix/…"' })
		.describe('A method and a path, like `PUT /_matrix/client/r0/profile/$user_id/displayname`.'),
	as: z
		.string()
		.optional()
		.describe(
			'Who asks: an account, created when first named; `admin` is a server admin. Without it, nobody is logged in.',
		),
	headers: z.record(z.string(), z.string()).optional().describe('Headers of the request.'),
	body: z.unknown().optional().describe('The body of the request, as JSON.'),
	status: z.number().int().default(200).describe('The status that a sound release responds with.'),
	contains: z.string().optional().describe('What the response of a sound release contains.'),
});
export type TrialRequest = z.infer<typeof requestShape>;

/**
 * How to test a fault: what breaks a release that has it, but not the release with the fix. Without `asks`, `runs` and
 * `settle`, only the start counts. With them, the release starts, but then logs, returns or prints `message`.
 */
export const faultTrialShape = z.strictObject({
	fault: z.string().describe('The ID of the fault.'),
	message: z.string().min(1).describe("What Synapse's message must contain."),
	broken: version
		.optional()
		.describe('The release to try, if the first with the fault is not available or needs other libraries.'),
	cured: version.optional().describe('The same for the release with the fix.'),
	after: z.array(version).default([]).describe('The releases that open the database first, in order.'),
	sql: z.array(z.string()).optional().describe('SQL to run on the database after them.'),
	postgresql: z.literal(true).optional().describe('The database is PostgreSQL.'),
	settle: z.literal(true).optional().describe('The background updates of the release with the fault never finish.'),
	asks: z.array(requestShape).optional().describe('Requests to the running release.'),
	runs: z
		.array(z.string())
		.optional()
		.describe(
			"Arguments for the release's Python, which runs them instead of the server; `bin/NAME` is one of its programs.",
		),
	since: z.boolean().default(true).describe('False if the previous release fails too, or cannot be tried.'),
	attempt: attemptShape.describe('What Synapse is started with.'),
	repair: attemptShape
		.pick({ packages: true, until: true })
		.optional()
		.describe('What the fix installs instead, if the fault is in a library.'),
});
export type FaultTrial = z.infer<typeof faultTrialShape>;

/**
 * How to test refusals and faults, or why a note is not tested. Minimum versions need no entry: they follow from
 * the releases.
 */
export const claimsFileShape = z.strictObject({
	refusals: z.array(refusalShape).describe('Notes that refuse, and how to try them.'),
	faults: z.array(faultTrialShape).default([]).describe('Faults, and how to try them.'),
	untried: z
		.array(
			z.strictObject({
				note: z.string().describe('The ID of the note.'),
				because: prose.describe('Why it cannot be tried.'),
			}),
		)
		.describe('Notes that refuse and cannot be tried.'),
});
export type Claims = z.infer<typeof claimsFileShape>;
