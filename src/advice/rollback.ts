// Whether one can go back: which older releases still start on the database that a newer one has opened.
import type { FloorException, Note, Release, Verified } from '../knowledge/shape.ts';
import { stable } from './release.ts';
import type { Trial } from './trial.ts';
import { triedRollback } from './trial.ts';
import type { Version } from './version.ts';
import { compare, finalOf, isAbove, isWithin } from './version.ts';

export type Rollback = {
	release: Version;
	/** The oldest release of the unbroken run below that still starts. */
	floor: Version;
	floorWhy: string;
	/** The release whose schema says it, where that of the one asked about is not known. */
	by?: Version;
	/** Where one would go back to, if that was asked. */
	to?: Version;
	canReturn?: boolean;
	/** What going back does not undo, besides the schema. */
	cautions: { id: string; text: string }[];
	/** Both sides of the floor, where releases were run to see it. */
	tried?: Trial[];
};

type Known = {
	releases: readonly Release[];
	rollbackFloors: readonly FloorException[];
	notes: readonly Note[];
	verified: readonly Verified[];
};

/**
 * Whether the older release starts on a database that the newer one opened last. From 1.37 on a release compares its
 * own SCHEMA_VERSION with the compat version that the newer one left there; an older one, knowing no compat version,
 * with the newer one's schema version. Source: synapse/storage/prepare_database.py of both.
 */
function startsAfter(newer: Release, older: Release): boolean {
	if (older.schema === undefined || newer.schema === undefined) return false;
	const needed = older.schemaCompat === undefined ? newer.schema : (newer.schemaCompat ?? newer.schema);
	return older.schema >= needed;
}

type Floor = {
	floor: Version /** The newest older release that does not start. */;
	blocking?: Release;
	because?: string;
};

/** The end of the unbroken run below a release, among the stable ones in their order. */
function floorOf(release: Release, all: readonly Release[], exceptions: readonly FloorException[]): Floor {
	let floor = release.version;
	let blocking: Release | undefined;
	const here = all.indexOf(release);
	const below = here >= 0 ? here - 1 : all.findLastIndex(({ version }) => isAbove(release.version, version));
	for (let i = below; i >= 0 && !blocking; i--) {
		const older = all[i];
		if (older && startsAfter(release, older)) floor = older.version;
		else blocking = older;
	}
	const exception = exceptions.find(
		({ releases, floor: other }) => isAbove(other, floor) && isWithin(finalOf(release.version), releases),
	);
	return {
		floor: exception?.floor ?? floor,
		...(blocking && { blocking }),
		...(exception && { because: exception.because }),
	};
}

/** How far back one can go from a release, and whether as far as `to`. */
export function rollback(version: Version, to: Version | undefined, known: Known): Rollback {
	const all = stable(known.releases);
	const asked = known.releases.find(release => release.version === version);
	// A candidate has no schema numbers of its own here: its final release's, or the last stable one's before it.
	const numbers =
		asked?.schema === undefined
			? (all.find(({ version: other }) => other === finalOf(version)) ??
				all.findLast(({ version: other }) => isAbove(version, other)))
			: asked;
	if (!numbers) return { release: version, floor: version, floorWhy: 'Nothing older is known.', cautions: [] };
	const release = { ...numbers, version };
	const { floor, blocking, because } = floorOf(release, all, known.rollbackFloors);
	const below = all.findLast(({ version: other }) => isAbove(floor, other))?.version;
	const isGuess = finalOf(numbers.version) !== finalOf(version);
	const guess = isGuess
		? ` The schema of ${version} itself is not known here: this is said by that of ${numbers.version}.`
		: '';
	return {
		release: version,
		floor,
		floorWhy: `${because ?? why(release, blocking)}${guess}`,
		...(isGuess && { by: numbers.version }),
		...(to !== undefined && { to, canReturn: compare(to, floor) >= 0 }),
		cautions: cautions(version, to ?? floor, known.notes),
		...triedRollback(version, { floor, below }, known.verified),
	};
}

function why(release: Release, blocking: Release | undefined): string {
	// A release of this week, known from upstream's feed, whose files could not be read yet.
	if (release.schema === undefined && blocking?.schema !== undefined)
		return `Nothing is known yet of the schema of ${release.version}; until it is, take it that there is no way back.`;
	if (!blocking) return `No older release is known to refuse a database that ${release.version} has opened.`;
	const needed = blocking.schemaCompat === undefined ? release.schema : (release.schemaCompat ?? release.schema);
	if (blocking.schema === undefined) return `Nothing is known of the schema of ${blocking.version} and older.`;
	return `Once ${release.version} has opened the database, it takes a release that knows schema version ${needed}; ${blocking.version} knows only ${blocking.schema} and refuses to start.`;
}

function cautions(version: Version, back: Version, notes: readonly Note[]): { id: string; text: string }[] {
	return notes
		.filter(note => note.oneWay && isAbove(note.release, back) && !isAbove(note.release, finalOf(version)))
		.map(note => ({ id: note.id, text: note.oneWay ?? '' }));
}

/** The releases at which to halt so that the last one is always within reach: the furthest ones that still allow it. */
export function waysBack(from: Version, to: Version, known: Known): Version[] {
	const all = stable(known.releases);
	const way = all.filter(({ version }) => compare(version, from) >= 0 && compare(version, finalOf(to)) <= 0);
	if (way.some(({ schema }) => schema === undefined)) return [];
	const places = new Map(all.map(({ version }, i) => [version, i]));
	const placeOf = (version: Version | undefined) => places.get(version ?? from) ?? -1;
	const floors = way.map(release => placeOf(floorOf(release, all, known.rollbackFloors).floor));
	const halts: Version[] = [];
	for (let here = 0; ; ) {
		const place = placeOf(way[here]?.version);
		const reach = floors.findLastIndex((floor, i) => i > here && floor <= place);
		if (reach === way.length - 1 || here >= way.length - 1) return halts;
		// Where even the next release does not lead back, that one is as good a halt as any.
		here = reach > here ? reach : here + 1;
		const halt = way[here]?.version;
		if (halt === undefined || here >= way.length - 1) return halts;
		halts.push(halt);
	}
}
