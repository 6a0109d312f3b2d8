// Synapse versions as Synapse writes them, ordered and matched by semver.
// Not all of semver: its other forty files would be loaded at each start.
import SemVer from 'semver/classes/semver.js';

/** A version as Synapse writes it: `1.56.0`, `1.57.0rc10`, `0.99.5.2`, `0.33.3.1`, `0.6.1c`, `0.9.0-r5`. */
export type Version = string;

// At most nine digits a part: what strangers send has to stay a number that can be compared.
const written = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:\.(\d{1,2})|-r(\d{1,2})|([a-z]))?(?:rc(\d{1,9}))?$/;
/** Far more than there are releases; what strangers send must not grow the caches without bound. */
const maxCached = 5000;
// Not an LRU cache: they are asked a hundred thousand times for one plan, and a map answers in a fifth of the time.
const versions = new Map<Version, SemVer>();
const ranges = new Map<Range, readonly Comparator[]>();

/**
 * The same version as semver: `1.57.0rc10` → `1.57.0-rc.10`, `0.99.5.2` → `0.99.5002`, `0.6.1c` → `0.6.1003`. A fourth
 * number, a revision and a letter never meet in one release, so one thousandth of the patch number holds any of them.
 * Throws a TypeError for anything else.
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

/** Whether the text is a whole version (three parts or more), the only form that files may contain. */
export function isVersion(text: string): text is Version {
	return written.test(text);
}

export function isCandidate(version: Version): boolean {
	// Not by its parsed form: hundreds of candidates are told from releases at each start, and never compared.
	return version.includes('rc');
}

/** `1.57.0rc1` → `1.57.0`. The notes of a release already hold for its candidates. */
export function finalOf(version: Version): Version {
	return version.replace(/rc\d+$/, '');
}

/** `1.57.1` → `1.57`: what administrators call a release; patch releases share it. */
export function lineOf(version: Version): string {
	const { major, minor } = parse(version);
	return `${major}.${minor}`;
}

/** Negative when a is older than b, zero when they are the same, positive when a is newer. */
export function compare(a: Version, b: Version): number {
	return a === b ? 0 : parse(a).compare(parse(b));
}

export function isAbove(a: Version, b: Version): boolean {
	return compare(a, b) > 0;
}

/** A set of versions as files write it: comparators joined by spaces, all of which must hold (`>=1.62.0 <1.68.0`). */
export type Range = string;

const comparator = /^(<=|>=|<|>|=)?(\d\S*)$/;

type Operator = '<' | '<=' | '=' | '>=' | '>';
type Comparator = { operator: Operator; bound: SemVer };

/** Throws a TypeError that names the range it cannot read. */
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

// Not `semver.Range`: with `includePrerelease` it parses the bound again in each comparison, which was a fifth of an answer.
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
