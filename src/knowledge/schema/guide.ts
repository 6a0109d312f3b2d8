// The shape of a guide: a procedure as data, with its text, commands, dangers and known errors in one YAML file.
import { z } from 'zod';
import { parseTerm } from '../../deployment/facts.ts';
import { id, prose } from './fields.ts';
import type { ParameterKind } from './parameter.ts';
import { parameterKinds, parameterTerm } from './parameter.ts';

const lines = z.string().min(1);

const term = z.string().refine(text => parseTerm(text) !== undefined || parameterTerm.test(text), {
	error: 'a fact (workers, no-email, postgres<13) or a statement on a parameter (layout=compose|plain, to>=18)',
});
export const conditionShape = z.union(
	[z.strictObject({ all: z.array(term).min(1) }), z.strictObject({ any: z.array(term).min(1) })],
	{ error: '{ all: [statements] } or { any: [statements] }, each on a fact or on a parameter of this guide' },
);

export const parameterShape = z.strictObject({
	name: id,
	/** What it is, as a noun phrase: `the name of Synapse's database`. */
	means: z.string().min(1).max(120),
	/** Either a kind, or the closed list of values. */
	kind: z.enum(Object.keys(parameterKinds) as [ParameterKind, ...ParameterKind[]]).optional(),
	values: z.array(id).min(2).optional(),
	/** Values that follow from other facts. The first match wins; a stated value wins over all. */
	follows: z.array(z.strictObject({ when: conditionShape, is: z.string().min(1) })).default([]),
	/** Used if nothing is stated and nothing follows. Without a default, the guide asks. */
	default: z.string().min(1).optional(),
	/** Where the administrator finds the right value. */
	lookup: prose.optional(),
	/** Computed only from the others: it cannot be stated, and is not listed. */
	derived: z.boolean().default(false),
	/** Not asked for; if unknown, its name in capitals stays in the commands. */
	optional: z.boolean().default(false),
	example: z.string().min(1).optional(),
});

/** Cost by the size of the database in GB: disk space, and minutes (on fast and slow machines). */
export const costShape = z.strictObject({
	disk: z.strictObject({ perGB: z.number(), plus: z.number().default(0) }).optional(),
	minutes: z
		.strictObject({ perGB: z.tuple([z.number(), z.number()]), plus: z.tuple([z.number(), z.number()]) })
		.optional(),
	says: prose,
});

/** One of several ways through the guide. The first preferred way that fits is used, or else the first that fits. */
export const wayShape = z.strictObject({
	id,
	title: z.string().min(1).max(60),
	/** One sentence that says who should choose it. */
	fits: prose,
	applies: conditionShape.optional(),
	prefer: conditionShape.optional(),
	cost: costShape.optional(),
});

/** Something to do in a stage: words, then commands, an edit of a file or a whole file, then what to expect. */
export const stepShape = z.strictObject({
	applies: conditionShape.optional(),
	ways: z.array(id).min(1).optional(),
	text: prose.optional(),
	/** Typed as they are; with `language: sql` into psql. */
	commands: lines.optional(),
	language: z.enum(['bash', 'sql', 'yaml', 'text', 'ini']).default('bash'),
	/** An edit of an existing file, as a diff: lines that begin with a space, `-` or `+`. */
	edit: z.strictObject({ file: z.string().min(1), diff: lines }).optional(),
	/** A file to write; the parts of one file are joined in order. */
	file: z.strictObject({ name: z.string().min(1), text: lines }).optional(),
	/** What to expect, in words. Where a command prints nothing, “Nothing is printed” lets a trial check it. */
	see: prose.optional(),
	/** What the output must contain, literally; `…` matches anything on the line. */
	shows: z.array(z.string().min(1)).default([]),
	/** A check that changes nothing. */
	check: z.boolean().default(false),
});

/** A known error, found by its exact words; `…` and `{parameter}` match anything. */
export const failureShape = z.strictObject({
	id,
	text: z.string().min(8),
	applies: conditionShape.optional(),
	cause: prose,
	cure: prose,
	/** Why it was not reproduced. */
	untried: prose.optional(),
});

export const stageShape = z.strictObject({
	id,
	title: z.string().min(1).max(40),
	why: prose,
	applies: conditionShape.optional(),
	ways: z.array(id).min(1).optional(),
	/** The server is down from this stage on (`begins`), or up again after it (`ends`). */
	down: z.enum(['begins', 'ends']).optional(),
	/** One sentence saying what going back loses after this stage. */
	noReturn: prose.optional(),
	steps: z.array(stepShape).min(1),
	failures: z.array(failureShape).default([]),
	/** Where it could not be tested, and why. */
	untried: z.array(z.strictObject({ applies: conditionShape.optional(), because: prose })).default([]),
});

/** A way back before the point of no return, or the clean-up before a second attempt. */
export const backShape = stageShape.extend({
	/** The first stage whose work it undoes. If several have been reached, the last one counts. */
	from: id,
});

export const guideShape = z.strictObject({
	title: z.string().min(1).max(60),
	/** One sentence saying what the guide does. */
	summary: prose,
	parameters: z.array(parameterShape),
	/** At least one; the choice at the start. */
	ways: z.array(wayShape).min(1),
	/** Reasons why this guide is the wrong one; shown instead of it. */
	refuses: z.array(z.strictObject({ id, when: conditionShape, says: prose })).default([]),
	/** Dangers, shown first. */
	dangers: z.array(z.strictObject({ applies: conditionShape.optional(), ways: z.array(id).optional(), text: prose })),
	stages: z.array(stageShape).min(1),
	cleanUp: z.array(stageShape).default([]),
	wayBack: z.strictObject({
		/** Before the point of no return, in the order of the stages they lead back from. */
		before: z.array(backShape),
		/** Removes what a first attempt left behind and a second one would trip over. */
		again: z.array(backShape).default([]),
		/** After the point of no return. */
		after: z.array(stageShape),
	}),
	sources: z.array(z.string().startsWith('https://')).default([]),
});
export type GuideFile = z.infer<typeof guideShape>;
/** A guide with its id, which is its file name. */
export type Guide = GuideFile & { id: string };
export type GuideCondition = z.infer<typeof conditionShape>;
export type Parameter = z.infer<typeof parameterShape>;
export type GuideWay = z.infer<typeof wayShape>;
export type GuideStep = z.infer<typeof stepShape>;
export type GuideFailure = z.infer<typeof failureShape>;
export type Stage = z.infer<typeof stageShape>;
export type WayBackStage = z.infer<typeof backShape>;

/** Generated by `npm run verify -- guide …`: a stage that was run, or a failure that was reproduced. */
export const triedShape = z.strictObject({
	guide: id,
	/** The id of the stage or failure. */
	of: id,
	/** The parameters that made a difference, including `way`: the trial covers deployments with the same values. */
	with: z.record(z.string(), z.string()),
	/** What really ran: `postgresql: 15.18 → 17.10`, `synapse: 1.163.2`. */
	versions: z.record(z.string(), z.string()),
	/** One sentence saying what stood in for the real thing. */
	played: z.string().optional(),
	/** The error message that was seen. */
	saw: z.string().optional(),
	date: z.string().regex(/^\d{4}-\d\d-\d\d$/),
	/** The hash of the stage or failure at that time. If it has changed since, the trial no longer counts. */
	recipe: z.string().regex(/^[0-9a-f]{6}$/),
});
export type Tried = z.infer<typeof triedShape>;
export const triedFileShape = z.strictObject({ tried: z.array(triedShape) });
