// Which security advisories an upgrade fixes, passes through, and leaves open.

import { concern } from '../../deployment/condition.ts';
import type { Profile } from '../../deployment/facts.ts';
import type { Version } from '../../deployment/version.ts';
import { isAbove, isCandidate, isWithin } from '../../deployment/version.ts';
import type { Advisory, Release } from '../../knowledge/schema/synapse.ts';
import { stable } from '../../knowledge/stable.ts';
import { memo } from '../../runtime/memo.ts';

export type Advisories = {
	fixed: string[];
	/** A release in between is affected, though neither the start nor the target is: do not stop there. */
	passedThrough: string[];
	open: { id: string; severity: Advisory['severity']; title: string; fixedIn: Version | null }[];
	/** Advisories that the stated facts exclude. */
	hidden: { id: string; because: string[] }[];
};

export function isAffected(advisory: Advisory, version: Version): boolean {
	return (
		advisory.affected.some(range => isWithin(version, range)) &&
		!advisory.patched.some(range => isWithin(version, range))
	);
}

/** All final releases, and a cache of which of them each advisory affects, shared by all upgrades. */
const finals = memo((releases: readonly Release[]) => releases.filter(({ version }) => !isCandidate(version)));
const asked = memo((_: Advisory) => new Map<Version, boolean>());

function concerns(advisory: Advisory, version: Version): boolean {
	const known = asked(advisory);
	let is = known.get(version);
	if (is === undefined) {
		is = isAffected(advisory, version);
		known.set(version, is);
	}
	return is;
}

/** The oldest stable release newer than this one that is not affected; null if there is none. */
export function fixedIn(advisory: Advisory, version: Version, releases: readonly Release[]): Version | null {
	return firstWithout(advisory, above(version, releases));
}

function above(version: Version, releases: readonly Release[]): readonly Release[] {
	return stable(releases).filter(other => isAbove(other.version, version));
}

function firstWithout(advisory: Advisory, newer: readonly Release[]): Version | null {
	return newer.find(({ version }) => !concerns(advisory, version))?.version ?? null;
}

export function advisoriesOn(
	from: Version,
	to: Version,
	profile: Profile,
	known: { advisories: readonly Advisory[]; releases: readonly Release[] },
): Advisories {
	const between = finals(known.releases).filter(({ version }) => isAbove(version, from) && isAbove(to, version));
	const newer = above(to, known.releases);
	const result: Advisories = { fixed: [], passedThrough: [], open: [], hidden: [] };
	for (const advisory of known.advisories) {
		const { id, severity, title } = advisory;
		const [start, end] = [isAffected(advisory, from), isAffected(advisory, to)];
		const passed = !start && !end && between.some(({ version }) => concerns(advisory, version));
		if (!start && !end && !passed) continue;
		const concerned = concern(advisory.applies, profile);
		if (concerned.is === false) result.hidden.push({ id, because: concerned.because });
		else if (end) result.open.push({ id, severity, title, fixedIn: firstWithout(advisory, newer) });
		else (passed ? result.passedThrough : result.fixed).push(id);
	}
	return result;
}

/** For `!notes` on one line of releases: which advisories its releases fix, and which its last one is still open to. */
export function advisoriesOf(
	versions: readonly Version[],
	known: { advisories: readonly Advisory[]; releases: readonly Release[] },
) {
	const last = versions.at(-1);
	const steps = versions.flatMap(version => {
		const before = stable(known.releases).findLast(release => isAbove(version, release.version));
		return before ? [{ version, before: before.version }] : [];
	});
	const fixed = known.advisories.filter(advisory =>
		steps.some(({ version, before }) => isAffected(advisory, before) && !isAffected(advisory, version)),
	);
	const open = last === undefined ? [] : known.advisories.filter(advisory => isAffected(advisory, last));
	return {
		fixed: fixed.map(({ id }) => id),
		open: open.map(advisory => ({
			id: advisory.id,
			severity: advisory.severity,
			title: advisory.title,
			fixedIn: last === undefined ? null : fixedIn(advisory, last, known.releases),
		})),
	};
}
