// Diagnoses a pasted text: the first error matters most, causes come before consequences, at most three matches.
import type { Code } from '../../configuration/code.ts';
import { concern } from '../../deployment/condition.ts';
import type { Profile } from '../../deployment/facts.ts';
import { finalOf, isWithin, type Version } from '../../deployment/version.ts';
import type { Knowledge, Note } from '../../knowledge/schema/synapse.ts';
import { memo } from '../../runtime/memo.ts';
import { type Candidate, candidatesIn, sameEvent, telling } from './candidates.ts';
import { type Catalogue, type CatalogueEntry, catalogueOf, type Rank } from './catalogue.ts';
import { recordsIn, withoutTerminal } from './log-lines.ts';
import { countOf, firstWithout, type Occurrence, occurrencesOf } from './occurrences.ts';
import { entriesWithPart } from './parts.ts';
import { optionNamed, optionsNamedIn, type RefusalSite, rangeOf } from './refusals.ts';
import { versionsIn, withSeen } from './seen.ts';
import { maxWords, type SymptomSearch, symptomSearch } from './symptoms.ts';
import { weak } from './template.ts';

export type WhyQuestion = {
	text: string;
	/** Releases that the person named. */
	versions: readonly Version[];
	/** The release last seen on the room's server; the one that failed may be another. */
	running?: Version;
	profile: Profile;
	/** The guide of the session, and the current stage. */
	session?: { guide: string; stage?: string };
};

/** Whether the known releases are affected. */
type Fit = 'yes' | 'no' | 'unknown';

export type WhyMatch = {
	entry: CatalogueEntry;
	/**
	 * `text`: a message was found in the text; `words`: guessed from the words of a symptom, or from part of a message.
	 */
	by: 'text' | 'words';
	/** The line where it begins, from 1. */
	line?: number;
	/** How often it occurs in the text. */
	count: number;
	/** For a refusal: the remaining candidate sites in the code, and the options involved. */
	sites: readonly RefusalSite[];
	options: readonly string[];
	/** The refusal whose words matched a fault or symptom. */
	refusal?: CatalogueEntry & { of: 'refusal' };
	notes: readonly Note[];
	fit: Fit;
	sure: boolean;
	/** The text has only the beginning of the message: the line is cut off. */
	cut?: true;
};

export type Diagnosis = {
	/** Best first, at most three. */
	matches: WhyMatch[];
	/** Harmless entries besides a cause, and how often they occur. */
	harmless: { entry: CatalogueEntry; count: number }[];
	/** The first record of an error that nothing here explains. */
	unexplained?: { line: number };
	/** Releases mentioned in the text, in order. */
	seen: Version[];
	lines: number;
};

export const maxMatches = 3;

const opened = memo((knowledge: Knowledge) => memo((code: Code) => openedFor(knowledge, code)));

function openedFor(knowledge: Knowledge, code: Code): { catalogue: Catalogue; search: SymptomSearch } {
	const catalogue = catalogueOf(knowledge, code);
	return { catalogue, search: symptomSearch(catalogue.entries) };
}

export function diagnose(question: WhyQuestion, knowledge: Knowledge, code: Code): Diagnosis {
	const { catalogue, search } = opened(knowledge)(code);
	const text = withoutTerminal(question.text);
	const seen = versionsIn(text, knowledge);
	const found = candidatesIn(text, catalogue);
	const records = recordsIn(text);
	const asked: WhyContext = {
		...question,
		profile: withSeen(question.profile, text),
		seen: seen.map(({ version }) => version),
		loud: records.some(({ error }) => error),
	};
	const judged = withLines(
		found.flatMap(candidate => judge(candidate, asked, catalogue)),
		text,
	);
	const best = ranked(absorbed(judged), question);
	const lines = text.split('\n').length;
	const hasCause = best.some(({ entry }) => entry.rank === 'cause' || entry.rank === 'hopeless');
	const loud: (RankedEntry | Worded)[] = best.filter(
		({ entry }) => entry.rank !== 'harmless' && !(hasCause && (entry.rank === 'consequence' || entry.rank === 'vague')),
	);
	const few = loud.length === 0 && lines <= 6 && !asked.loud;
	const said = few ? [...byPart(text, catalogue.entries, asked), ...byWords(text, search, asked)] : [];
	const unexplained = loud.some(({ entry }) => entry.rank !== 'vague') ? undefined : firstWithout(judged, records);
	const quiet = best.filter(({ entry }) => entry.rank === 'harmless');
	// Something vague may be a fault of the running release.
	const [first] = loud;
	if (first?.entry.rank === 'vague') loud.push(...likely(first.entry, search, asked));
	const all = loud.length ? loud : [...(unexplained ? [] : quiet), ...said];
	return {
		matches: alternatives(distinct(all).slice(0, maxMatches)),
		harmless: (loud.length || unexplained ? quiet : []).map(({ entry, match }) => ({ entry, count: match.count })),
		...(unexplained && { unexplained: { line: unexplained.line } }),
		seen: [...asked.seen],
		lines,
	};
}

