// Finds a homeserver by the steps of the specification's "Server discovery".
import type { Attempt, DiscoveryStep, Target, Trouble } from '../../advice/watch/observation.ts';
import { parseServerName, type ServerName } from '../../deployment/server-name.ts';
import { timedCache } from './cache.ts';
import type { Budget, Endpoint, Gate } from './client.ts';
import { type Names, noTurn } from './dns.ts';

export type DiscoveryResult = { target: Target; asked: Endpoint[] } | { target?: Target; trouble: Trouble };

export type Discovery = {
	/** The federation endpoints of a server, in the order to try them. */
	find: (server: ServerName, budget: Budget) => Promise<DiscoveryResult>;
};

const minute = 60 * 1000;
const hour = 60 * minute;
/** The lifetimes that the specification recommends, and a minimum of our own. */
const wellKnownCounts = 24 * hour;
const wellKnownAtMost = 48 * hour;
const wellKnownAtLeast = 5 * minute;
const errorAtMost = hour;
const maxServers = 50_000;

type WellKnown = { delegated: string | undefined; failures: number };

const defaultPort = 8448;

export function openDiscovery(gate: Gate, names: Names, now: () => number): Discovery {
	const wellKnown = timedCache<WellKnown>(maxServers, now);
	const lastGood = timedCache<string>(maxServers, now);
	const failures = timedCache<number>(maxServers, now);

	async function delegationOf(host: string, budget: Budget): Promise<string | undefined> {
		const key = host.toLowerCase();
		const known = wellKnown.get(key);
		if (known) return known.delegated;
		const attempt = await gate.page(`https://${host}/.well-known/matrix/server`, { budget });
		const delegated = delegationIn(attempt);
		if (delegated !== undefined) {
			const ms = freshness(attempt);
			wellKnown.set(key, { delegated, failures: 0 }, { ttl: ms });
			lastGood.set(key, delegated, { ttl: wellKnownAtMost });
			failures.delete(key);
			return delegated;
		}
		// The request was never made, so there is no result to cache.
		if ('trouble' in attempt && attempt.trouble.is === 'unasked') return lastGood.get(key);
		const times = (failures.get(key) ?? 0) + 1;
		failures.set(key, times, { ttl: wellKnownAtMost });
		// A server that is down, or says so, has not withdrawn its delegation, so the last good one is kept.
		const kept = isTakenBack(attempt) ? undefined : lastGood.get(key);
		wellKnown.set(
			key,
			{ delegated: kept, failures: times },
			{ ttl: Math.min(errorAtMost, wellKnownAtLeast * 2 ** (times - 1)) },
		);
		return kept;
	}

	async function find(server: ServerName, budget: Budget): Promise<DiscoveryResult> {
		const { host, kind, port, name } = server;
		if (kind !== 'dns') return literal(server, 'literal');
		if (port !== undefined) return single(host, port, name, 'port');
		const delegated = parseServerName((await delegationOf(host, budget)) ?? '');
		if (!delegated) return byService(host, undefined);
		if (delegated.kind !== 'dns') return literal(delegated, 'well-known', delegated.name);
		if (delegated.port !== undefined) {
			return single(delegated.host, delegated.port, delegated.name, 'well-known', delegated.name);
		}
		return byService(delegated.host, delegated.name);
	}

	/** Steps 3.3 to 3.5 and 4 to 6: SRV records first, then the name itself at the default port. */
	async function byService(host: string, delegated: string | undefined): Promise<DiscoveryResult> {
		for (const [prefix, step] of [
			['_matrix-fed._tcp', 'srv'],
			['_matrix._tcp', 'srv-deprecated'],
		] as const) {
			const name = `${prefix}.${host}`;
			const services = await names.services(name);
			if ('none' in services) continue;
			if ('code' in services && services.code === noTurn) return { trouble: { is: 'unasked', at: name } };
			if ('code' in services) return { trouble: { is: 'resolver', name, code: services.code } };
			const [first] = services.found;
			if (!first) return { trouble: { is: 'no-service', name } };
			return {
				target: { at: `${first.host}:${first.port}`, by: step, ...(delegated !== undefined && { delegated }) },
				asked: services.found.map(service => ({ ...service, header: host, name: host })),
			};
		}
		return single(host, defaultPort, host, delegated === undefined ? 'default' : 'well-known', delegated);
	}

	return { find };
}

function literal(
	{ host, kind, port = defaultPort, name }: ServerName,
	by: DiscoveryStep,
	delegated?: string,
): DiscoveryResult {
	const at = `${kind === 'ipv6' ? `[${host}]` : host}:${port}`;
	return {
		target: { at, by, ...(delegated !== undefined && { delegated }) },
		asked: [{ host, port, header: name, name: '' }],
	};
}

function single(host: string, port: number, header: string, by: DiscoveryStep, delegated?: string): DiscoveryResult {
	return {
		target: { at: `${host}:${port}`, by, ...(delegated !== undefined && { delegated }) },
		asked: [{ host, port, header, name: host }],
	};
}

/** The delegated server name in a valid response; undefined for anything else. */
function delegationIn(attempt: Attempt): string | undefined {
	if (!('reply' in attempt) || attempt.reply.status !== 200) return undefined;
	try {
		const value: unknown = JSON.parse(attempt.reply.body.replace(/^\uFEFF/, ''));
		const name = typeof value === 'object' && value !== null && 'm.server' in value ? value['m.server'] : undefined;
		return typeof name === 'string' && parseServerName(name) ? name : undefined;
	} catch {
		return undefined;
	}
}

/** Whether the response means that there is no delegation (any more), rather than that something failed. */
function isTakenBack(attempt: Attempt): boolean {
	return 'reply' in attempt && attempt.reply.status < 500 && attempt.reply.status !== 429;
}

/**
 * How long a delegation is valid (ms). `max-age` takes precedence over `Expires`, which is read relative to the
 * server's own `Date`: its clock may be years off.
 */
function freshness(attempt: Attempt): number {
	if (!('reply' in attempt)) return wellKnownAtLeast;
	const { 'cache-control': control = '', expires, date, age } = attempt.reply.headers;
	const bounded = (ms: number) => Math.min(wellKnownAtMost, Math.max(wellKnownAtLeast, ms));
	if (/\bno-(?:store|cache)\b/i.test(control)) return wellKnownAtLeast;
	const maxAge = /\bmax-age\s*=\s*"?(\d{1,10})/i.exec(control)?.[1];
	if (maxAge !== undefined) {
		const old = /^\d{1,10}$/.test(age ?? '') ? Number(age) : 0;
		return bounded((Number(maxAge) - old) * 1000);
	}
	if (expires === undefined) return wellKnownCounts;
	const ms = Date.parse(expires) - Date.parse(date ?? '');
	return Number.isFinite(ms) ? bounded(ms) : wellKnownAtLeast;
}
