// A version in words: how its build differs, and what is unknown about its release.

import { type Named, nameOf, type Written } from '../advice/watch/build.ts';
import { compare, finalOf, isCandidate, type Version } from '../deployment/version.ts';
import type { Release } from '../knowledge/schema/synapse.ts';
import { stable } from '../knowledge/stable.ts';
import { count } from '../text/format.ts';
import { code, quoted } from '../text/markdown.ts';

type Releases = { releases: readonly Release[] };

/** How a build differs from its release, as a clause after the version; empty for the release itself. */
export function buildWords({ version, build, written }: Written & { written?: string }): string {
	if (!build) return calls(written, version);
	if (build.is === 'development') return `, a development build from before its release${calls(written, version)}`;
	if (build.is === 'derived') return written === undefined ? ', a custom build' : calls(written, version);
	const { branch, commit, dirty } = build;
	const from = branch
		? `built from the branch ${quoted(branch)}`
		: commit
			? `built from the commit ${quoted(commit)}`
			: 'built from a checkout';
	return `, ${from}${dirty ? ' with uncommitted changes' : ''}`;
}

function calls(written: string | undefined, version: Version): string {
	return written === undefined || written === version ? '' : `, which calls itself ${quoted(written)}`;
}

export function namedWords(named: Named): string {
	const { version, build, written, standing, isFinalOut } = named;
	const what = {
		release: '',
		candidate: isFinalOut ? '' : `, a release candidate of ${finalOf(version)}`,
		withdrawn: ', which was withdrawn by its developers',
		unknown: ', a release I do not know of',
	}[standing];
	// The number may not be one of Synapse's at all: `3.11-for-workgroups`.
	if (standing === 'unknown' && build?.is === 'derived' && written !== undefined) return `${quoted(written)}${what}`;
	return `${version}${what}${buildWords(named)}`;
}

/** A version as every answer names it. */
export function versionWords(found: Written & { written?: string }, knowledge: Releases): string {
	return namedWords(nameOf(found, knowledge));
}

/** What cannot be said about an unknown release, and why. */
export function unknownWords({ releases }: Releases): string {
	return unknownSince(stable(releases).at(-1)?.version);
}

/** The same if only the newest known release is available. */
export function unknownSince(newest: Version | undefined): string {
	return `I cannot say how new or how safe it is.${newest === undefined ? '' : ` The newest release I know of is ${newest}.`}`;
}

/** How far a judgement based on the release applies to a build; undefined for the release itself. */
export function caveatWords({ version, build }: Written): string | undefined {
	if (!build) return undefined;
	return build.is === 'development'
		? `It is older than ${version}, so it may not have the fixes in ${version}.`
		: `This build may lack a fix that ${version} has, or have extra ones.`;
}

/** How to state a version that cannot be seen or parsed. */
export function tellVersion(server: string): string {
	return `Tell me which release it is: ${code(`!profile ${server} version=1.150`)}`;
}

/** How far a release is behind the newest one. */
export function behindWords(
	version: Version,
	{ releases, days }: { releases: number; days: number },
	newest: Version | undefined,
): string {
	if (newest !== undefined && compare(newest, version) > 0)
		return releases
			? `${[count(releases, 'release'), ...(days ? [count(days, 'day')] : [])].join(' and ')} behind`
			: `one patch release behind${days ? ` for ${count(days, 'day')}` : ''}`;
	return isCandidate(version) ? 'newer than the newest release' : 'the newest release';
}
