// A caching DNS resolver that queries name servers directly, so that it sees all records and the addresses' lifetimes.
import { Resolver } from 'node:dns/promises';
import { type TimedCache, timedCache } from './cache.ts';
import { turns } from './limit.ts';

export type Service = { host: string; port: number };

/** `none`: the name does not exist, or has no such record. `code`: the resolver's error code. */
export type Resolved<Value> = { found: Value } | { none: 'name' | 'record' } | { code: string };

export type Names = {
	/** All IPv4 and IPv6 addresses, IPv4 first. */
	addresses: (name: string) => Promise<Resolved<string[]>>;
	/** The targets of an SRV record, in the order to try them. An empty list means "explicitly not offered". */
	services: (name: string) => Promise<Resolved<Service[]>>;
};

export type NamesSettings = {
	/** Name servers as `host:port`; empty: the system's. */
	resolvers: readonly string[];
	/** The timeout of each of the two attempts (ms). */
	timeoutMs: number;
	random: () => number;
	now: () => number;
};

const second = 1000;
/** Bounds for the lifetimes of records (ms). */
const minLifetime = 60 * second;
const maxLifetime = 3600 * second;
const noneCounts = 300 * second;
const troubleCounts = 30 * second;

/** Maximum concurrent queries, so that we do not burden a local resolver. */
const concurrency = 64;
const maxNames = 50_000;
/** The longest wait in the queue (ms). */
const maxWait = 30 * second;
/** The code of a query that waited too long in the queue, which says nothing about the name. */
export const noTurn = 'NOTURN';

export function openNames({ resolvers, timeoutMs, random, now }: NamesSettings): Names {
	const resolver = new Resolver({ timeout: timeoutMs, tries: 2, maxTimeout: timeoutMs });
	if (resolvers.length) resolver.setServers(resolvers);
	const queue = turns(concurrency);
	const addresses = timedCache<Promise<Resolved<string[]>>>(maxNames, now);
	const services = timedCache<Promise<Resolved<Service[]>>>(maxNames, now);

	async function inTurn<Value>(query: () => Promise<Value>): Promise<Value> {
		const end = await queue.take(maxWait);
		if (!end) throw Object.assign(new Error('too many queries'), { code: noTurn });
		try {
			return await query();
		} finally {
			end();
		}
	}

	async function queryAddresses(name: string): Promise<{ answer: Resolved<string[]>; ms: number }> {
		const answers = await Promise.all(
			[4, 6].map(family =>
				inTurn(() =>
					family === 4 ? resolver.resolve4(name, { ttl: true }) : resolver.resolve6(name, { ttl: true }),
				).then(
					found => ({ found }),
					error => failure(error),
				),
			),
		);
		const found = answers.flatMap(answer => ('found' in answer ? answer.found : []));
		if (found.length) {
			const ttl = Math.min(...found.map(record => record.ttl)) * second;
			return { answer: { found: found.map(record => record.address) }, ms: bounded(ttl) };
		}
		const trouble = answers.find(answer => 'code' in answer);
		if (trouble && 'code' in trouble) return { answer: trouble, ms: troubleCounts };
		const isUnknown = answers.some(answer => 'none' in answer && answer.none === 'name');
		return { answer: { none: isUnknown ? 'name' : 'record' }, ms: noneCounts };
	}

	async function queryServices(name: string): Promise<{ answer: Resolved<Service[]>; ms: number }> {
		try {
			const records = await inTurn(() => resolver.resolveSrv(name));
			const ordered = inOrder(records, random).filter(({ name: host }) => host !== '' && host !== '.');
			const found = ordered.map(({ name: host, port }) => ({ host: host.replace(/\.$/, ''), port }));
			return { answer: { found }, ms: maxLifetime };
		} catch (error) {
			const answer = failure(error);
			return { answer, ms: 'code' in answer ? troubleCounts : noneCounts };
		}
	}

	function remembered<Value>(
		store: TimedCache<Promise<Resolved<Value>>>,
		name: string,
		query: (name: string) => Promise<{ answer: Resolved<Value>; ms: number }>,
	): Promise<Resolved<Value>> {
		const key = name.toLowerCase();
		const known = store.get(key);
		if (known) return known;
		const asked = query(key).then(({ answer, ms }) => {
			store.set(key, Promise.resolve(answer), { ttl: ms });
			return answer;
		});
		// Identical queries share one that is in flight.
		store.set(key, asked, { ttl: maxLifetime });
		return asked;
	}

	return {
		addresses: name => remembered(addresses, name, queryAddresses),
		services: name => remembered(services, name, queryServices),
	};
}

function bounded(ms: number): number {
	return Math.min(maxLifetime, Math.max(minLifetime, ms));
}

function failure(error: unknown): { none: 'name' | 'record' } | { code: string } {
	const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN';
	if (code === 'ENOTFOUND') return { none: 'name' };
	return code === 'ENODATA' ? { none: 'record' } : { code };
}

type SrvRecord = { name: string; port: number; priority: number; weight: number };

/** Ordered by priority, and at random by weight within one priority (RFC 2782). */
function inOrder(records: readonly SrvRecord[], random: () => number): SrvRecord[] {
	const left = records.toSorted((a, b) => a.priority - b.priority || a.weight - b.weight);
	const ordered: SrvRecord[] = [];
	while (left.length) {
		const priority = left[0]?.priority;
		const same = left.filter(record => record.priority === priority);
		const draw = random() * same.reduce((sum, { weight }) => sum + weight, 0);
		let sum = 0;
		const chosen = same.find(({ weight }) => {
			sum += weight;
			return sum >= draw;
		});
		if (!chosen) break;
		ordered.push(chosen);
		left.splice(left.indexOf(chosen), 1);
	}
	return ordered;
}
