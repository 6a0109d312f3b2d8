// What a server calls its version: the release that it is, or was built from, and whether that release is known here.

import { finalOf, isCandidate, isVersion, type Version } from '../../deployment/version.ts';
import type { Release } from '../../knowledge/schema/synapse.ts';
import { memo } from '../../runtime/memo.ts';

/** What a build has besides the release that it was made from. */
export type Build =
	/** A checkout of Synapse's repository that is not exactly a release. */
	| { is: 'checkout'; branch?: string; commit?: string; dirty?: true }
	/** A development build (`.dev0`, `b1`), which comes before its release. */
	| { is: 'development' }
	/** A package or a fork: only its name says that it is not the release itself. */
	| { is: 'derived' };

export type Written = { version: Version; build?: Build };

/** No version is longer than this (characters). Longer text is not read. */
const maxLength = 300;
const maxName = 60;

// Every part is bounded, so that hostile text costs no more than its length.
const start =
	/^(?:(?:matrix-)?synapse(?:-py3)?[ /:@_-]{1,2})?(?:\d{1,3}[!:])?v?(\d{1,6}(?:\.\d{1,6}){1,3})(?:([a-z])(?![a-z\d]))?/i;
const candidate = /^[-._~]?rc[-._]?(\d{0,4})(?![\da-z])/i;
const revision = /^-r(\d{1,2})(?![\da-z])/;
const development = /^(?:[-._~]?(?:dev|alpha|beta|preview|pre|snapshot|a|b|c)|~git)[-._]?\d{0,9}(?![a-z])/i;
const derived = /^(?:[+~_-]|\.post)/i;

/**
 * Reads what Synapse says of itself (`1.98.0 (b=develop,4e7b1,dirty)`, `1.57.1+dfsg-1`, `1.150.0~rc1-2`). Undefined if it
 * does not begin with a version, or with numbers that no version has.
 */
export function readBuild(text: string): Written | undefined {
	if (text.length > maxLength) return undefined;
	const line = text.trim();
	const [whole, numbers = '', letter = ''] = start.exec(line) ?? [];
	if (whole === undefined) return undefined;
	const parts = numbers.split('.').map(part => String(Number(part)));
	// Synapse never writes two parts: which patch release this is, nobody knows.
	const isShort = parts.length === 2;
	if (isShort) parts.push('0');
	// Only releases before 1.0 have a letter or a revision of their own; later `1.98.0b` is a beta, `-r1` a package.
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
	// A checkout of exactly this tag.
	if (suffix === '') return remark === undefined ? (rest === '' ? undefined : { is: 'derived' }) : remarkOf(remark);
	// `git describe`: the number of commits after the tag.
	const [, commit] = /-g([0-9a-f]{7,40})\b/.exec(suffix) ?? [];
	if (commit) return { is: 'checkout', commit, ...(/dirty/.test(suffix) && { dirty: true as const }) };
	if (/^[-+.]dirty$/.test(suffix)) return { is: 'checkout', dirty: true };
	if (development.test(suffix)) return { is: 'development' };
	return derived.test(suffix) ? { is: 'derived' } : 'unreadable';
}

function remarkOf(remark: string): Build | undefined {
	return /(^|,)\s*t=/.test(remark) ? undefined : { is: 'derived' };
}

/** `b=develop,t=v1.98.0,4e7b1234,dirty`: Synapse's own way to say what a checkout is. */
function checkoutIn(remark: string, version: Version): Build | undefined {
	const words = remark.split(',').map(word => word.trim());
	const wordOf = (key: string) => words.find(word => word.startsWith(`${key}=`))?.slice(2);
	const branch = wordOf('b')?.slice(0, maxName);
	const tag = wordOf('t');
	const dirty = words.includes('dirty');
	const commit = words.find(word => /^[0-9a-f]{5,40}$/.test(word));
	if (!branch && !commit && !dirty) return undefined;
	// A checkout of exactly the release's tag, unchanged, is the release.
	if (tag !== undefined && !dirty && tag.replace(/^v/, '') === version) return undefined;
	return {
		is: 'checkout',
		...(branch && branch !== 'HEAD' && { branch }),
		...(commit && { commit }),
		...(dirty && { dirty }),
	};
}

/** How a version stands to the releases that are known. */
export type ReleaseStanding = 'release' | 'candidate' | 'withdrawn' | 'unknown';

const byVersion = memo((releases: readonly Release[]) => new Map(releases.map(release => [release.version, release])));

export function standingIn(version: Version, releases: readonly Release[]): ReleaseStanding {
	const release = byVersion(releases).get(version);
	if (!release) return 'unknown';
	if (release.withdrawn) return 'withdrawn';
	return isCandidate(version) ? 'candidate' : 'release';
}

/** Nothing may be claimed of a release that is not known: neither how new it is nor which holes it has. */
export function isKnown(version: Version, releases: readonly Release[]): boolean {
	return byVersion(releases).has(version);
}

/** A version with what is special about its build (`written`: what it calls itself) and what is known of its release. */
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
