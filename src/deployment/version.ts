// Synapse versions as Synapse writes them, compared and matched with semver. Imports only one file of semver: the
// other forty would be loaded at each start.
import SemVer from 'semver/classes/semver.js';

/** A version as Synapse writes it: `1.56.0`, `1.57.0rc10`, `0.99.5.2`, `0.33.3.1`, `0.6.1c`, `0.9.0-r5`. */
export type Version = string;

// At most nine digits per part, so that strangers' input remains a number that can be compared.
const written = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:\.(\d{1,2})|-r(\d{1,2})|([a-z]))?(?:rc(\d{1,9}))?$/;
/** Far more than there are releases. Without a limit, strangers' input could make the caches grow indefinitely. */
const maxCached = 5000;
// Not an LRU cache: a plan makes a hundred thousand lookups, and a map is five times as fast.
const versions = new Map<Version, SemVer>();
const ranges = new Map<Range, readonly Comparator[]>();

/**
 * The version as semver: `1.57.0rc10` → `1.57.0-rc.10`, `0.99.5.2` → `0.99.5002`, `0.6.1c` → `0.6.1003`. No
 * release has more than one of a fourth number, a revision and a letter, so they share the last three digits of
 * the patch number. Throws a TypeError for anything else.
 */
function parse(version: Version): SemVer {
	const cached = versions.get(version);
	if (cached) return cached;
	const found = written.exec(version);
	if (!found) throw new TypeError(`not a Synapse version: ${version}`);
	const [, major, minor, patch, fourth, revision, letter, candidate] = found;
	const extra = Number(fourth ?? revision ?? (letter ? letter.charCodeAt(0) - 96 : 0));
	const numbers = [Number(major), Number(minor), Number(patch) * 1000 + extra].join('.');
	const parsed = new SemVer(candidate === undefined ? numbers : `${numbers}-rc.${Number(candidate)}`);
	if (versions.size >= maxCached) versions.clear();
	versions.set(version, parsed);
	return parsed;
}

/** Whether the text is a complete version (three parts or more), the only form allowed in files. */
export function isVersion(text: string): text is Version {
	return written.test(text);
}

export function isCandidate(version: Version): boolean {
	// Not parsed, because each start checks hundreds of candidates that are never compared.
	return version.includes('rc');
}

/** `1.57.0rc1` → `1.57.0`. A release's notes already apply to its candidates. */
export function finalOf(version: Version): Version {
	return version.replace(/rc\d+$/, '');
}

/** `1.57.1` → `1.57`: what administrators call a release; patch releases share it. */
export function lineOf(version: Version): string {
	const { major, minor } = parse(version);
	return `${major}.${minor}`;
}

/** Negative if a is older than b, zero if they are equal, positive if a is newer. */
export function compare(a: Version, b: Version): number {
	return a === b ? 0 : parse(a).compare(parse(b));
}

export function isAbove(a: Version, b: Version): boolean {
	return compare(a, b) > 0;
}

/**
 * Whether something that holds from `since` on, up to but not including `until`, holds in a release. Either end may be
 * absent. A candidate counts as its final release.
 */
export function holdsIn(release: Version, since: Version | undefined, until: Version | undefined): boolean {
	const final = finalOf(release);
	return (since === undefined || compare(final, since) >= 0) && (until === undefined || compare(final, until) < 0);
}

/** A set of versions, as in `>=1.62.0 <1.68.0`: comparators separated by spaces. A version must satisfy all of them. */
export type Range = string;

const comparator = /^(<=|>=|<|>|=)?(\d\S*)$/;

type Operator = '<' | '<=' | '=' | '>=' | '>';
type Comparator = { operator: Operator; bound: SemVer };

/** Throws a TypeError that names an invalid range. */
function parseRange(range: Range): readonly Comparator[] {
	const cached = ranges.get(range);
	if (cached) return cached;
	const comparators = range
		.trim()
		.split(/[\s,]+/)
		.map((text): Comparator => {
			const found = comparator.exec(text);
			if (!found?.[2] || !isVersion(found[2])) throw new TypeError(`not a range of versions: ${range}`);
			return { operator: (found[1] ?? '=') as Operator, bound: parse(found[2]) };
		});
	if (ranges.size >= maxCached) ranges.clear();
	ranges.set(range, comparators);
	return comparators;
}

// Not `semver.Range`: with `includePrerelease` it parses the bound again in each comparison, which took a fifth
// of an answer's time.
function holds({ operator, bound }: Comparator, version: SemVer): boolean {
	const order = version.compare(bound);
	switch (operator) {
		case '<':
			return order < 0;
		case '<=':
			return order <= 0;
		case '=':
			return order === 0;
		case '>=':
			return order >= 0;
		case '>':
			return order > 0;
	}
}

export function isRange(text: string): text is Range {
	try {
		return parseRange(text) !== undefined;
	} catch {
		return false;
	}
}

export function isWithin(version: Version, range: Range): boolean {
	const parsed = parse(version);
	return parseRange(range).every(comparator => holds(comparator, parsed));
}
