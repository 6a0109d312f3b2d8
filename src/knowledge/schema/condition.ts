// The shape of `found`: a condition on the configuration as data, evaluated on the administrator's files.
import { z } from 'zod';
import type { Condition } from '../../configuration/condition.ts';
import { parsePath } from '../../configuration/path.ts';

const option = z.string().refine(text => parsePath(text) !== undefined, {
	error: 'the path of an option, like email.smtp_host, listeners[].type or instance_map.*.port',
});
const bound = z.union([z.number(), z.string().regex(/^\d+(\.\d+)?(ms|[smhdwy]|[KMGT](iB)?)?$/)]);
const testShape = z.strictObject({
	option,
	type: z.enum(['string', 'number', 'boolean', 'list', 'mapping', 'null']).optional(),
	is: z.union([z.string(), z.number(), z.boolean(), z.null()]).optional(),
	in: z.enum(['main', 'worker', 'log-config', 'any']).optional(),
	absent: z.literal(true).optional(),
	notKeyOf: option.optional(),
	url: z.boolean().optional(),
	below: bound.optional(),
	above: bound.optional(),
});

const expression = z.string().refine(isExpression, { error: 'a regular expression' });
/** Only for effects: see EffectTest in configuration/condition.ts. */
const effectTestShape = testShape.extend({
	noneOf: z
		.array(z.union([z.string(), z.number()]))
		.min(1)
		.optional(),
	unlike: expression.optional(),
	like: expression.optional(),
	shorter: z.int().optional(),
	longer: z.int().optional(),
	aboveOption: option.optional(),
	equalsOption: option.optional(),
	aboveMember: option.optional(),
	unknownKeys: z.array(z.string()).min(1).optional(),
	keysUnlike: expression.optional(),
	notIn: option.optional(),
	repeats: z.string().optional(),
});

/** Compared number by number, so a range names final versions: `<4.13.0`, `>=24.10.0`. */
const packageTestShape = z.strictObject({
	package: z
		.string()
		.regex(/^[a-z0-9]+([-.][a-z0-9]+)*$/, { error: 'the name of a Python package, like prometheus-client' }),
	version: z
		.string()
		.regex(/^(<=|>=|<|>)\d+(\.\d+)*( (<=|>=|<|>)\d+(\.\d+)*)?$/, { error: 'a range, like <4.13.0' })
		.optional(),
});

function conditionOf(test: z.ZodType<Condition>, tests: string): z.ZodType<Condition> {
	const condition: z.ZodType<Condition> = z.lazy(() =>
		z.union(
			[
				test,
				z.strictObject({
					each: option,
					any: several.optional(),
					all: several.optional(),
					not: condition.optional(),
				}),
				z.strictObject({ any: several }),
				z.strictObject({ all: several }),
				z.strictObject({ not: condition }),
				z.strictObject({ absent: z.array(option).min(1) }),
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
/** A condition on files only. */
export const fileConditionShape = conditionOf(testShape, tests);
/** The condition of an effect, on files only. */
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
