// The gate for all outgoing requests: resolves names, checks addresses, and limits concurrency and time.
import { isIP } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { Attempt, LookFailure, Trouble } from '../../advice/watch/observation.ts';
import type { Log } from '../../runtime/log.ts';
import type { ProxyOf } from '../../runtime/proxy.ts';
import { type Exceptions, forbidden } from './address-policy.ts';
import { timedCache } from './cache.ts';
import { type Names, noTurn } from './dns.ts';
import { turns, turnsBy } from './limit.ts';
import { type RequestLimits, type Route, request } from './request.ts';

/**
 * Milliseconds left in one poll: `leftMs` for its requests, which is the server's time, and `waitMs` for waiting
 * in queues, which is ours.
 */
export type Budget = { leftMs: number; waitMs: number };

/** Which server to ask, by the specification's rules. `header` is the `Host`; the certificate must be valid for `name`. */
export type Endpoint = { host: string; port: number; header: string; name: string };

export type PageRequest = {
	path: string;
	budget: Budget;
	headers?: Record<string, string>;
	limits?: Partial<RequestLimits>;
	post?: string;
	/** Connects through the operator's proxy, if any, but still to the address that was checked. */
	throughProxy?: true;
};

export type Gate = {
	/** Aborts all requests and refuses new ones. */
	close: () => void;
	closed: () => boolean;
	ask: (asked: Endpoint, way: PageRequest) => Promise<Attempt>;
	/** Fetches a page from an https address. Each redirect is checked like the first request. */
	page: (address: string, way: Omit<PageRequest, 'path'>) => Promise<Attempt>;
};

export type GateSettings = {
	names: Names;
	exceptions: Exceptions;
	secureContext: SecureContext;
	userAgent: string;
	limits: RequestLimits;
	/** Maximum concurrent requests, in total and per address. */
	concurrency: number;
	perAddress: number;
	route: Route;
	now: () => number;
	log: Log;
	/** Absent: no proxies. */
	proxyOf?: ProxyOf | undefined;
};

const maxRedirects = 5;
/**
 * Addresses that took longer than this (ms) share three quarters of the slots, so that a quarter is left for the
 * others.
 */
const slow = 1000;
const slowCounts = 6 * 3600 * 1000;

export function openGate(settings: GateSettings): Gate {
	const { now } = settings;
	const stops = new Set<() => void>();
	let closed = false;
	const all = turns(settings.concurrency);
	const slowOnes = turns(Math.max(1, Math.floor(settings.concurrency * (3 / 4))));
	const byAddress = turnsBy(settings.perAddress);
	const wasSlow = timedCache<true>(20_000, now);

	async function ask({ host, port, header, name }: Endpoint, way: PageRequest): Promise<Attempt> {
		const found = await checked(host, settings);
		if ('trouble' in found) return found;
		const at = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
		const key = neighbourhood(found.addresses[0] ?? '');
		// Lock order: address, slow pool, global pool. Always this order, so no deadlock.
		const lanes = [(ms: number) => byAddress.take(key, ms), ...(wasSlow.get(key) ? [slowOnes.take] : []), all.take];
		const ends: (() => void)[] = [];
		const asked = performance.now();
		for (const take of lanes) {
			const end = await take(way.budget.waitMs - (performance.now() - asked));
			if (end) ends.unshift(end);
			else break;
		}
		way.budget.waitMs -= performance.now() - asked;
		if (ends.length < lanes.length) {
			for (const end of ends) end();
			return { trouble: { is: 'unasked', at } };
		}
		const started = performance.now();
		try {
			const limits = { ...settings.limits, ...way.limits };
			const totalMs = Math.min(limits.totalMs, way.budget.leftMs);
			if (closed) return { trouble: { is: 'unasked', at } };
			const proxy = way.throughProxy && settings.proxyOf?.(`https://${header}`);
			if (totalMs < 1) return { trouble: { is: 'timeout', at, during: 'answer' } };
			return await request(
				{ addresses: found.addresses, port, host: header, name, at },
				{
					path: way.path,
					headers: {
						'user-agent': settings.userAgent,
						accept: 'application/json',
						'accept-encoding': 'gzip',
						...way.headers,
					},
					secureContext: settings.secureContext,
					route: settings.route,
					stops,
					limits: { ...limits, totalMs },
					...(way.post !== undefined && { post: way.post }),
					...(proxy && { proxy }),
				},
			);
		} finally {
			const took = performance.now() - started;
			way.budget.leftMs -= took;
			if (took > slow) wasSlow.set(key, true, { ttl: slowCounts });
			else wasSlow.delete(key);
			for (const end of ends) end();
		}
	}

	return {
		ask,
		page: (address, way) => page(ask, address, way),
		closed: () => closed,
		close() {
			closed = true;
			for (const stop of [...stops]) stop();
		},
	};
}

