// Whether a rollback is possible: which older releases still start on a database that a newer one has opened.

import type { Version } from '../../deployment/version.ts';
import { compare, finalOf, isAbove, isWithin } from '../../deployment/version.ts';
import type { FloorException, Note, Release, Verified } from '../../knowledge/schema/synapse.ts';
import { stable } from '../../knowledge/stable.ts';
import { memo } from '../../runtime/memo.ts';
import type { Trial } from './trials.ts';
import { triedRollback } from './trials.ts';

export type Rollback = {
	release: Version;
	/** The oldest release that certainly starts; those between it and this one do too. */
	floor: Version;
	reason: FloorReason;
	/** The release whose schema was used, if this one's is unknown. */
	by?: Version;
	/** Releases below the floor that may or may not start, oldest first: their schema could not be read. */
	unsure?: Version[];
	/** The release to go back to, if one was asked for. */
	to?: Version;
	canReturn?: boolean | 'unknown';
	/** What a rollback does not undo, besides the schema. */
	cautions: { id: string; text: string }[];
	/** Trials on both sides of the floor, if releases were run. */
	tried?: Trial[];
};

/** Why nothing older than the floor certainly starts. */
export type FloorReason =
	| { is: 'nothing-older' }
	/** Running releases showed a different floor from what their schema says. */
	| { is: 'curated'; because: string }
	/** The release's files could not be read yet. */
	| { is: 'schema-unknown' }
	| { is: 'none-refuses' }
	| { is: 'blocking-unknown'; blocking: Version }
	/** `blocking` knows schema `knows`, but needs `needed` (or more, with `atLeast`). */
	| { is: 'schema'; needed: number; atLeast: boolean; blocking: Version; knows: number };

type RollbackKnowledge = {
	releases: readonly Release[];
	rollbackFloors: readonly FloorException[];
	notes: readonly Note[];
	verified: readonly Verified[];
};

type Bounds = { min: number; max: number };
/** What is known about a release's schema. If it could not be read, the bounds come from its neighbours. */
type Schema = {
	schema: Bounds;
	/** The schema version that an older release must have at least, if it knows compat versions. */
	compat: Bounds;
	/** Whether it knows compat versions itself. */
	aware: boolean | 'unknown';
};

/** Schema and compat versions have never decreased from one release to the next. */
const schemasOf = memo((all: readonly Release[]): ReadonlyMap<Version, Schema> => {
	const found = new Map<Version, Schema>();
	const isRead = ({ schema }: Release) => schema !== undefined;
	let lower: Release | undefined;
	let upper = -1;
	for (const [at, release] of all.entries()) {
		if (isRead(release)) {
			lower = release;
			found.set(release.version, between(release, release));
			continue;
		}
		if (upper < at) upper = all.findIndex((other, i) => i > at && isRead(other));
		if (upper < 0) upper = all.length;
		found.set(release.version, between(lower, all[upper]));
	}
	return found;
});

function between(lower: Release | undefined, upper: Release | undefined): Schema {
	const awareOf = (release: Release | undefined) => release?.schemaCompat !== undefined;
	return {
		schema: { min: lower?.schema ?? 0, max: upper?.schema ?? Number.POSITIVE_INFINITY },
		compat: {
			min: lower?.schemaCompat ?? lower?.schema ?? 0,
			max: upper?.schemaCompat ?? upper?.schema ?? Number.POSITIVE_INFINITY,
		},
		aware: awareOf(lower) || (awareOf(upper) || !upper ? 'unknown' : false),
	};
}

/**
 * Whether the older release starts on a database that the newer one was the last to open. From 1.37 on a release
 * compares its own SCHEMA_VERSION with the compat version that the newer one stored; older ones, which do not know
 * compat versions, use the newer one's schema version. Source: synapse/storage/prepare_database.py of both.
 */
function startsAfter(newer: Schema, older: Schema): boolean | 'unknown' {
	const { schema, compat } = newer;
	const needed = {
		min: older.aware === false ? schema.min : Math.min(schema.min, compat.min),
		max: older.aware === true ? compat.max : Math.max(schema.max, compat.max),
	};
	if (older.schema.min >= needed.max) return true;
	return older.schema.max < needed.min ? false : 'unknown';
}

type RollbackFloor = {
	/** The oldest release that still starts. */
	floor: Version;
	/** The newest older release that does not start. */
	blocking?: Release;
	because?: string;
	/** Below the floor and above the one that blocks. */
	unsure: Version[];
};

