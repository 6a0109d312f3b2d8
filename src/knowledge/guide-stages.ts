// All stages of a guide, wherever in it they stand.

type Staged<One> = {
	stages: readonly One[];
	cleanUp: readonly One[];
	wayBack: { before: readonly One[]; again: readonly One[]; after: readonly One[] };
};

/** In their order: the way there, the clean-up, and the way back. Of a guide as it is written, or as it is for somebody. */
export function allStages<One>({ stages, cleanUp, wayBack }: Staged<One>): One[] {
	return [...stages, ...cleanUp, ...wayBack.before, ...wayBack.again, ...wayBack.after];
}