/** A host's addresses that we may connect to. */
async function checked(
	host: string,
	{ names, exceptions, log }: Pick<GateSettings, 'names' | 'exceptions' | 'log'>,
): Promise<{ addresses: string[] } | { trouble: Trouble }> {
	const own = isIP(host) ? [host] : isLocalhost(host) ? ['127.0.0.1', '::1'] : undefined;
	const found = own ? { found: own } : await names.addresses(host);
	if ('none' in found) {
		return { trouble: { is: found.none === 'name' ? 'no-such-name' : 'no-address', name: host } };
	}
	if ('code' in found && found.code === noTurn) return { trouble: { is: 'unasked', at: host } };
	if ('code' in found) return { trouble: { is: 'resolver', name: host, code: found.code } };
	const judged = found.found.map(address => ({ address, range: forbidden(address, exceptions) }));
	const addresses = judged.filter(({ range }) => range === undefined).map(({ address }) => address);
	if (addresses.length) return { addresses };
	const [first] = judged;
	if (!first?.range) return { trouble: { is: 'no-address', name: host } };
	log.info({ name: host, ...first }, 'the address is not allowed; watch.addresses can allow it');
	return { trouble: { is: 'forbidden', name: host } };
}

/** A page, after redirects. */
async function page(ask: Gate['ask'], address: string, way: Omit<PageRequest, 'path'>): Promise<Attempt> {
	const seen = new Set<string>();
	const first = URL.canParse(address) ? new URL(address).origin : undefined;
	let next = address;
	for (let hop = 0; hop <= maxRedirects; hop++) {
		if (!URL.canParse(next)) return { trouble: { is: 'no-such-name', name: next.slice(0, 300) } };
		const url = new URL(next);
		const at = url.host;
		const broken = (fault: LookFailure): Attempt => ({ trouble: { is: 'broken', at, fault } });
		if (url.protocol !== 'https:' || url.username || url.password) return broken('redirect-elsewhere');
		if (seen.has(url.href)) return broken('redirect-loop');
		seen.add(url.href);
		const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
		const attempt = await ask(
			{ host, port: Number(url.port || 443), header: url.host, name: isIP(host) ? '' : host },
			{ ...way, headers: headersTo(url.origin === first, way.headers), path: `${url.pathname}${url.search}` },
		);
		const location = 'reply' in attempt ? attempt.reply.headers.location : undefined;
		const isRedirect = 'reply' in attempt && [301, 302, 303, 307, 308].includes(attempt.reply.status);
		if (!isRedirect || location === undefined) return attempt;
		if (!URL.canParse(location, url.href)) return broken('redirect-elsewhere');
		next = new URL(location, url.href).href;
	}
	return { trouble: { is: 'broken', at: new URL(next).host, fault: 'too-many-redirects' } };
}

/** Secret headers go only to the server they were meant for, never to a redirect's target. */
function headersTo(isFirst: boolean, headers: Record<string, string> = {}): Record<string, string> {
	if (isFirst) return headers;
	return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization'));
}

/** Names that always mean this machine, whatever the DNS says (RFC 6761). */
function isLocalhost(host: string): boolean {
	return /(?:^|\.)localhost\.?$/i.test(host);
}

/**
 * The key for the limit per address. IPv6 addresses in the same /64 share one, since they belong to one machine
 * or customer.
 */
function neighbourhood(address: string): string {
	if (!address.includes(':')) return address;
	const [head = '', tail] = address.split('::');
	const groups = head.split(':').filter(Boolean);
	if (tail !== undefined) while (groups.length + tail.split(':').filter(Boolean).length < 8) groups.push('0');
	return groups.slice(0, 4).join(':');
}
