// The shape of everything below knowledge/ except notes, faults and guides. The types and the editors' JSON
// Schemas follow from it.
import { z } from 'zod';
import { effectConditionShape } from './condition.ts';
import type { FaultFile, SymptomFile } from './fault.ts';
import { appliesShape, clause, date, hash, id, path, prose, range, readHash, title, version } from './fields.ts';
import type { Guide, Tried } from './guide.ts';
import type { Recipes } from './install.ts';
import type { Migration, QueuedUpdates } from './migrations.ts';
import { type NoteFile, noteShape } from './note.ts';
import type { Renamed } from './playbook-variable.ts';

export type * from './claims.ts';
export type * from './guide.ts';
export type * from './note.ts';
export type { Renamed } from './playbook-variable.ts';

/** How Synapse treats a configuration that no note mentions, because no release changed it. */
export const effectShape = z.strictObject({
	kind: z
		.enum(['refuses', 'without-effect', 'renamed'])
		.describe('Synapse refuses to start, ignores the option, or knows it by another name.'),
	option: z.string().min(1).describe('The option to name if the condition has no place in the files.'),
	found: effectConditionShape.describe('The configurations that it is about.'),
	since: version.optional().describe('The first release that does so. Leave it out if all older ones do.'),
	until: version.optional().describe('The first release that no longer does. Leave it out if the newest still does.'),
	says: clause.describe(
		'The effect, as a clause after the option: “is missing, and Synapse does not start without it”.',
	),
	replacedBy: prose.optional().describe('What to use instead.'),
	code: z.array(path).min(1).describe('The Synapse files that show it.'),
});
export type Effect = z.infer<typeof effectShape>;
export const effectsFileShape = z.strictObject({
	effects: z.array(effectShape).describe('What Synapse does with a configuration, whatever changed in a release.'),
});

export const releaseFileShape = z.strictObject({
	notes: z.array(noteShape).min(1).describe('What this release requires of people who upgrade to it.'),
});

/** An advisory: `affected` and `patched` are ranges because fixes are backported. */
export const advisoryShape = z.strictObject({
	severity: z.enum(['low', 'moderate', 'high', 'critical']).describe('As upstream rated it.'),
	affected: z.array(range).min(1).describe('The releases that are vulnerable.'),
	patched: z.array(range).default([]).describe('The releases with the fix.'),
	applies: appliesShape.optional().describe('Who it affects, by facts. Leave it out if it affects everyone.'),
	aliases: z.array(z.string()).default([]).describe('Its other IDs, such as GHSA IDs.'),
	fixed: date.describe('The day the first release with the fix came out.'),
	published: date.describe('The day the advisory was published.'),
	title: title.describe('What an attacker can do, in at most 80 characters.'),
	text: prose.describe('Who is affected, how, and what helps besides upgrading.'),
	links: z.array(z.string().startsWith('https://')).min(1).describe('The advisory and other pages about it.'),
});

/** Why nobody needs to know about a passage. Each passage needs a note or a waiver. */
export const waiverShape = z.strictObject({
	document: z.enum(['upgrade.md', 'CHANGES.md']).describe("Which of upstream's documents."),
	release: version.describe('The release of the section, or under which the change log lists it.'),
	heading: z.string().optional().describe('upgrade.md: the heading, as upstream wrote it.'),
	under: z.string().optional().describe('upgrade.md: a deeper heading below it.'),
	part: z.string().optional().describe('CHANGES.md: the heading within the release.'),
	bullet: z.string().optional().describe('CHANGES.md: the number of the pull request, or the first words.'),
	read: readHash,
	because: prose.describe('Why nobody needs to know.'),
});
export type Waiver = z.infer<typeof waiverShape>;
export const waiversFileShape = z.strictObject({
	waivers: z.array(waiverShape).describe('Passages that need no note.'),
});

