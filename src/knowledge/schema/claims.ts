// How to try what the knowledge claims: which configuration a release must refuse, and which it must accept.
import { z } from 'zod';
import { date, id, prose, version } from './fields.ts';

const yamlObject = z.record(z.string(), z.unknown());
/** What Synapse is started with, beyond the least that it needs. */
export const attemptShape = z.strictObject({
	/** More homeserver.yaml; `listeners` are added to the one that is asked whether it answers. */
	config: yamlObject.default({}),
	/** Present: a worker is started, which reads this after homeserver.yaml. */
	worker: yamlObject.optional(),
	/** Files beside homeserver.yaml by their names; `$DIR` in any text is their folder. */
	files: z.record(z.string(), z.string()).default({}),
	/** Packages to install with the release, as pip writes them. */
	packages: z.array(z.string()).default([]),
	/** The last day whose packages are taken; absent: ten days after the release. */
	until: date.optional(),
	/** The locale of a PostgreSQL database, like C.UTF-8; absent: the database is SQLite. */
	locale: z.string().optional(),
	/** Like 3.13; absent: the one on which every release runs. */
	python: z.string().optional(),
	/** More environment variables. */
	env: z.record(z.string(), z.string()).optional(),
	/** Packages that are removed again once everything is installed. */
	without: z.array(z.string()).optional(),
});
export type TrialSetup = z.infer<typeof attemptShape>;

/** How to try a note that refuses: what provokes it, and what the note says to do instead. */
export const refusalShape = z.strictObject({
	note: z.string(),
	/** Which of several things that the note says, where it says more than one. */
	case: id.optional(),
	/** What Synapse's message must contain. */
	message: z.string().min(1),
	/** False where the release before refuses it too, or cannot be asked. */
	since: z.boolean().default(true),
	refused: attemptShape,
	accepted: attemptShape,
});
export type Refusing = z.infer<typeof refusalShape>;

/** A request to a release that listens. Texts of earlier answers stand for their names, like `$room_id`. */
export const requestShape = z.strictObject({
	/** `PUT /_matrix/client/r0/profile/$user_id/displayname`. */
	request: z.string().regex(/^(GET|POST|PUT|DELETE) \//, { error: 'a method and a path, like "GET /_matrix/…"' }),
	/** Who asks: an account that is made when it is named first; `admin` is a server admin. Absent: nobody. */
	as: z.string().optional(),
	headers: z.record(z.string(), z.string()).optional(),
	body: z.unknown().optional(),
	/** What a sound release answers. */
	status: z.number().int().default(200),
	/** What a sound release's answer contains. */
	contains: z.string().optional(),
});
export type TrialRequest = z.infer<typeof requestShape>;

/**
 * How to try a fault: what a release that has it does not survive, and its cure does. Without `asks`, `runs` and `settle`
 * only the start counts. With them the release starts, but it logs, answers or prints `message`.
 */
export const faultTrialShape = z.strictObject({
	fault: z.string(),
	/** What Synapse's message must contain. */
	message: z.string().min(1),
	/** The release that is tried, where the first that has the fault cannot be had or needs other libraries. */
	broken: version.optional(),
	/** The same of the cure. */
	cured: version.optional(),
	/** The releases that open the database before, in their order. */
	after: z.array(version).default([]),
	/** Statements that are carried out on the database after them. */
	sql: z.array(z.string()).optional(),
	/** The database is PostgreSQL. */
	postgresql: z.literal(true).optional(),
	/** The background updates of the release with the fault never end. */
	settle: z.literal(true).optional(),
	asks: z.array(requestShape).optional(),
	/** Arguments for the release's Python, which runs them in place of the server; `bin/NAME` is a program of it. */
	runs: z.array(z.string()).optional(),
	/** False where the release before does not survive it either, or cannot be asked. */
	since: z.boolean().default(true),
	attempt: attemptShape,
	/** What the cure brings instead, where it lies in libraries. */
	repair: attemptShape.pick({ packages: true, until: true }).optional(),
});
export type FaultTrial = z.infer<typeof faultTrialShape>;

/** How to try notes that refuse and faults, or why nobody tries a note. Floors need no entry, they follow from the releases. */
export const claimsFileShape = z.strictObject({
	refusals: z.array(refusalShape),
	faults: z.array(faultTrialShape).default([]),
	untried: z.array(z.strictObject({ note: z.string(), because: prose })),
});
export type Claims = z.infer<typeof claimsFileShape>;
