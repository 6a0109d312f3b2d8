// The shape of everything under knowledge/: stated once, here; types and the editors' JSON Schema follow from it.
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
/** A passage of upstream's, as a note names it; `read` is the hash of the text that the curator read. */
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

/** When something stops working: as upstream promised it. */
const promiseAt = z.union(
	[
		/** `orLater`: it may come with this version or with any after it. */
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
	/** What upstream promised, in our words. */
	promised: prose,
	replacedBy: prose.optional(),
	/** The release in which it really happened; absent while it still works. */
	landed: version.optional(),
	/** Why the promise no longer stands, when upstream took it back. */
	withdrawn: prose.optional(),
	/** The configurations that it is about, where that is less than what the note is about. */
	found: fileConditionShape.optional(),
});

export const noteShape = z.strictObject({
	id,
	when: z.enum(['before', 'switch', 'after']),
	/** The earliest release on which it can already be done; absent: on every one. */
	possible: version.optional(),
	must: z.boolean(),
	refuses: z.boolean().default(false),
	applies: appliesShape.optional(),
	/** What those who are concerned find at home, where no fact says it: “`homeserver.yaml` has `acme`”. */
	onlyIf: clause.optional(),
	/** The same as data, where the configuration says it. */
	found: conditionShape.optional(),
	/** The files can prove `found`, but not refute it: a command-line flag or the environment may say the same. */
	partly: z.literal(true).optional(),
	/** Of a refusal: when the start is refused, where `found` says more: who has to look. */
	refusesIf: fileConditionShape.optional(),
	/** Where to look instead, where no file of the configuration says it. */
	foundIn: foundInShape.optional(),
	/** Of a refusal: the first release that starts again in spite of it. */
	until: version.optional(),
	options: z.array(z.string().min(1)).default([]),
	endpoints: z.array(z.string().min(1)).default([]),
	metrics: z.array(z.string().min(1)).default([]),
	story: id.optional(),
	deadline: deadlineShape.optional(),
	/** What cannot be undone once this release ran, in one sentence; shown with the way back. */
	oneWay: prose.optional(),
	/** What users will ring about, in one line, where the administrator sets nothing else. */
	people: title.optional(),
	title,
	text: prose,
	covers: z.array(coverShape).default([]),
	/** What shows it where upstream's texts are silent: files of Synapse's repository. */
	code: z.array(path).default([]),
	/** Issues and other pages that show it. */
	links: z.array(z.string().startsWith('https://')).default([]),
});
export type NoteFile = z.infer<typeof noteShape>;

/** What the code does with a configuration, and no note tells since no release changed it: one sentence each. */
export const effectShape = z.strictObject({
	kind: z.enum(['refuses', 'without-effect', 'renamed']),
	/** The option that the finding names where the condition has no place in the files. */
	option: z.string().min(1),
	found: effectConditionShape,
	/** The first release that does so, and the first that no longer does. */
	since: version.optional(),
	until: version.optional(),
	/** What comes of it, as a clause behind the option: “is missing, and Synapse does not start without it”. */
	says: clause,
	replacedBy: prose.optional(),
	/** What shows it: files of Synapse's repository. */
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
	/** Dates of the first release with the fix, and of the publication of the advisory. */
	fixed: date,
	published: date,
	title,
	text: prose,
	links: z.array(z.string().startsWith('https://')).min(1),
});

/** Why nobody has to know of a passage: the other way, besides a note, to have read it. */
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

/** A halt on a long way. It concerns a way that starts within `from` and ends within `to`. */
export const stopShape = z.strictObject({
	id,
	ways: z.array(z.strictObject({ from: range, to: range })).min(1),
	/** Where to halt: between these two, best at `best`. */
	first: version,
	last: version,
	best: version,
	required: z.boolean(),
	/** What comes of a required one that is left out: neither the old nor the new release opens the database afterwards. */
	ruins: z.boolean().default(true),
	/** Or the new release starts, but its background updates never end. */
	sticks: z.boolean().default(false),
	/** What those who are concerned find in their database; absent: everybody on the way is concerned. */
	onlyIf: clause.optional(),
	waitFor: z.string().min(1),
	/** Starting within these needs no halt, only the wait before one leaves. */
	waitAtStart: range.optional(),
	/** Releases on which that wait can last for ever: how to see it, and the way out. */
	stuckAtStart: z.strictObject({ releases: range, query: z.string().min(1), text: prose }).optional(),
	/** More releases from which `npm run verify` tries it, besides the last of each way. */
	tryFrom: z.array(version).default([]),
	/** The release that has to have opened a database first, for the trials to find what the stop is about. */
	tryAfter: version.optional(),
	/** Notes that ask for the same wait: waiting here does what they say. */
	tells: z.array(z.string()).default([]),
	/** Of these: what is over for good once the wait is done on any release, even one that is too old to follow the note. */
	settles: z.array(z.string()).default([]),
	why: prose,
	applies: appliesShape.optional(),
});
/** Where running a release showed another floor than its schema numbers say. */
export const floorExceptionShape = z.strictObject({ releases: range, floor: version, because: prose });
export const waysFileShape = z.strictObject({
	stops: z.array(stopShape),
	rollbackFloors: z.array(floorExceptionShape),
});
export type Stop = z.infer<typeof stopShape>;
export type FloorException = z.infer<typeof floorExceptionShape>;

