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

// What a fault and a symptom have in common.
const danger = z
	.enum(dangers)
	.describe('What may be lost: nothing; service (it does not start or hangs, but the data is sound); data.');
const applies = appliesShape.optional().describe('Who it affects, by facts. Leave it out if it affects everyone.');
const errors = z
	.array(z.string().min(4))
	.default([])
	.describe('Messages in a log or a client: a distinctive part of each, with `{}` for names and numbers.');

export const faultShape = z.strictObject({
	id: id.describe('The name of the fault. Together with the release it is permanent.'),
	broken: z
		.array(range)
		.min(1)
		.describe('The releases that have it, oldest range first; several if the fix was backported.'),
	fixed: version.optional().describe('The first release without it. Leave it out while none is known.'),
	from: range
		.optional()
		.describe('It affects only upgrades from these releases, such as one that loses data on the way.'),
	severity: z
		.enum(['severe', 'noticeable'])
		.describe(
			'severe: startup, data, an outage, memory or disk, federation, login or privacy; noticeable: an admin would notice.',
		),
	danger,
	applies,
	surroundings: z
		.literal(true)
		.optional()
		.describe('The release is sound, but something it runs on is too new. Shown only to those known to have it.'),
	onlyIf: clause
		.optional()
		.describe('What readers should look for on their server if no fact covers it: a clause that continues “only if”.'),
	found: conditionShape.optional().describe('The same condition in machine-readable form, for `!check`.'),
	title: z.string().min(1).max(80).describe('What goes wrong, in at most 80 characters.'),
	text: prose.describe('What people see, and what to do besides upgrading; two or three sentences.'),
	errors,
	symptoms: z
		.array(z.string().min(4))
		.default([])
		.describe('What people say about it, in a few words each: “bridges are silent since the upgrade”.'),
	log: z
		.strictObject({
			release: version.describe('The release or candidate whose change log it is.'),
			bullet: z
				.string()
				.regex(/^#\d+$/, { error: 'a number, like "#15738"' })
				.describe('The number of the pull request or issue.'),
		})
		.optional()
		.describe('Where the change log mentions it.'),
	links: z.array(link).default([]).describe('Issues and other pages that show it.'),
});
export type FaultFile = z.infer<typeof faultShape>;
export const faultsFileShape = z.strictObject({
	faults: z.array(faultShape).min(1).describe('Defects that begin with this release.'),
});

/** Symptoms to ignore, states in which Synapse must not be started any more, and causes other than a release. */
export const symptomShape = z.strictObject({
	id: id.describe('The permanent name of the symptom.'),
	kind: z
		.enum(['harmless', 'hopeless', 'cause'])
		.describe(
			'harmless: ignore it; hopeless: do not start anything again, only the backup helps; cause: something other than a release of Synapse.',
		),
	says: z
		.enum(['vague', 'consequence'])
		.optional()
		.describe('vague: too little by itself; consequence: the cause is further up in the log.'),
	about: z
		.enum(['refusal', 'fault', 'guide', 'migration'])
		.optional()
		.describe('What it is about, for programs that read the answer. Leave it out if that is what Synapse runs on.'),
	danger,
	applies,
	releases: range.optional().describe('The releases in which it occurs. Leave it out if all do.'),
	title: z.string().min(1).max(80).describe('What it is, in at most 80 characters.'),
	text: prose.describe('What it means, and what to do.'),
	errors,
	symptoms: z.array(z.string().min(4)).default([]).describe('What people say about it, in a few words each.'),
	more: z.string().optional().describe('The ID of a note, fault or stop that says more.'),
	links: z.array(link).default([]).describe('Issues and other pages about it.'),
});
export type SymptomFile = z.infer<typeof symptomShape>;
export const symptomsFileShape = z.strictObject({
	symptoms: z.array(symptomShape).describe('What people see that is not a fault of a release.'),
});
