// All stages of a guide, wherever in it they stand.
import type { Guide, Stage } from './schema/guide.ts';

/** In their order: the way there, the clean-up, and the way back. */
export function allStages({ stages, cleanUp, wayBack }: Guide): Stage[] {
	return [...stages, ...cleanUp, ...wayBack.before, ...wayBack.again, ...wayBack.after];
}
