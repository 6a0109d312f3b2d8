// Faults of the releases on which one stands: the start, each halt, the target. Never of those that are jumped over.
import type { Applies } from '../../deployment/condition.ts';
import { concern } from '../../deployment/condition.ts';
import type { Profile } from '../../deployment/facts.ts';
import type { Version } from '../../deployment/version.ts';
import { compare, finalOf, isAbove, isWithin, lineOf } from '../../deployment/version.ts';
import type { Fault, Release, Source } from '../../knowledge/schema/synapse.ts';
import { stable } from '../../knowledge/stable.ts';
import { memo } from '../../runtime/memo.ts';
import { faultKey } from './way.ts';

export type FaultPlace = 'start' | 'stop' | 'target';

/** A fault of one release of the way. */
export type PlannedFault = {
	id: string;
	/** The releases that have it, as ranges; several are joined by `||`. */
	broken: string;
	fixed: Version | null;
	severity: Fault['severity'];
	danger: Fault['danger'];
	at: FaultPlace;
	release: Version;
	/** Whether the release that runs now has it too, so that the upgrade does not bring it. */
	kept: boolean;
	/** Where to go instead: the newest patch release of the line without a severe fault, or the next release without this one. Null: none is, or of a halt: none that would do. */
	take: Version | null;
	title: string;
	text: string;
	applies?: Applies;
	onlyIf?: string;
	concerned: true | 'unknown';
	/** Facts that would decide whether the deployment is concerned. */
	ask?: string[];
	sources: readonly Source[];
};

type FaultKnowledge = { faults: readonly Fault[]; releases: readonly Release[] };

/** Whether each release has a fault, worked out once: a plan asks for every fault of every newer release. */
const brokenIn = memo((_: Fault) => new Map<Version, boolean>());

/** Whether a release has the fault; `from` is the release that its database comes from, where that is known. */
export function isBroken(fault: Fault, release: Version, from?: Version): boolean {
	if (fault.from !== undefined && (from === undefined || !isWithin(from, fault.from))) return false;
	return hasDefect(fault, finalOf(release));
}

function hasDefect(fault: Fault, release: Version): boolean {
	const known = brokenIn(fault);
	const before = known.get(release);
	if (before !== undefined) return before;
	const is = fault.broken.some(range => isWithin(release, range));
	known.set(release, is);
	return is;
}

/** `decided`: by the key of a fault, whether the configuration says that a fault concerns this deployment; absent: it says nothing. */
type FaultQuestion = {
	at: FaultPlace;
	profile: Profile;
	decided?: ReadonlyMap<string, boolean> | undefined;
	from?: Version;
	running?: Version;
};

/** The faults of one release that may concern the deployment, severe ones first. */
export function faultsOf(
	release: Version,
	{ at, profile, decided, from, running = from }: FaultQuestion,
	known: FaultKnowledge,
): PlannedFault[] {
	const { releases } = known;
	const newer = stable(releases).filter(({ version }) => isAbove(version, finalOf(release)));
	const cures = { isSound: soundFor(profile, known.faults), newer, releases };
	return known.faults
		.filter(fault => isBroken(fault, release, from))
		.sort(freshestFirst(running, profile))
		.flatMap((fault): PlannedFault[] => {
			const concerned = concern(fault.applies, profile);
			const shown = decided?.get(faultKey(fault.id));
			if (concerned.is === false || shown === false) return [];
			if (fault.surroundings && concerned.is === 'unknown') return [];
			const { id, broken, fixed, severity, danger, title, text, applies, sources } = fault;
			const onlyIf = shown === true ? undefined : fault.onlyIf;
			return [
				{
					id,
					broken: broken.join(' || '),
					fixed: fixed ?? null,
					severity,
					danger,
					at,
					release,
					kept: isKept(fault, running),
					take: insteadOf(release, fault, cures),
					title,
					text,
					...(applies && { applies }),
					...(onlyIf && { onlyIf }),
					concerned: concerned.is === true && !onlyIf ? true : 'unknown',
					...(concerned.is === 'unknown' && { ask: concerned.ask }),
					sources,
				},
			];
		})
		.sort(worstFirst);
}

/** Stable, so that among equals the freshest stays first. */
function worstFirst(a: PlannedFault, b: PlannedFault): number {
	const rank = ({ severity, concerned }: PlannedFault) =>
		(severity === 'severe' ? 0 : 2) + (concerned === true ? 0 : 1);
	return rank(a) - rank(b);
}

/**
 * What the upgrade brings before what one lives with already; then what fits the deployment before what needs an answer
 * about it; then the newest. Without this, old faults that few meet hide the one for which a patch release came out.
 */
function freshestFirst(running: Version | undefined, profile: Profile): (a: Fault, b: Fault) => number {
	const isOld = (fault: Fault) => (isKept(fault, running) ? 1 : 0);
	const asks = ({ applies }: Fault) => (concern(applies, profile).is === 'unknown' ? 1 : 0);
	return (a, b) => isOld(a) - isOld(b) || asks(a) - asks(b) || compare(b.release, a.release);
}

