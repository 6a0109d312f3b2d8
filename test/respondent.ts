// A bot in a room with small knowledge and a played world: what parses and answers messages, for tests and the bench.
import { usualLimits } from '../src/advice/watch/subscription.ts';
import type { Respondent } from '../src/bot/calls.ts';
import type { Command } from '../src/command.ts';
import { openLater } from '../src/edges/store/lazy.ts';
import type { Knowledge } from '../src/knowledge/schema/synapse.ts';
import { known, knownCode, knownDistributions } from './known.ts';
import { outside } from './outside.ts';

export function respondentOf(commands: readonly Command[], now: Date, knowledge: Knowledge = known()): Respondent {
	return {
		commands,
		ports: {
			knowledge,
			commands,
			now: () => now,
			health: { version: '0', startedAt: now, lastSync: () => undefined },
			store: openLater(),
			web: outside(() => now),
			code: knownCode(),
			distributions: knownDistributions(),
			limits: usualLimits,
		},
		names: ['glia', '@glia:example.org', 'Glia the bot'],
		bare: true,
		mayChange: () => undefined,
		log: { error: () => {} },
	};
}
