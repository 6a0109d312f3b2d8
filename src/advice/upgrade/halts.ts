// Where a long upgrade must stop in between, and the legs between the stops.

import { type Applies, concern } from '../../deployment/condition.ts';
import type { Profile } from '../../deployment/facts.ts';
import { compare, finalOf, isAbove, isWithin, type Version } from '../../deployment/version.ts';
import type { Knowledge, Stop } from '../../knowledge/schema/synapse.ts';
import { waysBack } from './rollback.ts';
import type { Leg } from './switch-commands.ts';
import { type Trial, triedOf } from './trials.ts';

export type Halt = Pick<Stop, 'required' | 'ruins' | 'sticks' | 'onlyIf'> & {
	/** Both absent for a stop that only keeps a rollback possible. */
	waitFor?: string;
	why?: string;
	tried?: Trial[];
	from: Version;
	to: Version;
	best: Version;
	applies?: Applies;
};

/** The stops that a long upgrade requires, and those that keep the previous release within reach, in release order. */
export function halts(from: Version, to: Version, profile: Profile, known: Knowledge): Halt[] {
	const required = known.stops
		.filter(({ ways }) => ways.some(way => isWithin(from, way.from) && isWithin(finalOf(to), way.to)))
		.filter(stop => concern(stop.applies, profile).is !== false)
		.map(({ id, first: from, last: to, best, required, ruins, sticks, onlyIf, waitFor, why, applies }): Halt => {
			const tried = triedOf(id, known.verified);
			const conditions = { ...(onlyIf && { onlyIf }), ...(applies && { applies }) };
			// A stop that only some databases need does not divide everyone's upgrade; the text says whom it affects.
			const everybody = required && onlyIf === undefined;
			return { from, to, best, required: everybody, ruins, sticks, waitFor, why, ...conditions, ...tried };
		});
	const recommended = waysBack(from, to, known)
		.filter(best => !required.some(stop => stop.best === best))
		.map(
			(best): Halt => ({
				from: best,
				to: best,
				best,
				required: false,
				ruins: false,
				sticks: false,
			}),
		);
	return [...required, ...recommended].sort((a, b) => compare(a.best, b.best));
}

/** Only stops that everyone must make divide the upgrade: a recommended one is optional. */
export function legsOf(from: Version, to: Version, stops: readonly Halt[]): Leg[] {
	const ends = [...new Set(stops.filter(({ required }) => required).map(({ best }) => best)), to];
	return ends.map((end, i) => ({ from: ends[i - 1] ?? from, to: end }));
}

export function legOf(version: Version, legs: readonly Leg[]): number {
	const index = legs.findIndex(({ to }) => !isAbove(version, finalOf(to)));
	return index < 0 ? legs.length - 1 : index;
}