function isKept(fault: Fault, running: Version | undefined): boolean {
	return running !== undefined && hasDefect(fault, finalOf(running));
}

/** Where a way halts, and the newest release that serves as well. */
export type HaltPlace = { best: Version; to: Version };

/** The faults of a whole way, the target's before those of its halts and its start. */
export function faultsOn(
	{
		from,
		to,
		halts,
		profile,
		decided,
	}: { from: Version; to: Version; halts: readonly HaltPlace[] } & Pick<FaultQuestion, 'profile' | 'decided'>,
	known: FaultKnowledge,
): PlannedFault[] {
	const way = [from, ...halts.map(({ best }) => best), to];
	const lastOf = new Map(halts.map(({ best, to: last }) => [best, last]));
	const places = way.map((release, i): [Version, FaultPlace, Version | undefined] => [
		release,
		i === 0 ? 'start' : i === way.length - 1 ? 'target' : 'stop',
		i === 0 ? undefined : way[i - 1],
	]);
	return places
		.reverse()
		.flatMap(([release, at, before]) =>
			faultsOf(
				release,
				{ at, profile, decided, running: from, ...(before !== undefined && { from: before }) },
				known,
			).map(fault => (at === 'stop' ? withinHalt(fault, lastOf.get(release) ?? release) : fault)),
		);
}

/** A release beyond the halt does not do what the halt is for. */
function withinHalt(fault: PlannedFault, last: Version): PlannedFault {
	return fault.take !== null && compare(fault.take, last) > 0 ? { ...fault, take: null } : fault;
}

/** Whether a release is free of severe faults, as far as a deployment is known. */
function soundFor(profile: Profile, faults: readonly Fault[]): (version: Version) => boolean {
	// What hits only a few decides for nobody else where to go.
	const severe = faults.filter(({ severity, from, onlyIf, applies, surroundings }) => {
		const { is } = concern(applies, profile);
		const isConcerned = surroundings ? is === true : is !== false;
		return severity === 'severe' && from === undefined && onlyIf === undefined && isConcerned;
	});
	return version => !severe.some(fault => hasDefect(fault, version));
}

/** The stable releases of each line. */
const linesOf = memo((releases: readonly Release[]) => Map.groupBy(stable(releases), ({ version }) => lineOf(version)));

/** What may be taken instead of a release. `newer`: the stable ones above it, worked out once for all its faults. */
type Cures = {
	isSound: (version: Version) => boolean;
	newer: readonly Release[];
	releases: readonly Release[];
};

/** Null where every newer release has it too. */
function insteadOf(release: Version, fault: Fault, { isSound, newer, releases }: Cures): Version | null {
	const from = finalOf(release);
	const isCure = ({ version }: Release) => !hasDefect(fault, version);
	const curesIn = (line: string) =>
		(linesOf(releases).get(line) ?? []).filter(one => isAbove(one.version, from) && isCure(one));
	const own = curesIn(lineOf(release));
	// A cure that has a severe fault of its own is none: better the next line, and of that its newest patch release.
	const isGood = (one: Release) => isCure(one) && isSound(one.version);
	const next = own.find(isGood) ?? newer.find(isGood) ?? own[0] ?? newer.find(isCure);
	const line = next === undefined ? [] : curesIn(lineOf(next.version));
	return line.findLast(({ version }) => isSound(version))?.version ?? line.at(-1)?.version ?? null;
}

/** How old a release is, and how long lines of releases went on being mended. */
export type Soundness = {
	release: Version;
	/** Days since it came out. */
	age: number;
	/** Of the `lines` full lines before, how many had their last patch release within a week of their first. */
	settledWithinWeek: number;
	lines: number;
};

const compared = 10;
const day = 24 * 3600 * 1000;

/** Undefined for a release whose date is unknown. */
export function soundnessOf(release: Version, today: string, releases: readonly Release[]): Soundness | undefined {
	const all = stable(releases);
	const own = all.find(({ version }) => version === finalOf(release));
	if (!own) return undefined;
	const lines = new Map<string, { first: Release; last: Release }>();
	for (const one of all) {
		if (compare(one.version, own.version) >= 0 || lineOf(one.version) === lineOf(own.version)) continue;
		const line = lineOf(one.version);
		const known = lines.get(line);
		lines.set(line, { first: known?.first ?? one, last: one });
	}
	const recent = [...lines.values()].slice(-compared);
	return {
		release: own.version,
		age: daysBetween(own.date, today),
		settledWithinWeek: recent.filter(({ first, last }) => daysBetween(first.date, last.date) <= 7).length,
		lines: recent.length,
	};
}

function daysBetween(from: string, to: string): number {
	return Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / day));
}
