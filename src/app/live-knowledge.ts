// The outside world as the bot in Matrix has it: the web by its configuration, and the knowledge with today's news.

import { Refusal } from '../answer.ts';
import { type Config, plainWatch } from '../config.ts';
import { openWeb } from '../edges/web/web.ts';
import { readPassages } from '../knowledge/compiled.ts';
import { type News, withNews } from '../knowledge/live.ts';
import type { Knowledge } from '../knowledge/schema/synapse.ts';
import type { Kept, Web } from '../ports/web.ts';
import type { Log } from '../runtime/log.ts';

type LiveSetup = { knowledge: Knowledge; kept: Kept; version: string; now: () => Date; log: Log };

export type Outside = {
	web: Web;
	/** What was compiled and what upstream says since; the same object until something changes. */
	knowledge: () => Knowledge;
};

/** Throws a Refusal if the configuration's certificates are none. */
export async function openOutside(config: Config, { knowledge, kept, version, now, log }: LiveSetup): Promise<Outside> {
	const { releases, advisories } = knowledge;
	const passages = config.live.enabled ? readPassages(new URL('../../knowledge/', import.meta.url)) : [];
	const settings = {
		...config.watch,
		version,
		contact: config.watch.contact ?? config.matrix.user,
		...(config.live.enabled && { sources: config.live }),
	};
	const web = await openWeb(settings, { now, kept, known: { releases, passages, advisories }, log }).catch(error => {
		throw new Refusal(
			`watch.authorities: these certificates cannot be used: ${error instanceof Error ? error.message : error}`,
		);
	});
	let joined: { news: News; knowledge: Knowledge } | undefined;
	/** What upstream sent may be of a kind that nobody thought of: then the edition's own knowledge answers. */
	const joinedTo = (news: News): Knowledge => {
		try {
			return withNews(knowledge, news);
		} catch (error) {
			log?.error({ err: error }, 'the news of upstream cannot be joined to what I know; they are left out');
			return knowledge;
		}
	};
	return {
		web,
		knowledge() {
			const news = web.news();
			if (joined?.news !== news) joined = { news, knowledge: joinedTo(news) };
			return joined.knowledge;
		},
	};
}

/** The web without a configuration: for looking at servers, not at upstream. */
export async function openPlainWeb(version: string): Promise<Web> {
	const kept: Kept = { get: async () => undefined, put: async () => {} };
	const settings = { ...plainWatch, version, contact: 'a terminal' };
	return openWeb(settings, { now: () => new Date(), kept, known: { releases: [], passages: [], advisories: [] } });
}
