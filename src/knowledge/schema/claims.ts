// How to test what the knowledge claims: which configuration a release must refuse, and which it must accept.
import { z } from 'zod';
import { date, id, prose, version } from './fields.ts';

const yamlObject = z.record(z.string(), z.unknown());
/** What Synapse is started with, beyond the minimum it needs. */
export const attemptShape = z.strictObject({
	/** Additions to homeserver.yaml; `listeners` are added to the one that the test queries. */
	config: yamlObject.default({}),
	/** If present, a worker is started that reads this after homeserver.yaml. */
	worker: yamlObject.optional(),
	/** Files beside homeserver.yaml by name; `$DIR` in any text is their folder. */
	files: z.record(z.string(), z.string()).default({}),
	/** Packages to install with the release, in pip's syntax. */
	packages: z.array(z.string()).default([]),
	/** Only packages up to this day are installed; absent: ten days after the release. */
	until: date.optional(),
	/** The locale of a PostgreSQL database, like C.UTF-8; absent: SQLite is used. */
	locale: z.string().optional(),
	/** Like 3.13; absent: a version that every release runs on. */
	python: z.string().optional(),
	/** Additional environment variables. */
	env: z.record(z.string(), z.string()).optional(),
	/** Packages to remove again once everything is installed. */
	without: z.array(z.string()).optional(),
});
export type TrialSetup = z.infer<typeof attemptShape>;

/** How to test a note that refuses: what provokes the refusal, and what the note says to do instead. */
export const refusalShape = z.strictObject({
	note: z.string(),
	/** Which of the note's statements is tested, if there are several. */
	case: id.optional(),
	/** A part of Synapse's error message. */
	message: z.string().min(1),
	/** False if the release before refuses it too, or cannot be tested. */
	since: z.boolean().default(true),
	refused: attemptShape,
	accepted: attemptShape,
});
export type Refusing = z.infer<typeof refusalShape>;

/** A request to a running release. Values of earlier responses are available by name, like `$room_id`. */
export const requestShape = z.strictObject({
	/** `PUT /_matrix/client/r0/profile/$user_id/displayname`. */
	request: z.string().regex(/^(GET|POST|PUT|DELETE) \//, { error: 'a method and a path, like "GET /_matrix/…"' }),
	/** The account that makes the request, created when first named; `admin` is a server admin. Absent: no account. */
	as: z.string().optional(),
	headers: z.record(z.string(), z.string()).optional(),
	body: z.unknown().optional(),
	/** The status that a sound release returns. */
	status: z.number().int().default(200),
	/** A part of a sound release's response. */
	contains: z.string().optional(),
});
export type TrialRequest = z.infer<typeof requestShape>;

/**
 * How to test a fault: what breaks a release that has it but not its fix. Without `asks`, `runs` and `settle`
 * only the start counts. With them the release starts, but logs, returns or prints `message`.
 */
export const faultTrialShape = z.strictObject({
	fault: z.string(),
	/** A part of Synapse's error message. */
	message: z.string().min(1),
	/** The release to test, if the first with the fault is not available or needs other libraries. */
	broken: version.optional(),
	/** The same for the release with the fix. */
	cured: version.optional(),
	/** The releases that open the database first, in order. */
	after: z.array(version).default([]),
	/** SQL statements to run on the database after them. */
	sql: z.array(z.string()).optional(),
	/** The database is PostgreSQL. */
	postgresql: z.literal(true).optional(),
	/** In the release with the fault, background updates never finish. */
	settle: z.literal(true).optional(),
	asks: z.array(requestShape).optional(),
	/** Arguments for the release's Python, run instead of the server; `bin/NAME` is one of its programs. */
	runs: z.array(z.string()).optional(),
	/** False if the release before does not survive it either, or cannot be tested. */
	since: z.boolean().default(true),
	attempt: attemptShape,
	/** What the fix adds, if it is in libraries. */
	repair: attemptShape.pick({ packages: true, until: true }).optional(),
});
export type FaultTrial = z.infer<typeof faultTrialShape>;

/**
 * How to test refusals and faults, or why a note is not tested. Minimum versions need no entry: they follow from
 * the releases.
 */
export const claimsFileShape = z.strictObject({
	refusals: z.array(refusalShape),
	faults: z.array(faultTrialShape).default([]),
	untried: z.array(z.strictObject({ note: z.string(), because: prose })),
});
export type Claims = z.infer<typeof claimsFileShape>;
