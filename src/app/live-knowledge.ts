// The outside world for the bot in Matrix: the configured web access, and the knowledge merged with upstream's news.

import { Refusal } from '../answer.ts';
import { type Config, plainWatch } from '../config.ts';
import type { Code } from '../configuration/code.ts';
import { openWeb } from '../edges/web/web.ts';
import { horizonOf } from '../knowledge/bundle.ts';
import type { Distributions } from '../knowledge/distributions.ts';
import type { Edition } from '../knowledge/edition.ts';
import { type KnownUpstream, type News, withNews } from '../knowledge/live.ts';
import type { Knowledge } from '../knowledge/schema/synapse.ts';
import type { Kept, PublishedKnowledge, Web } from '../ports/web.ts';
import type { Log } from '../runtime/log.ts';
import { memo } from '../runtime/memo.ts';
import type { ProxyOf } from '../runtime/proxy.ts';
import { openUpdates, type Updates } from './knowledge-updates.ts';

type LiveSetup = {
	own: Edition;
	kept: Kept;
	version: string;
	now: () => Date;
	log: Log;
	/** Absent: no proxies. */
	proxyOf: ProxyOf | undefined;
};

export type Outside = {
	web: Web;
	/** The edition in use, merged with news from upstream; the same object until something changes. */
	knowledge: () => Knowledge;
	/** From the same edition, if requested in the same tick. */
	code: () => Code;
	distributions: () => Distributions;
	/** `of`: from `knowledge`, perhaps earlier. Undefined unless a bundle is configured. */
	published: (of: Knowledge) => PublishedKnowledge | undefined;
};

/** Throws a Refusal if the configured certificates are invalid. */
export async function openOutside(
	config: Config,
	{ own, kept, version, now, log, proxyOf }: LiveSetup,
): Promise<Outside> {
	const { address, key: keys, hours } = config.knowledge.updates;
	const updates: Updates | undefined =
		address !== undefined && keys !== undefined
			? await openUpdates({ own, keys, glia: version, path: config.store.path, now, log })
			: undefined;
	const edition = updates?.edition ?? (() => own);
	const settings = {
		...config.watch,
		version,
		contact: config.watch.contact ?? config.matrix.user,
		...(config.live.enabled && { sources: config.live }),
		...(updates && address !== undefined && { bundle: { address, hours, ...updates } }),
		...editionOf(config),
	};
	const web = await openWeb(settings, { now, kept, known: knownBy(edition), log, proxyOf }).catch(error => {
		throw new Refusal(
			`watch.authorities: these certificates cannot be used: ${error instanceof Error ? error.message : error}`,
		);
	});
	const editions = new WeakMap<Knowledge, Edition>();
	let joined: { news: News; of: Edition; knowledge: Knowledge } | undefined;
	/** If upstream sent something nobody anticipated, fall back to the edition's own knowledge. */
	const joinedTo = (news: News, { knowledge }: Edition): Knowledge => {
		try {
			return withNews(knowledge, news);
		} catch (error) {
			log?.error({ err: error }, 'cannot merge what upstream published with the knowledge; leaving it out');
			return knowledge;
		}
	};
	return {
		web,
		knowledge() {
			const [news, of] = [web.news(), edition()];
			if (joined?.news !== news || joined.of !== of) joined = { news, of, knowledge: joinedTo(news, of) };
			editions.set(joined.knowledge, of);
			return joined.knowledge;
		},
		code: () => edition().code,
		distributions: () => edition().distributions,
		published(of) {
			const look = web.bundleLook();
			const { publication, knowledge } = editions.get(of) ?? edition();
			return look && { ...look, ...(publication && { counts: { ...publication, horizon: horizonOf(knowledge) } }) };
		},
	};
}

/** What the edition in use knows about upstream. */
function knownBy(edition: () => Edition): KnownUpstream {
	const passages = memo((of: Edition) => of.passages());
	return {
		get releases() {
			return edition().knowledge.releases;
		},
		get advisories() {
			return edition().knowledge.advisories;
		},
		get charts() {
			return edition().distributions.chartNames();
		},
		get passages() {
			return passages(edition());
		},
	};
}

/** Web access without a configuration: for polling servers, not for reading upstream. */
export async function openPlainWeb(version: string): Promise<Web> {
	const kept: Kept = { get: async () => undefined, put: async () => {} };
	const settings = { ...plainWatch, version, contact: 'a terminal' };
	return openWeb(settings, {
		now: () => new Date(),
		kept,
		known: { releases: [], passages: [], advisories: [], charts: [] },
	});
}

/** Where to check for newer versions of Glia, if configured and if network access is allowed. */
function editionOf({ live: { enabled, edition } }: Config) {
	const { address, hours } = edition;
	return enabled && address !== undefined ? { edition: { address, hours } } : {};
}
