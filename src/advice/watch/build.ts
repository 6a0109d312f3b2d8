// Parses the version a server reports: its release, how the build differs from it, and whether we know the release.

import { finalOf, isCandidate, isVersion, type Version } from '../../deployment/version.ts';
import type { Release } from '../../knowledge/schema/synapse.ts';
import { memo } from '../../runtime/memo.ts';

/** How a build differs from the release that it is based on. */
export type Build =
	/** A checkout of Synapse's repository that is not exactly a release. */
	| { is: 'checkout'; branch?: string; commit?: string; dirty?: true }
	/** A development build (`.dev0`, `b1`), which comes before its release. */
	| { is: 'development' }
	/** A package or a fork: only its name shows that it is not the release itself. */
	| { is: 'derived' };

export type Written = { version: Version; build?: Build };

/** The maximum length of a version (characters). Longer text is not parsed. */
const maxLength = 300;
const maxName = 60;

// Every quantifier is bounded, so that hostile text takes linear time.
const start =
	/^(?:(?:matrix-)?synapse(?:-py3)?[ /:@_-]{1,2})?(?:\d{1,3}[!:])?v?(\d{1,6}(?:\.\d{1,6}){1,3})(?:([a-z])(?![a-z\d]))?/i;
const candidate = /^[-._~]?rc[-._]?(\d{0,4})(?![\da-z])/i;
const revision = /^-r(\d{1,2})(?![\da-z])/;
const development = /^(?:[-._~]?(?:dev|alpha|beta|preview|pre|snapshot|a|b|c)|~git)[-._]?\d{0,9}(?![a-z])/i;
const derived = /^(?:[+~_-]|\.post)/i;

/**
 * Parses Synapse's version string (`1.98.0 (b=develop,4e7b1,dirty)`, `1.57.1+dfsg-1`, `1.150.0~rc1-2`). Undefined if
 * it does not start with a version, or if its numbers are impossible.
 */
export function readBuild(text: string): Written | undefined {
	if (text.length > maxLength) return undefined;
	const line = text.trim();
	const [whole, numbers = '', letter = ''] = start.exec(line) ?? [];
	if (whole === undefined) return undefined;
	const parts = numbers.split('.').map(part => String(Number(part)));
	// Synapse never reports two parts, so the patch release is unknown.
	const isShort = parts.length === 2;
	if (isShort) parts.push('0');
	// Only releases before 1.0 have a letter or revision; later `1.98.0b` is a beta, and `-r1` a package.
	const isOld = parts[0] === '0';
	let base = parts.join('.');
	let rest = line.slice(whole.length);
	if (letter && isOld) base += letter.toLowerCase();
	else rest = `${letter}${rest}`;
	const [revised, number] = (isOld && revision.exec(rest)) || [''];
	if (number !== undefined) base += `-r${Number(number)}`;
	const [tagged, digits] = candidate.exec(rest.slice(revised.length)) ?? [''];
	const version = digits === undefined ? base : `${base}rc${Number(digits)}`;
	if (!isVersion(version)) return undefined;
	const build = buildIn(rest.slice(revised.length + tagged.length), version) ?? (isShort ? derivedBuild : undefined);
	return build === 'unreadable' ? undefined : { version, ...(build && { build }) };
}

const derivedBuild: Build = { is: 'derived' };

function buildIn(rest: string, version: Version): Build | 'unreadable' | undefined {
	const [, suffix = '', remark] = /^([^\s(]*)\s*(?:\(([^)]*)\)?.*|.*)$/s.exec(rest) ?? [];
	const checkout = remark === undefined ? undefined : checkoutIn(remark, version);
	if (checkout) return checkout;
	// A remark with a tag describes a checkout of exactly that tag.
	if (suffix === '') return remark === undefined ? (rest === '' ? undefined : { is: 'derived' }) : remarkOf(remark);
	// The output of `git describe`: the tag, the number of commits since then, and the commit.
	const [, commit] = /-g([0-9a-f]{7,40})\b/.exec(suffix) ?? [];
	if (commit) return { is: 'checkout', commit, ...(/dirty/.test(suffix) && { dirty: true as const }) };
	if (/^[-+.]dirty$/.test(suffix)) return { is: 'checkout', dirty: true };
	if (development.test(suffix)) return { is: 'development' };
	return derived.test(suffix) ? { is: 'derived' } : 'unreadable';
}

function remarkOf(remark: string): Build | undefined {
	return /(^|,)\s*t=/.test(remark) ? undefined : { is: 'derived' };
}

/** `b=develop,t=v1.98.0,4e7b1234,dirty`: Synapse's own description of a checkout. */
function checkoutIn(remark: string, version: Version): Build | undefined {
	const words = remark.split(',').map(word => word.trim());
	const wordOf = (key: string) => words.find(word => word.startsWith(`${key}=`))?.slice(2);
	const branch = wordOf('b')?.slice(0, maxName);
	const tag = wordOf('t');
	const dirty = words.includes('dirty');
	const commit = words.find(word => /^[0-9a-f]{5,40}$/.test(word));
	if (!branch && !commit && !dirty) return undefined;
	// An unchanged checkout of the release's tag is the release.
	if (tag !== undefined && !dirty && tag.replace(/^v/, '') === version) return undefined;
	return {
		is: 'checkout',
		...(branch && branch !== 'HEAD' && { branch }),
		...(commit && { commit }),
		...(dirty && { dirty }),
	};
}

/** What kind of release a version is, as far as we know. */
export type ReleaseStanding = 'release' | 'candidate' | 'withdrawn' | 'unknown';

const byVersion = memo((releases: readonly Release[]) => new Map(releases.map(release => [release.version, release])));

export function standingIn(version: Version, releases: readonly Release[]): ReleaseStanding {
	const release = byVersion(releases).get(version);
	if (!release) return 'unknown';
	if (release.withdrawn) return 'withdrawn';
	return isCandidate(version) ? 'candidate' : 'release';
}

/** Nothing may be claimed about an unknown release, neither its age nor its vulnerabilities. */
export function isKnown(version: Version, releases: readonly Release[]): boolean {
	return byVersion(releases).has(version);
}

/** A version, how its build differs (`written`: its own name) and what kind of release it is. */
export type Named = Written & {
	written?: string;
	standing: ReleaseStanding;
	/** The candidate's final release is out. */
	isFinalOut?: true;
};

export function nameOf(
	{ version, build, written }: Written & { written?: string },
	{ releases }: { releases: readonly Release[] },
): Named {
	const standing = standingIn(version, releases);
	return {
		version,
		...(build && { build }),
		...(written !== undefined && { written }),
		standing,
		...(standing === 'candidate' && isKnown(finalOf(version), releases) && { isFinalOut: true as const }),
	};
}
