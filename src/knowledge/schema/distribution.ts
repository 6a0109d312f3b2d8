// The shape of everything below knowledge/distributions/: what the playbook and the charts changed themselves.
import { z } from 'zod';
import { clause, date, hash, id, prose, readHash, title, version } from './fields.ts';
import type { Source } from './synapse.ts';

/** A chart version as tagged, in quotes: `26.8.0`, `25.04.01`. */
export const chart = z
	.string({ error: 'a chart version in quotes, like "26.8.0"' })
	.regex(/^\d+\.\d+\.\d+$/, { error: 'a chart version with three parts, like "26.8.0"' });

/** A value of `matrix_playbook_migration_validated_version`. */
export const migration = z
	.string()
	.regex(/^v\d{4}\.\d\d\.\d\d\.\d+$/, { error: 'a migration value, like v2026.05.18.0' });

/** A variable of vars.yml; with `*` at its end, all that start with it. */
const variable = z.string().regex(/^[a-z][A-Za-z0-9_]*\*?$/, {
	error: 'the name of a variable, with * only at its end, like jitsi_enabled or matrix_dimension_*',
});
/** A path into a chart's values; with `*` at its end, everything below it. */
const value = z.string().regex(/^[a-zA-Z][\w-]*(\.[\w-]+)*(\.\*)?$/, {
	error: 'a path into the values, like matrixRTC.enabled or postgres.*',
});

const common = {
	id: id.describe('The name of the entry. Together with its date or chart it is permanent.'),
	breaking: z
		.boolean()
		.describe('Whether an affected deployment fails, loses something or behaves differently unless somebody acts.'),
	waits: z
		.boolean()
		.optional()
		.describe('For a breaking entry: whether you can update first and act later without harm.'),
	onlyIf: clause
		.optional()
		.describe('Who is affected, if neither `components` nor `uses` says it: a clause that continues “only if”.'),
	title: title.describe('What changes, in at most 80 characters.'),
	text: prose.describe('What changed, and what it means.'),
	do: prose.optional().describe('What to do about it. Leave it out if there is nothing to do.'),
	first: prose.optional().describe('What must happen on the old revision, before updating past this entry.'),
	links: z.array(z.string().startsWith('https://')).default([]).describe('Other pages about it.'),
};

const commit = z.string().regex(/^[0-9a-f]{9}$/, { error: 'the first nine digits of a commit, in quotes' });

export const playbookEntryShape = z.strictObject({
	...common,
	date: date.describe('The date of the heading.'),
	components: z
		.array(variable)
		.default([])
		.describe(
			'The variables that enable what it is about: if one is on, the entry applies. Leave it out if it affects everyone.',
		),
	uses: z.array(variable).default([]).describe('Variables that make it apply if they are set, whatever is enabled.'),
	unless: z.array(variable).default([]).describe('Variables that show, if set, that it is done or does not apply.'),
	unlessEmpty: z.array(variable).default([]).describe('Variables that are empty once it is done.'),
	refuses: z
		.enum(['variables', 'values', 'data'])
		.optional()
		.describe(
			'What the playbook refuses until it is done: variables (old names are still set), values (one is missing or no longer accepted), data (what it finds on the server).',
		),
	migration: migration.optional().describe('The migration value that the playbook requires from then on.'),
	commits: z.array(commit).default([]).describe('The commits that did it: what was read besides the change log.'),
	covers: z
		.array(
			z.strictObject({
				date: date.optional().describe('The date of the section, if it is not that of the entry.'),
				heading: z.string().min(1).describe('The heading, as upstream wrote it.'),
				read: readHash,
			}),
		)
		.min(1)
		.describe('The sections of the change log it was written from.'),
});
export type PlaybookEntryFile = z.infer<typeof playbookEntryShape>;

export const chartEntryShape = z.strictObject({
	...common,
	chart: chart.describe('The version of the chart.'),
	components: z
		.array(value)
		.default([])
		.describe('Paths into the values that enable what it is about: if one is on, the entry applies.'),
	uses: z.array(value).default([]).describe('Paths into the values that make it apply if they are set.'),
	refuses: z
		.enum(['values'])
		.optional()
		.describe("values: the chart's schema or templates reject the values until it is done."),
	covers: z
		.array(
			z.strictObject({
				chart: chart.optional().describe('The chart of the bullet, if it is not that of the entry.'),
				part: z.string().min(1).describe('The heading above the bullet.'),
				bullet: z.string().min(1).describe('The number of the pull request, or the first words.'),
				read: readHash,
			}),
		)
		.min(1)
		.describe('The bullets of the change log it was written from.'),
});
export type ChartEntryFile = z.infer<typeof chartEntryShape>;

export const playbookFileShape = z.strictObject({
	entries: z.array(playbookEntryShape).min(1).describe('What the playbook changed this year, newest first.'),
});
export const chartFileShape = z.strictObject({
	entries: z.array(chartEntryShape).min(1).describe('What changed in the charts.'),
});

/** Why nobody needs to know about a passage. */
export const chartWaiversShape = z.strictObject({
	waivers: z
		.array(
			z.strictObject({
				chart: chart.describe('The version of the chart.'),
				part: z.string().min(1).describe('The heading above the bullet.'),
				bullet: z.string().min(1).describe('The number of the pull request, or the first words.'),
				read: readHash,
				because: prose.describe('Why nobody needs to know.'),
			}),
		)
		.describe('Bullets that need no entry.'),
});

