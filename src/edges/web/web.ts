// The outside world: other people's homeservers and upstream's documents, queried politely and never trusted.
import { createSecureContext, getCACertificates } from 'node:tls';
import type { Observation } from '../../advice/watch/observation.ts';
import { type KnownUpstream, noNews } from '../../knowledge/live.ts';
import type { Kept, Web } from '../../ports/web.ts';
import { steady } from '../../runtime/clock.ts';
import { type Log, silence } from '../../runtime/log.ts';
import type { ProxyOf } from '../../runtime/proxy.ts';
import { exceptionsOf } from './address-policy.ts';
import { type BundleSettings, openBundleLook } from './bundle.ts';
import { timedCache } from './cache.ts';
import { openGate } from './client.ts';
import { openDiscovery } from './discovery.ts';
import { openNames } from './dns.ts';
import { type EditionSettings, openEditionLook } from './editions.ts';
import { openLook } from './probe.ts';
import type { Route } from './request.ts';
import { openShares } from './shares.ts';
import { openSources, type SourcesSettings } from './sources.ts';

export type WebSettings = {
	/** Such as `0.1.0`. */
	version: string;
	/** How to contact the operator of this bot: an address or a Matrix ID. */
	contact: string;
	/** Non-public address ranges that we may connect to: `10.0.0.0/8`. */
	addresses: readonly string[];
	/** Server names never to poll; `*.example.org` covers all subdomains. */
	exclude: readonly string[];
	/** Name servers as `host:port`; empty: the system's. */
	resolvers: readonly string[];
	/** Certificates (PEM) of authorities to trust in addition to Node's. */
	authorities: readonly string[];
	/** Maximum concurrent requests, in total and per address. */
	atOnce: number;
	perAddress: number;
	/** Seconds for one request, and for all requests of one poll. */
	requestSeconds: number;
	lookSeconds: number;
	/** Absent: upstream's sources are switched off. */
	sources?: SourcesSettings | undefined;
	/** Absent: no knowledge is fetched. */
	bundle?: BundleSettings | undefined;
	/** Absent: no check for newer versions of Glia. */
	edition?: EditionSettings | undefined;
};

export type WebGiven = {
	now: () => Date;
	kept: Kept;
	/** What the knowledge already contains. */
	known: KnownUpstream;
	/** Absent: nothing is logged. */
	log?: Log;
	/** The operator's proxies, for upstream's documents. */
	proxyOf?: ProxyOf | undefined;
	/** Only for tests: where an address and port really are. */
	route?: Route;
};

/** Requests for the same server within this time (ms) share one poll. */
const same = 60_000;

/** The interval between queries for a server's facts (ms), and for how many servers it is tracked. */
const factsEvery = 24 * 3600_000;
const maxAsked = 200_000;

const headerBytes = 16 * 1024;
const bodyBytes = 64 * 1024;

/** Throws a TypeError that names an invalid address range or certificate. */
export async function openWeb(settings: WebSettings, given: WebGiven): Promise<Web> {
	const { now, kept, known, log = silence, route = itself, proxyOf } = given;
	const ms = steady(() => now().getTime());
	const totalMs = settings.requestSeconds * 1000;
	const names = openNames({
		resolvers: settings.resolvers,
		timeoutMs: Math.min(2000, Math.ceil(totalMs / 2)),
		random: Math.random,
		now: ms,
	});
	const gate = openGate({
		names,
		exceptions: exceptionsOf(settings.addresses),
		secureContext: createSecureContext({ ca: [...getCACertificates('default'), ...settings.authorities] }),
		userAgent: userAgent(settings),
		limits: { totalMs, connectMs: totalMs * (2 / 3), headerBytes, bodyBytes },
		concurrency: settings.atOnce,
		perAddress: settings.perAddress,
		route,
		now: ms,
		log,
		proxyOf,
	});
	const look = openLook({
		gate,
		discovery: openDiscovery(gate, names, ms),
		exclude: settings.exclude,
		totalMs: settings.lookSeconds * 1000,
		now,
	});
	const sources =
		settings.sources &&
		(await openSources({
			settings: settings.sources,
			gate,
			kept,
			known,
			now,
			random: Math.random,
			log,
		}));
	const bundle = settings.bundle && openBundleLook({ settings: settings.bundle, gate, now, random: Math.random, log });
	const edition =
		settings.edition &&
		openEditionLook({ settings: settings.edition, version: settings.version, gate, now, random: Math.random });
	const looks = timedCache<Promise<Observation>>(1000, ms);
	const underway = new Map<string, Promise<Observation>>();
	const isDue = openFactsDue(ms);
	function observe(server: string, isPerson = false): Promise<Observation> {
		const known = underway.get(server) ?? looks.get(server);
		if (known) return known;
		const observed = look(server, isDue(server, isPerson))
			.then(seen => {
				// A poll that was put off may be repeated immediately.
				if (seen.kind !== 'unasked') looks.set(server, observed, { ttl: same });
				return seen;
			})
			// Also after an internal error: otherwise nobody could poll this server again.
			.finally(() => underway.delete(server));
		underway.set(server, observed);
		return observed;
	}
	const shared = openShares(server => observe(server, true), now);
	return {
		observe: (server, person) => (person === undefined ? observe(server) : shared(server, person)),
		news: () => sources?.news() ?? noNews,
		sources: () => sources?.states() ?? [],
		readNews: async () => sources?.read(),
		readBundle: async () => bundle?.read(),
		bundleLook: () => bundle?.look(),
		readEdition: async () => edition?.read(),
		newerEdition: () => edition?.newer(),
		close: gate.close,
	};
}

/**
 * Whether a poll also asks for a server's facts: always if a person asked for it, otherwise once a day, at a different
 * time for each server to avoid a flood at the start.
 */
function openFactsDue(ms: () => number): (server: string, isPerson: boolean) => boolean {
	const facts = timedCache<number>(maxAsked, ms);
	return (server, isPerson) => {
		const due = facts.get(server) ?? ms() + Math.random() * factsEvery;
		const is = isPerson || ms() >= due;
		facts.set(server, is ? ms() + factsEvery : due, { ttl: 2 * factsEvery });
		return is;
	};
}

/** Why these certificates cannot be used; undefined if they can. */
export function certificateTrouble(authorities: readonly string[]): string | undefined {
	try {
		createSecureContext({ ca: [...authorities] });
		return undefined;
	} catch (error) {
		return error instanceof Error ? error.message : String(error);
	}
}

function itself(host: string, port: number): { host: string; port: number } {
	return { host, port };
}

/** Keeps only printable ASCII in the contact, and no parentheses, which would end the header's comment. */
function userAgent({ version, contact }: WebSettings): string {
	const who = contact.replace(/[^\x20-\x7E]|[()]/g, '').trim();
	return `Glia/${version}${who ? ` (${who})` : ''}`;
}
