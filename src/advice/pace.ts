// When a server is looked at again: about every hour, less often while it does not answer, never before it allows.
import type { Observation } from './observation.ts';

export type Pace = {
	/** Milliseconds between looks at a server that answers. */
	every: number;
	/** 0 to 1: where within a tenth around that the look falls, so that looks do not come in droves. */
	random: number;
};

const minute = 60_000;
/** The longest pause, in milliseconds: a server that is gone is still looked at every day. */
const longest = 24 * 60 * minute;

/**
 * Milliseconds until the next look. `failures`: how many looks in a row did not reach the server, this one included.
 * The first is confirmed soon, then the pause doubles up to a day. Ask for this before speaking of an outage.
 */
export function pauseAfter(observation: Observation, failures: number, { every, random }: Pace): number {
	const pause = !isFailure(observation)
		? every
		: failures <= 1
			? Math.min(every, 10 * minute)
			: Math.min(longest, every * 2 ** Math.min(20, failures - 2));
	const asked = 'waitSeconds' in observation ? (observation.waitSeconds ?? 0) * 1000 : 0;
	return Math.max(pause * (0.9 + 0.2 * random), asked);
}

/** Whether the look got no answer worth the name; a server that hides its version, or is no Synapse, answers. */
export function isFailure({ kind }: Observation): boolean {
	return ['unreached', 'failing', 'limited', 'not-matrix', 'misnamed', 'excluded'].includes(kind);
}
