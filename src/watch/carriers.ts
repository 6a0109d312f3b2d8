// What is known of the distributions that servers live by, opened when one of them first needs it.
import type { Carriers } from '../advice/watch/carrier.ts';
import type { Distributions } from '../knowledge/distributions.ts';

/** `facts`: those of each server. Undefined where none of them lives by a distribution. Throws if its knowledge cannot be read. */
export async function carriersFor(
	facts: readonly (readonly string[])[],
	distributions: () => Distributions,
): Promise<Carriers | undefined> {
	const lives = (by: string) => facts.some(own => own.includes(`install=${by}`) || own.includes(by));
	const [mdad, ess] = [lives('mdad'), lives('ess')];
	if (!mdad && !ess) return undefined;
	const open = distributions();
	return { ...(mdad && { mdad: await open.mdad() }), ...(ess && { ess: await open.ess() }) };
}
