// Lists what can be tested: every claim of the knowledge that starting releases can decide.
import { rollback } from '../../src/advice/upgrade/rollback.ts';
import { compare, isAbove, isCandidate, isWithin, type Version } from '../../src/deployment/version.ts';
import type {
	Claims,
	Knowledge,
	Note,
	Refusing,
	Release,
	Stop,
	TrialSetup,
} from '../../src/knowledge/schema/synapse.ts';
import { faultClaims } from './fault.ts';
import { anyPostgresql, type Claim, type Opening, type Outcome, type Recipe } from './recipe.ts';

/** The claims in a stable order. */
export function claimsOf(known: Knowledge, { refusals, faults }: Pick<Claims, 'refusals' | 'faults'>): Claim[] {
	const releases = known.releases.filter(
		({ version, withdrawn }) => !withdrawn && !isCandidate(version) && compare(version, oldest) >= 0,
	);
	return [
		...rollbackClaims(releases, known),
		...known.stops.flatMap(stop => stopClaims(stop, releases)),
		...floorClaims(releases, known.notes),
		...refusals.flatMap(refusing => refusalClaims(refusing, releases, known.notes)),
		...faults.flatMap(trial => faultClaims(trial, releases, known.faults)),
	];
}

/** Nothing older is on PyPI in a form that Python 3 still runs. */
const oldest = '1.0.0';

/**
 * Both sides of every floor: for each run of releases that share one, the first and the last open the database; then
 * the floor release must start, and the one just below must not. The one just below created the database.
 */
function rollbackClaims(all: readonly Release[], known: Knowledge): Claim[] {
	// Nothing is known about a release without schema numbers, so nothing is claimed.
	const releases = all.filter(({ schema }) => schema !== undefined);
	const floors = releases.map(({ version }) => ({ version, floor: rollback(version, undefined, known).floor }));
	const ends = floors.filter(({ floor }, i) => floors[i - 1]?.floor !== floor || floors[i + 1]?.floor !== floor);
	return ends.flatMap(({ version, floor }) => {
		if (compare(floor, releases[0]?.version ?? floor) < 0) return [];
		const below = releases.findLast(release => isAbove(floor, release.version))?.version;
		const before = [below ?? floor, version].map(release => ({ release, settle: true }));
		const claim = (release: Version, expects: Outcome): Claim => ({
			id: `rollback/${version}/${release}`,
			kind: 'rollback',
			says: `${release} ${expects === 'starts' ? 'starts' : 'refuses to start'} on a database last opened by ${version}`,
			recipe: { database: 'sqlite', before, last: { release, settle: false } },
			expects,
		});
		return [
			...(floor === version ? [] : [claim(floor, 'starts')]),
			...(below === undefined ? [] : [claim(below, 'refuses')]),
		];
	});
}

/** A few thousand, so that background updates take a while. */
const events = 3000;

/**
 * Without the stop, the upgrade fails (no start, or endless background updates); with it, it works. On SQLite, which
 * stops are not about, it also works. An upgrade that only needs a wait fails without it.
 */
function stopClaims(stop: Stop, releases: readonly Release[]): Claim[] {
	return stop.ways.flatMap(way => {
		const newest = releases.filter(({ version }) => isWithin(version, way.from)).at(-1)?.version;
		const to = releases.find(({ version }) => isWithin(version, way.to))?.version;
		if (newest === undefined || to === undefined) return [];
		const more = stop.tryFrom.filter(from => from !== newest && isWithin(from, way.from));
		return [newest, ...more].flatMap(from => wayClaims(stop, { from, to }, { sqlite: from === newest }));
	});
}

/** What opened the database before, in words. */
function pathWords(before: readonly Opening[]): string {
	return before
		.map(
			({ release, settle, fails, sticks }) =>
				`${release} ${fails ? 'failed on' : sticks ? 'got stuck on' : settle ? 'opened' : 'opened only for a moment'}`,
		)
		.join(' and then ');
}

function wayClaims(stop: Stop, { from, to }: { from: Version; to: Version }, { sqlite }: { sqlite: boolean }): Claim[] {
	const { tryAfter } = stop;
	const start: Opening[] = tryAfter
		? [
				{ release: tryAfter, settle: true, events },
				{ release: from, settle: true, sticks: true },
			]
		: [{ release: from, settle: true, events }];
	const last: Opening = { release: to, settle: true, events: 20 };
	const bad: Outcome = stop.sticks ? 'stuck' : 'refuses';
	const does = {
		starts: 'finishes its background updates',
		refuses: 'refuses to start',
		stuck: 'never finishes its background updates',
		misbehaves: 'misbehaves',
	};
	const claim = (name: string, before: Opening[], expects: Outcome, by = last): Claim => ({
		id: `stop/${stop.id}/${from}-${to}/${name}`,
		kind: 'stop',
		of: stop.id,
		says: `${by.release} ${expects === 'starts' && by !== last ? 'starts' : does[expects]} on a ${name === 'sqlite' ? 'SQLite' : 'PostgreSQL'} database that ${pathWords(before)}`,
		recipe: { database: name === 'sqlite' ? 'sqlite' : anyPostgresql, before, last: by },
		expects,
	});
	const waiting = stop.waitAtStart;
	const hasty = waiting !== undefined && isWithin(stop.first, waiting) && isAbove(to, stop.last);
	return [
		claim('direct', start, bad),
		...[...new Set([stop.first, stop.best])].map(release =>
			claim(`halt-${release}`, [...start, { release, settle: true }], 'starts'),
		),
		...(hasty ? [claim('no-wait', [...start, { release: stop.first, settle: false }], bad)] : []),
		...(stop.required && !stop.sticks
			? [
					claim(
						stop.ruins ? 'ruined' : 'unharmed',
						[...start, { release: to, settle: false, fails: true }],
						stop.ruins ? 'refuses' : 'starts',
						{ release: from, settle: false },
					),
				]
			: []),
		...(sqlite && !tryAfter ? [claim('sqlite', [{ release: from, settle: true }], 'starts')] : []),
	];
}

