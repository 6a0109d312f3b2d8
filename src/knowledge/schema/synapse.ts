// The shape of everything below knowledge/, stated once; the types and the editors' JSON Schema follow from it.
import { z } from 'zod';
import { conditionShape, effectConditionShape, fileConditionShape, foundInShape } from './condition.ts';
import type { FaultFile, SymptomFile } from './fault.ts';
import { appliesShape, clause, date, hash, id, path, prose, range, roughDate, title, version } from './fields.ts';
import type { Guide, Tried } from './guide.ts';
import type { Recipes } from './install.ts';
import type { Migration, QueuedUpdates } from './migrations.ts';
import type { Renamed } from './playbook-variable.ts';

export type * from './claims.ts';
export type * from './guide.ts';
export type { Renamed } from './playbook-variable.ts';
/** A passage of upstream's that a note covers; `read` is the hash of the text that the curator read. */
export const coverShape = z.union(
	[
		z.strictObject({
			document: z.literal('upgrade.md'),
			section: version.optional(),
			heading: z.string().min(1).optional(),
			under: z.string().min(1).optional(),
			read: hash,
		}),
		z.strictObject({
			document: z.literal('CHANGES.md'),
			release: version,
			part: z.string().min(1),
			bullet: z.string().min(1),
			read: hash,
		}),
	],
	{
		error:
			'a source: { document: upgrade.md, section?, heading?, under?, read } or { document: CHANGES.md, release, part, bullet, read }, hashes in quotes',
	},
);
export type Cover = z.infer<typeof coverShape>;

/** When something stops working, according to upstream. */
const promiseAt = z.union(
	[
		/** `orLater`: in this version or any later one. */
		z.strictObject({ version: version, orLater: z.literal(true).optional() }),
		z.strictObject({ date: roughDate }),
		z.strictObject({ version: version, date: roughDate }),
		z.strictObject({ vague: z.string().min(1) }),
	],
	{ error: '{ version: 1.166.0 }, { date: "2027" } or { vague: a future release }' },
);

const deadlineShape = z.strictObject({
	/** What stops working, as a noun: the title of the deadline. */
	subject: title,
	at: promiseAt,
	/** What upstream announced, in our words. */
	promised: prose,
	replacedBy: prose.optional(),
	/** The release in which it really happened; absent while it still works. */
	landed: version.optional(),
	/** Why the announcement no longer stands, if upstream withdrew it. */
	withdrawn: prose.optional(),
	/** The affected configurations, if they are fewer than the note's. */
	found: fileConditionShape.optional(),
});

export const noteShape = z.strictObject({
	id,
	when: z.enum(['before', 'switch', 'after']),
	/** The earliest release on which it can be done in advance; absent: all. */
	possible: version.optional(),
	must: z.boolean(),
	refuses: z.boolean().default(false),
	applies: appliesShape.optional(),
	/** Who is affected, if no fact says it: “`homeserver.yaml` has `acme`”. */
	onlyIf: clause.optional(),
	/** The same as data, if the configuration says it. */
	found: conditionShape.optional(),
	/** The files can prove `found` but not disprove it, because a command-line flag or the environment may say the same. */
	partly: z.literal(true).optional(),
	/** For a refusal: when the start is refused, if that is narrower than `found`. */
	refusesIf: fileConditionShape.optional(),
	/** Where to look instead, if the configuration files do not say it. */
	foundIn: foundInShape.optional(),
	/** For a refusal: the first release that starts again despite it. */
	until: version.optional(),
	options: z.array(z.string().min(1)).default([]),
	endpoints: z.array(z.string().min(1)).default([]),
	metrics: z.array(z.string().min(1)).default([]),
	story: id.optional(),
	deadline: deadlineShape.optional(),
	/** What cannot be undone once this release has run, in one sentence; shown with the rollback. */
	oneWay: prose.optional(),
	/** What users will complain about, in one line, unless the administrator changes something. */
	people: title.optional(),
	title,
	text: prose,
	covers: z.array(coverShape).default([]),
	/** Evidence if upstream's texts are silent: files of Synapse's repository. */
	code: z.array(path).default([]),
	/** Evidence in issues and other pages. */
	links: z.array(z.string().startsWith('https://')).default([]),
});
export type NoteFile = z.infer<typeof noteShape>;

/** How the code treats a configuration that no note mentions, because no release changed it: one sentence each. */
export const effectShape = z.strictObject({
	kind: z.enum(['refuses', 'without-effect', 'renamed']),
	/** The option that a finding names if the condition has no place in the files. */
	option: z.string().min(1),
	found: effectConditionShape,
	/** The first release that does so, and the first that no longer does. */
	since: version.optional(),
	until: version.optional(),
	/** The consequence, as a clause that follows the option: “is missing, and Synapse does not start without it”. */
	says: clause,
	replacedBy: prose.optional(),
	/** Evidence: files of Synapse's repository. */
	code: z.array(path).min(1),
});
export type Effect = z.infer<typeof effectShape>;
export const effectsFileShape = z.strictObject({ effects: z.array(effectShape) });

