// The shape of everything below knowledge/distributions/: what the playbook and the charts changed themselves.
import { z } from 'zod';
import { clause, date, hash, id, prose, title, version } from './fields.ts';
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
	id,
	/** Whether an affected deployment fails, loses something or behaves differently unless somebody acts. */
	breaking: z.boolean(),
	/** For a breaking entry: whether it is safe to update first and act later. */
	waits: z.boolean().optional(),
	/** Who is affected, if neither `components` nor `uses` says it. */
	onlyIf: clause.optional(),
	title,
	/** What changed, and the consequences. */
	text: prose,
	/** What to do; absent if there is nothing to do. */
	do: prose.optional(),
	/** What must be done on the old revision, before updating past this entry. */
	first: prose.optional(),
	links: z.array(z.string().startsWith('https://')).default([]),
};

const commit = z.string().regex(/^[0-9a-f]{9}$/, { error: 'the first nine digits of a commit, in quotes' });

export const playbookEntryShape = z.strictObject({
	...common,
	date,
	/** The variables that enable this component: an entry applies if any of them is on. Absent: it applies to everybody. */
	components: z.array(variable).default([]),
	/** Variables that make the entry apply if they are set, whatever is enabled. */
	uses: z.array(variable).default([]),
	/** Variables that, if set, mean that it is already done or does not apply. */
	unless: z.array(variable).default([]),
	/** Variables that, if set to nothing, mean that it is already done. */
	unlessEmpty: z.array(variable).default([]),
	/**
	 * What the playbook rejects until it is done: `variables` (old names are still set), `values` (an invalid value
	 * or combination, or a missing one), `data` (something it finds on the server).
	 */
	refuses: z.enum(['variables', 'values', 'data']).optional(),
	/** The migration value that the playbook requires since then. */
	migration: migration.optional(),
	/** The commits that made the change, which a curator read in addition to the changelog. */
	commits: z.array(commit).default([]),
	/** `date` only if the section is under another date. */
	covers: z.array(z.strictObject({ date: date.optional(), heading: z.string().min(1), read: hash })).min(1),
});
export type PlaybookEntryFile = z.infer<typeof playbookEntryShape>;

export const chartEntryShape = z.strictObject({
	...common,
	chart,
	/** Paths into the values that enable this component: an entry applies if any of them is on. */
	components: z.array(value).default([]),
	/** Paths into the values that make the entry apply if they are set. */
	uses: z.array(value).default([]),
	/** `values`: the chart's schema or templates reject the values until it is done. */
	refuses: z.enum(['values']).optional(),
	/** `chart` only if the bullet is under another chart. */
	covers: z
		.array(z.strictObject({ chart: chart.optional(), part: z.string().min(1), bullet: z.string().min(1), read: hash }))
		.min(1),
});
export type ChartEntryFile = z.infer<typeof chartEntryShape>;

export const playbookFileShape = z.strictObject({ entries: z.array(playbookEntryShape).min(1) });
export const chartFileShape = z.strictObject({ entries: z.array(chartEntryShape).min(1) });

/** Why nobody needs to know about a passage. */
export const chartWaiversShape = z.strictObject({
	waivers: z.array(
		z.strictObject({ chart, part: z.string().min(1), bullet: z.string().min(1), read: hash, because: prose }),
	),
});

/** Components that are on unless turned off, with the dates between which that was so. */
export const enabledFileShape = z.strictObject({
	enabled: z.array(
		z.strictObject({ variable, since: date.optional(), until: date.optional(), because: prose.optional() }),
	),
	/**
	 * Components that follow another variable unless they are set themselves: on if `from` is one of the words in
	 * `is`, or, without `is`, if the component `from` is on. `maybe`: words that mean something of your own takes
	 * its place, so that its changes may affect you too.
	 */
	derived: z
		.array(
			z.strictObject({
				variable,
				from: variable,
				is: z.array(z.string().min(1)).min(1).optional(),
				maybe: z.array(z.string().min(1)).min(1).optional(),
				since: date.optional(),
				until: date.optional(),
			}),
		)
		.default([]),
	/**
	 * Variables that every vars.yml must set; `values`: the allowed words; `ifOn`: only with this component;
	 * `optional`: it may be missing, but may not have another value.
	 */
	required: z
		.array(
			z.strictObject({
				variable,
				values: z.array(z.string()).optional(),
				ifOn: variable.optional(),
				optional: z.literal(true).optional(),
			}),
		)
		.default([]),
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
	text?: string /** Named so by upstream. */;
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