type RankedEntry = Pick<Candidate, 'entry' | 'weight'> &
	Occurrence & { occurrences: readonly Occurrence[]; match: WhyMatch };
/** `seen`: releases mentioned in the text; `loud`: it contains a record of an error. */
type WhyContext = WhyQuestion & { seen: readonly Version[]; loud: boolean };

/** Judges a candidate by what is known about the deployment; empty if that excludes it. */
function judge(candidate: Candidate, asked: WhyContext, catalogue: Catalogue): RankedEntry[] {
	const { entry, places, weight, supported, cut } = candidate;
	const [first] = places;
	if (!first || (entry.applies && concern(entry.applies, asked.profile).is === false)) return [];
	const { sites, options } = entry.of === 'refusal' ? sitesOf(candidate, asked, catalogue) : { sites: [], options: [] };
	const fit = fitOf(entry, asked);
	if (fit === 'no' && asked.versions.length > 0) return [];
	const several =
		entry.of === 'refusal' && new Set(sites.map(site => site.options.join())).size > 1 && options.length === 0;
	if (isGeneric(entry, fit, weight) && fit === 'unknown' && !(supported && asked.loud)) return [];
	const sure =
		entry.rank !== 'vague' &&
		(entry.of !== 'failure' || asked.session?.guide === entry.guide.id) &&
		(supported || entry.rank === 'harmless') &&
		fit !== 'no' &&
		!several &&
		(!cut || (cut.alone && weight >= telling)) &&
		weight >= (entry.of === 'refusal' && entry.refusal.sites.length ? 8 : 12) &&
		!isGeneric(entry, fit, weight);
	const occurrences = occurrencesOf(places, candidate.spans);
	const match: WhyMatch = {
		entry,
		by: 'text',
		count: countOf(occurrences),
		sites,
		options,
		notes: entry.of === 'refusal' ? entry.notes : [],
		fit,
		sure,
		...(cut && { cut: true as const }),
	};
	return [{ entry, from: first.from, to: first.to, occurrences, weight, match }];
}

/** Adds the line where each begins, in a single pass. */
function withLines(judged: RankedEntry[], text: string): RankedEntry[] {
	let [line, at] = [1, 0];
	return [...judged]
		.sort((a, b) => a.from - b.from)
		.map(one => {
			for (let end = text.indexOf('\n', at); end >= 0 && end < one.from; end = text.indexOf('\n', at)) {
				line++;
				at = end + 1;
			}
			return { ...one, match: { ...one.match, line } };
		});
}

/** Words that other causes share (“'NoneType' object …”) only mean something if the release matches. */
function isGeneric(entry: CatalogueEntry, fit: Fit, weight: number): boolean {
	if (entry.of !== 'fault' && entry.of !== 'note') return false;
	const errors = entry.of === 'fault' ? entry.fault.errors : entry.errors;
	const generic = errors.some(text =>
		/^(?:\w+Error: )?'?(?:NoneType|int|str|dict|list|coroutine|<=)\b|^(?:int|list\.remove)\(|referenced before assignment|cannot unpack/.test(
			text,
		),
	);
	return fit !== 'yes' && (generic || weight < weak);
}

