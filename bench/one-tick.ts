// One tick of the watch, as in the bot, but nothing is sent.
import { openDistributions } from '../src/knowledge/distributions.ts';
import type { Knowledge } from '../src/knowledge/schema/synapse.ts';
import type { Store } from '../src/ports/store.ts';
import { silence } from '../src/runtime/log.ts';
import { tick } from '../src/watch/poll.ts';

type TickPorts = Parameters<typeof tick>[0];

const distributions = openDistributions(new URL('../knowledge/', import.meta.url));

/** Resolves with the time it took, in seconds. */
export async function oneTick(store: Store, web: TickPorts['web'], knowledge: Knowledge): Promise<number> {
	const from = performance.now();
	await tick({
		store,
		web,
		knowledge: () => knowledge,
		distributions: () => distributions,
		now: () => new Date(),
		random: Math.random,
		log: silence,
		said: () => undefined,
		stopping: () => false,
		listening: () => true,
		every: 3600_000,
	});
	return (performance.now() - from) / 1000;
}
