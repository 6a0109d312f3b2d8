// Looks that people ask for: at most a few at a time for each of them, so that nobody takes the turns of all the others.
import type { Observation } from '../../advice/watch/observation.ts';
import { turnsBy } from './limit.ts';

/** Looks at a time for one person. */
export const looksPerPerson = 2;
/** The longest wait of a look for those that the same person asked for before (ms). */
export const longestShareWait = 60_000;

/** `observe` with a share for each person; a look that does not get its turn in time sees nothing (`unasked`). */
export function openShares(
	observe: (server: string) => Promise<Observation>,
	now: () => Date,
): (server: string, person: string) => Promise<Observation> {
	const byPerson = turnsBy(looksPerPerson);
	return async (server, person) => {
		const end = await byPerson.take(person, longestShareWait);
		if (!end) return { server, at: now().toISOString(), kind: 'unasked' };
		try {
			return await observe(server);
		} finally {
			end();
		}
	};
}
