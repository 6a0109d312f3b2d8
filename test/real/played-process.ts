// Glia with a clock, servers and an upstream that a file describes: `node played-process.ts config.yaml played.json`.

import { readFileSync, statSync } from 'node:fs';
import { commands } from '../../commands/index.ts';
import { usualLimits } from '../../src/advice/watch/subscription.ts';
import type { Ports } from '../../src/command.ts';
import { readConfig } from '../../src/config.ts';
import { openLater } from '../../src/edges/store/lazy.ts';
import { openKnowledge } from '../../src/knowledge/compiled.ts';
import type { Knowledge } from '../../src/knowledge/schema/synapse.ts';
import type { SourceState } from '../../src/ports/web.ts';
import { knownOn } from '../../tools/replay/history.ts';
import { advisory, known, knownCode, knownDistributions } from '../known.ts';
import { outside } from '../outside.ts';

/** `now`: ISO 8601; by default the real clock. `advisories`: use small knowledge with these instead of the real one. */
export type Played = {
	now?: string;
	servers: Record<string, string>;
	advisories?: string[];
	/** If upstream cannot be read now, when it was last read (ISO 8601). */
	unread?: string;
	/** The ms of the simulated clock between checks of a server, by default 1,000. Applies from the next start. */
	every?: number;
};

const [, , configPath = '', playedPath = ''] = process.argv;
let read = { at: 0, played: { servers: {} } as Played };
function played(): Played {
	const at = statSync(playedPath).mtimeMs;
	if (at !== read.at) read = { at, played: JSON.parse(readFileSync(playedPath, 'utf8')) as Played };
	return read.played;
}

function now(): Date {
	const { played: being, at } = { ...read, played: played() };
	return being.now === undefined ? new Date() : new Date(Date.parse(being.now) + Math.max(0, Date.now() - at));
}

const whole = await openKnowledge(new URL('../../knowledge/', import.meta.url));
let past: { key: string; knowledge: Knowledge } | undefined;
function knowledge(): Knowledge {
	const { advisories, now: day } = played();
	const key = advisories ? advisories.join() : (day?.slice(0, 10) ?? '');
	if (past?.key !== key) {
		const small = known({ advisories: (advisories ?? []).map(id => advisory(id, ['<1.3.0'], { severity: 'high' })) });
		past = { key, knowledge: advisories ? small : knownOn(key, whole) };
	}
	return past.knowledge;
}

const web = outside(now);
const servers = {
	async observe(server: string) {
		// Yield as a network would: otherwise, thousands of checks in a row would leave no time for anything else.
		await new Promise(resolve => setImmediate(resolve));
		web.plays(server, played().servers[server] ?? 'silent');
		return web.observe(server);
	},
};
function sources(): SourceState[] {
	const { unread } = played();
	const read = unread === undefined ? now() : new Date(unread);
	const trouble = unread === undefined ? {} : { trouble: { is: 'status' as const, status: 503 } };
	return [
		{ name: 'releases', address: 'played', read, next: now(), failures: unread === undefined ? 0 : 9, ...trouble },
	];
}

const ports: Ports = {
	knowledge: whole,
	commands,
	now,
	health: { version: '0.0.0-played', startedAt: new Date(), lastSync: () => undefined },
	store: openLater(),
	web: servers,
	code: knownCode(),
	distributions: knownDistributions(),
	limits: usualLimits,
};

try {
	const config = readConfig(configPath, process.env);
	process.noDeprecation = true;
	const { runMatrix } = await import('../../src/app/run-bot.ts');
	process.exitCode = await runMatrix(config, {
		commands,
		ports,
		every: played().every ?? 1000,
		played: { web: servers, knowledge, sources },
	});
} catch (error) {
	process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
	process.exitCode = 1;
}
