// Combines what a server reports with what people say, and decides notes and faults by its experimental features.
import { type Condition, decide } from '../../configuration/condition.ts';
import { configurationOf } from '../../configuration/files.ts';
import type { Fact, Profile } from '../../deployment/facts.ts';
import { isContradiction, parseStored, profileOf, together, writeTerm } from '../../deployment/facts.ts';
import type { Version } from '../../deployment/version.ts';
import type { Knowledge } from '../../knowledge/schema/synapse.ts';
import { memo } from '../../runtime/memo.ts';
import { type CheckRecord, factsOf } from '../check/record.ts';
import { faultKey } from '../upgrade/way.ts';
import { isTelling, type LookRun } from './history.ts';
import type { ServerFacts } from './observation.ts';
import { featureOptions } from './server-facts.ts';

/** The facts that the server last reported while running its current version. */
export function seenFacts(history: readonly LookRun[]): ServerFacts | undefined {
	const last = history.findLast(isTelling);
	return last?.is === 'synapse' ? last.tells : undefined;
}

type AboutFeatures = { key: string; release: Version; found: Condition; options: string[] };

/** Notes and faults that depend only on these experimental features: only a few, but needed at every poll. */
const aboutFeatures = memo(({ notes, faults }: Pick<Knowledge, 'notes' | 'faults'>): AboutFeatures[] => {
	const known = Object.values(featureOptions);
	const all = [
		...notes.map(note => ({ ...note, key: note.id })),
		...faults.map(fault => ({ ...fault, key: faultKey(fault.id) })),
	];
	return all.flatMap(({ key, release, found }) => {
		const options = [...JSON.stringify(found ?? {}).matchAll(/"(?:option|each)":"([^"]+)"/g)].flatMap(
			([, option]) => option ?? [],
		);
		const isDecidable = options.length > 0 && options.every(option => known.includes(option));
		return isDecidable ? [{ key, release, found: found as Condition, options }] : [];
	});
});

/** By note id or fault key: what a server's experimental features decide. Undecided notes and faults are absent. */
export function decidedBySeen(
	history: readonly LookRun[],
	knowledge: Pick<Knowledge, 'notes' | 'faults'>,
): Map<string, boolean> {
	const features = Object.entries(seenFacts(history)?.features ?? {});
	if (!features.length) return new Map();
	const text = features.map(([option, is]) => `  ${option.split('.')[1]}: ${is}`).join('\n');
	const configuration = configurationOf([{ name: 'server', text: `experimental_features:\n${text}\n` }]);
	const told = new Set(features.map(([option]) => option));
	return new Map(
		aboutFeatures(knowledge).flatMap(({ key, found, release, options }): [string, boolean][] => {
			if (!options.every(option => told.has(option))) return [];
			const { is } = decide(found as Condition, { configuration, defaultOf: () => undefined, release });
			return is === 'unknown' ? [] : [[key, is]];
		}),
	);
}

/**
 * What is known about a server. A person's statement takes precedence over what was seen, and contradictions are
 * reported.
 */
export type SeenProfile = {
	profile: Profile;
	/** Facts, as people type them, that only the server reported. */
	seen: readonly string[];
	/** Facts that the server reported and a person contradicted. */
	contradicted: readonly string[];
};

export function withSeen(said: Profile, history: readonly LookRun[]): SeenProfile {
	const told = (seenFacts(history)?.facts ?? []).flatMap(fact => parseStored(fact) ?? []);
	const contradicted = told.filter(({ fact, value }) => said.has(fact) && said.get(fact)?.value !== value);
	const seen = told.filter(({ fact }) => !said.has(fact));
	const added = profileOf(told.filter(term => !contradicted.includes(term)));
	const profile = isContradiction(added) || !seen.length ? said : together(added, said);
	return { profile, seen: seen.map(writeTerm), contradicted: contradicted.map(writeTerm) };
}

/** The same, with the facts of earlier configuration checks at the lowest priority, since they may be months old. */
export type KnownDeployment = SeenProfile & {
	/** Facts known only from a configuration, with the day it was checked. */
	derived: readonly DatedFact[];
	/** Facts from a configuration that a person or the server contradicts. */
	outdated: readonly DatedFact[];
};
type DatedFact = { fact: string; day: string };

/** Everything known about a deployment on a day, by precedence: what people say, what the server reports, its files. */
export function deploymentFrom(
	said: Profile,
	history: readonly LookRun[],
	checks: readonly CheckRecord[],
	today: string,
): KnownDeployment {
	const above = withSeen(said, history);
	const told = factsOf(checks, today).flatMap(({ day, facts }) =>
		facts.flatMap(fact => {
			const term = parseStored(fact);
			return term ? [{ fact, day, term }] : [];
		}),
	);
	const isNew = (fact: Fact) => !above.profile.has(fact);
	const beneath = profileOf(told.flatMap(({ term }) => (isNew(term.fact) ? [term] : [])));
	const { profile } = above;
	return {
		...above,
		profile: isContradiction(beneath) ? profile : together(beneath, profile),
		derived: isContradiction(beneath)
			? []
			: told.flatMap(({ fact, day, term }) => (isNew(term.fact) ? [{ fact, day }] : [])),
		outdated: told.flatMap(({ fact, day, term }) =>
			!isNew(term.fact) && profile.get(term.fact)?.value !== term.value ? [{ fact, day }] : [],
		),
	};
}