export const releaseFileShape = z.strictObject({ notes: z.array(noteShape).min(1) });

/** An advisory: `affected` and `patched` are ranges because fixes are backported. */
export const advisoryShape = z.strictObject({
	severity: z.enum(['low', 'moderate', 'high', 'critical']),
	affected: z.array(range).min(1),
	patched: z.array(range).default([]),
	applies: appliesShape.optional(),
	/** Other names: GHSA ids. */
	aliases: z.array(z.string()).default([]),
	/** The dates of the first release with the fix and of the advisory. */
	fixed: date,
	published: date,
	title,
	text: prose,
	links: z.array(z.string().startsWith('https://')).min(1),
});

/** Why nobody needs to know about a passage. Each passage needs a note or a waiver. */
export const waiverShape = z.strictObject({
	document: z.enum(['upgrade.md', 'CHANGES.md']),
	release: version,
	heading: z.string().optional(),
	under: z.string().optional(),
	part: z.string().optional(),
	bullet: z.string().optional(),
	read: hash,
	because: prose,
});
export type Waiver = z.infer<typeof waiverShape>;
export const waiversFileShape = z.strictObject({ waivers: z.array(waiverShape) });

/** An intermediate stop on a long upgrade. It applies to upgrades that start within `from` and end within `to`. */
export const stopShape = z.strictObject({
	id,
	ways: z.array(z.strictObject({ from: range, to: range })).min(1),
	/** Stop anywhere between these two; `best` is preferred. */
	first: version,
	last: version,
	best: version,
	required: z.boolean(),
	/** What happens if a required stop is skipped: neither the old nor the new release can open the database afterwards. */
	ruins: z.boolean().default(true),
	/** Or the new release starts, but its background updates never finish. */
	sticks: z.boolean().default(false),
	/** What affected people find in their database; absent: everybody on the way is affected. */
	onlyIf: clause.optional(),
	waitFor: z.string().min(1),
	/** Upgrades that start within these need no stop, only the wait before they begin. */
	waitAtStart: range.optional(),
	/** Releases on which that wait can last for ever: how to notice, and what to do. */
	stuckAtStart: z.strictObject({ releases: range, query: z.string().min(1), text: prose }).optional(),
	/** More releases from which `npm run verify` tests the stop, besides the last of each way. */
	tryFrom: z.array(version).default([]),
	/** A release that must have opened the database first, so that the tests contain what the stop is about. */
	tryAfter: version.optional(),
	/** Notes that ask for the same wait: waiting at this stop satisfies them. */
	tells: z.array(z.string()).default([]),
	/** Which of these are settled for good once the wait is over on any release, even one too old for the note. */
	settles: z.array(z.string()).default([]),
	why: prose,
	applies: appliesShape.optional(),
});
/** Rollback floors observed by running a release, if they differ from its schema numbers. */
export const floorExceptionShape = z.strictObject({ releases: range, floor: version, because: prose });
export const waysFileShape = z.strictObject({
	stops: z.array(stopShape),
	rollbackFloors: z.array(floorExceptionShape),
});
export type Stop = z.infer<typeof stopShape>;
export type FloorException = z.infer<typeof floorExceptionShape>;

/** Generated: a claim that was tested by running releases, and the outcome. */
export const verifiedShape = z.strictObject({
	claim: z.string(),
	kind: z.enum(['rollback', 'stop', 'floor', 'refusal', 'fault']),
	/** The note, stop or fault that makes the claim; absent if releases.json does. */
	of: z.string().optional(),
	says: z.string(),
	/** In the order in which they opened one database; the last is the one that was tested. */
	releases: z.array(version).min(1),
	/** `sqlite`, `postgresql 14`. */
	database: z.string(),
	/** A dependency version that was only reported to Synapse, not installed: `sqlite 3.26.0`. */
	faked: z.string().optional(),
	/** `stuck`: it starts, but its background updates never finish. `misbehaves`: it starts, and then shows a fault. */
	outcome: z.enum(['starts', 'refuses', 'stuck', 'misbehaves']),
	/** Whether the outcome is what the knowledge claims. */
	holds: z.boolean(),
	date,
	/** The release's own message when it refused or misbehaved. */
	error: z.string().optional(),
	recipe: hash,
});
export type Verified = z.infer<typeof verifiedShape>;
export const verifiedFileShape = z.strictObject({ verified: z.array(verifiedShape) });

/** Generated: a release, or a candidate (version and date only). Minimum versions are what the code enforces. */
export const releaseShape = z.strictObject({
	version,
	date,
	schema: z.number().int().optional(),
	schemaCompat: z.number().int().optional(),
	python: z.string().optional(),
	postgresql: z.string().optional(),
	sqlite: z.string().optional(),
	rust: z.string().optional(),
	/** True for a release that upstream withdrew (no such package any more, or replaced the same day). */
	withdrawn: z.boolean().optional(),
});
export type Release = z.infer<typeof releaseShape> & {
	/** Upstream deleted it from its list of releases: only known from reading that live. */
	deleted?: true;
};
export const releasesFileShape = z.strictObject({
	/** The day upstream was read, never a release's date. */
	read: date,
	releases: z.array(releaseShape),
});