/** An intermediate stop on a long upgrade. It applies to upgrades that start within `from` and end within `to`. */
export const stopShape = z.strictObject({
	id: id.describe('The permanent name of the stop.'),
	ways: z
		.array(
			z.strictObject({
				from: range.describe('Releases that the upgrade starts from.'),
				to: range.describe('Releases that it goes to.'),
			}),
		)
		.min(1)
		.describe('The upgrades that need the stop.'),
	first: version.describe('The first release on which you can stop.'),
	last: version.describe('The last release on which you can stop.'),
	best: version.describe('The release to stop on, unless something else decides.'),
	required: z.boolean().describe('Whether the upgrade fails without it.'),
	ruins: z
		.boolean()
		.default(true)
		.describe('For a required stop: without it, neither the old nor the new release can open the database.'),
	sticks: z
		.boolean()
		.default(false)
		.describe('For a required stop: without it, the new release starts, but its background updates never finish.'),
	onlyIf: clause
		.optional()
		.describe('What to look for in the database. Leave it out if the stop applies to every such upgrade.'),
	waitFor: z.string().min(1).describe('What must have finished before the next step.'),
	waitAtStart: range.optional().describe('Releases from which no stop is needed, only the wait before leaving them.'),
	stuckAtStart: z
		.strictObject({
			releases: range.describe('The releases on which it happens.'),
			query: z.string().min(1).describe('SQL that shows it.'),
			text: prose.describe('How to get out of it.'),
		})
		.optional()
		.describe('Releases on which the wait can last forever.'),
	tryFrom: z
		.array(version)
		.default([])
		.describe('More releases from which `npm run verify` tries it, besides the last of each range.'),
	tryAfter: version
		.optional()
		.describe('The release that must have opened the database first, for a trial to meet what the stop is about.'),
	tells: z.array(z.string()).default([]).describe('IDs of notes that ask for the same wait.'),
	settles: z
		.array(z.string())
		.default([])
		.describe('The notes in `tells` that need nothing more once the wait is over, whatever release it was on.'),
	why: prose.describe('Why the stop is needed.'),
	applies: appliesShape.optional().describe('Who it affects, by facts. Leave it out if it affects everyone.'),
});
/** Rollback floors observed by running releases, if they differ from what the schema numbers say. */
export const floorExceptionShape = z.strictObject({
	releases: range.describe('The releases that were tried.'),
	floor: version.describe('The oldest release that still starts on their database.'),
	because: prose.describe('What shows it.'),
});
export const waysFileShape = z.strictObject({
	stops: z.array(stopShape).describe('Releases on which a long upgrade must stop.'),
	rollbackFloors: z
		.array(floorExceptionShape)
		.describe('Where going back does not reach as far as the schema numbers say.'),
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
	/** Upstream deleted it from its list of releases. Only known from reading the list live. */
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

/** The Synapse releases with packages from upstream: up to `last`, or until the announced day `until`. */
const packagesShape = z.union([
	z.strictObject({
		first: version.describe('The first Synapse release with packages for it.'),
		last: version.describe('The last one.'),
	}),
	z.strictObject({
		first: version.describe('The first Synapse release with packages for it.'),
		until: date.describe('The day until which upstream builds them.'),
		because: z.string().min(1).describe('Where upstream says so.'),
	}),
]);
/** The support windows of the releases of something Synapse runs on. */
export const lifecycleShape = z.strictObject({
	releases: z
		.array(
			z.strictObject({
				version: z.string().describe('The release, like 17 or 24.04.'),
				released: date.describe('The day it came out.'),
				ends: date.describe('The last day of support.'),
				name: z.string().optional().describe('Its code name.'),
				packages: packagesShape.optional().describe('The Synapse releases for which upstream builds packages.'),
			}),
		)
		.describe('The releases of this product.'),
	link: z.string().startsWith('https://').describe('Where its maintainers say so.'),
});
export type Lifecycle = z.infer<typeof lifecycleShape>;

/**
 * A passage that nobody has curated. `text`: upstream's own, sanitised, if it was read live; `changed`: it has changed
 * since it was curated.
 */
export type Unread = Passage & { text?: string; changed?: boolean };

/** What the playbook matrix-docker-ansible-deploy installs now, and its announcements, newest first. */
export type Playbook = {
	/** The day it was read. */
	read: string;
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

/** A fault as answers use it: `release` is the first that has it. */
export type Fault = Omit<FaultFile, 'log' | 'links'> & { release: string; sources: Source[] };
export type Symptom = Omit<SymptomFile, 'links'> & { sources: Source[] };

/** Everything Glia knows, in version order. */
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
	/** Systems with packages from upstream that deployment/facts.ts does not list: `debian-14`. */
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
