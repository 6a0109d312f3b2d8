// Everything that a pasted text can turn out to be, with the templates that identify it.
import type { Code } from '../../configuration/code.ts';
import type { Options } from '../../configuration/options.ts';
import type { Applies } from '../../deployment/condition.ts';
import { allStages } from '../../knowledge/guide-stages.ts';
import type { Guide, GuideFailure, Stage } from '../../knowledge/schema/guide.ts';
import type { Fault, Knowledge, Note, Symptom } from '../../knowledge/schema/synapse.ts';
import { piecesOf, type RefusalText, rangeOf, refusalTexts } from './refusals.ts';
import { type Matcher, matcherOf, type Template, weak, weightOf } from './template.ts';

/** How an entry ranks: what must stop an administrator comes first, what means nothing by itself last. */
export type Rank = 'hopeless' | 'cause' | 'consequence' | 'vague' | 'harmless';

export type CatalogueEntry = {
	/** Unique and permanent: `fault/1.85.0/schema-delta`, `refusal/synapse/config/server.py Must be a string`. */
	id: string;
	rank: Rank;
	applies?: Applies;
	/** Ranges of releases in which it occurs; empty: any. */
	releases: readonly string[];
} & (
	| { of: 'refusal'; refusal: RefusalText; notes: readonly Note[] }
	| { of: 'fault'; fault: Fault }
	| { of: 'symptom'; symptom: Symptom }
	/** `errors`: what releases that were run printed, without the values of the trial. */
	| { of: 'note'; note: Note; errors: string[] }
	| { of: 'failure'; guide: Guide; stage: Stage; failure: GuideFailure }
);

export type Catalogue = {
	entries: readonly CatalogueEntry[];
	/** The entry of each template, by its index; absent for those that only give context. */
	owner: readonly (CatalogueEntry | undefined)[];
	weights: readonly number[];
	matcher: Matcher;
	/** The template that prints an option's path. */
	optionAt: number;
	/** The Synapse source file that each template names, by its index. */
	fileNamed: ReadonlyMap<number, string>;
	/** Templates that show that a text is about Synapse at all, and about its configuration or start. */
	speaking: ReadonlySet<number>;
	starting: ReadonlySet<number>;
	options: Options;
};

const gap = '{}';

export function catalogueOf(knowledge: Knowledge, code: Code): Catalogue {
	const refusals = refusalTexts(code);
	const entries = [
		...refusalEntries(refusals, knowledge),
		...knowledge.faults.map(faultEntry),
		...knowledge.symptoms.map(symptomEntry),
		...knowledge.guides.flatMap(failureEntries),
	];
	const known = entries.flatMap(entry => templatesOf(entry).map(pieces => ({ entry, pieces })));
	const trials = trialEntries(knowledge, matcherOf(known));
	const owned: { entry: CatalogueEntry | undefined; pieces: readonly string[] }[] = [...known, ...trials];
	const add = (text: string): number => owned.push({ entry: undefined, pieces: text.split(gap) }) - 1;
	const optionAt = add("Error in configuration at '{}':");
	const files = new Set(refusals.flatMap(({ sites }) => sites.map(({ file }) => file)));
	const fileNamed = new Map([...files].map(file => [add(file), file]));
	const starting = new Set([
		optionAt,
		...['ConfigError', 'Error in configuration', 'Error during initialisation', 'IncorrectDatabaseSetup'].map(add),
		...[
			'UpgradeDatabaseException',
			'PrepareDatabaseException',
			'synapse.app.homeserver',
			'synapse.app.generic_worker',
		].map(add),
		...fileNamed.keys(),
	]);
	const speaking = new Set([
		...starting,
		...['synapse', 'matrix', 'twisted', 'psycopg2', 'homeserver.yaml', 'homeserver.db', 'txredisapi'].map(add),
	]);
	const templates: Template[] = owned.map(({ pieces }) => ({ pieces }));
	return {
		entries: [...entries, ...new Set(trials.map(({ entry }) => entry))],
		owner: owned.map(({ entry }) => entry),
		weights: templates.map(weightOf),
		matcher: matcherOf(templates),
		optionAt,
		fileNamed,
		speaking,
		starting,
		options: code.options(),
	};
}

