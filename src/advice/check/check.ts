// What a configuration says about a deployment, and what a range of releases does to it, as data without words.

import type { Condition, Decision, FoundPlace } from '../../configuration/condition.ts';
import { allOf, decide, placesOf } from '../../configuration/condition.ts';
import type { Configuration } from '../../configuration/files.ts';
import {
	defaultAt,
	lifeOf,
	type OptionState,
	type Options,
	optionAt,
	plainDefaults,
} from '../../configuration/options.ts';
import { writePath } from '../../configuration/path.ts';
import { isReached } from '../../configuration/timeline.ts';
import { amountOf, isSet } from '../../configuration/values.ts';
import { statesAround } from '../../configuration/wrong-values.ts';
import type { Value } from '../../configuration/yaml.ts';
import { concern } from '../../deployment/condition.ts';
import type { Version } from '../../deployment/version.ts';
import { compare, finalOf, holdsIn } from '../../deployment/version.ts';
import type { Knowledge, Note } from '../../knowledge/schema/synapse.ts';
import { faultKey } from '../upgrade/way.ts';
import { effectFindings } from './effects.ts';
import {
	type Checked,
	type CheckRequest,
	type Finding,
	findingKinds,
	placeOf,
	spotOf,
	type Unjudged,
} from './findings.ts';
import { isOpaque, nameable, optionsIn, type WrittenOption } from './written-options.ts';
import { wrongValues } from './wrong-values.ts';

/** Everything a configuration shows about a target, or about a range. */
export function check(
	question: CheckRequest,
	knowledge: Pick<Knowledge, 'notes' | 'faults' | 'effects' | 'releases'>,
): Checked {
	const { configuration, options, from, to } = question;
	const written = optionsIn(configuration, options, to);
	const decisions = decideNotes(question, knowledge.notes);
	const notes = [...noteFindings(question, decisions), ...promises(question, knowledge.notes, decisions)];
	const told = new Set(notes.map(placeOf));
	const wrong = wrongValues(written, question);
	const stopping = new Set(wrong.findings.map(placeOf));
	const read = written
		.flatMap(one => findingsOf(one, question, wrong.isTried(one)))
		.filter(finding => finding.kind !== 'invalid' || !stopping.has(placeOf(finding)));
	// A refusal is shown even if a note announces something about its line: only a note's own refusal replaces it.
	const stopped = new Set(notes.filter(({ kind }) => kind === 'refuses').map(placeOf));
	// Likewise, only a note's refusal replaces an effect in the same place.
	const refused = new Set(notes.filter(({ kind }) => kind === 'refuses').map(spotOf));
	const effects = effectFindings(question, knowledge.effects, refused);
	// What is tried knows only the type of a value, an effect also which values are right.
	const explained = new Set(effects.findings.filter(({ kind }) => kind === 'refuses').map(placeOf));
	const wrongTypes = wrong.findings.filter(finding => finding.reason || !explained.has(placeOf(finding)));
	// If the target refuses an option whatever it holds, another type would not help.
	const whole = new Set(read.filter(({ kind }) => kind === 'refuses').map(placeOf));
	const own = [...wrongTypes.filter(finding => !whole.has(placeOf(finding))), ...read].filter(
		finding => !(finding.kind === 'refuses' ? stopped : told).has(placeOf(finding)),
	);
	const duplicates = configuration.duplicates.map(
		({ path, file, line, first }): Finding => ({
			kind: 'duplicate',
			option: nameable(path, options),
			file,
			line,
			first,
		}),
	);
	const replaced = configuration.replaced.map(
		({ path, lost, ...where }): Finding => ({
			kind: 'replaced',
			option: nameable(path, options),
			...where,
			lost: [...new Set(lost.map(name => nameable(writePath([path, name]), options)))],
		}),
	);
	for (const effect of effects.findings) if (effect.kind === 'refuses') told.add(placeOf(effect));
	const findings = distinctFindings([
		...unreadable(configuration),
		...missing(question),
		...notes,
		...effects.findings,
		...own.filter(finding => finding.reason !== 'missing-member' || !effects.reports(finding)),
		...duplicates,
		...replaced,
	]).sort(inOrder);
	const refuses = findings.some(({ kind }) => kind === 'refuses');
	const faults = [...decideNotes(question, knowledge.faults)].map(
		([{ id }, decision]) => [{ id: faultKey(id) }, decision] as const,
	);
	const decided = new Map(
		[...decisions, ...faults].flatMap(([{ id }, { is }]) => (is === 'unknown' ? [] : [[id, is] as const])),
	);
	return {
		to,
		...(from !== undefined && { from }),
		findings,
		refuses,
		unjudged: [
			...unjudgedIn(written, options),
			...wrong.unjudged,
			...unread(configuration),
			...undecided(decisions, question),
		],
		decided,
		starts: new Set(
			[...decisions].flatMap(([note, { is }]) =>
				is === true && note.refuses && refusal(note, question) === false ? [note.id] : [],
			),
		),
	};
}

