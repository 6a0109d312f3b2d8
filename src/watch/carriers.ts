// Knowledge about the distributions that watched servers use, opened when it is first needed.
import type { Carriers } from '../advice/watch/carrier.ts';
import type { Distributions } from '../knowledge/distributions.ts';

/** `facts`: one list per server. Undefined if none uses a distribution. Throws if the knowledge cannot be read. */
export async function carriersFor(
	facts: readonly (readonly string[])[],
	distributions: () => Distributions,
): Promise<Carriers | undefined> {
	const isUsed = (by: string) => facts.some(own => own.includes(`install=${by}`) || own.includes(by));
	const [mdad, ess] = [isUsed('mdad'), isUsed('ess')];
	if (!mdad && !ess) return undefined;
	const open = distributions();
	return { ...(mdad && { mdad: await open.mdad() }), ...(ess && { ess: await open.ess() }) };
}
