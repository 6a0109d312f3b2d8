// The shapes of the tables read from Synapse's code, for checking the tables in a bundle. A refresh generates our own.
import { z } from 'zod';
import { compare, isVersion } from '../../deployment/version.ts';
import { version } from './fields.ts';

const words = z.union([z.string(), z.array(z.string())]);
const flag = z.literal(true).optional();
/** See WhenSet in configuration/values.ts. */
const whenSet = z.union([z.literal(true), z.enum(['present', 'not null'])]).optional();
/** Of ValueKind; an unknown one has no effect. */
const kinds = z.array(z.string());

function tableOf<State extends z.ZodType>(state: State) {
	// The versions themselves are checked one by one; those that are none cannot be compared.
	const rises = (versions: readonly string[]) =>
		!versions.every(isVersion) || versions.every((one, i) => i === 0 || compare(versions[i - 1] as string, one) < 0);
	const changes = z
		.array(z.tuple([version, state.nullable()]))
		.min(1)
		.refine(all => rises(all.map(change => change[0] as string)), { error: 'changes in the order of releases' });
	return z.strictObject({
		by: z.string().optional(),
		read: z.array(version).min(1).refine(rises, { error: 'releases in order' }),
		entries: z.array(z.strictObject({ key: z.string().min(1), changes })).min(1),
	});
}

const text = tableOf(z.string());

export const tableShapes = {
	options: tableOf(
		z.strictObject({
			file: z.string(),
			default: z.unknown().optional(),
			documented: z.unknown().optional(),
			documentedType: words.optional(),
			undocumented: flag,
			required: flag,
			type: words.optional(),
			accepts: z.array(z.string()).optional(),
			refused: whenSet,
			warned: whenSet,
		}),
	),
	refusals: tableOf(z.strictObject({ in: z.string(), raises: z.string(), option: words.optional() })),
	dependencies: text,
	routes: text,
	deltas: tableOf(z.strictObject({ tables: z.record(z.string(), z.array(z.string())), background: flag })),
	builds: tableOf(
		z.strictObject({
			number: z.string().optional(),
			end: z.string().optional(),
			forced: z.strictObject({ by: z.string(), end: z.string() }).optional(),
		}),
	),
	admin: text,
	values: tableOf(
		z.strictObject({
			refuses: kinds,
			switched: z.record(z.string(), kinds).optional(),
			unless: z.record(z.string(), kinds).optional(),
			words: z.array(z.string()).optional(),
			shapes: z.array(z.string()).optional(),
			closed: flag,
		}),
	),
};

/** The part of the options table that rules need: only the paths. */
export const optionNamesShape = z.object({ entries: z.array(z.object({ key: z.string() })) });
