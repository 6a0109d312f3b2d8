// Faults of the releases where an upgrade stops: the start, each intermediate stop, and the target. Releases in
// between do not count.
import type { Applies } from '../../deployment/condition.ts';
import { concern } from '../../deployment/condition.ts';
import type { Profile } from '../../deployment/facts.ts';
import type { Version } from '../../deployment/version.ts';
import { compare, finalOf, isAbove, isWithin, lineOf } from '../../deployment/version.ts';
import type { Fault, Knowledge, Release, Source } from '../../knowledge/schema/synapse.ts';
import { stable } from '../../knowledge/stable.ts';
import { memo } from '../../runtime/memo.ts';
import { locatedIn } from './paths.ts';
import { faultKey } from './way.ts';

export type FaultPlace = 'start' | 'stop' | 'target';

/** A fault of one release of the upgrade. */
export type PlannedFault = {
	id: string;
	/** The affected releases, as ranges joined by `||`. */
	broken: string;
	fixed: Version | null;
	severity: Fault['severity'];
	danger: Fault['danger'];
	at: FaultPlace;
	release: Version;
	/** Whether the running release has it too, so that the upgrade does not introduce it. */
	kept: boolean;
	/**
	 * The release to use instead: the newest patch release of the line without a severe fault, or the next release
	 * without this one. Null if there is none, or none that can replace an intermediate stop.
	 */
	take: Version | null;
	title: string;
	text: string;
	applies?: Applies;
	onlyIf?: string;
	concerned: true | 'unknown';
	/** Facts that would decide whether it applies. */
	ask?: string[];
	sources: readonly Source[];
};

type FaultKnowledge = { faults: readonly Fault[]; releases: readonly Release[] };

/** Cached, because a plan checks every fault of every newer release. */
const brokenIn = memo((_: Fault) => new Map<Version, boolean>());

/** Whether a release has the fault; `from` is the release that its database comes from, if known. */
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

/** `decided`: by fault key, whether the fault applies according to the configuration; absent if it does not say. */
type FaultQuestion = {
	at: FaultPlace;
	profile: Profile;
	decided?: ReadonlyMap<string, boolean> | undefined;
	from?: Version;
	running?: Version;
};

/** The faults of one release that may apply to the deployment, severe ones first. */
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

/** The faults, with the paths and commands of the stated type of installation. */
export function faultsInPlace(
	faults: readonly PlannedFault[],
	profile: Profile,
	{ installs }: Pick<Knowledge, 'installs'>,
): PlannedFault[] {
	const recipe = installs[String(profile.get('install')?.value)];
	return recipe ? faults.map(fault => locatedIn(fault, recipe)) : [...faults];
}

/** For a stable sort: the newest stays first among equals. */
export function worstFirst(a: PlannedFault, b: PlannedFault): number {
	const rank = ({ severity, concerned }: PlannedFault) =>
		(severity === 'severe' ? 0 : 2) + (concerned === true ? 0 : 1);
	return rank(a) - rank(b);
}

/**
 * Puts faults that the upgrade introduces before existing ones, then those that apply before those that need an
 * answer, then newer before older ones. Otherwise rare old faults would hide the one that a patch release fixes.
 */
function freshestFirst(running: Version | undefined, profile: Profile): (a: Fault, b: Fault) => number {
	const isOld = (fault: Fault) => (isKept(fault, running) ? 1 : 0);
	const asks = ({ applies }: Fault) => (concern(applies, profile).is === 'unknown' ? 1 : 0);
	return (a, b) => isOld(a) - isOld(b) || asks(a) - asks(b) || compare(b.release, a.release);
}

function isKept(fault: Fault, running: Version | undefined): boolean {
	return running !== undefined && hasDefect(fault, finalOf(running));
}

/** An intermediate stop, and the newest release that would serve as well. */
export type HaltPlace = { best: Version; to: Version };

/** The faults of a whole upgrade: those of the target, then of its stops and start. */
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

/** A release beyond the stop's range would not serve the stop's purpose. */
function withinHalt(fault: PlannedFault, last: Version): PlannedFault {
	return fault.take !== null && compare(fault.take, last) > 0 ? { ...fault, take: null } : fault;
}

/** Whether a release has no severe faults, given what is known about the deployment. */
function soundFor(profile: Profile, faults: readonly Fault[]): (version: Version) => boolean {
	// A fault that affects only a few must not decide for everyone else.
	const severe = faults.filter(({ severity, from, onlyIf, applies, surroundings }) => {
		const { is } = concern(applies, profile);
		const isConcerned = surroundings ? is === true : is !== false;
		return severity === 'severe' && from === undefined && onlyIf === undefined && isConcerned;
	});
	return version => !severe.some(fault => hasDefect(fault, version));
}

const linesOf = memo((releases: readonly Release[]) => Map.groupBy(stable(releases), ({ version }) => lineOf(version)));

/** Alternatives to a release. `newer`: the stable releases above it, computed once for all of its faults. */
type Cures = {
	isSound: (version: Version) => boolean;
	newer: readonly Release[];
	releases: readonly Release[];
};

/** The release to use instead; null if every newer release has the fault too. */
function insteadOf(release: Version, fault: Fault, { isSound, newer, releases }: Cures): Version | null {
	const from = finalOf(release);
	const isCure = ({ version }: Release) => !hasDefect(fault, version);
	const curesIn = (line: string) =>
		(linesOf(releases).get(line) ?? []).filter(one => isAbove(one.version, from) && isCure(one));
	const own = curesIn(lineOf(release));
	// Not a release with another severe fault: prefer the next line, and its newest patch release.
	const isGood = (one: Release) => isCure(one) && isSound(one.version);
	const next = own.find(isGood) ?? newer.find(isGood) ?? own[0] ?? newer.find(isCure);
	const line = next === undefined ? [] : curesIn(lineOf(next.version));
	return line.findLast(({ version }) => isSound(version))?.version ?? line.at(-1)?.version ?? null;
}

/** The age of a release, and how long earlier lines kept getting patch releases. */
export type Soundness = {
	release: Version;
	/** Days since its date. */
	age: number;
	/** Of the last `lines` complete lines, how many had their last patch release within a week of their first. */
	settledWithinWeek: number;
	lines: number;
};

const compared = 10;
const day = 24 * 3600 * 1000;

/** Undefined for a release without a known date. */
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
