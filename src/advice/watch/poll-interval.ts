// When to poll a server again: about every hour, less often while it does not answer, and never before it allows.
import type { Observation } from './observation.ts';

export type PollPace = {
	/** Milliseconds between polls of a server that answers. */
	every: number;
	/** A random number from 0 to 1, which varies the interval by up to a tenth so that polls do not bunch up. */
	random: number;
};

const minute = 60_000;
/** Our own longest pause (ms), so that a server's return is noticed within six hours. */
const maxPause = 6 * 60 * minute;

/** No poll is scheduled further ahead than this (ms): a day, the longest a server may ask for, and a little more. */
export const longestInterval = 25 * 60 * minute;

/**
 * Milliseconds until the next poll. `failures`: consecutive failed polls, including this one. The first failure
 * is rechecked soon, then the pause doubles up to six hours.
 */
export function pauseAfter(observation: Observation, failures: number, { every, random }: PollPace): number {
	if (observation.kind === 'unasked') return Math.min(every, 10 * minute) * (0.9 + 0.2 * random);
	const pause = !isFailure(observation)
		? every
		: failures <= 1
			? Math.min(every, 10 * minute)
			: Math.min(maxPause, every * 2 ** Math.min(20, failures - 2));
	const asked = 'waitSeconds' in observation ? (observation.waitSeconds ?? 0) * 1000 : 0;
	return Math.max(pause * (0.9 + 0.2 * random), asked);
}

/** Whether the poll got no meaningful answer. A server that asks us to wait, or hides its version, has answered. */
function isFailure({ kind }: Observation): boolean {
	return ['unreached', 'failing', 'not-matrix', 'misnamed'].includes(kind);
}
