// What is stored about a configuration check of a server: facts, and which conditions hold. Never any value from it.
import { createHash } from 'node:crypto';
import type { Condition } from '../../configuration/condition.ts';
import { concern } from '../../deployment/condition.ts';
import type { Profile } from '../../deployment/facts.ts';
import type { Knowledge, Note } from '../../knowledge/schema/synapse.ts';
import { daysBetween } from '../../text/local-time.ts';
import { faultKey } from '../upgrade/way.ts';
import { check, decideNotes } from './check.ts';
import type { CheckRequest } from './findings.ts';
import type { AskedCondition } from './look.ts';

export type CheckRecord = {
	/** The day, `2026-11-29`. */
	day: string;
	/** Complete files, part of them, a skeleton, or only the ids that the look printed. */
	by: 'files' | 'excerpt' | 'skeleton' | 'look';
	/** As people type them. */
	facts: readonly string[];
	/**
	 * By note id or fault key: whether the condition holds, and a mark by which later editions recognise the condition.
	 */
	conditions: Readonly<Record<string, readonly [holds: boolean, of: string]>>;
	/** Ids of refusals that do not prevent the start with this configuration, although the notes apply to it. */
	starts: readonly string[];
};

/** How long a check is trusted (days): people change configurations without telling us. */
export const believedFor = 90;

export function isBelieved({ day }: CheckRecord, today: string): boolean {
	const age = daysBetween(day, today);
	// A day ahead may be another time zone's. What is further ahead was checked at a time that nobody knows.
	return age >= -1 && age <= believedFor;
}

/** A note or a fault with a condition, by its key. */
type KeyedCondition = Pick<Note, 'release' | 'found' | 'applies'> &
	Partial<Pick<Note, 'refuses' | 'partly'>> & { id: string };

function conditionals({ notes, faults }: Pick<Knowledge, 'notes' | 'faults'>): KeyedCondition[] {
	const all = [...notes, ...faults.map(fault => ({ ...fault, id: faultKey(fault.id) }))];
	return all.filter(({ found }) => found !== undefined);
}

/** What the files show regardless of the target: conditions that depend on the release are left open. */
export function recordOf(
	request: CheckRequest,
	{ day, by, facts }: Pick<CheckRecord, 'day' | 'by' | 'facts'>,
	knowledge: Pick<Knowledge, 'notes' | 'effects' | 'faults' | 'releases'>,
): CheckRecord {
	// Facts are applied when the record is used: people may state them later.
	const bare = <T extends KeyedCondition>({ applies: _, ...rest }: T) => rest;
	const all = conditionals(knowledge).map(bare);
	const [own, atTarget] = [decideNotes({ ...request, to: '0.0.0' }, all), decideNotes(request, all)];
	const decided = all.flatMap((one): [KeyedCondition, boolean][] => {
		const is = own.get(one)?.is;
		return typeof is === 'boolean' && is === atTarget.get(one)?.is ? [[one, is]] : [];
	});
	const { starts } = check(request, { ...knowledge, notes: knowledge.notes.map(bare) });
	return { day, by, facts, conditions: conditionsOf(decided), starts: [...starts] };
}

/** A record of the look's output. `decided`: the conditions that it decided. */
export function recordOfLook(
	{ day, facts }: Pick<CheckRecord, 'day' | 'facts'>,
	asked: readonly AskedCondition[],
	decided: ReadonlyMap<string, boolean>,
): CheckRecord {
	const found = asked.flatMap((one): [KeyedCondition, boolean][] => {
		const is = decided.get(one.id);
		return is === undefined ? [] : [[one, is]];
	});
	return { day, by: 'look', facts, conditions: conditionsOf(found), starts: [] };
}

function conditionsOf(decided: readonly (readonly [KeyedCondition, boolean])[]): CheckRecord['conditions'] {
	return Object.fromEntries(decided.map(([note, holds]) => [note.id, [holds, markOf(note)]]));
}

/** Stays the same while the condition does. */
function markOf({ found, partly }: KeyedCondition): string {
	return createHash('sha256')
		.update(JSON.stringify([found as Condition, partly === true]))
		.digest('hex')
		.slice(0, 8);
}

/** Adds a record. A look and a check of files coexist, and each replaces the previous one of its kind. */
export function withRecord(records: readonly CheckRecord[], fresh: CheckRecord): CheckRecord[] {
	const isLook = fresh.by === 'look';
	return [...records.filter(({ by }) => (by === 'look') !== isLook), fresh];
}

/** What records decide about a deployment: for each note, the newest one takes precedence. Expired ones are ignored. */
export function decidedBy(
	records: readonly CheckRecord[],
	{ knowledge, profile, today }: { knowledge: Pick<Knowledge, 'notes' | 'faults'>; profile: Profile; today: string },
): { decided: Map<string, boolean>; starts: Set<string> } {
	const believed = records.filter(record => isBelieved(record, today)).sort((a, b) => (a.day < b.day ? -1 : 1));
	const decided = new Map<string, boolean>();
	for (const note of believed.length ? conditionals(knowledge) : []) {
		const mark = markOf(note);
		const holds = believed.flatMap(({ conditions }) => {
			const known = Object.hasOwn(conditions, note.id) ? conditions[note.id] : undefined;
			return known?.[1] === mark ? [known[0]] : [];
		});
		const is = holds.at(-1);
		const concerned = concern(note.applies, profile).is;
		if (is === false || concerned === false) decided.set(note.id, false);
		else if (is === true && concerned === true) decided.set(note.id, true);
	}
	return { decided, starts: new Set(believed.flatMap(({ starts }) => starts)) };
}

/** The records with facts, each with its day. Expired ones are left out. */
export function factsOf(records: readonly CheckRecord[], today: string): { day: string; facts: readonly string[] }[] {
	return records.filter(record => record.facts.length > 0 && isBelieved(record, today));
}
