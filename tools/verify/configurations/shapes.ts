// The shapes of cases.yaml and contexts.yaml.
import { z } from 'zod';

const options = z.record(z.string(), z.json());

const caseShape = z.strictObject({
	id: z.string().min(1).describe('The name of the case.'),
	main: z.string().optional().describe('More of homeserver.yaml, after the base; its keys replace those of the base.'),
	without: z.array(z.string()).optional().describe('Keys of the base to leave out.'),
	worker: z.string().optional().describe('The file of a worker.'),
	since: z.string().optional().describe('The first release for which the case makes sense.'),
	app: z
		.literal(true)
		.optional()
		.describe('Refused by the app after it has read its configuration: only a refusal counts.'),
	files: z.record(z.string(), z.string()).optional().describe('Other files that the configuration names, by name.'),
});

export const casesFileShape = z.strictObject({
	releases: z.array(z.string()).describe('The releases that are tried.'),
	base: z.string().describe('What every case begins with.'),
	cases: z.array(caseShape).describe('The configurations to try.'),
});

export type Case = z.infer<typeof caseShape>;

export const contextsFileShape = z.strictObject({
	base: options.describe('What every try begins with.'),
	sections: z
		.record(
			z.string(),
			z.strictObject({
				value: z.json().describe('The section as Synapse accepts it.'),
				switch: z.string().optional().describe('The option that turns the section on.'),
				with: options.optional().describe('What else the top level must have.'),
				without: z.array(z.string()).optional().describe('Keys of the base to leave out.'),
				worker: z.boolean().optional().describe('Whether only workers read it.'),
			}),
		)
		.describe('The sections of the configuration, by name.'),
	switched: z
		.array(
			z.strictObject({
				switch: z.string().describe('The option that turns them on.'),
				with: options.describe('What else the top level must have.'),
				options: z.array(z.string()).describe('Those options.'),
			}),
		)
		.describe('Options of the top level that are read only if another is on.'),
});
