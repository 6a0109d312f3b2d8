// What a pasted text reveals about the deployment: its releases, and its database.
import { isContradiction, type Profile, parseTerm, profileOf, together } from '../../deployment/facts.ts';
import type { Version } from '../../deployment/version.ts';
import type { Knowledge } from '../../knowledge/schema/synapse.ts';

/**
 * A version after Synapse's name, or in the first words of its log. Bounded, like everything that parses strangers'
 * text.
 */
const versionText =
	/(?<!\bin |\bIn )\b(?:synapse(?:-py3)?(?:@|\/|:v?|==| \(| v?|-v?|_v?)|homeserver version |[Ss]erver version:? )v?(\d{1,2}\.\d{1,3}\.\d{1,3}(?:rc\d{1,2})?)/gi;

export function versionsIn(
	text: string,
	{ releases }: Pick<Knowledge, 'releases'>,
): { version: Version; at: number }[] {
	const known = new Set(releases.map(({ version }) => version));
	const found = new Map<Version, number>();
	for (const { 1: version = '', index } of text.matchAll(versionText))
		if (known.has(version) && !found.has(version)) found.set(version, index);
	return [...found].map(([version, at]) => ({ version, at }));
}

/** Adds what the text reveals about the deployment, unless the person stated otherwise. */
export function withSeen(profile: Profile, text: string): Profile {
	const seen: string[] = [];
	if (/psycopg2/.test(text)) seen.push('postgres');
	else if (/sqlite3\.\w{0,20}Error/.test(text)) seen.push('sqlite');
	const terms = seen.flatMap(word => parseTerm(word) ?? []);
	const found = profileOf(terms);
	return isContradiction(found) ? profile : together(found, profile);
}
