// What was read from the code of each release, stored as changes: the release from which an entry is in a given
// state.
import type { Version } from '../deployment/version.ts';
import { compare, finalOf, isCandidate } from '../deployment/version.ts';

/** From this release on the entry is in this state; null: it does not exist. Ascending, without equal neighbours. */
export type Change<State> = [from: Version, state: State | null];
export type TimelineEntry<State> = { key: string; changes: Change<State>[] };
/** `read`: every release that was read, ascending. In other releases an entry is unknown, not absent. */
export type Table<State> = { read: Version[]; entries: TimelineEntry<State>[] };

/** The state of every key in each release that was read. */
export type States<State> = Map<Version, Map<string, State>>;

/** The state in this release, or in the newest one read before it; null if it did not exist. */
export function stateAt<State>(changes: readonly Change<State>[], version: Version): State | null {
	return changes.findLast(([from]) => isReached(from, version))?.[1] ?? null;
}

/**
 * Whether a change that was found in one release is in another. Hardly any candidates were read, and they are their
 * final release in all but details.
 */
export function isReached(from: Version, version: Version): boolean {
	return compare(from, version) <= 0 || (isCandidate(version) && from === finalOf(version));
}

/** Every state in every release, so that releases can be added or read again. */
export function expand<State>({ read, entries }: Table<State>): States<State> {
	const states: States<State> = new Map(read.map(version => [version, new Map()]));
	for (const { key, changes } of entries) {
		let next = 0;
		let state: State | null = null;
		for (const version of read) {
			for (; next < changes.length; next++) {
				const change = changes[next];
				if (!change || compare(change[0], version) > 0) break;
				state = change[1];
			}
			if (state !== null) states.get(version)?.set(key, state);
		}
	}
	return states;
}

/** The states as changes. Keys are in code point order, so that the same states produce the same bytes. */
export function collapse<State>(states: States<State>): Table<State> {
	const read = [...states.keys()].sort(compare);
	const keys = [...new Set(read.flatMap(version => [...(states.get(version)?.keys() ?? [])]))].sort();
	const entries = keys.map(key => {
		const changes: Change<State>[] = [];
		let before = 'null';
		for (const version of read) {
			const state = states.get(version)?.get(key) ?? null;
			const text = JSON.stringify(state);
			if (text !== before) changes.push([version, state]);
			before = text;
		}
		return { key, changes };
	});
	return { read, entries };
}