function refusalEntries(texts: readonly RefusalText[], knowledge: Knowledge): CatalogueEntry[] {
	// The output of a release that was really started shows for certain which note a message belongs to.
	const matcher = matcherOf(texts.map(({ text }) => ({ pieces: piecesOf(text) })));
	const notes = new Map(knowledge.notes.map(note => [note.id, note]));
	const tried = new Map<number, Set<Note>>();
	for (const { of, error, outcome } of knowledge.verified) {
		const note = of === undefined ? undefined : notes.get(of);
		if (!note || error === undefined || outcome !== 'refuses') continue;
		for (const { template } of matcher.find(error).places)
			tried.set(template, (tried.get(template) ?? new Set()).add(note));
	}
	return texts.map((refusal, i) => {
		const since = new Set(refusal.sites.filter(({ always }) => !always).map(site => site.since));
		const options = refusal.sites.flatMap(site => site.options);
		// A note about the same option, from the release that began to refuse it, is about this refusal too.
		const same = knowledge.notes.filter(
			note => note.refuses && since.has(note.release) && note.options.some(option => options.includes(option)),
		);
		return {
			id: `refusal/${refusal.sites[0]?.file ?? ''} ${refusal.text}`,
			of: 'refusal' as const,
			// The message at the end of every failed start says nothing about the cause.
			rank: refusal.text.startsWith('Error during initialisation') ? ('vague' as const) : ('cause' as const),
			releases: refusal.sites.map(rangeOf),
			refusal,
			notes: [...new Set([...(tried.get(i) ?? []), ...same])],
		};
	});
}

function faultEntry(fault: Fault): CatalogueEntry {
	return {
		id: `fault/${fault.id}`,
		of: 'fault',
		rank: 'cause',
		releases: fault.broken,
		...(fault.applies && { applies: fault.applies }),
		fault,
	};
}

function symptomEntry(symptom: Symptom): CatalogueEntry {
	const { id, kind, says, applies, releases } = symptom;
	return {
		id: `symptom/${id}`,
		of: 'symptom',
		rank: says ?? kind,
		releases: releases === undefined ? [] : [releases],
		...(applies && { applies }),
		symptom,
	};
}

function failureEntries(guide: Guide): CatalogueEntry[] {
	return allStages(guide).flatMap(stage =>
		stage.failures.map(failure => ({
			id: `guide/${guide.id}/${failure.id}`,
			of: 'failure' as const,
			rank: 'cause' as const,
			releases: [],
			guide,
			stage,
			failure,
		})),
	);
}

/** The messages that identify an entry, each as its constant pieces. */
export function templatesOf(entry: CatalogueEntry): string[][] {
	if (entry.of === 'refusal') return [piecesOf(entry.refusal.text)];
	if (entry.of === 'fault') return entry.fault.errors.map(text => text.split(gap));
	if (entry.of === 'symptom') return entry.symptom.errors.map(text => text.split(gap));
	if (entry.of === 'failure') return [entry.failure.text.split(/…|\{[a-z][a-z0-9-]{0,40}\}/)];
	return [];
}

/** The output of real releases that matches no template, without the values of the trial. */
function trialEntries(knowledge: Knowledge, matcher: Matcher): { entry: CatalogueEntry; pieces: string[] }[] {
	const notes = new Map(knowledge.notes.map(note => [note.id, note]));
	const entries = new Map<string, CatalogueEntry & { of: 'note' }>();
	return knowledge.verified.flatMap(({ kind, of, error, outcome }) => {
		const note = of === undefined ? undefined : notes.get(of);
		if (!note || error === undefined || outcome !== 'refuses' || kind === 'rollback') return [];
		if (matcher.find(error).places.length) return [];
		const message = error.replace(/^(?:[\w.]{1,80}: ){1,3}/, '');
		// A package's name alone is in every list of packages.
		const isTelling = weightOf({ pieces: constantPieces(message) }) >= weak;
		const pieces = constantPieces(isTelling ? message : error);
		const entry = entries.get(note.id) ?? {
			id: `note/${note.id}`,
			of: 'note' as const,
			errors: [] as string[],
			rank: 'cause' as const,
			releases: [`>=${note.release}${note.until ? ` <${note.until}` : ''}`],
			...(note.applies && { applies: note.applies }),
			note,
		};
		entries.set(note.id, entry);
		if (pieces.length === 0) return [];
		entry.errors.push(message);
		return [{ entry, pieces }];
	});
}

/** What a release prints whatever the values of the trial. */
function constantPieces(printed: string): string[] {
	return printed
		.split(/…[^\s:'"]*|==?[\d.]+|>=[\d.]+|\n|(?<!\w)\d[\d.]*/)
		.map(piece => piece.trim())
		.filter(piece => piece.length > 3);
}
