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

/** How to try a fault: what its first release does not survive, and the release that cures it does. */
export const faultTrialShape = z.strictObject({
	fault: z.string(),
	/** What Synapse's message must contain. */
	message: z.string().min(1),
	/** The releases that open the database before, in their order. */
	after: z.array(version).default([]),
	/** False where the release before does not survive it either, or cannot be asked. */
	since: z.boolean().default(true),
	attempt: attemptShape,
});
export type FaultTrial = z.infer<typeof faultTrialShape>;

/** How to try notes that refuse and faults, or why nobody tries a note. Floors need no entry, they follow from the releases. */
export const claimsFileShape = z.strictObject({
	refusals: z.array(refusalShape),
	faults: z.array(faultTrialShape).default([]),
	untried: z.array(z.strictObject({ note: z.string(), because: prose })),
});
export type Claims = z.infer<typeof claimsFileShape>;