/** Components that are on unless turned off, with the dates between which that was so. */
export const enabledFileShape = z.strictObject({
	enabled: z
		.array(
			z.strictObject({
				variable: variable.describe('The variable that turns the component on.'),
				since: date.optional().describe('The first day of this.'),
				until: date.optional().describe('The last day of this.'),
				because: prose.optional().describe('Why it is on.'),
			}),
		)
		.describe('Components that are on unless somebody turns them off.'),
	derived: z
		.array(
			z.strictObject({
				variable: variable.describe('The variable that turns the component on.'),
				from: variable.describe('The variable or component it follows.'),
				is: z
					.array(z.string().min(1))
					.min(1)
					.optional()
					.describe('The values of that variable that turn it on. Without them, it is on if the component is.'),
				maybe: z
					.array(z.string().min(1))
					.min(1)
					.optional()
					.describe(
						"Values that put the administrator's own service in its place, so that its changes may matter too.",
					),
				since: date.optional().describe('The first day of this.'),
				until: date.optional().describe('The last day of this.'),
			}),
		)
		.default([])
		.describe('Components that follow another variable unless they are set themselves.'),
	required: z
		.array(
			z.strictObject({
				variable: variable.describe('The variable.'),
				values: z.array(z.string()).optional().describe('The values it can have.'),
				ifOn: variable.optional().describe('Only with this component.'),
				optional: z.literal(true).optional().describe('It may be missing, but if set it must have one of the values.'),
			}),
		)
		.default([])
		.describe('Variables that every vars.yml must set.'),
});
export type EnabledByDefault = z.infer<typeof enabledFileShape>['enabled'][number];
export type DerivedComponent = z.infer<typeof enabledFileShape>['derived'][number];
export type RequiredVariable = z.infer<typeof enabledFileShape>['required'][number];

/**
 * Generated: a section of the playbook's changelog. `added`: the day it reached the main branch. `gone`: the day
 * upstream withdrew it; only earlier checkouts have it.
 */
export const playbookPassageShape = z.strictObject({
	date,
	heading: z.string(),
	added: date,
	commit,
	url: z.string(),
	hash,
	gone: date.optional(),
});
export type PlaybookPassage = z.infer<typeof playbookPassageShape>;

/** Generated: a bullet of the charts' changelog that a curator must read. */
export const chartPassageShape = z.strictObject({
	chart,
	part: z.string(),
	bullet: z.string(),
	url: z.string(),
	hash,
});
export type ChartPassage = z.infer<typeof chartPassageShape>;

/** Generated: a chart version and what its own values install. */
export const chartShape = z.strictObject({
	chart,
	date,
	synapse: version,
	mas: z.string().optional(),
	elementWeb: z.string().optional(),
});
export type Chart = z.infer<typeof chartShape>;

/** Generated: the Synapse version that the playbook installs from a date on. */
export const playbookSynapseShape = z.strictObject({ date, synapse: version });

export const playbookUpstreamShape = z.strictObject({
	/** The commit that was read, and when. */
	commit: z.string().regex(/^[0-9a-f]{40}$/),
	read: date,
	/** The migration value that the playbook requires. */
	migration: migration.optional(),
	passages: z.array(playbookPassageShape),
	synapse: z.array(playbookSynapseShape),
});
export const chartUpstreamShape = z.strictObject({
	read: date,
	passages: z.array(chartPassageShape),
	charts: z.array(chartShape),
});

/** Generated: see PlaybookVariables and Archive in ../distributions.ts. They are read as they are, so a bundle's are checked. */
export const generatedShapes = {
	'mdad/commits': z.record(date, z.string().regex(/^[0-9a-f]{9}( [0-9a-f]{9})*$/)),
	'mdad/variables': z.strictObject({
		commit: z.string().regex(/^[0-9a-f]{40}$/),
		roles: z.record(z.string(), z.strictObject({ wants: z.string(), read: z.string().nullable() })),
		families: z.array(z.string()),
		refused: z.record(z.string(), z.tuple([z.string(), z.string()])),
		names: z.array(z.string()).min(1),
	}),
	archives: z.strictObject({
		archives: z.array(
			z.strictObject({
				word: z.string().min(1),
				name: z.string().min(1),
				url: z.string().startsWith('https://'),
				date: z.string().min(1),
				read: date,
				isWhole: z.boolean(),
				releases: z
					.array(z.strictObject({ date, version, branch: z.string().optional(), at: z.string().optional() }))
					.min(1),
			}),
		),
	}),
};

type ToldKind = 'covers' | 'commits' | 'links';
/** An entry with its identity (`mdad/2026-08-06/jitsi-colibri`) and its sources. */
export type PlaybookEntry = Omit<PlaybookEntryFile, ToldKind> & {
	/** The day from which checkouts contain it; never before its date. */
	added: string;
	/** The day from which checkouts no longer contain it, if upstream withdrew it. */
	gone?: string | undefined;
	sources: Source[];
};
export type ChartEntry = Omit<ChartEntryFile, ToldKind> & { sources: Source[] };

/** A section or bullet that no entry covers. */
export type UnreadPlaybook = PlaybookPassage & { text?: string };
export type UnreadChart = Omit<ChartPassage, 'hash'> & {
	text?: string;
	/** Whether upstream calls it breaking. */
	breaking?: boolean;
};

/** What is known about matrix-docker-ansible-deploy, by date. */
export type PlaybookKnowledge = {
	commit: string;
	read: string;
	migration?: string | undefined;
	entries: readonly PlaybookEntry[];
	enabled: readonly EnabledByDefault[];
	derived: readonly DerivedComponent[];
	required: readonly RequiredVariable[];
	/** The Synapse versions it installed and from which day on, oldest first. */
	synapse: readonly { date: string; synapse: string }[];
	unread: readonly UnreadPlaybook[];
};

/** What is known about the charts of Element Server Suite Community, by version. */
export type ChartKnowledge = {
	read: string;
	entries: readonly ChartEntry[];
	/** Oldest first. */
	charts: readonly Chart[];
	unread: readonly UnreadChart[];
};
