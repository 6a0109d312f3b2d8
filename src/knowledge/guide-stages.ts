// All stages of a guide, from all of its parts.

type Staged<One> = {
	stages: readonly One[];
	cleanUp: readonly One[];
	wayBack: { before: readonly One[]; again: readonly One[]; after: readonly One[] };
};

/** In order: the way there, the clean-up and the way back. Works on a guide as written, or filled in for a deployment. */
export function allStages<One>({ stages, cleanUp, wayBack }: Staged<One>): One[] {
	return [...stages, ...cleanUp, ...wayBack.before, ...wayBack.again, ...wayBack.after];
}
