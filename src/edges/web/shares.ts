// Limits how many polls one person can have in progress, so that they cannot use up everyone's slots.
import type { Observation } from '../../advice/watch/observation.ts';
import { turnsBy } from './limit.ts';

export const looksPerPerson = 2;
/** The longest wait for the same person's earlier polls (ms). */
export const maxShareWait = 60_000;

/** `observe` with a limit per person. A poll that waits too long yields `unasked`. */
export function openShares(
	observe: (server: string) => Promise<Observation>,
	now: () => Date,
): (server: string, person: string) => Promise<Observation> {
	const byPerson = turnsBy(looksPerPerson);
	return async (server, person) => {
		const end = await byPerson.take(person, maxShareWait);
		if (!end) return { server, at: now().toISOString(), kind: 'unasked' };
		try {
			return await observe(server);
		} finally {
			end();
		}
	};
}