/** How far back you can go from a release through the stable releases. Skips those that could not be read. */
function floorOf(
	{ version, schema }: { version: Version; schema: Schema },
	all: readonly Release[],
	exceptions: readonly FloorException[],
): RollbackFloor {
	const schemas = schemasOf(all);
	let floor = version;
	let unsure: Version[] = [];
	let blocking: Release | undefined;
	const here = all.findIndex(other => other.version === version);
	const below = here >= 0 ? here - 1 : all.findLastIndex(other => isAbove(version, other.version));
	for (let at = below; at >= 0; at--) {
		const older = all[at];
		if (!older) break;
		const known = schemas.get(older.version);
		const starts = known ? startsAfter(schema, known) : 'unknown';
		if (starts === false) {
			blocking = older;
			break;
		}
		if (starts === true) {
			floor = older.version;
			unsure = [];
		} else unsure.unshift(older.version);
	}
	const exception = exceptions.find(
		({ releases, floor: other }) => isAbove(other, floor) && isWithin(finalOf(version), releases),
	);
	return {
		floor: exception?.floor ?? floor,
		...(blocking && { blocking }),
		...(exception && { because: exception.because }),
		unsure: exception ? [] : unsure,
	};
}

/** How far back you can go from a release, and whether that includes `to`. */
export function rollback(version: Version, to: Version | undefined, known: RollbackKnowledge): Rollback {
	const all = stable(known.releases);
	const asked = known.releases.find(release => release.version === version);
	// Without schema numbers of its own, a candidate has those of its final release, or of the last stable one before it.
	const numbers =
		asked && (asked.schema !== undefined || all.includes(asked))
			? asked
			: (all.find(({ version: other }) => other === finalOf(version)) ??
				all.findLast(({ version: other }) => isAbove(version, other)));
	if (!numbers) return { release: version, floor: version, reason: { is: 'nothing-older' }, cautions: [] };
	const schema = schemasOf(all).get(numbers.version) ?? between(numbers, numbers);
	const found = floorOf({ version, schema }, all, known.rollbackFloors);
	const { floor, blocking, because, unsure } = found;
	const below = all.findLast(({ version: other }) => isAbove(floor, other))?.version;
	const isGuess = finalOf(numbers.version) !== finalOf(version);
	return {
		release: version,
		floor,
		reason: because === undefined ? reasonOf(numbers, schema, blocking) : { is: 'curated', because },
		...(isGuess && { by: numbers.version }),
		...(unsure.length > 0 && { unsure }),
		...(to !== undefined && { to, canReturn: canReturn(to, found) }),
		cautions: cautions(version, to ?? floor, known.notes),
		...triedRollback(version, { floor, below }, known.verified),
	};
}

function canReturn(to: Version, { floor, blocking, unsure }: RollbackFloor): boolean | 'unknown' {
	if (compare(to, floor) >= 0) return true;
	return unsure.length > 0 && (!blocking || isAbove(to, blocking.version)) ? 'unknown' : false;
}

function reasonOf(release: Release, schema: Schema, blocking: Release | undefined): FloorReason {
	// A very recent release, known from upstream's feed, whose files could not be read yet.
	if (release.schema === undefined && schema.schema.max === Number.POSITIVE_INFINITY) return { is: 'schema-unknown' };
	if (!blocking) return { is: 'none-refuses' };
	if (blocking.schema === undefined) return { is: 'blocking-unknown', blocking: blocking.version };
	return {
		is: 'schema',
		needed: blocking.schemaCompat === undefined ? schema.schema.min : schema.compat.min,
		atLeast: release.schema === undefined,
		blocking: blocking.version,
		knows: blocking.schema,
	};
}

function cautions(version: Version, back: Version, notes: readonly Note[]): { id: string; text: string }[] {
	return notes
		.filter(note => note.oneWay && isAbove(note.release, back) && !isAbove(note.release, finalOf(version)))
		.map(note => ({ id: note.id, text: note.oneWay ?? '' }));
}

/** The stops that always keep the previous release within reach, as far apart as possible. */
export function waysBack(from: Version, to: Version, known: RollbackKnowledge): Version[] {
	const all = stable(known.releases);
	const way = all.filter(({ version }) => compare(version, from) >= 0 && compare(version, finalOf(to)) <= 0);
	if (way.some(({ schema }) => schema === undefined)) return [];
	const places = new Map(all.map(({ version }, i) => [version, i]));
	const placeOf = (version: Version | undefined) => places.get(version ?? from) ?? -1;
	const schemas = schemasOf(all);
	const floors = way.map(({ version }) => {
		const schema = schemas.get(version);
		return placeOf(schema ? floorOf({ version, schema }, all, known.rollbackFloors).floor : version);
	});
	const halts: Version[] = [];
	for (let here = 0; ; ) {
		const place = placeOf(way[here]?.version);
		const reach = floors.findLastIndex((floor, i) => i > here && floor <= place);
		if (reach === way.length - 1 || here >= way.length - 1) return halts;
		// If not even the next release allows a rollback, it is as good a stop as any.
		here = reach > here ? reach : here + 1;
		const halt = way[here]?.version;
		if (halt === undefined || here >= way.length - 1) return halts;
		halts.push(halt);
	}
}