/** Generated: a claim that was tried by running releases, and what came of it. */
export const verifiedShape = z.strictObject({
	claim: z.string(),
	kind: z.enum(['rollback', 'stop', 'floor', 'refusal', 'fault']),
	/** The note, the stop or the fault that claims it; absent where releases.json does. */
	of: z.string().optional(),
	says: z.string(),
	/** In the order in which they opened one database; the last is the one that was tried. */
	releases: z.array(version).min(1),
	/** `sqlite`, `postgresql 14`. */
	database: z.string(),
	/** What Synapse was only told of its surroundings: `sqlite 3.26.0`. */
	faked: z.string().optional(),
	/** `stuck`: it starts, and its background updates never end. `misbehaves`: it starts, and then shows a fault. */
	outcome: z.enum(['starts', 'refuses', 'stuck', 'misbehaves']),
	/** Whether that is what the knowledge claims. */
	holds: z.boolean(),
	date,
	/** The release's own words when it refused or misbehaved. */
	error: z.string().optional(),
	recipe: hash,
});
export type Verified = z.infer<typeof verifiedShape>;
export const verifiedFileShape = z.strictObject({ verified: z.array(verifiedShape) });

/** Generated: a release, or a candidate (version and date only). Floors are what the code enforces. */
export const releaseShape = z.strictObject({
	version,
	date,
	schema: z.number().int().optional(),
	schemaCompat: z.number().int().optional(),
	python: z.string().optional(),
	postgresql: z.string().optional(),
	sqlite: z.string().optional(),
	rust: z.string().optional(),
	/** True for a release that upstream took back (no such package any more, or replaced the same day). */
	withdrawn: z.boolean().optional(),
});
export type Release = z.infer<typeof releaseShape> & {
	/** Upstream deleted it from its list of releases: only known where that was read live. */
	deleted?: true;
};
export const releasesFileShape = z.strictObject({
	/** The day on which upstream was read, never a release's date. */
	read: date,
	releases: z.array(releaseShape),
});

/** Generated: a passage upstream wrote that asks to be read, with the hash of its text. */
export const passageShape = z.strictObject({
	document: z.enum(['upgrade.md', 'CHANGES.md']),
	release: version,
	/** upgrade.md: the section's title as written; CHANGES.md: absent. */
	section: z.string().optional(),
	/** upgrade.md: the second-level heading as written; absent for text directly under the section. */
	heading: z.string().optional(),
	/** upgrade.md: a deeper heading. */
	under: z.string().optional(),
	/** CHANGES.md: the part it stands in, and its pull request numbers or first words. */
	part: z.string().optional(),
	bullet: z.string().optional(),
	url: z.string(),
	hash,
});
export type Passage = z.infer<typeof passageShape>;
export const upstreamFileShape = z.strictObject({ passages: z.array(passageShape) });

/** The support window of one release of something Synapse stands on. */
/** The Synapse releases for which upstream builds packages: up to `last`, or until the day `until` that it has named. */
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

/** A passage that nobody has curated; `text` is upstream's own, made harmless, where it was read from upstream itself. */
export type Unread = Passage & { text?: string /** Curated once, and changed since. */; changed?: boolean };

/** What the playbook matrix-docker-ansible-deploy installs now, and what it told its users, newest first. */
export type Playbook = {
	synapse: string;
	entries: readonly { date: string; title: string; breaking: boolean; text: string; url: string }[];
};

/** Charts of Element Server Suite Community that came after those of this edition, and what nobody has curated of them. */
export type LiveCharts = {
	/** The day on which they were read. */
	read: string;
	/** Oldest first. */
	charts: readonly { chart: string; date: string; synapse: string; mas?: string; elementWeb?: string }[];
	items: readonly { chart: string; part: string; bullet: string; url: string; breaking: boolean; text: string }[];
};

/** Where something stands in upstream's documents, as answers show it. */
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

/** An advisory that upstream published, and whose affected releases are unclear. */
export type UnclearAdvisory = Pick<Advisory, 'id' | 'aliases' | 'severity' | 'published' | 'title' | 'links'> & {
	/** What upstream wrote of the versions, made harmless; empty where it wrote nothing. */
	written: string;
	/** Whether upstream said how severe it is. */
	rated: boolean;
};

/** All that Glia knows, in the order of versions. */
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
	/** Only known where they were read live. */
	unclear?: readonly UnclearAdvisory[];
	stops: readonly Stop[];
	rollbackFloors: readonly FloorException[];
	lifecycles: Readonly<Record<string, Lifecycle>>;
	/** How each way to install is backed up, switched and looked at. */
	installs: Recipes;
	/** Migrations that touch large tables before the port opens. */
	migrations: readonly Migration[];
	/** Background updates whose time was measured. */
	queued: readonly QueuedUpdates[];
	/** Systems that upstream builds packages for and that `profile.ts` does not list: `debian-14`. */
	systems?: readonly string[];
	/** Claims that were tried, and hold. */
	verified: readonly Verified[];
	/** Passages that no note covers and no waiver answers. */
	unread: readonly Unread[];
	guides: readonly Guide[];
	/** Stages and failures of guides that were executed as they stand. */
	tried: readonly Tried[];
	/** Variables of the playbook that have another name now. */
	renamed: readonly Renamed[];
	/** Only known where they were read live. */
	playbook?: Playbook;
	charts?: LiveCharts;
};
