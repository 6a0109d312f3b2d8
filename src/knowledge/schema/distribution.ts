// The shape of everything under knowledge/distributions/: what the playbook and the charts changed on their own account.
import { z } from 'zod';
import { clause, date, hash, id, prose, title, version } from './fields.ts';
import type { Source } from './synapse.ts';

/** A chart as its tag writes it, in quotes: `26.8.0`, `25.04.01`. */
export const chart = z
	.string({ error: 'a chart version in quotes, like "26.8.0"' })
	.regex(/^\d+\.\d+\.\d+$/, { error: 'a chart version with three parts, like "26.8.0"' });

/** A value of `matrix_playbook_migration_validated_version`. */
export const migration = z
	.string()
	.regex(/^v\d{4}\.\d\d\.\d\d\.\d+$/, { error: 'a migration value, like v2026.05.18.0' });

/** A variable of vars.yml; with `*` at its end all that begin so. */
const variable = z.string().regex(/^[a-z][A-Za-z0-9_]*\*?$/, {
	error: 'the name of a variable, with * only at its end, like jitsi_enabled or matrix_dimension_*',
});
/** A path into a chart's values; with `*` at its end all below it. */
const value = z.string().regex(/^[a-zA-Z][\w-]*(\.[\w-]+)*(\.\*)?$/, {
	error: 'a path into the values, like matrixRTC.enabled or postgres.*',
});

const common = {
	id,
	/** Whether a deployment that is concerned fails, loses something or behaves differently unless somebody acts. */
	breaking: z.boolean(),
	/** Of a breaking entry: whether one may update first and act later without harm. */
	waits: z.boolean().optional(),
	/** What those who are concerned have, where neither `components` nor `uses` says it. */
	onlyIf: clause.optional(),
	title,
	/** What changed, and what comes of it. */
	text: prose,
	/** What to do about it; absent where there is nothing to do. */
	do: prose.optional(),
	/** What has to happen on the old revision, before going past this entry at all. */
	first: prose.optional(),
	links: z.array(z.string().startsWith('https://')).default([]),
};

const commit = z.string().regex(/^[0-9a-f]{9}$/, { error: 'the first nine digits of a commit, in quotes' });

export const playbookEntryShape = z.strictObject({
	...common,
	date,
	/** The variables that enable what this is about: one of them on, and the entry concerns you. Absent: everybody. */
	components: z.array(variable).default([]),
	/** Variables whose being set decides, whatever is enabled. */
	uses: z.array(variable).default([]),
	/** Variables whose being set says that it is done already, or does not concern. */
	unless: z.array(variable).default([]),
	/** Variables that are set to nothing where it is done already. */
	unlessEmpty: z.array(variable).default([]),
	/**
	 * What the playbook refuses until it is done: `variables` (old names are still set), `values` (a value or a combination
	 * that it no longer takes, or one that it misses), `data` (what it finds on the server).
	 */
	refuses: z.enum(['variables', 'values', 'data']).optional(),
	/** The migration value that the playbook asks for since. */
	migration: migration.optional(),
	/** The commits that did it: what a curator read besides the change log. */
	commits: z.array(commit).default([]),
	/** `date` only where the section stands under another date. */
	covers: z.array(z.strictObject({ date: date.optional(), heading: z.string().min(1), read: hash })).min(1),
});
export type PlaybookEntryFile = z.infer<typeof playbookEntryShape>;

export const chartEntryShape = z.strictObject({
	...common,
	chart,
	/** Paths into the values that enable what this is about: one of them on, and the entry concerns you. */
	components: z.array(value).default([]),
	/** Paths into the values whose being set decides. */
	uses: z.array(value).default([]),
	/** `values`: the chart's schema or templates refuse until it is done. */
	refuses: z.enum(['values']).optional(),
	/** `chart` only where the bullet stands under another chart. */
	covers: z
		.array(z.strictObject({ chart: chart.optional(), part: z.string().min(1), bullet: z.string().min(1), read: hash }))
		.min(1),
});
export type ChartEntryFile = z.infer<typeof chartEntryShape>;

export const playbookFileShape = z.strictObject({ entries: z.array(playbookEntryShape).min(1) });
export const chartFileShape = z.strictObject({ entries: z.array(chartEntryShape).min(1) });

/** Why nobody has to know of a passage. */
export const chartWaiversShape = z.strictObject({
	waivers: z.array(
		z.strictObject({ chart, part: z.string().min(1), bullet: z.string().min(1), read: hash, because: prose }),
	),
});

/** Components that are on unless somebody turns them off, with the days between which that was so. */
export const enabledFileShape = z.strictObject({
	enabled: z.array(
		z.strictObject({ variable, since: date.optional(), until: date.optional(), because: prose.optional() }),
	),
	/**
	 * Components that follow another variable unless they are set themselves: on where `from` is one of the words in `is`,
	 * or, without `is`, where the component `from` is on. `maybe`: words with which something of your own takes its place,
	 * so that its changes may affect you too.
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
	 * Variables that every vars.yml has to set; `values`: the allowed words; `ifOn`: only with this component; `optional`:
	 * it may be missing, but not have another value.
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
 * Generated: a section of the playbook's change log. `added`: the day it reached the main branch. `gone`: the day on which
 * upstream took it back; only checkouts from before that day have it.
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

/** Generated: a bullet of the charts' change log that asks to be read. */
export const chartPassageShape = z.strictObject({
	chart,
	part: z.string(),
	bullet: z.string(),
	url: z.string(),
	hash,
});
export type ChartPassage = z.infer<typeof chartPassageShape>;

/** Generated: a chart and what its own values install. */
export const chartShape = z.strictObject({
	chart,
	date,
	synapse: version,
	mas: z.string().optional(),
	elementWeb: z.string().optional(),
});
export type Chart = z.infer<typeof chartShape>;

/** Generated: the Synapse that the playbook installs from a day on. */
export const playbookSynapseShape = z.strictObject({ date, synapse: version });

export const playbookUpstreamShape = z.strictObject({
	/** The commit it was read at, and the day on which that was. */
	commit: z.string().regex(/^[0-9a-f]{40}$/),
	read: date,
	/** The migration value that the playbook asks for. */
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
	/** The day from which on a checkout has it: never before its date. */
	added: string;
	/** The day from which on a checkout no longer has it, where upstream took it back. */
	gone?: string | undefined;
	sources: Source[];
};
export type ChartEntry = Omit<ChartEntryFile, ToldKind> & { sources: Source[] };

/** A section or a bullet that no entry covers. */
export type UnreadPlaybook = PlaybookPassage & { text?: string };
export type UnreadChart = Omit<ChartPassage, 'hash'> & {
	text?: string /** Named so by upstream. */;
	breaking?: boolean;
};

/** What is known of matrix-docker-ansible-deploy, by date. */
export type PlaybookKnowledge = {
	commit: string;
	read: string;
	migration?: string | undefined;
	entries: readonly PlaybookEntry[];
	enabled: readonly EnabledByDefault[];
	derived: readonly DerivedComponent[];
	required: readonly RequiredVariable[];
	/** What it installed from which day on, oldest first. */
	synapse: readonly { date: string; synapse: string }[];
	unread: readonly UnreadPlaybook[];
};

/** What is known of the charts of Element Server Suite Community, by version. */
export type ChartKnowledge = {
	read: string;
	entries: readonly ChartEntry[];
	/** Oldest first. */
	charts: readonly Chart[];
	unread: readonly UnreadChart[];
};
