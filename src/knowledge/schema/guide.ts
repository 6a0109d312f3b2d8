// The shape of a guide: a procedure as data, whose text, commands, dangers and known errors all stand in one YAML file.
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
	/** What it is, as a noun without an article at its start: `the name of Synapse’s database`. */
	means: z.string().min(1).max(120),
	/** Either a kind, or the closed list of values. */
	kind: z.enum(Object.keys(parameterKinds) as [ParameterKind, ...ParameterKind[]]).optional(),
	values: z.array(id).min(2).optional(),
	/** Values by what else is known; the first that fits counts, what somebody states counts before all. */
	follows: z.array(z.strictObject({ when: conditionShape, is: z.string().min(1) })).default([]),
	/** Taken when nobody states it and nothing follows; absent: it is asked for. */
	default: z.string().min(1).optional(),
	/** Where the administrator finds the right value. */
	lookup: prose.optional(),
	/** Worked out from the others only: nobody states it, and it is not listed. */
	derived: z.boolean().default(false),
	/** Stands in commands as it is; not asked for and not in the way of an answer when unknown. */
	optional: z.boolean().default(false),
	example: z.string().min(1).optional(),
});

/** Of the size of the database in GB: the room it needs on disk, the minutes it takes (quick and slow machines). */
export const costShape = z.strictObject({
	disk: z.strictObject({ perGB: z.number(), plus: z.number().default(0) }).optional(),
	minutes: z
		.strictObject({ perGB: z.tuple([z.number(), z.number()]), plus: z.tuple([z.number(), z.number()]) })
		.optional(),
	says: prose,
});

/** One of several ways through the guide; of those that fit, the first is taken, before it one that is preferred. */
export const wayShape = z.strictObject({
	id,
	title: z.string().min(1).max(60),
	/** Who should choose it, in a sentence. */
	fits: prose,
	applies: conditionShape.optional(),
	prefer: conditionShape.optional(),
	cost: costShape.optional(),
});

/** Something to do in a stage: words, then commands, a change of a file or a whole file, then what must be seen. */
export const stepShape = z.strictObject({
	applies: conditionShape.optional(),
	ways: z.array(id).min(1).optional(),
	text: prose.optional(),
	/** Typed as they stand; with `language: sql` into psql. */
	commands: lines.optional(),
	language: z.enum(['bash', 'sql', 'yaml', 'text', 'ini']).default('bash'),
	/** A change of a file that is there, as a diff: lines that begin with a space, `-` or `+`. */
	edit: z.strictObject({ file: z.string().min(1), diff: lines }).optional(),
	/** A file to write; parts of one file, in their order, make up the whole. */
	file: z.strictObject({ name: z.string().min(1), text: lines }).optional(),
	/** What must be seen, in words. */
	see: prose.optional(),
	/** What the output must contain, literally; `…` stands for anything on the line. */
	shows: z.array(z.string().min(1)).default([]),
	/** A question or a look that changes nothing. */
	check: z.boolean().default(false),
});

/** An error that is known to come up: found by its exact words, where `…` and `{parameter}` stand for anything. */
export const failureShape = z.strictObject({
	id,
	text: z.string().min(8),
	applies: conditionShape.optional(),
	cause: prose,
	cure: prose,
	/** Why nobody has provoked it. */
	untried: prose.optional(),
});

export const stageShape = z.strictObject({
	id,
	title: z.string().min(1).max(40),
	why: prose,
	applies: conditionShape.optional(),
	ways: z.array(id).min(1).optional(),
	/** The server is down from here on (`begins`), or up again after this stage (`ends`). */
	down: z.enum(['begins', 'ends']).optional(),
	/** After this stage the old state is no longer the whole truth: what is lost by going back, in a sentence. */
	noReturn: prose.optional(),
	steps: z.array(stepShape).min(1),
	failures: z.array(failureShape).default([]),
	/** Where it could not be executed, and why. */
	untried: z.array(z.strictObject({ applies: conditionShape.optional(), because: prose })).default([]),
});

/** A way back before the point of no return, or what to remove before a second attempt. */
export const backShape = stageShape.extend({
	/** The first stage whose work it undoes. Of several that have been reached the last counts. */
	from: id,
});

export const guideShape = z.strictObject({
	title: z.string().min(1).max(60),
	/** What it leads to, in a sentence. */
	summary: prose,
	parameters: z.array(parameterShape),
	/** At least one; the decision at the start. */
	ways: z.array(wayShape).min(1),
	/** What makes the guide the wrong one: said instead of it. */
	refuses: z.array(z.strictObject({ id, when: conditionShape, says: prose })).default([]),
	/** What can hurt, said before everything. */
	dangers: z.array(z.strictObject({ applies: conditionShape.optional(), ways: z.array(id).optional(), text: prose })),
	stages: z.array(stageShape).min(1),
	cleanUp: z.array(stageShape).default([]),
	wayBack: z.strictObject({
		/** Before the point of no return, in the order of the stages that they lead back from. */
		before: z.array(backShape),
		/** What a first attempt left behind once that stage was reached, and a second one would trip over. */
		again: z.array(backShape).default([]),
		/** After the point of no return. */
		after: z.array(stageShape),
	}),
	sources: z.array(z.string().startsWith('https://')).default([]),
});
export type GuideFile = z.infer<typeof guideShape>;
/** A guide with its identity: the name of its file. */
export type Guide = GuideFile & { id: string };
export type GuideCondition = z.infer<typeof conditionShape>;
export type Parameter = z.infer<typeof parameterShape>;
export type GuideWay = z.infer<typeof wayShape>;
export type GuideStep = z.infer<typeof stepShape>;
export type GuideFailure = z.infer<typeof failureShape>;
export type Stage = z.infer<typeof stageShape>;
export type WayBackStage = z.infer<typeof backShape>;

/** Generated by `npm run verify -- guide …`: a stage that was executed, or a failure that was provoked. */
export const triedShape = z.strictObject({
	guide: id,
	/** The id of the stage or of the failure. */
	of: id,
	/** The parameters that made a difference, `way` among them: it speaks for deployments with the same. */
	with: z.record(z.string(), z.string()),
	/** What really ran: `postgresql: 15.18 → 17.10`, `synapse: 1.163.2`. */
	versions: z.record(z.string(), z.string()),
	/** What was played instead of being there, in a sentence. */
	played: z.string().optional(),
	/** The failure’s own words as they were seen. */
	saw: z.string().optional(),
	date: z.string().regex(/^\d{4}-\d\d-\d\d$/),
	/** Of the stage or failure as it stood then: changed since, the trial no longer counts. */
	recipe: z.string().regex(/^[0-9a-f]{6}$/),
});
export type Tried = z.infer<typeof triedShape>;
export const triedFileShape = z.strictObject({ tried: z.array(triedShape) });
