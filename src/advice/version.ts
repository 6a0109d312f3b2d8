// Synapse versions as Synapse writes them: their order, their ranges.

/** A version as Synapse writes it: `1.56.0`, `1.57.0rc10`, `0.99.5.2`, `0.33.3.1`, `0.6.1c`, `0.9.0-r5`. */
export type Version = string;

type Parts = {
	base: string;
	line: string;
	candidate: number | undefined;
	// What decides the order, the weightiest first.
	major: number;
	minor: number;
	patch: number;
	fourth: number;
	/** The release itself comes after all its candidates. */
	step: number;
};

// Nine digits at most: what strangers send has to be a number that can be compared.
const written = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:\.(\d{1,2})|-r(\d{1,2})|([a-z]))?(?:rc(\d{1,9}))?$/;
/** Many more than there are releases; what strangers send must not grow it without end. */
const mostKnown = 5000;
const known = new Map<Version, Parts>();

function partsOf(version: Version): Parts {
	const cached = known.get(version);
	if (cached) return cached;
	const found = written.exec(version);
	if (!found) throw new TypeError(`not a Synapse version: ${version}`);
	const [, major, minor, patch, fourth, revision, letter, candidate] = found;
	const parts: Parts = {
		base: version.replace(/rc\d+$/, ''),
		line: `${major}.${minor}`,
		candidate: candidate === undefined ? undefined : Number(candidate),
		major: Number(major),
		minor: Number(minor),
		patch: Number(patch),
		// A fourth number, a revision and a letter never meet in one release.
		fourth: Number(fourth ?? revision ?? (letter ? letter.charCodeAt(0) - 96 : 0)),
		step: candidate === undefined ? Number.MAX_SAFE_INTEGER : Number(candidate),
	};
	if (known.size >= mostKnown) known.clear();
	known.set(version, parts);
	return parts;
}

/** Whether the text is a whole version (three parts or more), the only form that files may contain. */
export function isVersion(text: string): text is Version {
	return written.test(text);
}

export function isCandidate(version: Version): boolean {
	return partsOf(version).candidate !== undefined;
}

/** `1.57.0rc1` → `1.57.0`. The notes of a release already hold for its candidates. */
export function finalOf(version: Version): Version {
	return partsOf(version).base;
}

/** `1.57.1` → `1.57`: what administrators call a release; patch releases share it. */
export function lineOf(version: Version): string {
	return partsOf(version).line;
}

/** Negative when a is older than b, zero when they are the same, positive when a is newer. */
export function compare(a: Version, b: Version): number {
	if (a === b) return 0;
	const [left, right] = [partsOf(a), partsOf(b)];
	return (
		left.major - right.major ||
		left.minor - right.minor ||
		left.patch - right.patch ||
		left.fourth - right.fourth ||
		left.step - right.step
	);
}

export function isAbove(a: Version, b: Version): boolean {
	return compare(a, b) > 0;
}

/** A set of versions as files write it: comparators joined by spaces, all of which must hold (`>=1.62.0 <1.68.0`). */
export type Range = string;

const comparator = /^(<=|>=|<|>|=)?(\d\S*)$/;

type Comparator = { operator: string; version: Version };

const knownRanges = new Map<Range, Comparator[]>();

/** The comparators of a range. Throws a TypeError that names the part it cannot read. */
function comparatorsOf(range: Range): Comparator[] {
	const cached = knownRanges.get(range);
	if (cached) return cached;
	const comparators = range
		.trim()
		.split(/[\s,]+/)
		.map(text => {
			const found = comparator.exec(text);
			if (!found?.[2] || !isVersion(found[2])) throw new TypeError(`not a range of versions: ${range}`);
			return { operator: found[1] ?? '=', version: found[2] };
		});
	if (knownRanges.size >= mostKnown) knownRanges.clear();
	knownRanges.set(range, comparators);
	return comparators;
}

export function isRange(text: string): text is Range {
	try {
		return comparatorsOf(text).length > 0;
	} catch {
		return false;
	}
}

export function isWithin(version: Version, range: Range): boolean {
	return comparatorsOf(range).every(({ operator, version: bound }) => {
		const order = compare(version, bound);
		if (operator === '<') return order < 0;
		if (operator === '<=') return order <= 0;
		if (operator === '>') return order > 0;
		if (operator === '>=') return order >= 0;
		return order === 0;
	});
}
