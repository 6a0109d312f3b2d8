// The shape of a guide: a procedure as data, with its text, commands, dangers and known errors in one YAML file.
import { z } from 'zod';
import { parseTerm } from '../../deployment/facts.ts';
import { date, id, prose } from './fields.ts';
import type { ParameterKind } from './parameter.ts';
import { parameterKinds, parameterTerm } from './parameter.ts';

const lines = z.string().min(1);

const term = z.string().refine(text => parseTerm(text) !== undefined || parameterTerm.test(text), {
	error: 'a fact (workers, no-email, postgres<13) or a statement on a parameter (layout=compose|plain, to>=18)',
});
export const conditionShape = z.union(
	[
		z.strictObject({ all: z.array(term).min(1).describe('All of these statements hold.') }),
		z.strictObject({ any: z.array(term).min(1).describe('At least one of these statements holds.') }),
	],
	{ error: '{ all: [statements] } or { any: [statements] }, each on a fact or on a parameter of this guide' },
);

const applies = conditionShape.optional().describe('Only if this holds. Leave it out if it always applies.');
const ways = z
	.array(id)
	.min(1)
	.optional()
	.describe('Only on these ways through the guide. Leave it out if it is on all of them.');

export const parameterShape = z.strictObject({
	name: id.describe('The name of the parameter; `{name}` stands for its value.'),
	means: z.string().min(1).max(120).describe("What it is, as a noun phrase: `the name of Synapse's database`."),
	kind: z
		.enum(Object.keys(parameterKinds) as [ParameterKind, ...ParameterKind[]])
		.optional()
		.describe('What kind of value it takes; either this or `values`.'),
	values: z.array(id).min(2).optional().describe('The values it can have; either this or `kind`.'),
	follows: z
		.array(
			z.strictObject({
				when: conditionShape.describe('What the value follows from.'),
				is: z.string().min(1).describe('The value.'),
			}),
		)
		.default([])
		.describe('Values that follow from other facts. The first match wins; a value that somebody states wins over all.'),
	default: z
		.string()
		.min(1)
		.optional()
		.describe('The value if nothing is stated and nothing follows. Without it, the guide asks.'),
	lookup: prose.optional().describe('Where admins find the right value.'),
	derived: z
		.boolean()
		.default(false)
		.describe('Whether it is computed from the others only: nobody can state it, and it is not listed.'),
	optional: z
		.boolean()
		.default(false)
		.describe('Whether the guide does without it; its name in capitals then stays in the commands.'),
	example: z.string().min(1).optional().describe('A value to show in an example answer.'),
});

/** Cost by the size of the database in GB: disk space, and minutes (on fast and slow machines). */
export const costShape = z.strictObject({
	disk: z
		.strictObject({
			perGB: z.number().describe('GB for each GB of the database.'),
			plus: z.number().default(0).describe('GB in any case.'),
		})
		.optional()
		.describe('Disk space in GB: a share of the database, plus a fixed amount.'),
	minutes: z
		.strictObject({
			perGB: z
				.tuple([z.number(), z.number()])
				.describe('Minutes for each GB of the database, on a fast and on a slow machine.'),
			plus: z.tuple([z.number(), z.number()]).describe('Minutes in any case, on a fast and on a slow machine.'),
		})
		.optional()
		.describe('Minutes on a fast and on a slow machine.'),
	says: prose.describe('What it costs, in words.'),
});

/** One of several ways through the guide. The first preferred way that fits is used, or else the first that fits. */
export const wayShape = z.strictObject({
	id: id.describe('The name of the way.'),
	title: z.string().min(1).max(60).describe('The way in a few words.'),
	fits: prose.describe('Who should choose it, in one sentence.'),
	applies: conditionShape.optional().describe('Who it works for. Leave it out if it works for everyone.'),
	prefer: conditionShape.optional().describe('Who it is the first choice for.'),
	cost: costShape.optional().describe('What it costs in disk space and time.'),
});