function sitesOf(
	{ entry, places, files, option }: Candidate,
	asked: WhyContext,
	{ options }: Catalogue,
): { sites: RefusalSite[]; options: string[] } {
	if (entry.of !== 'refusal') return { sites: [], options: [] };
	const { text, sites } = entry.refusal;
	const narrow = (some: RefusalSite[], keep: (site: RefusalSite) => boolean) => {
		const kept = some.filter(keep);
		return kept.length ? kept : some;
	};
	const plain = (path: string) => path.replace(/\.(?:\d{1,6}|<item \d{1,6}>)(?=\.|$)/g, '.*');
	let left = [...sites];
	if (option !== undefined) left = narrow(left, site => site.options.includes(plain(option)));
	left = narrow(left, site => files.has(site.file));
	const [place] = places;
	const releases = asked.versions.length ? asked.versions : asked.seen;
	left = narrow(left, site => releases.some(version => isIn(version, rangeOf(site))));
	const printed = option === undefined ? undefined : optionNamed(option, options);
	// The last word of the text before the message, and the first words after it, but only if they are names of options.
	const around = (place?.captured ?? []).flatMap((value, i) => {
		const words = value.match(/[a-z][a-z0-9_.]*/g) ?? [];
		return i === 0 ? words.slice(-1) : words.slice(0, 3);
	});
	const filled = around.filter(name => /[_.]/.test(name)).flatMap(name => (options.byPath.has(name) ? [name] : []));
	const own = left.flatMap(site => site.options.flatMap(path => optionNamed(path, options) ?? path));
	const written = optionsNamedIn(text, options);
	// If a message names no option, its note often does.
	const named = written.length ? written : (entry.notes[0]?.options ?? []).slice(0, 1);
	const best =
		printed !== undefined ? [printed] : filled.length ? filled : own.length && left.length === 1 ? own : named;
	return { sites: left, options: [...new Set(best)] };
}

/** `*` is any release; a candidate counts as its final release. */
function isIn(version: Version, range: string): boolean {
	return range === '*' || isWithin(finalOf(version), range);
}

/** A stated release takes precedence over one in the text, and that over the one last seen on the server. */
function fitOf({ releases }: CatalogueEntry, { versions, seen, running }: WhyContext): Fit {
	if (releases.length === 0) return 'unknown';
	const known = versions.length ? versions : seen.length ? seen : running ? [running] : [];
	if (known.length === 0) return 'unknown';
	const fits = known.some(version => releases.some(range => isIn(version, range)));
	if (fits) return 'yes';
	// The server may have been seen before the upgrade to the release that fails.
	return versions.length || seen.length ? 'no' : 'unknown';
}

const overlap = (one: RankedEntry, other: RankedEntry) => one.from < other.to && other.from < one.to;

/** A curated entry replaces the refusal it overlaps; a message within a longer one is only part of that. */
function absorbed(judged: RankedEntry[]): RankedEntry[] {
	const curated = judged.filter(({ entry }) => entry.of !== 'refusal' && entry.rank !== 'consequence');
	const gone = new Set<RankedEntry>();
	const refusals = judged.filter(({ entry }) => entry.of === 'refusal');
	for (const one of refusals) {
		if (refusals.some(other => other !== one && overlap(one, other) && other.weight > one.weight)) gone.add(one);
	}
	const merged = judged.map(one => {
		if (one.entry.of === 'refusal') return one;
		const own = refusals.find(refusal => !gone.has(refusal) && overlap(one, refusal));
		if (own?.entry.of !== 'refusal' || one.entry.rank === 'harmless') return one;
		const { sites, options, notes } = own.match;
		return { ...one, match: { ...one.match, sites, options, notes, refusal: own.entry } };
	});
	// A fault of certain releases only replaces a common message if the release is known to be affected.
	const speaks = ({ entry, match }: RankedEntry) =>
		match.fit === 'yes' || (match.fit === 'unknown' && entry.of !== 'fault');
	for (const refusal of refusals) if (curated.some(one => overlap(one, refusal) && speaks(one))) gone.add(refusal);
	return merged.filter(one => !gone.has(one));
}

const ranks: readonly Rank[] = ['hopeless', 'cause', 'consequence', 'vague', 'harmless'];

