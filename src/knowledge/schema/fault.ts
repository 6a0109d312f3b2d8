// The shape of a fault: a defect of certain releases that upstream's upgrade notes do not mention.
import { z } from 'zod';
import { isRange, isVersion } from '../../deployment/version.ts';
import { conditionShape } from './condition.ts';
import { appliesShape, clause, id, prose } from './fields.ts';

const range = z.string().refine(isRange, { error: 'a range of versions, like ">=1.85.0 <1.85.1"' });
const version = z.string().refine(isVersion, { error: 'a version with three parts, like 1.85.1' });
const link = z.string().startsWith('https://', { error: 'a link that begins with https://' });

/** What may be lost: `nothing`; `service` (it does not start or hangs, but the data is intact); `data`. */
export const dangers = ['nothing', 'service', 'data'] as const;

export const faultShape = z.strictObject({
	id,
	/** The affected releases, oldest range first; several if a fix was backported. */
	broken: z.array(range).min(1),
	/** The first release with the fix; absent if none is known. */
	fixed: version.optional(),
	/** Only affects upgrades from these releases, such as data that such an upgrade loses. */
	from: range.optional(),
	/**
	 * severe: affects the start, data, memory or disk, federation, login or privacy, or makes the server hang;
	 * noticeable: an administrator would notice.
	 */
	severity: z.enum(['severe', 'noticeable']),
	danger: z.enum(dangers),
	applies: appliesShape.optional(),
	/** The release is sound but something it runs on is too new: only told if that is known. */
	surroundings: z.literal(true).optional(),
	/** Who is affected, if no fact says it: a clause that continues “only if”. */
	onlyIf: clause.optional(),
	/** The same as data, if the configuration says it. */
	found: conditionShape.optional(),
	title: z.string().min(1).max(80),
	/** The symptoms, and what to do besides upgrading; two or three sentences. */
	text: prose,
	/** Distinctive parts of messages in a log or a client, with `{}` for names and numbers. */
	errors: z.array(z.string().min(4)).default([]),
	/** How people describe it, in a few words each: “bridges are silent since the upgrade”. */
	symptoms: z.array(z.string().min(4)).default([]),
	/** Where the changelog mentions it: the release, and the pull request or issue. */
	log: z
		.strictObject({ release: version, bullet: z.string().regex(/^#\d+$/, { error: 'a number, like "#15738"' }) })
		.optional(),
	links: z.array(link).default([]),
});
export type FaultFile = z.infer<typeof faultShape>;
export const faultsFileShape = z.strictObject({ faults: z.array(faultShape).min(1) });

/** Symptoms that can be ignored, and states in which Synapse must not be started any more. */
export const symptomShape = z.strictObject({
	id,
	/**
	 * harmless: ignore it; hopeless: do not start anything, only a dump helps; cause: something outside Synapse's
	 * releases.
	 */
	kind: z.enum(['harmless', 'hopeless', 'cause']),
	/** vague: says too little by itself; consequence: its cause is further up in the log. */
	says: z.enum(['vague', 'consequence']).optional(),
	/** What it is about, for programs that read the answer; absent: what Synapse runs on. */
	about: z.enum(['refusal', 'fault', 'guide', 'migration']).optional(),
	danger: z.enum(dangers),
	applies: appliesShape.optional(),
	/** The releases in which it occurs; absent: all. */
	releases: range.optional(),
	title: z.string().min(1).max(80),
	/** What it is, and what to do. */
	text: prose,
	errors: z.array(z.string().min(4)).default([]),
	symptoms: z.array(z.string().min(4)).default([]),
	/** The note, fault or stop with more detail. */
	more: z.string().optional(),
	links: z.array(link).default([]),
});
export type SymptomFile = z.infer<typeof symptomShape>;
export const symptomsFileShape = z.strictObject({ symptoms: z.array(symptomShape) });
