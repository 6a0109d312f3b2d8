// The shapes of cases.yaml and contexts.yaml.
import { z } from 'zod';

const options = z.record(z.string(), z.json());

const caseShape = z.strictObject({
	id: z.string().min(1),
	/** More of homeserver.yaml, as YAML after the base; a key of the base that is given here too is left out there. */
	main: z.string().optional(),
	/** Keys of the base to leave out. */
	without: z.array(z.string()).optional(),
	/** A worker's own file. */
	worker: z.string().optional(),
	/** The first release for which the case means something. */
	since: z.string().optional(),
	/** Refused by the app, after it has read its configuration: only a refusal counts. */
	app: z.literal(true).optional(),
	/** Other files that the configuration names, by their names. */
	files: z.record(z.string(), z.string()).optional(),
});

export const casesFileShape = z.strictObject({
	releases: z.array(z.string()),
	base: z.string(),
	cases: z.array(caseShape),
});

export type Case = z.infer<typeof caseShape>;

export const contextsFileShape = z.strictObject({
	base: options,
	sections: z.record(
		z.string(),
		z.strictObject({
			/** The section as Synapse accepts it. */
			value: z.json(),
			/** The option that turns the section on. */
			switch: z.string().optional(),
			/** What must stand at the top level besides. */
			with: options.optional(),
			/** Keys of the base to leave out. */
			without: z.array(z.string()).optional(),
			/** Read by workers only. */
			worker: z.boolean().optional(),
		}),
	),
	/** Options of the top level that are read only where another is on. */
	switched: z.array(z.strictObject({ switch: z.string(), with: options, options: z.array(z.string()) })),
});
