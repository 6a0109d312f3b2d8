// Parses Synapse versions and server names as people type them.
import { distance } from 'fastest-levenshtein';
import { readBuild } from '../advice/watch/build.ts';
import type { ToldVersion } from '../advice/watch/history.ts';
import { Refusal } from '../answer.ts';
import { parseServerName } from '../deployment/server-name.ts';
import type { Version } from '../deployment/version.ts';
import { compare, finalOf, isCandidate, isVersion, lineOf } from '../deployment/version.ts';
import type { Knowledge, Release } from '../knowledge/schema/synapse.ts';
import { isStable, stable } from '../knowledge/stable.ts';
import { memo } from '../runtime/memo.ts';
import { code, quoted } from '../text/markdown.ts';
import { maxWord } from './nearest.ts';

/** The newest release that is neither a candidate nor withdrawn. */
export function newest(knowledge: Pick<Knowledge, 'releases'>): Version {
	const last = stable(knowledge.releases).at(-1);
	if (!last) throw new Error('the knowledge has no release');
	return last.version;
}

/** Releases by line, without candidates. */
const byLine = memo((releases: readonly Release[]) =>
	Map.groupBy(
		releases.filter(({ version }) => !isCandidate(version)),
		({ version }) => lineOf(version),
	),
);

/** A typed version as understood; `note` explains that if it is more than what was typed. */
export type Meant = { version: Version; note?: string };

/**
 * Parses a version. With two parts, a start means the first release of that line; a target or a running version
 * means its newest patch release that was not withdrawn. Refuses unknown versions, with suggestions, and
 * withdrawn targets.
 */
export function readVersion(
	typed: string,
	as: 'start' | 'target' | 'running',
	knowledge: Pick<Knowledge, 'releases'>,
): Meant {
	const small = typed.toLowerCase().replace(/^v/, '');
	// Packages have their own suffixes, but `0.9.0-r5` was a release.
	const text = knowledge.releases.some(({ version }) => version === small)
		? small
		: (small.replace(/[-.~]?rc\.?(\d+)/, 'rc$1').split(/[+~-]/, 1)[0] ?? '');
	const [base = '', candidate] = text.split('rc');
	const inFull = /^\d+\.\d+$/.test(base) ? `${base}.0` : base;
	const full = candidate === undefined ? inFull : `${inFull}rc${Number(candidate)}`;
	if (/^\d+\.\d+$/.test(text)) {
		const line = byLine(knowledge.releases).get(text) ?? [];
		const found = as === 'start' ? line[0] : line.filter(isStable).at(-1);
		if (found?.version === full) return { version: full };
		const what = as === 'start' ? 'its first release' : 'its newest patch release';
		if (found) return { version: found.version, note: `I read ${text} as ${found.version}, ${what}.` };
	}
	const release = isVersion(full) ? knowledge.releases.find(({ version }) => version === full) : undefined;
	if (!release) {
		const next = isVersion(full) ? candidateOf(full, knowledge) : undefined;
		if (next === undefined) throw new Refusal(unknownVersion(typed, knowledge));
		return { version: next, note: `${full} is not out yet; its newest release candidate, ${next}, is used instead.` };
	}
	if (!release.withdrawn) return { version: full };
	if (as !== 'target') return { version: full, note: `${full} was withdrawn by its developers.` };
	const next = stable(knowledge.releases).find(({ version }) => compare(version, full) > 0);
	throw new Refusal(
		`Synapse ${full} was withdrawn by its developers, so you should not upgrade to it.${next ? ` Use ${code(next.version)} instead.` : ''}`,
	);
}

/** The newest candidate of a release that is not out yet. */
function candidateOf(version: Version, { releases }: Pick<Knowledge, 'releases'>): Version | undefined {
	return releases.findLast(other => isCandidate(other.version) && finalOf(other.version) === version)?.version;
}

function unknownVersion(typed: string, knowledge: Pick<Knowledge, 'releases'>): string {
	const last = newest(knowledge);
	const candidates = knowledge.releases
		.filter(({ version }) => compare(version, last) > 0)
		.map(({ version }) => version);
	const beyond = candidates.length ? ` (plus release candidates for the next version, up to ${candidates.at(-1)})` : '';
	const versions = stable(knowledge.releases).map(({ version }) => version);
	const written = typed.replace(/^v/i, '');
	// People may type only the second number: 98 for 1.98.
	const line = /^\d{1,3}$/.test(written) ? versions.find(version => version === `1.${written}.0`) : undefined;
	// A long text is not a typo, and comparing it with each release would take time.
	const near =
		line ?? (written.length > maxWord ? undefined : versions.find(version => distance(version, written) === 1));
	const meant = near && near !== last ? ` Did you mean ${code(near)}?` : '';
	return `I do not know of a Synapse release ${quoted(typed)}. The newest I know of is ${last}${beyond}; the oldest is ${versions[0]}.${meant}`;
}

/**
 * The releases that `!notes` is about: two parts mean all final releases of that line, three or more that release. A
 * candidate has the notes of its final release, and so does a line with only candidates.
 */
export function linesOf(
	typed: string,
	knowledge: Pick<Knowledge, 'releases'>,
): { releases: Version[]; candidate?: Version } {
	const line = typed.toLowerCase().replace(/^v/, '');
	if (!/^\d+\.\d+$/.test(line)) {
		const { version } = readVersion(typed, 'start', knowledge);
		return { releases: [finalOf(version)], ...(isCandidate(version) && { candidate: version }) };
	}
	const own = byLine(knowledge.releases).get(line);
	if (own) return { releases: own.map(({ version }) => version) };
	const candidate = knowledge.releases.findLast(({ version }) => lineOf(version) === line)?.version;
	if (candidate === undefined) throw new Refusal(unknownVersion(typed, knowledge));
	return { releases: [finalOf(candidate)], candidate };
}

/** Parses a server name to watch, in lower case; refuses invalid ones. */
export function readServer(typed: string): string {
	const name = parseServerName(typed.toLowerCase());
	if (!name)
		throw new Refusal(`${quoted(typed)} is not the name of a homeserver. For example: ${code('!watch example.org')}`);
	return name.name;
}

/** The words without `version=1.150`, and what that says about the running release. */
export function takeVersion(
	words: readonly string[],
	knowledge: Pick<Knowledge, 'releases'>,
): { running?: Omit<ToldVersion, 'at'>; rest: string[] } {
	const isVersionWord = (word: string) => /^version=/i.test(word);
	const typed = words.filter(isVersionWord);
	const rest = words.filter(word => !isVersionWord(word));
	const [first, second] = typed;
	if (first === undefined) return { rest };
	if (second !== undefined) throw new Refusal('A server runs one version: give only one.');
	const told = first.slice('version='.length);
	const { version } = readVersion(told, 'running', knowledge);
	// A stated version may also name a package or a build from a branch. Two parts mean the newest patch release.
	const read = /^v?\d+\.\d+$/i.test(told) ? undefined : readBuild(told);
	const build = read?.version === version ? read.build : undefined;
	return { running: { version, ...(build && { build, written: told }) }, rest };
}