/** Something to do in a stage: text, then commands, an edit of a file or a whole file, then what to expect. */
export const stepShape = z.strictObject({
	applies,
	ways,
	text: prose.optional().describe('What to do, in words.'),
	commands: lines.optional().describe('Commands to type as they are; with `language: sql` into psql.'),
	language: z
		.enum(['bash', 'sql', 'yaml', 'text', 'ini'])
		.default('bash')
		.describe('What the commands are written in.'),
	edit: z
		.strictObject({
			file: z.string().min(1).describe('The file to edit.'),
			diff: lines.describe('The edit as a diff: lines that begin with a space, `-` or `+`.'),
		})
		.optional()
		.describe('An edit of an existing file.'),
	file: z
		.strictObject({ name: z.string().min(1).describe('The file to write.'), text: lines.describe('What it says.') })
		.optional()
		.describe('A file to write; the parts of one file are joined in order.'),
	see: prose
		.optional()
		.describe(
			'What to expect, in words, after what `shows` says. “Nothing should be printed” lets a trial check that.',
		),
	shows: z
		.array(z.string().min(1))
		.default([])
		.describe('What the output must contain, literally; `…` matches anything on the line.'),
	check: z.boolean().default(false).describe('Whether it only looks and changes nothing.'),
});

/** A known error, found by its exact words; `…` and `{parameter}` match anything. */
export const failureShape = z.strictObject({
	id: id.describe('The name of the error.'),
	text: z.string().min(8).describe('Its exact words; `…` and `{parameter}` match anything.'),
	applies,
	cause: prose.describe('Why it happens.'),
	cure: prose.describe('What to do about it.'),
	untried: prose.optional().describe('Why it was not reproduced.'),
});

export const stageShape = z.strictObject({
	id: id.describe('The name of the stage.'),
	title: z.string().min(1).max(40).describe('The stage in a few words.'),
	why: prose.describe('Why the stage is needed.'),
	applies,
	ways,
	down: z
		.enum(['begins', 'ends'])
		.optional()
		.describe('The server is down from this stage on (`begins`), or up again after it (`ends`).'),
	noReturn: prose.optional().describe('What is lost by going back after this stage, in one sentence.'),
	steps: z.array(stepShape).min(1).describe('What to do, in order.'),
	failures: z.array(failureShape).default([]).describe('Known errors of this stage.'),
	untried: z
		.array(
			z.strictObject({
				applies,
				because: prose.describe('Why it could not be tested.'),
			}),
		)
		.default([])
		.describe('What could not be tested, and why.'),
});

/** A way back before the point of no return, or the clean-up before a second attempt. */
export const backShape = stageShape.extend({
	from: id.describe('The first stage that it undoes. If several have been reached, the last one counts.'),
});

export const guideShape = z.strictObject({
	title: z.string().min(1).max(60).describe('What the guide does, in a few words.'),
	summary: prose.describe('What the guide does, in one sentence.'),
	parameters: z.array(parameterShape).describe('What the guide must know.'),
	ways: z.array(wayShape).min(1).describe('The ways through the guide; at least one. The choice comes at the start.'),
	refuses: z
		.array(
			z.strictObject({
				id: id.describe('The name of the reason.'),
				when: conditionShape.describe('Who it is the wrong guide for.'),
				says: prose.describe('What to do instead.'),
			}),
		)
		.default([])
		.describe('Reasons why this guide is the wrong one, shown instead of it.'),
	dangers: z
		.array(
			z.strictObject({
				applies,
				ways: z
					.array(id)
					.optional()
					.describe('Only on these ways through the guide. Leave it out if it is on all of them.'),
				text: prose.describe('The danger, and how to avoid it.'),
			}),
		)
		.describe('Dangers, shown first.'),
	stages: z.array(stageShape).min(1).describe('The stages of the guide, in order.'),
	cleanUp: z.array(stageShape).default([]).describe('What to clean up once everything works.'),
	wayBack: z
		.strictObject({
			before: z.array(backShape).describe('Before the point of no return, in the order of the stages that they undo.'),
			again: z
				.array(backShape)
				.default([])
				.describe('Removes what a first attempt left behind, so that a second one can succeed.'),
			after: z.array(stageShape).describe('After the point of no return.'),
		})
		.describe('How to go back.'),
	sources: z.array(z.string().startsWith('https://')).default([]).describe('Where upstream describes it.'),
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
	/** What stood in for the real thing, in one or more sentences. */
	played: z.string().optional(),
	/** The error message that was seen. */
	saw: z.string().optional(),
	date,
	/** The hash of the stage or failure at that time. If it has changed since, the trial no longer counts. */
	recipe: z.string().regex(/^[0-9a-f]{6}$/),
});
export type Tried = z.infer<typeof triedShape>;
export const triedFileShape = z.strictObject({ tried: z.array(triedShape) });
