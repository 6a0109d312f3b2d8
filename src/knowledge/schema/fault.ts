// The shape of a fault: a defect of certain releases that upstream's upgrade notes do not tell.
import { z } from 'zod';
import { isRange, isVersion } from '../../deployment/version.ts';
import { conditionShape } from './condition.ts';
import { appliesShape, clause, id, prose } from './fields.ts';

const range = z.string().refine(isRange, { error: 'a range of versions, like ">=1.85.0 <1.85.1"' });
const version = z.string().refine(isVersion, { error: 'a version with three parts, like 1.85.1' });
const link = z.string().startsWith('https://', { error: 'a link that begins with https://' });

/** What may be lost: `nothing`; `service` (it does not start or stands still, the data is sound); `data`. */
export const dangers = ['nothing', 'service', 'data'] as const;

export const faultShape = z.strictObject({
	id,
	/** The releases that have it, the oldest range first; several where a cure was backported. */
	broken: z.array(range).min(1),
	/** The first release without it; absent while none is known. */
	fixed: version.optional(),
	/** Of those who come from these releases only, like data that an upgrade from them loses. */
	from: range.optional(),
	/** severe: the start, data, a standstill, memory or disk, federation, log-in or privacy; noticeable: an administrator would see it. */
	severity: z.enum(['severe', 'noticeable']),
	danger: z.enum(dangers),
	applies: appliesShape.optional(),
	/** The release is sound, and what stands under it is too new: told only where that is known. */
	surroundings: z.literal(true).optional(),
	/** What those concerned find at home, where no fact says it: a clause that goes on after “only if”. */
	onlyIf: clause.optional(),
	/** The same as data, where the configuration says it. */
	found: conditionShape.optional(),
	title: z.string().min(1).max(80),
	/** What one sees, and what to do besides taking the cure; two or three sentences. */
	text: prose,
	/** Texts that people see in a log or in a client, a distinctive part of each, `{}` where names or numbers stand. */
	errors: z.array(z.string().min(4)).default([]),
	/** What people say of it, in a few words each: “bridges are silent since the upgrade”. */
	symptoms: z.array(z.string().min(4)).default([]),
	/** Where the change log speaks of it: the release whose log, and the pull request or issue. */
	log: z
		.strictObject({ release: version, bullet: z.string().regex(/^#\d+$/, { error: 'a number, like "#15738"' }) })
		.optional(),
	links: z.array(link).default([]),
});
export type FaultFile = z.infer<typeof faultShape>;
export const faultsFileShape = z.strictObject({ faults: z.array(faultShape).min(1) });

/** What people see and need not care about, and the states in which nothing may be started any more. */
export const symptomShape = z.strictObject({
	id,
	/** harmless: ignore it; hopeless: start nothing any more, only the dump helps; cause: something outside Synapse's releases. */
	kind: z.enum(['harmless', 'hopeless', 'cause']),
	/** vague: by itself it says too little; consequence: the cause stands above it in the log. */
	says: z.enum(['vague', 'consequence']).optional(),
	/** What it is about, for programs that read the answer; absent: what Synapse stands on. */
	about: z.enum(['refusal', 'fault', 'guide', 'migration']).optional(),
	danger: z.enum(dangers),
	applies: appliesShape.optional(),
	/** The releases in which it is seen; absent: all. */
	releases: range.optional(),
	title: z.string().min(1).max(80),
	/** What it is, and what to do. */
	text: prose,
	errors: z.array(z.string().min(4)).default([]),
	symptoms: z.array(z.string().min(4)).default([]),
	/** The note, fault or stop that says more. */
	more: z.string().optional(),
	links: z.array(link).default([]),
});
export type SymptomFile = z.infer<typeof symptomShape>;
export const symptomsFileShape = z.strictObject({ symptoms: z.array(symptomShape) });