function ranked(judged: RankedEntry[], { session }: WhyQuestion): RankedEntry[] {
	const byPlace = [...judged].sort((a, b) => a.from - b.from);
	const events = new Map<RankedEntry, number>();
	let [event, reached] = [0, Number.NEGATIVE_INFINITY];
	for (const one of byPlace) {
		if (one.entry.rank !== 'harmless' && one.from - reached > sameEvent) event++;
		if (one.entry.rank !== 'harmless') reached = Math.max(reached, one.to);
		events.set(one, event);
	}
	const order = { yes: 0, unknown: 1, no: 2 } as const;
	// In a guide session its failures rank first; for everyone else they rank last. So does a fault of certain
	// releases whose words also match something common.
	const shared = new Set(
		judged.filter(
			one =>
				one.entry.of === 'fault' &&
				one.match.fit !== 'yes' &&
				(one.match.refusal || judged.some(other => other.entry.of === 'symptom' && overlap(one, other))),
		),
	);
	const here = (one: RankedEntry) => {
		const { entry } = one;
		if (shared.has(one)) return 3;
		if (entry.of !== 'failure') return 2;
		return session?.guide !== entry.guide.id ? 3 : session.stage === entry.stage.id ? 0 : 1;
	};
	return byPlace.sort(
		(a, b) =>
			ranks.indexOf(a.entry.rank) - ranks.indexOf(b.entry.rank) ||
			(session ? here(a) - here(b) : 0) ||
			(events.get(a) ?? 0) - (events.get(b) ?? 0) ||
			here(a) - here(b) ||
			order[a.match.fit] - order[b.match.fit] ||
			Number(b.match.sure) - Number(a.match.sure) ||
			a.from - b.from ||
			b.weight - a.weight,
	);
}

function distinct(all: readonly (RankedEntry | Worded)[]): (RankedEntry | Worded)[] {
	return all.filter((one, i) => all.findIndex(({ entry }) => entry === one.entry) === i);
}

/** The best first. Another match of the same words is an alternative reading, so not sure. */
function alternatives(chosen: readonly (RankedEntry | Worded)[]): WhyMatch[] {
	const [best] = chosen;
	return chosen.map(one => {
		const isReading =
			best && one !== best && 'from' in one && 'from' in best && one.from < best.to && best.from < one.to;
		return isReading && one.match.fit !== 'yes' ? { ...one.match, sure: false } : one.match;
	});
}

type Worded = { entry: CatalogueEntry; match: WhyMatch };

/** Matches by the words of symptoms: never sure. */
function byWords(text: string, search: SymptomSearch, asked: WhyContext): Worded[] {
	if (text.split(/\s+/, maxWords + 1).length > maxWords) return [];
	const found = search(text).flatMap(({ entry, score }) => {
		const fit = fitOf(entry, asked);
		if (fit === 'no' || (entry.applies && concern(entry.applies, asked.profile).is === false)) return [];
		return [{ entry, score: score * (fit === 'yes' ? 1.5 : 1), fit }];
	});
	const top = Math.max(0, ...found.map(({ score }) => score));
	return found
		.filter(({ score }) => score >= top / 2)
		.sort((a, b) => b.score - a.score)
		.map(guessed);
}

function guessed({ entry, fit }: { entry: CatalogueEntry; fit: Fit }): Worded {
	const notes = entry.of === 'refusal' ? entry.notes : [];
	return { entry, match: { entry, by: 'words', count: 0, sites: [], options: [], notes, fit, sure: false } };
}

/**
 * Matches by part of a message, as people remember it or search for it: never sure, and empty if many messages
 * contain it.
 */
function byPart(text: string, entries: readonly CatalogueEntry[], asked: WhyContext): Worded[] {
	const found = entriesWithPart(text, entries).flatMap(entry => {
		const fit = fitOf(entry, asked);
		const excluded = fit === 'no' || (entry.applies && concern(entry.applies, asked.profile).is === false);
		return excluded ? [] : [guessed({ entry, fit })];
	});
	// A curated entry says more than a refusal from the code.
	const curated = (one: Worded) => Number(one.entry.of === 'refusal');
	return found.length > maxMatches ? [] : found.sort((a, b) => curated(a) - curated(b));
}

/** Faults of the known releases whose symptoms match this entry's. */
function likely(entry: CatalogueEntry, search: SymptomSearch, asked: WhyContext): Worded[] {
	if (entry.of !== 'symptom') return [];
	return entry.symptom.symptoms
		.flatMap(said => byWords(said, search, asked))
		.filter(one => one.entry.of === 'fault' && one.match.fit === 'yes');
}