/** Generated: a passage by upstream that a curator must read, with the hash of its text. */
export const passageShape = z.strictObject({
	document: z.enum(['upgrade.md', 'CHANGES.md']),
	release: version,
	/** upgrade.md: the section's title as written; CHANGES.md: absent. */
	section: z.string().optional(),
	/** upgrade.md: the second-level heading as written; absent for text directly below the section. */
	heading: z.string().optional(),
	/** upgrade.md: a deeper heading. */
	under: z.string().optional(),
	/** CHANGES.md: the part, and the item's pull request numbers or first words. */
	part: z.string().optional(),
	bullet: z.string().optional(),
	url: z.string(),
	hash,
});
export type Passage = z.infer<typeof passageShape>;
export const upstreamFileShape = z.strictObject({ passages: z.array(passageShape) });

/** The support window of one release of something Synapse runs on. */
/** The Synapse releases with packages from upstream: up to `last`, or until the announced day `until`. */
const packagesShape = z.union([
	z.strictObject({ first: version, last: version }),
	z.strictObject({ first: version, until: date, because: z.string().min(1) }),
]);
export const lifecycleShape = z.strictObject({
	releases: z.array(
		z.strictObject({
			version: z.string(),
			released: date,
			ends: date,
			name: z.string().optional(),
			packages: packagesShape.optional(),
		}),
	),
	link: z.string().startsWith('https://'),
});
export type Lifecycle = z.infer<typeof lifecycleShape>;

/** A passage that nobody has curated; `text` is upstream's own, sanitised, if it was read live. */
export type Unread = Passage & { text?: string /** Curated once, and changed since. */; changed?: boolean };

/** What the playbook matrix-docker-ansible-deploy installs now, and its announcements, newest first. */
export type Playbook = {
	synapse: string;
	entries: readonly { date: string; title: string; breaking: boolean; text: string; url: string }[];
};

/** Charts of Element Server Suite Community newer than this edition's, and their uncurated items. */
export type LiveCharts = {
	/** The day they were read. */
	read: string;
	/** Oldest first. */
	charts: readonly { chart: string; date: string; synapse: string; mas?: string; elementWeb?: string }[];
	items: readonly { chart: string; part: string; bullet: string; url: string; breaking: boolean; text: string }[];
};

/** A place in upstream's documents, as answers show it. */
export type Source = {
	document: string;
	/** The section's title as upstream wrote it. */
	section: string;
	heading?: string;
	under?: string;
	bullet?: string;
	url: string;
};

/** A note with its identity and its sources. */
export type Note = Omit<NoteFile, 'covers' | 'code' | 'links' | 'possible'> & {
	possible?: string | undefined;
	/** `1.66.0/email-delegation` */
	id: string;
	release: string;
	sources: Source[];
};

export type Advisory = z.infer<typeof advisoryShape> & { id: string };

/** An advisory by upstream whose affected releases are unclear. */
export type UnclearAdvisory = Pick<Advisory, 'id' | 'aliases' | 'severity' | 'published' | 'title' | 'links'> & {
	/** Upstream's wording of the versions, sanitised; empty if it gave none. */
	written: string;
	/** Whether upstream rated the severity. */
	rated: boolean;
};

/** Everything Glia knows, in version order. */
/** A fault as answers use it: `release` is the first that has it. */
export type Fault = Omit<FaultFile, 'log' | 'links'> & { release: string; sources: Source[] };
export type Symptom = Omit<SymptomFile, 'links'> & { sources: Source[] };

export type Knowledge = {
	releases: readonly Release[];
	read: string;
	notes: readonly Note[];
	effects: readonly Effect[];
	advisories: readonly Advisory[];
	faults: readonly Fault[];
	symptoms: readonly Symptom[];
	/** Only known from reading upstream live. */
	unclear?: readonly UnclearAdvisory[];
	stops: readonly Stop[];
	rollbackFloors: readonly FloorException[];
	lifecycles: Readonly<Record<string, Lifecycle>>;
	/** How to back up, switch and inspect each type of installation. */
	installs: Recipes;
	/** Migrations that touch large tables before the port opens. */
	migrations: readonly Migration[];
	/** Background updates whose duration was measured. */
	queued: readonly QueuedUpdates[];
	/** Systems with packages from upstream that `profile.ts` does not list: `debian-14`. */
	systems?: readonly string[];
	/** Claims that were tested and hold. */
	verified: readonly Verified[];
	/** Passages without a note or a waiver. */
	unread: readonly Unread[];
	guides: readonly Guide[];
	/** Stages and failures of guides that were tried exactly as they are now. */
	tried: readonly Tried[];
	/** Renamed variables of the playbook. */
	renamed: readonly Renamed[];
	/** Only known from reading upstream live. */
	playbook?: Playbook;
	charts?: LiveCharts;
};
