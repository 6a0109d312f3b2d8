// The shape of `found`: a condition on the configuration as data, evaluated on the administrator's files.
import { z } from 'zod';
import type { Condition } from '../../configuration/condition.ts';
import { parsePath } from '../../configuration/path.ts';
import { version } from './fields.ts';

const option = z.string().refine(text => parsePath(text) !== undefined, {
	error: 'the path of an option, like email.smtp_host, listeners[].type or instance_map.*.port',
});
const bound = z.union([z.number(), z.string().regex(/^\d+(\.\d+)?(ms|[smhdwy]|[KMGT](iB)?)?$/)]);
// Conditions of notes have examples because docs/note-fields.md is generated from the descriptions and examples.
const testShape = z.strictObject({
	option: option.meta({
		description:
			'The path of an option; `[]` is any entry of a list, `*` any key of a mapping. On its own: the option is set.',
		examples: ['listeners[].type'],
	}),
	type: z
		.enum(['string', 'number', 'boolean', 'list', 'mapping', 'null'])
		.optional()
		.meta({
			description: 'Its value is a `string`, `number`, `boolean`, `list`, `mapping` or `null`.',
			examples: ['list'],
		}),
	is: z
		.union([z.string(), z.number(), z.boolean(), z.null()])
		.optional()
		.meta({ description: 'Its value, or its default in this release if it is not set, is this.', examples: [true] }),
	in: z
		.enum(['main', 'worker', 'log-config', 'any'])
		.optional()
		.meta({
			description: 'Look only in the files of this kind: `main`, `worker`, `log-config` or `any`, the default.',
			examples: ['worker'],
		}),
	absent: z
		.literal(true)
		.optional()
		.meta({ description: 'It is not set.', examples: [true] }),
	notKeyOf: option
		.optional()
		.meta({ description: 'Its value is not a key of the mapping at this path.', examples: ['instance_map'] }),
	url: z
		.boolean()
		.optional()
		.meta({ description: 'Its value begins with http:// or https:// (true), or does not (false).', examples: [false] }),
	below: bound.optional().meta({ description: 'Its value is a smaller number, duration or size.', examples: ['1h'] }),
	above: bound.optional().meta({ description: 'Its value is a larger number, duration or size.', examples: [100] }),
});

const expression = z.string().refine(isExpression, { error: 'a regular expression' });
/** Only for effects and `refusesIf`: see EffectTest in configuration/condition.ts. */
const effectTestShape = testShape.extend({
	since: version.optional().describe('Releases before this one do not read the option.'),
	noneOf: z
		.array(z.union([z.string(), z.number()]))
		.min(1)
		.optional()
		.describe('Its value is none of these.'),
	unlike: expression.optional().describe('Its value does not match this regular expression.'),
	like: expression.optional().describe('Its value matches this regular expression.'),
	shorter: z.int().optional().describe('Its list has fewer entries than this.'),
	longer: z.int().optional().describe('Its list has more entries than this.'),
	aboveOption: option.optional().describe('Its value is larger than that of this option.'),
	equalsOption: option.optional().describe('Its value equals that of this option.'),
	aboveMember: option.optional().describe('Its value is larger than that of this member of the same element.'),
	unknownKeys: z.array(z.string()).min(1).optional().describe('Its mapping has a key other than these.'),
	keysUnlike: expression.optional().describe('Its mapping has a key that does not match this regular expression.'),
	notIn: option.optional().describe('Its value is not in the list at this path.'),
	repeats: z.string().optional().describe('Two mappings of its list have the same value for this key.'),
});

/** Compared number by number, so a range names final versions: `<4.13.0`, `>=24.10.0`. */
const packageTestShape = z.strictObject({
	package: z
		.string()
		.regex(/^[a-z0-9]+([-.][a-z0-9]+)*$/, { error: 'the name of a Python package, like prometheus-client' })
		.meta({
			description: 'A Python package is installed in the environment of Synapse; only look.py can tell.',
			examples: ['prometheus-client'],
		}),
	version: z
		.string()
		.regex(/^(<=|>=|<|>)\d+(\.\d+)*( (<=|>=|<|>)\d+(\.\d+)*)?$/, { error: 'a range, like <4.13.0' })
		.optional()
		.meta({ description: 'In a version within this range.', examples: ['<0.22.0'] }),
});

function conditionOf(test: z.ZodType<Condition>, tests: string): z.ZodType<Condition> {
	// `condition` and `several` are lazy. Describing one here would clone it, and the clone would be described
	// again, for ever.
	const condition: z.ZodType<Condition> = z.lazy(() =>
		z.union(
			[
				test,
				z
					.strictObject({
						each: option.describe('The path of a list or mapping; paths in the other keys begin at its entries.'),
						any: several.optional(),
						all: several.optional(),
						not: condition.optional(),
					})
					.meta({
						description: 'Some entry of a list or mapping meets the other keys, whose paths begin at that entry.',
						examples: [
							{
								each: 'listeners[]',
								all: [
									{ option: 'type', is: 'http' },
									{ option: 'port', absent: true },
								],
							},
						],
					}),
				z.strictObject({ any: several }).meta({
					description: 'At least one of these conditions holds.',
					examples: [
						{
							any: [
								{ option: 'acme.enabled', is: true },
								{ option: 'acme.domain', type: 'string' },
							],
						},
					],
				}),
				z.strictObject({ all: several }).meta({
					description: 'All of these conditions hold.',
					examples: [
						{
							all: [
								{ option: 'database.name', is: 'psycopg2' },
								{ option: 'redis.enabled', is: true },
							],
						},
					],
				}),
				z.strictObject({ not: condition }).meta({
					description: 'This condition does not hold.',
					examples: [{ not: { option: 'public_baseurl', url: true } }],
				}),
				z.strictObject({ absent: z.array(option).min(1) }).meta({
					description: 'None of these options is set.',
					examples: [{ absent: ['form_secret', 'form_secret_path'] }],
				}),
			],
			{ error: `{ option, ${tests} }, { any }, { all }, { not } or { each }` },
		),
	);
	const several: z.ZodType<Condition[]> = z.lazy(() => z.array(condition).min(1));
	return condition;
}

const tests = 'type | is | in | absent | notKeyOf | url | below | above';
/** The condition of a note or a fault. The look script evaluates it too, and it alone sees what is installed. */
export const conditionShape = conditionOf(z.union([testShape, packageTestShape]), `${tests} }, { package, version?`);
export const fileConditionShape = conditionOf(testShape, tests);
export const effectConditionShape = conditionOf(
	effectTestShape,
	`${tests} | noneOf | unlike | like | shorter | longer | aboveOption`,
);

function isExpression(text: string): boolean {
	try {
		return new RegExp(text) instanceof RegExp;
	} catch {
		return false;
	}
}

/** Where to look for what Synapse's configuration files do not say. */
export const foundInShape = z.enum([
	'database',
	'dns',
	'history',
	'image',
	'modules',
	'packages',
	'proxy',
	'registration-files',
	'scripts',
	'system',
]);
