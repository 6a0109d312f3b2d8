// A bot in a room with a simulated world, which parses and answers messages, for tests and benchmarks.
import { usualLimits } from '../src/advice/watch/subscription.ts';
import type { Respondent } from '../src/bot/calls.ts';
import type { Command } from '../src/command.ts';
import { openLater } from '../src/edges/store/lazy.ts';
import { openCode } from '../src/knowledge/code-tables.ts';
import { openKnowledge } from '../src/knowledge/compiled.ts';
import { openDistributions } from '../src/knowledge/distributions.ts';
import type { Knowledge } from '../src/knowledge/schema/synapse.ts';
import { known, knownCode, knownDistributions } from './known.ts';
import { outside } from './outside.ts';

/** `knowledge` is small by default. */
export function respondentOf(commands: readonly Command[], now: Date, knowledge: Knowledge = known()): Respondent {
	return {
		commands,
		ports: {
			...playedPorts(commands, now),
			knowledge,
			code: knownCode(),
			distributions: knownDistributions(),
		},
		names: ['glia', '@glia:example.org', 'Glia the bot'],
		bare: true,
		mayChange: () => undefined,
		log: { error: () => {} },
	};
}

/** The ports of commands, with the real knowledge. */
export async function wholePorts(commands: readonly Command[], now: Date): Promise<Respondent['ports']> {
	const folder = new URL('../knowledge/', import.meta.url);
	return {
		...playedPorts(commands, now),
		knowledge: await openKnowledge(folder),
		code: openCode(folder),
		distributions: openDistributions(folder),
	};
}

function playedPorts(commands: readonly Command[], now: Date) {
	return {
		commands,
		now: () => now,
		health: { version: '0', startedAt: now, lastSync: () => undefined },
		store: openLater(),
		web: outside(() => now),
		limits: usualLimits,
	};
}