/** One line may hold several elements of a list with the same fault, and their findings would read the same. */
function distinctFindings(findings: readonly Finding[]): Finding[] {
	const shownOf = ({ column: _column, note, ...shown }: Finding) => JSON.stringify([shown, note?.id]);
	return [...new Map(findings.map(finding => [shownOf(finding), finding])).values()];
}

/** Invalid YAML stops every release: each process reads its files first. */
function unreadable({ unreadable: files }: Configuration): Finding[] {
	return files.flatMap(({ file, line = 1, why, limit }): Finding[] =>
		limit ? [] : [{ kind: 'refuses', option: '', file, line, why, reason: 'unreadable' }],
	);
}

/** Files whose content is unknown. */
function unread({ unreadable: files }: Configuration): Unjudged[] {
	return files.map(({ file, line = 1 }) => ({ file, line, option: '', why: 'unreadable' }));
}

/** Every release refuses to start without a server name. An excerpt need not contain it. */
function missing({ configuration: { processes, excerpt, unreadable } }: CheckRequest): Finding[] {
	const main = processes.find(({ part }) => part === 'main');
	const isThere = main?.value.kind === 'mapping' && main.value.entries.some(({ key }) => key === 'server_name');
	if (excerpt || isThere || unreadable.length) return [];
	return [
		{ kind: 'refuses', option: 'server_name', file: main?.value.file ?? '', line: main ? 1 : 0, reason: 'no-name' },
	];
}

