// A bot with a given edition, upstream's sources and watched servers: every command and the tick, on the test's clock.

import { commands } from '../../../commands/index.ts';
import { usualLimits } from '../../../src/advice/watch/subscription.ts';
import type { Answer } from '../../../src/answer.ts';
import type { Respondent } from '../../../src/bot/calls.ts';
import { respond } from '../../../src/bot/respond.ts';
import type { Ports } from '../../../src/command.ts';
import { openStore } from '../../../src/edges/store/store.ts';
import { openCode } from '../../../src/knowledge/code-tables.ts';
import { openDistributions } from '../../../src/knowledge/distributions.ts';
import { type KnownUpstream, type News, withNews } from '../../../src/knowledge/live.ts';
import type { Knowledge, Passage } from '../../../src/knowledge/schema/synapse.ts';
import type { Web } from '../../../src/ports/web.ts';
import { matrixMessages } from '../../../src/render/matrix.ts';
import { silence } from '../../../src/runtime/log.ts';
import { tick } from '../../../src/watch/poll.ts';
import { outside } from '../../outside.ts';

/** An edition: its knowledge, and the passages that its curators have read. */
export type Edition = { knowledge: Knowledge; passages: readonly Passage[]; charts?: readonly string[] };

/** The part of an edition that the sources compare with. */
export function knownOf({ knowledge: { releases, advisories }, passages, charts }: Edition): KnownUpstream {
	return { releases, passages, advisories, charts: charts ?? [] };
}

/** The edition as it was on a day (`2025-11-20`): it contains nothing newer. */
export function editionOf({ knowledge, passages }: Edition, day: string): Edition {
	const releases = knowledge.releases.filter(({ date }) => date <= day);
	const versions = new Set(releases.map(({ version }) => version));
	return {
		knowledge: {
			...knowledge,
			releases,
			read: day,
			notes: knowledge.notes.filter(({ release }) => versions.has(release)),
			advisories: knowledge.advisories.filter(({ published }) => published <= day),
			unread: knowledge.unread.filter(({ release }) => versions.has(release)),
			verified: knowledge.verified.filter(({ releases: of }) => of.every(version => versions.has(version))),
		},
		passages: passages.filter(({ release }) => versions.has(release)),
	};
}

export type LiveBot = {
	knowledge: () => Knowledge;
	/** The answers to a message. Throws if a command failed, or if there are none. */
	say: (text: string) => Promise<Answer[]>;
	/** One tick of the watch. Resolves with the first line of each message that it sends. */
	tick: () => Promise<string[]>;
	/** Sets what a server runs. */
	plays: ReturnType<typeof outside>['plays'];
	/** Logged internal errors. */
	faults: unknown[];
	close: () => Promise<void>;
};

type Given = { edition: Edition; web: Pick<Web, 'news' | 'sources'>; now: () => Date };

export async function openLiveBot({ edition, web, now }: Given): Promise<LiveBot> {
	const store = await openStore();
	const world = outside(now);
	const faults: unknown[] = [];
	const log = { ...silence, error: (fields: Record<string, unknown>) => void faults.push(fields.err ?? fields) };
	let joined: { news: News; knowledge: Knowledge } | undefined;
	const knowledge = () => {
		const news = web.news();
		if (joined?.news !== news) joined = { news, knowledge: withNews(edition.knowledge, news) };
		return joined.knowledge;
	};
	const ports: Ports = {
		get knowledge() {
			return knowledge();
		},
		commands,
		now,
		health: { version: '0.0.0', startedAt: now(), lastSync: () => undefined, sources: web.sources },
		store,
		web: world,
		code: openCode(new URL('../../../knowledge/', import.meta.url)),
		distributions: openDistributions(new URL('../../../knowledge/', import.meta.url)),
		limits: usualLimits,
	};
	const to: Respondent = { commands, ports, names: ['glia'], bare: true, mayChange: () => undefined, log };
	return {
		knowledge,
		faults,
		plays: world.plays,
		async say(text) {
			const answers = await respond({ room: '!a', sender: '@a:x', body: text, at: now(), mentioned: false }, to);
			if (!answers.length) throw new Error(`no answer to ${text}`);
			for (const answer of answers) {
				if (answer.kind === 'fault') throw new Error(`${text}: ${faults.at(-1)}`, { cause: faults.at(-1) });
				if (!matrixMessages(answer).contents.length) throw new Error(`an empty answer to ${text}`);
			}
			return answers;
		},
		async tick() {
			await tick({
				store,
				web: world,
				knowledge,
				distributions: () => ports.distributions,
				now,
				random: () => 0.5,
				log,
				said: () => {},
				stopping: () => false,
				listening: () => true,
				every: 3600_000,
			});
			if (faults.length) throw new Error(`a tick: ${faults[0]}`, { cause: faults[0] });
			const heard: string[] = [];
			for (;;) {
				const due = await store.due(now(), [], 100);
				if (!due.length) return heard;
				for (const saying of due) {
					if (saying.kind === 'event') heard.push(String(saying.event.content.body).split('\n')[0] ?? '');
					await store.sent(saying.id, `$${saying.said}`, now());
				}
			}
		},
		close: store.close,
	};
}
