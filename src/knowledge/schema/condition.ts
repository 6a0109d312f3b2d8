// The shape of `found`: a condition on the configuration as data, as the administrator's files decide it.
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

export const conditionShape: z.ZodType<Condition> = z.lazy(() =>
	z.union(
		[
			testShape,
			z.strictObject({
				each: option,
				any: several.optional(),
				all: several.optional(),
				not: conditionShape.optional(),
			}),
			z.strictObject({ any: several }),
			z.strictObject({ all: several }),
			z.strictObject({ not: conditionShape }),
			z.strictObject({ absent: z.array(option).min(1) }),
		],
		{
			error:
				'{ option, type | is | in | absent | notKeyOf | url | below | above }, { any }, { all }, { not } or { each }',
		},
	),
);
const several: z.ZodType<Condition[]> = z.lazy(() => z.array(conditionShape).min(1));

/** Where to look for what no file of Synapse's configuration says. */
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
