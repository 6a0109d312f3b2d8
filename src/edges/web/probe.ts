// Polls one homeserver: first its federation API; if that is inconclusive, its client API; then other signs of Matrix.
import {
	type Attempt,
	isAnswer,
	type Observation,
	observationOf,
	type Target,
	type Trouble,
} from '../../advice/watch/observation.ts';
import { askedForFacts, serverFacts } from '../../advice/watch/server-facts.ts';
import { parseServerName, type ServerName } from '../../deployment/server-name.ts';
import type { Budget, Endpoint, Gate } from './client.ts';
import type { Discovery } from './discovery.ts';

/** `asksFacts`: whether to ask a running server for facts about itself too. */
export type Look = (server: string, asksFacts: boolean) => Promise<Observation>;

export type LookSettings = {
	gate: Gate;
	discovery: Discovery;
	/** Server names never to poll; `*.example.org` covers all subdomains. */
	exclude: readonly string[];
	/** Milliseconds for all requests of a poll. */
	totalMs: number;
	now: () => Date;
};

/** How long one poll may wait in queues in total (ms). After that it is put off. */
const maxWait = 2 * 60_000;

/** At most this many SRV targets are tried. */
const maxHosts = 3;

export function openLook({ gate, discovery, exclude, totalMs, now }: LookSettings): Look {
	return async (name, asksFacts) => withoutPlaces(await look(name, asksFacts));

	async function look(name: string, asksFacts: boolean): Promise<Observation> {
		const at = now().toISOString();
		const server = parseServerName(name);
		if (!server) return { server: name.slice(0, 300), at, kind: 'misnamed' };
		if (isExcluded(server.host, exclude) || isExcluded(server.name, exclude)) {
			return { server: name, at, kind: 'excluded' };
		}
		const budget = { leftMs: totalMs, waitMs: maxWait };
		const found = await discovery.find(server, budget);
		const target = found.target;
		if ('trouble' in found && found.trouble.is === 'unasked') return { server: name, at, kind: 'unasked' };
		const federation = 'trouble' in found ? found : await askAny(found.asked, '/_matrix/federation/v1/version', budget);
		const sight = { server: name, at, ...(target && { target }), federation };
		const first = await told(observationOf(sight), server, budget, asksFacts);
		if (isAnswer(first) || first.kind === 'limited' || first.kind === 'unasked' || isAskingToWait(first)) return first;
		const admin = await askClient(server, '/_synapse/admin/v1/server_version', budget);
		const second = await told(observationOf({ ...sight, admin }), server, budget, asksFacts);
		if (isAnswer(second) || second.kind === 'hidden') return second;
		return observationOf({ ...sight, admin, signs: await signsOf(server, found, federation, admin, budget) });
	}

	async function askAny(places: readonly Endpoint[], path: string, budget: Budget): Promise<Attempt> {
		let last: Attempt | undefined;
		for (const asked of places.slice(0, maxHosts)) {
			last = await gate.ask(asked, { path, budget });
			// Try the next host only if this one cannot be reached; any response is final.
			if ('reply' in last || last.trouble.is === 'broken' || last.trouble.is === 'tls') break;
		}
		return last ?? { trouble: { is: 'no-service', name: '' } };
	}

	/** Adds the facts of a running server that arrive in time. */
	async function told(seen: Observation, server: ServerName, budget: Budget, asksFacts: boolean): Promise<Observation> {
		if (seen.kind !== 'running' || !asksFacts) return seen;
		const base = await baseOf(server, budget);
		const ask = (path: string) => gate.page(`${base}${path}`, { budget });
		// In parallel, because a slow server would otherwise hold its slot for the sum of all response times.
		const [versions, login, metadata, registration] = await Promise.all([
			ask(askedForFacts.versions),
			ask(askedForFacts.login),
			ask(askedForFacts.metadata),
			ask(askedForFacts.registration),
		]);
		const answers = { versions, login, metadata, registration };
		const tells = serverFacts(answers, seen.through === 'federation', seen.at);
		return tells ? { ...seen, tells } : seen;
	}

	/** Queries the client API at the address in `.well-known/matrix/client`, or else at the server name. */
	async function askClient(server: ServerName, path: string, budget: Budget): Promise<Attempt> {
		return gate.page(`${await baseOf(server, budget)}${path}`, { budget });
	}

	async function baseOf(server: ServerName, budget: Budget): Promise<string> {
		const home = `https://${server.kind === 'ipv6' ? `[${server.host}]` : server.host}`;
		const wellKnown = await gate.page(`${home}/.well-known/matrix/client`, { budget });
		return (baseIn(wellKnown) ?? home).replace(/\/+$/, '');
	}

	async function signsOf(
		server: ServerName,
		found: { asked?: Endpoint[]; target?: Target },
		federation: Attempt,
		admin: Attempt,
		budget: Budget,
	): Promise<Attempt[]> {
		const signs: Attempt[] = [];
		if ('reply' in federation && found.asked) signs.push(await askAny(found.asked, '/_matrix/key/v2/server', budget));
		if ('reply' in admin) signs.push(await askClient(server, '/_matrix/client/versions', budget));
		return signs;
	}
}

/**
 * Removes the resolved address if it is one we may not connect to. A room that could read it could map the bot's
 * internal network with names and delegations that point there.
 */
function withoutPlaces(observation: Observation): Observation {
	const trouble = troubleIn(observation);
	if (trouble?.is !== 'forbidden') return observation;
	const { target: _, ...rest } = observation;
	const forbidden = { is: 'forbidden', name: observation.server } as const;
	return 'trouble' in rest
		? { ...rest, trouble: forbidden }
		: ({ ...rest, closed: { trouble: forbidden } } as Observation);
}

function troubleIn(observation: Observation): Trouble | undefined {
	if (observation.kind === 'unreached') return observation.trouble;
	const closed = observation.kind === 'running' ? observation.closed : undefined;
	return closed && 'trouble' in closed ? closed.trouble : undefined;
}

function isAskingToWait(observation: Observation): boolean {
	return observation.kind === 'failing' && observation.waitSeconds !== undefined;
}

function isExcluded(name: string, exclude: readonly string[]): boolean {
	const small = name.toLowerCase();
	return exclude.some(entry => {
		const pattern = entry.toLowerCase();
		return pattern.startsWith('*.') ? small.endsWith(pattern.slice(1)) : small === pattern;
	});
}

function baseIn(attempt: Attempt): string | undefined {
	if (!('reply' in attempt) || attempt.reply.status !== 200) return undefined;
	try {
		const value: unknown = JSON.parse(attempt.reply.body.replace(/^\uFEFF/, ''));
		const home =
			typeof value === 'object' && value !== null && 'm.homeserver' in value ? value['m.homeserver'] : undefined;
		const base = typeof home === 'object' && home !== null && 'base_url' in home ? home.base_url : undefined;
		// A query or a fragment would swallow the path that is appended.
		return typeof base === 'string' && /^https:\/\/[^\s?#]{1,500}$/.test(base) && URL.canParse(base) ? base : undefined;
	} catch {
		return undefined;
	}
}