const floorFacts = { postgresql: 'postgres', sqlite: 'sqlite', python: 'python' } as const;
const floorNames = { postgresql: 'PostgreSQL', sqlite: 'SQLite', python: 'Python' } as const;
/** As Synapse itself writes them. */
const floorWords = { postgresql: 'PostgreSQL', sqlite: 'sqlite' } as const;
type Floored = keyof typeof floorNames;

/** Where a minimum rises: the release starts on it, but refuses what is just below, which the previous one accepts. */
function floorClaims(releases: readonly Release[], notes: readonly Note[]): Claim[] {
	return (Object.keys(floorNames) as Floored[]).flatMap(of =>
		releases.flatMap((release, i) => {
			const floor = release[of];
			const before = releases[i - 1];
			const lower = before?.[of];
			if (floor === undefined || before === undefined || floor === lower) return [];
			// The note may belong to a withdrawn release.
			const note = notes.find(
				({ release: at, applies }) =>
					isAbove(at, before.version) && !isAbove(at, release.version) && isFloorNote(applies, of, floor),
			);
			const claim = (by: Version, number: string, expects: Outcome): Claim => ({
				id: `floor/${of}/${by}/${number}`,
				kind: 'floor',
				...(note && { of: note.id }),
				says: `${by} ${expects === 'starts' ? 'starts' : 'refuses to start'} with ${floorNames[of]} ${number}`,
				recipe: { ...surroundings(of, number), before: [], last: { release: by, settle: false } },
				expects,
				// An old Python can stop a release in several ways: the Rust part of its wheel may fail before it says why.
				...(expects === 'refuses' && of !== 'python' && { message: `requires ${floorWords[of]} ${floor}` }),
			});
			const below = justBelow(of, floor);
			return [
				...(lower === undefined ? [] : [claim(before.version, below, 'starts')]),
				claim(release.version, below, 'refuses'),
				claim(release.version, floor, 'starts'),
			];
		}),
	);
}

function isFloorNote(applies: Note['applies'], of: Floored, floor: string): boolean {
	return applies !== undefined && 'all' in applies && applies.all.includes(`${floorFacts[of]}<${floor}`);
}

/** The newest version that a floor excludes, in the numbering of each product. */
function justBelow(of: Floored, floor: string): string {
	if (of === 'postgresql' && Number(floor) <= 10) return { 10: '9.6', 9.6: '9.5' }[floor] ?? '9.4';
	const parts = floor.split('.').map(Number);
	const last = parts.pop() ?? 0;
	return [...parts, last - 1].join('.');
}

function surroundings(of: Floored, number: string): Pick<Recipe, 'database' | 'fake' | 'python'> {
	if (of === 'python') return { database: 'sqlite', python: number };
	if (of === 'sqlite') return { database: 'sqlite', fake: { of, version: number } };
	// There is no package of a server older than 10.
	return Number(number) >= 10
		? { database: `postgresql ${Number(number)}` }
		: { database: 'postgresql 10', fake: { of, version: number } };
}

/** The release refuses what the note is about, which the previous one accepts, and accepts what the note says to do. */
function refusalClaims(refusing: Refusing, releases: readonly Release[], notes: readonly Note[]): Claim[] {
	const note = notes.find(({ id }) => id === refusing.note);
	if (!note) return [];
	const claim = (name: string, release: Version, attempt: TrialSetup, expects: Outcome): Claim => {
		const own = release === note.release;
		const what = name === 'repaired' ? 'once this step is done' : `${own ? '' : 'even '}if this step is skipped`;
		return {
			id: `refusal/${note.id}/${refusing.case ? `${refusing.case}/` : ''}${name}`,
			kind: 'refusal',
			of: note.id,
			says: `${release} ${expects === 'starts' ? 'starts' : 'refuses to start'} ${what}`,
			recipe: {
				database: attempt.locale === undefined ? 'sqlite' : anyPostgresql,
				// A worker does not create the tables, so the main process must have run before.
				before: attempt.worker ? [{ release, settle: false }] : [],
				last: { release, settle: false },
				attempt,
			},
			expects,
			...(expects === 'refuses' && { message: refusing.message }),
		};
	};
	const before = releases.filter(({ version }) => isAbove(note.release, version)).at(-1);
	return [
		claim('refused', note.release, refusing.refused, 'refuses'),
		claim('repaired', note.release, refusing.accepted, 'starts'),
		...(refusing.since && before ? [claim('before', before.version, refusing.refused, 'starts')] : []),
	];
}