function inOrder(a: Finding, b: Finding): number {
	return (
		findingKinds.indexOf(a.kind) - findingKinds.indexOf(b.kind) ||
		(a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
		a.line - b.line
	);
}

type Conditional = Pick<Note, 'release' | 'found' | 'applies'> & Partial<Pick<Note, 'refuses' | 'partly'>>;

/** Evaluates the condition of every note that has one, on these files and facts. */
export function decideNotes<About extends Conditional>(
	{ configuration, options, profile, to }: CheckRequest,
	notes: readonly About[],
): Map<About, Decision> {
	const found = new Map<About, Decision>();
	for (const note of notes) {
		if (!note.found) continue;
		// A refusal lasts, so the defaults that matter are the target's.
		const release = note.refuses && compare(note.release, to) < 0 ? to : note.release;
		const files = decideFiles(note.found, release, { configuration, options });
		const open: Decision = files.is === false && note.partly ? { is: 'unknown' } : files;
		found.set(note, allOf([open, { is: concern(note.applies, profile).is }]));
	}
	return found;
}

function decideFiles(
	found: NonNullable<Note['found']>,
	release: Version,
	{ configuration, options }: Pick<CheckRequest, 'configuration' | 'options'>,
): Decision {
	return decide(found as Condition, { configuration, defaultOf: plainDefaults(options), release });
}

/** Whether the target really refuses to start: `refusesIf` affects fewer deployments than the note does. */
function refusal({ refusesIf }: Note, { configuration, options, to }: CheckRequest): Decision['is'] {
	return refusesIf ? decideFiles(refusesIf, to, { configuration, options }).is : true;
}

/** Notes whose refusal applies to these files and still holds in the target. */
function noteFindings(question: CheckRequest, decisions: ReadonlyMap<Note, Decision>): Finding[] {
	const { to } = question;
	return [...decisions].flatMap(([note, decision]): Finding[] => {
		if (decision.is !== true || !note.refuses) return [];
		if (!refusesIn(note, to) || refusal(note, question) !== true) return [];
		const places = placesFor(note, placesOf(decision));
		const shown = places.length ? places : [{ file: '', line: 0, option: note.options[0] ?? '' }];
		return shown.map(place => ({ kind: 'refuses', ...place, release: note.release, note }));
	});
}

/** Deadlines, at the lines that they affect. One about an option that is not written is not a finding. */
function promises(
	{ from, to, ...question }: CheckRequest,
	notes: readonly Note[],
	decisions: ReadonlyMap<Note, Decision>,
): Finding[] {
	return notes.flatMap((note): Finding[] => {
		const { deadline, release } = note;
		if (!deadline || deadline.withdrawn || note.refuses || compare(release, finalOf(to)) > 0) return [];
		if (deadline.landed !== undefined && compare(deadline.landed, to) <= 0) return [];
		if (from !== undefined && compare(release, from) <= 0) return [];
		const decision = deadline.found ? decideFiles(deadline.found, release, question) : decisions.get(note);
		if (decision?.is !== true) return [];
		const places = placesFor(note, placesOf(decision));
		return places.map(place => ({ kind: 'deprecated', ...place, release, note, ...replacement(note) }));
	});
}

/** The places of the options that the note names, or all places if none of them is such an option's. */
function placesFor({ options }: Note, places: readonly FoundPlace[]): readonly FoundPlace[] {
	const named = places.filter(({ option }) => options.includes(option));
	return named.length ? named : places;
}

function replacement(note: Note): { replacedBy?: string } {
	return note.deadline?.replacedBy ? { replacedBy: note.deadline.replacedBy } : {};
}

/** What the code of the releases says about one written option. */
function findingsOf(written: WrittenOption, question: CheckRequest, isTried: boolean): Finding[] {
	const { options, from, to } = question;
	const { path, file, line } = written;
	const place = { option: path, file, line };
	const state = optionAt(options, path, to);
	if (!state) return [absent(written, question)].flatMap(finding => finding ?? []);
	// The main process ignores the options that tell workers where it is.
	const isForWorkers = /^worker_replication_h/.test(path) && !question.configuration.has.worker;
	if (state.refused && isSet(written.value, state.refused) && !isForWorkers) {
		const life = lifeOf(options, path);
		return [{ kind: 'refuses', ...place, ...(life?.removed && { release: life.removed }) }];
	}
	const found: Finding[] = [];
	const wrong = wrongKind(written.value, state, to);
	if (wrong)
		found.push({
			// If releases were tested with values of this option, their code is only a hint.
			kind: state.accepts && !isTried ? 'refuses' : 'invalid',
			...place,
			is: wrong,
			accepts: state.accepts ?? kindsOf(state),
		});
	if (state.warned && isSet(written.value, state.warned)) found.push({ kind: 'deprecated', ...place });
	if (from !== undefined) {
		const before = defaultAt(options, path, from);
		const after = defaultAt(options, path, to);
		const change = lifeOf(options, path)?.defaults.findLast(
			({ from: since }) => !isReached(since, from) && isReached(since, to),
		);
		if (change && isWorthSaying(before) && isWorthSaying(after) && JSON.stringify(before) !== JSON.stringify(after))
			found.push({ kind: 'default-changed', ...place, release: change.from, before, after });
	}
	return found;
}

/** Whether a default is worth showing: null and an empty mapping only mean that the code computes it elsewhere. */
function isWorthSaying(value: unknown): boolean {
	return value !== undefined && value !== null && JSON.stringify(value) !== '{}';
}

/** A name that the target does not know: removed, misplaced, or misspelt. */
function absent(written: WrittenOption, { options, values, to, nearest }: CheckRequest): Finding | undefined {
	const { path, key, parent, file, line } = written;
	const place = { option: nameable(path, options), file, line };
	// A name the administrator chose (a worker, a server, a cache): Synapse only knows what is below it.
	if (path.endsWith('.*')) return undefined;
	if (isOpaque(parent) || isBelowUnknown(parent, options, to) || isHiddenName(key)) return undefined;
	const life = lifeOf(options, path);
	// Each name becomes an argument of a class, so an unknown one is an error.
	if (parent === 'stream_writers') return { kind: 'refuses', ...place, reason: 'fixed-stream' };
	if (values && statesAround(values, parent, to)?.every(({ closed }) => closed))
		return { kind: 'refuses', ...place, reason: 'unknown-member' };
	if (life?.removed && isReached(life.removed, to)) return { kind: 'removed', ...place, release: life.removed };
	if (life?.since && !isReached(life.since, to)) return { kind: 'unknown', ...place, release: life.since };
	const known = [...options.byPath.keys()].filter(other => optionAt(options, other, to));
	const elsewhere = known.filter(other => other.split('.').at(-1) === key && other !== path);
	const [home] = elsewhere;
	if (home !== undefined && elsewhere.length === 1) return { kind: 'misplaced', ...place, nearest: home };
	const siblings = known.flatMap(other =>
		parentOf(other) === parent ? [other.slice(parent ? parent.length + 1 : 0)] : [],
	);
	const near = nearest(
		key,
		siblings.filter(sibling => proposalOf(sibling) === proposalOf(key)),
	);
	return { kind: 'unknown', ...place, ...(near !== undefined && { nearest: parent ? `${parent}.${near}` : near }) };
}

/** The proposal number in a name: names with different numbers are different things, however similar they are. */
function proposalOf(name: string): string | undefined {
	return /msc(\d+)/.exec(name)?.[1];
}

/** The skeleton writes `own3` for a name that it hides. */
function isHiddenName(key: string): boolean {
	return /^own\d+$/.test(key);
}

function parentOf(path: string): string {
	const at = path.lastIndexOf('.');
	return at < 0 ? '' : path.slice(0, at);
}

/** Whether the section is unknown too, in which case the section itself is the finding. */
function isBelowUnknown(parent: string, options: Options, release: Version): boolean {
	return parent !== '' && !parent.endsWith('[]') && !parent.endsWith('*') && !optionAt(options, parent, release);
}

/** The kinds according to the manual and the code: if they differ, the code accepts both. */
function kindsOf({ documentedType, type }: OptionState): readonly string[] {
	return [...new Set([documentedType ?? [], type ?? []].flat())];
}

/** The kind of a value that the option does not accept; undefined if it accepts it, or if that is not known. */
function wrongKind(value: Value, state: OptionState, to: Version): string | undefined {
	const accepts = state.accepts ?? kindsOf(state);
	if (accepts.length === 0 || value.kind === 'hidden') return undefined;
	if (value.kind === 'null')
		return state.accepts && !accepts.includes('null') && !isAmountOnly(accepts) ? 'null' : undefined;
	const fits = accepts.some(kind => {
		switch (kind) {
			case 'duration':
			case 'size':
				return (
					(value.kind === 'number' && value.integer) ||
					(value.kind === 'string' && amountOf(value) !== undefined) ||
					// Python's booleans are numbers; from 1.77.0 on Synapse checks for them.
					(value.kind === 'boolean' && compare(to, '1.77.0') < 0)
				);
			case 'integer':
				return value.kind === 'number' && value.integer;
			case 'number':
				return value.kind === 'number';
			case 'string':
				return value.kind === 'string' || value.kind === 'date';
			default:
				return value.kind === kind;
		}
	});
	if (fits) return undefined;
	// What the code merely converts (`int("5")`, `bool("x")`, `str(5)`) does not stop anything.
	if (!state.accepts && isConverted(value, accepts)) return undefined;
	return value.kind;
}

/** Many durations are only parsed if they are set, so null is accepted. */
function isAmountOnly(accepts: readonly string[]): boolean {
	return accepts.every(kind => kind === 'duration' || kind === 'size');
}

function isConverted(value: Value, accepts: readonly string[]): boolean {
	if (value.kind === 'mapping' || value.kind === 'list') return false;
	return accepts.some(kind => kind === 'string' || (kind === 'number' && value.kind === 'number'));
}

/** What these files hide from us: templates, and names that a skeleton omits. */
function unjudgedIn(written: readonly WrittenOption[], options: Options): Unjudged[] {
	return written.flatMap(({ value, file, line, path, key }) =>
		(value.kind === 'hidden' && value.as === undefined) || isHiddenName(key)
			? [{ file, line, option: nameable(path, options), why: 'hidden' as const }]
			: [],
	);
}

/**
 * The target's refusals that these files can neither prove nor rule out, except those that the running release has
 * already survived. A condition that only a command-line flag could still meet (`partly`) is not worth a line in
 * every answer.
 */
function undecided(decisions: ReadonlyMap<Note, Decision>, question: CheckRequest): Unjudged[] {
	const { configuration, from, to } = question;
	// Such a file may contain anything, so conditions are open for no reason of their own.
	if (configuration.unreadable.length) return [];
	return [...decisions].flatMap(([note, { is }]) =>
		!note.partly &&
		note.refuses &&
		refusesIn(note, to) &&
		(from === undefined || compare(note.release, from) > 0) &&
		(is === 'unknown' || (is && refusal(note, question) === 'unknown'))
			? [{ file: '', line: 0, option: note.options[0] ?? '', why: 'undecided' as const, note }]
			: [],
	);
}

/** Whether the note's refusal still applies to this release. */
function refusesIn({ release, until }: Note, to: Version): boolean {
	return holdsIn(to, release, until);
}
