// The outside world: other people's homeservers and upstream's documents, asked politely and never trusted.
import { createSecureContext, getCACertificates } from 'node:tls';
import type { Observation } from '../../advice/watch/observation.ts';
import { type KnownUpstream, noNews } from '../../knowledge/live.ts';
import type { Kept, Web } from '../../ports/web.ts';
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
	/** `0.1.0` */
	version: string;
	/** How to contact the operator of this bot: an address, a Matrix ID. */
	contact: string;
	/** Ranges of addresses that may be spoken to although they are not public: `10.0.0.0/8`. */
	addresses: readonly string[];
	/** Server names not to be asked; `*.example.org` stands for all below. */
	exclude: readonly string[];
	/** Name servers as `host:port`; empty: those of the machine. */
	resolvers: readonly string[];
	/** Certificates (PEM) of authorities to trust besides those that Node knows. */
	authorities: readonly string[];
	/** Requests at once, in all and to one address. */
	atOnce: number;
	perAddress: number;
	/** Seconds for one request, and for all the requests of one look. */
	requestSeconds: number;
	lookSeconds: number;
	/** Absent: upstream's sources are switched off. */
	sources?: SourcesSettings | undefined;
	/** Absent: no knowledge is fetched. */
	bundle?: BundleSettings | undefined;
	/** Absent: nobody is asked for newer versions of Glia. */
	edition?: EditionSettings | undefined;
};

export type WebGiven = {
	now: () => Date;
	kept: Kept;
	/** What the knowledge has already. */
	known: KnownUpstream;
	/** Absent: nothing is logged. */
	log?: Log;
	/** The operator's proxies, for upstream's documents. */
	proxyOf?: ProxyOf | undefined;
	/** Where an address and its port really are: only tests say so. */
	route?: Route;
};

/** Who asks twice within a minute (milliseconds) gets the same answer. */
const same = 60_000;

/** Between two questions for a server's facts (milliseconds), and of how many servers the time is remembered. */
const factsEvery = 24 * 3600_000;
const maxAsked = 200_000;

const headerBytes = 16 * 1024;
const bodyBytes = 64 * 1024;

/** Throws a TypeError that names a wrong range of addresses or a wrong certificate. */
export async function openWeb(settings: WebSettings, given: WebGiven): Promise<Web> {
	const { now, kept, known, log = silence, route = itself, proxyOf } = given;
	const ms = () => now().getTime();
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
	const facts = timedCache<number>(maxAsked, ms);
	/** A person gets today's facts. A tick asks once a day, at an hour of each server's own, so that a start is no flood. */
	function isDue(server: string, isPerson: boolean): boolean {
		const due = facts.get(server) ?? ms() + Math.random() * factsEvery;
		const is = isPerson || ms() >= due;
		facts.set(server, is ? ms() + factsEvery : due, { ttl: 2 * factsEvery });
		return is;
	}
	function observe(server: string, isPerson = false): Promise<Observation> {
		const known = underway.get(server) ?? looks.get(server);
		if (known) return known;
		const observed = look(server, isDue(server, isPerson)).then(seen => {
			underway.delete(server);
			// What was not asked may be asked again at once.
			if (seen.kind !== 'unasked') looks.set(server, observed, { ttl: same });
			return seen;
		});
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

/** Header text is what is left: printable ASCII. */
function userAgent({ version, contact }: WebSettings): string {
	const who = contact.replace(/[^\x20-\x7E]|[()]/g, '').trim();
	return `Glia/${version}${who ? ` (${who})` : ''}`;
}
